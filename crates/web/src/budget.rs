//! How many requests one client may send, counted in memory: cheap enough to stand before everything else. It knows
//! numbers and clients; which routes are worth what is their owner's business. What has to last, or to hold for several
//! nodes together, is counted in the database instead.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use foundation::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Clients that are remembered apart. Above it, they share: whoever has a million addresses is one client.
const MOST_CLIENTS: usize = 100_000;
/// How many shares there are then.
const SHARES: u128 = 4096;
/// How often those are forgotten who have their whole budget back.
const FORGET_EVERY_SECONDS: i64 = 60;

/// So many at once, and so many a minute in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// At once.
    pub burst: NonZeroU32,
    /// In the long run.
    pub per_minute: NonZeroU32,
}

type Limiter = RateLimiter<u128, DashMapStateStore<u128>, Ticking, NoOpMiddleware<Duration>>;

/// The budgets of all clients for one kind of request.
pub struct Budget {
    now: ArcSwap<(Allowance, Limiter)>,
    clock: Arc<dyn Clock>,
    forgotten_at: AtomicI64,
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Budget").field("allowance", &self.now.load().0).finish_non_exhaustive()
    }
}

impl Budget {
    /// Nobody has asked for anything yet.
    pub fn new(allowance: Allowance, clock: Arc<dyn Clock>) -> Self {
        let forgotten_at = AtomicI64::new(clock.now().as_second());
        Self { now: ArcSwap::from_pointee((allowance, limiter(allowance, &clock))), clock, forgotten_at }
    }

    /// Takes one request off the budget of `client` (see [`crate::client::network`]). With another allowance than
    /// before, everybody begins anew.
    ///
    /// # Errors
    /// How long to wait for the next one, if there is nothing left.
    pub fn spend(&self, allowance: Allowance, client: u128) -> Result<(), Duration> {
        if self.now.load().0 != allowance {
            self.now.store(Arc::new((allowance, limiter(allowance, &self.clock))));
        }
        self.forget();
        let now = self.now.load();
        let limiter = &now.1;
        let key = if limiter.len() < MOST_CLIENTS { client } else { shared(client) };
        limiter.check_key(&key).map_err(|until| until.wait_time_from(Ticking(Arc::clone(&self.clock)).since_epoch()))
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.now.load().1.len()
    }

    fn forget(&self) {
        let (last, now) = (self.forgotten_at.load(Ordering::Relaxed), self.clock.now().as_second());
        let due = now - last >= FORGET_EVERY_SECONDS;
        if due && self.forgotten_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.now.load().1.retain_recent();
        }
    }
}

/// Numbers far above those of networks, so that nobody's own number is among them by chance.
fn shared(client: u128) -> u128 {
    let mixed = (client >> 64) ^ client ^ (client >> 32);
    u128::MAX - mixed % SHARES
}

fn limiter(allowance: Allowance, clock: &Arc<dyn Clock>) -> Limiter {
    let quota = Quota::per_minute(allowance.per_minute).allow_burst(allowance.burst);
    RateLimiter::new(quota, DashMapStateStore::default(), Ticking(Arc::clone(clock)))
}

/// Our clock, as the limiter reads it.
#[derive(Clone)]
struct Ticking(Arc<dyn Clock>);

impl Ticking {
    fn since_epoch(&self) -> Duration {
        Duration::try_from(self.0.now().as_duration()).unwrap_or_default()
    }
}

impl governor::clock::Clock for Ticking {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.since_epoch()
    }
}

#[cfg(test)]
mod tests {
    use foundation::ManualClock;

    use super::*;

    fn allowance(burst: u32, per_minute: u32) -> Allowance {
        Allowance {
            burst: NonZeroU32::new(burst).expect("not nought"),
            per_minute: NonZeroU32::new(per_minute).expect("not nought"),
        }
    }

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().expect("a time")))
    }

    #[test]
    fn a_client_has_a_burst_and_gets_it_back_bit_by_bit() {
        let (clock, three) = (clock(), allowance(3, 60));
        let budget = Budget::new(three, clock.clone());
        for _ in 0..3 {
            assert_eq!(budget.spend(three, 1), Ok(()));
        }
        assert_eq!(budget.spend(three, 1), Err(Duration::from_secs(1)));
        assert_eq!(budget.spend(three, 2), Ok(()), "another client has its own");
        clock.advance(Duration::from_secs(1));
        assert_eq!(budget.spend(three, 1), Ok(()));
        assert!(budget.spend(three, 1).is_err());
        clock.advance(Duration::from_secs(600));
        for _ in 0..3 {
            assert_eq!(budget.spend(three, 1), Ok(()));
        }
        assert!(budget.spend(three, 1).is_err());
    }

    #[test]
    fn who_has_everything_back_is_forgotten() {
        let (clock, three) = (clock(), allowance(3, 60));
        let budget = Budget::new(three, clock.clone());
        for client in 0..50 {
            assert_eq!(budget.spend(three, client), Ok(()));
        }
        assert_eq!(budget.clients(), 50);
        clock.advance(Duration::from_secs(61));
        assert_eq!(budget.spend(three, 1), Ok(()));
        assert_eq!(budget.clients(), 1);
    }

    #[test]
    fn another_allowance_holds_at_once() {
        let budget = Budget::new(allowance(1, 1), clock());
        assert_eq!(budget.spend(allowance(1, 1), 1), Ok(()));
        assert!(budget.spend(allowance(1, 1), 1).is_err());
        assert_eq!(budget.spend(allowance(2, 1), 1), Ok(()));
        assert_eq!(budget.spend(allowance(2, 1), 1), Ok(()));
        assert!(budget.spend(allowance(2, 1), 1).is_err());
    }

    #[test]
    fn above_the_most_clients_strangers_share() {
        let one = allowance(1, 1);
        let budget = Budget::new(one, clock());
        for client in 0..MOST_CLIENTS as u128 {
            assert_eq!(budget.spend(one, client << 64), Ok(()));
        }
        let more = (0..20_000_u128).filter(|client| budget.spend(one, (1 << 100) + (client << 64)).is_ok()).count();
        assert!(more <= SHARES as usize, "{more}");
        assert!(budget.clients() <= MOST_CLIENTS + SHARES as usize);
    }
}
