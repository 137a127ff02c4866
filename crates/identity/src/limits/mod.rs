//! How often anything may be tried that could be guessed or abused. Two kinds of counters:
//!
//! - `attempts`: tries of an account's secrets and mails to an address. In the database, because they have to outlast a
//!   restart and hold for all nodes together. They never lock anybody out for good: waits grow, and end.
//! - `addresses`: requests of one client address. In memory, because they have to be cheap.
//!
//! A device on which somebody signed in before (`devices`) has counters of its own: what strangers try elsewhere does
//! not keep its owner out. See docs/guides/limits.md and docs/decisions/0014-limits.md.

mod addresses;
mod attempts;
mod devices;
mod figures;

use std::sync::Arc;

use foundation::{ApiError, Clock, GoDuration};
use prometheus_client::registry::Registry;
use serde_json::Value;

pub use addresses::RequestBudget;
pub use attempts::{Counted, Subject};
pub use devices::{Device, DeviceCookie, opened as devices_of_cookie, remember as remember_device};

use self::addresses::AddressBudgets;
use self::figures::Figures;
use crate::context::Context;
use crate::model::message::{Message, ids};
use crate::settings::LimitSettings;

/// What is counted in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Tries of an account's password.
    Password,
    /// Tries of an account's second factors, of whichever kind.
    SecondFactor,
    /// Tries of the codes that were mailed to an account.
    Code,
    /// Mails to one address that one client had sent.
    Mail,
    /// Mails to one address that anybody had sent.
    MailOverall,
}

/// All clients together may have this many times more mails sent to an address than one of them.
const MAIL_OVERALL: i64 = 4;

impl Limit {
    /// Its name in the database and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Code => "code",
            Self::Mail => "mail",
            Self::MailOverall => "mail_overall",
        }
    }

    fn pace(self, settings: &LimitSettings) -> Pace {
        let usual = LimitSettings::default();
        let (own, usual, times) = match self {
            Self::Password => (settings.password, usual.password, 1),
            Self::SecondFactor => (settings.second_factor, usual.second_factor, 1),
            Self::Code => (settings.code, usual.code, 1),
            Self::Mail => (settings.mail, usual.mail, 1),
            Self::MailOverall => (settings.mail, usual.mail, MAIL_OVERALL),
        };
        let growth = own.or(usual);
        let milliseconds = |duration: GoDuration| duration.as_nanos().max(0) / 1_000_000;
        let delay = |duration: Option<GoDuration>| duration.map_or(1, milliseconds).max(1);
        Pace {
            free: growth.free.map_or(1, |free| i64::from(free.get())) * times,
            first_delay: delay(growth.first_delay),
            longest_delay: delay(growth.longest_delay),
            forget_after: milliseconds(settings.forget_after),
        }
    }
}

/// How waits grow, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Tries without a wait.
    pub free: i64,
    /// The wait after the last of them.
    pub first_delay: i64,
    /// The longest wait.
    pub longest_delay: i64,
    /// When a counter starts anew.
    pub forget_after: i64,
}

impl Pace {
    /// The wait after the first try, if that is the last free one.
    pub fn delay_after(self, tries: i64) -> i64 {
        if tries < self.free { 0 } else { self.first_delay.min(self.longest_delay) }
    }
}

/// That something was tried too often, and when it may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// What was.
    pub limit: Limit,
    /// In whole seconds, rounded up.
    pub seconds: u64,
}

impl Wait {
    /// The refusal of who reads JSON.
    pub fn refusal(self) -> ApiError {
        too_many(self.seconds)
    }

    /// What is told in the form.
    pub fn message(self) -> Message {
        if self.seconds < 120 {
            return Message::new(ids::TRY_AGAIN_IN_SECONDS, [("seconds", Value::from(self.seconds))]);
        }
        Message::new(ids::TRY_AGAIN_IN_MINUTES, [("minutes", Value::from(self.seconds.div_ceil(60)))])
    }
}

/// 429 with the time to wait.
fn too_many(seconds: u64) -> ApiError {
    let mut refusal = ApiError::new(429)
        .id("too_many_attempts")
        .reason("This was tried too often. Wait as long as the header Retry-After says, then try again.");
    refusal.retry_after = Some(seconds.max(1));
    refusal
}

/// Budgets in memory, and what is counted about all limits.
#[derive(Debug)]
pub struct Limits {
    addresses: AddressBudgets,
    figures: Figures,
}

impl Limits {
    /// Nobody has tried anything yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { addresses: AddressBudgets::new(clock), figures: Figures::new() }
    }

    /// Adds what is counted to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.figures.register(registry);
    }

    /// How many client addresses this node remembers.
    pub fn clients(&self) -> usize {
        self.addresses.clients()
    }

    /// Tells the metrics how many counters there are in the database.
    pub(crate) fn counters(&self, by_limit: &[(String, i64)]) {
        self.figures.counters(by_limit);
    }
}

/// Whether limits hold for who asks: not where they are switched off, and in development not for this very machine.
fn hold(cx: &Context) -> bool {
    let settings = &cx.settings().security.limits;
    let exempt = settings.exempt_loopback.unwrap_or(cx.settings().dev);
    let loopback = cx.client.address.is_some_and(|address| address.to_canonical().is_loopback());
    settings.enabled && !(exempt && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_waits_are_told_in_seconds_and_long_ones_in_minutes() {
        let told = |seconds| Wait { limit: Limit::Code, seconds }.message().text;
        assert!(told(1).contains("1 second"), "{}", told(1));
        assert!(told(119).contains("119 second"), "{}", told(119));
        assert!(told(120).contains("2 minutes"), "{}", told(120));
        assert!(told(121).contains("3 minutes"), "{}", told(121));
        let refusal = Wait { limit: Limit::Mail, seconds: 7 }.refusal();
        assert_eq!((refusal.status, refusal.retry_after), (429, Some(7)));
    }
}
