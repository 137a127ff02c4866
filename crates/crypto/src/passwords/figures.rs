//! What the pool tells of itself.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Why somebody was refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// As much waits as may wait.
    Full,
    /// It would have taken too long, or has.
    Late,
}

#[derive(Debug)]
pub(super) struct Figures {
    waiting: Gauge,
    running: Gauge,
    waits: Histogram,
    durations: Histogram,
    refused: Family<[(&'static str, &'static str); 1], Counter>,
    abandoned: Counter,
}

impl Figures {
    pub(super) fn new() -> Self {
        let seconds = || Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        Self {
            waiting: Gauge::default(),
            running: Gauge::default(),
            waits: seconds(),
            durations: seconds(),
            refused: Family::default(),
            abandoned: Counter::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let to = registry;
        to.register("password_hash_waiting", "Passwords that wait to be hashed", self.waiting.clone());
        to.register("password_hash_running", "Passwords that are being hashed", self.running.clone());
        to.register("password_hash_wait_seconds", "Time until a password's turn came", self.waits.clone());
        to.register("password_hash_duration_seconds", "Time to hash a password", self.durations.clone());
        to.register("password_hash_refused", "Passwords that were not hashed, by reason", self.refused.clone());
        to.register("password_hash_abandoned", "Passwords that nobody waited for any more", self.abandoned.clone());
    }

    pub(super) fn count(&self, waiting: usize, running: usize) {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.running.set(i64::try_from(running).unwrap_or(i64::MAX));
    }

    pub(super) fn began(&self, waited: Duration) {
        self.waits.observe(waited.as_secs_f64());
    }

    pub(super) fn ended(&self, took: Duration) {
        self.durations.observe(took.as_secs_f64());
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        let reason = match refusal {
            Refusal::Full => "full",
            Refusal::Late => "late",
        };
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub(super) fn abandoned(&self) {
        self.abandoned.inc();
    }
}
