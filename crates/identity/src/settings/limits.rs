//! `security.limits`: how often anything may be tried that could be guessed or abused.

use std::num::NonZeroU32;

use foundation::GoDuration;
use serde::Deserialize;
use web::budget::Allowance;

/// `security.limits`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// All of them, on or off.
    pub enabled: bool,
    /// Whether clients on this very machine are exempt; unset: in development only.
    pub exempt_loopback: Option<bool>,
    /// Tries of one account's password.
    pub password: Growth,
    /// Tries of one account's second factors.
    pub second_factor: Growth,
    /// Tries of the codes that were mailed to one account.
    pub code: Growth,
    /// Mails that strangers can have sent to one address.
    pub mail: Growth,
    /// When a counter starts anew after the last try.
    pub forget_after: GoDuration,
    /// Devices that somebody signed in on before.
    pub known_devices: KnownDevices,
    /// Requests of one client address.
    pub addresses: Addresses,
}

impl Default for Limits {
    fn default() -> Self {
        let tries = |free| Growth::new(free, GoDuration::from_secs(1), GoDuration::from_secs(15 * 60));
        Self {
            enabled: true,
            exempt_loopback: None,
            password: tries(5),
            second_factor: tries(5),
            code: tries(10),
            mail: Growth::new(5, GoDuration::from_secs(60), GoDuration::from_secs(3600)),
            forget_after: GoDuration::from_secs(24 * 3600),
            known_devices: KnownDevices::default(),
            addresses: Addresses::default(),
        }
    }
}

/// So many tries without a wait, then waits that double. What is unset is as by default, which differs from limit to limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Growth {
    /// Tries without a wait.
    pub free: Option<NonZeroU32>,
    /// The wait after them.
    pub first_delay: Option<GoDuration>,
    /// It never grows above this.
    pub longest_delay: Option<GoDuration>,
}

impl Growth {
    fn new(free: u32, first_delay: GoDuration, longest_delay: GoDuration) -> Self {
        Self { free: NonZeroU32::new(free), first_delay: Some(first_delay), longest_delay: Some(longest_delay) }
    }

    /// With what is unset taken from `usual`.
    #[must_use]
    pub fn or(self, usual: Self) -> Self {
        Self {
            free: self.free.or(usual.free),
            first_delay: self.first_delay.or(usual.first_delay),
            longest_delay: self.longest_delay.or(usual.longest_delay),
        }
    }
}

/// `security.limits.known_devices`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct KnownDevices {
    /// On or off.
    pub enabled: bool,
    /// How long a device is known after the last sign-in on it.
    pub lifespan: GoDuration,
}

impl Default for KnownDevices {
    fn default() -> Self {
        Self { enabled: true, lifespan: GoDuration::from_secs(365 * 24 * 3600) }
    }
}

/// `security.limits.addresses`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Addresses {
    /// Flows that begin.
    pub begin: AddressBudget,
    /// Forms that are sent.
    pub submit: AddressBudget,
    /// Forms of recovery and verification, which send mail and take codes.
    pub challenge: AddressBudget,
}

impl Default for Addresses {
    fn default() -> Self {
        let budget = |burst, per_minute| AddressBudget {
            burst: NonZeroU32::new(burst),
            per_minute: NonZeroU32::new(per_minute),
        };
        Self { begin: budget(600, 1200), submit: budget(300, 600), challenge: budget(60, 60) }
    }
}

/// A budget of requests. What is unset is as by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AddressBudget {
    /// At once.
    pub burst: Option<NonZeroU32>,
    /// In the long run.
    pub per_minute: Option<NonZeroU32>,
}

impl AddressBudget {
    /// The allowance, with what is unset taken from `usual`.
    pub fn allowance(self, usual: Self) -> Allowance {
        let number = |own: Option<NonZeroU32>, usual: Option<NonZeroU32>| own.or(usual).unwrap_or(NonZeroU32::MIN);
        Allowance { burst: number(self.burst, usual.burst), per_minute: number(self.per_minute, usual.per_minute) }
    }
}
