//! What is counted of questions and changes, for the metrics listener.

use std::sync::atomic::AtomicU64;

use web::observe::prometheus_client::metrics::counter::Counter;
use web::observe::prometheus_client::metrics::gauge::Gauge;
use web::observe::prometheus_client::registry::Registry;

/// Counters of the service. Clones share their values.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Checks that were answered, each of a batch for itself.
    pub checks: Counter,
    /// Checks that ran out of a budget and were answered with no.
    pub undecided: Counter,
    /// Transactions that changed something.
    pub transactions: Counter,
    /// Relationships that were written or removed.
    pub changes: Counter,
    /// 1 while the source of the namespaces cannot be used and older ones are in force.
    pub namespaces_stale: Gauge,
    /// The newest revision that this node holds.
    pub revision: Gauge<u64, AtomicU64>,
}

impl Counters {
    /// Adds them to what a metrics listener tells.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("permission_checks", "Checks answered", self.checks.clone());
        registry.register(
            "permission_checks_undecided",
            "Checks that ran out of depth, width, steps or time",
            self.undecided.clone(),
        );
        registry.register("permission_transactions", "Transactions that changed something", self.transactions.clone());
        registry.register("permission_changes", "Relationships written or removed", self.changes.clone());
        registry.register(
            "permission_namespaces_stale",
            "1 while the namespaces cannot be read and older ones are in force",
            self.namespaces_stale.clone(),
        );
        registry.register("permission_revision", "The newest revision that this node holds", self.revision.clone());
    }
}
