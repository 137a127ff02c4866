//! What the courier counts: deliveries of mails and hooks by how they ended, and what waits.

use std::sync::atomic::AtomicI64;

use database::{DbError, read};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::Courier;
use crate::store::waiting::{self, Waiting};

type Kind = [(&'static str, &'static str); 1];
type KindAndOutcome = [(&'static str, &'static str); 2];

/// The numbers.
#[derive(Debug, Default)]
pub(crate) struct CourierMetrics {
    deliveries: Family<KindAndOutcome, Counter>,
    waiting: Family<Kind, Gauge<i64, AtomicI64>>,
    oldest: Family<Kind, Gauge<i64, AtomicI64>>,
}

impl CourierMetrics {
    /// One more `kind` (mail, hook) whose attempt ended so (delivered, failed, dead).
    pub(crate) fn count(&self, kind: &'static str, outcome: &'static str) {
        self.deliveries.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }
}

impl Courier {
    /// Adds the courier's metrics to the program's.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let metrics = &self.metrics;
        let about = "Attempts to deliver, by kind (mail, hook) and outcome (delivered, failed, dead)";
        registry.register("courier_deliveries", about, metrics.deliveries.clone());
        registry.register("courier_waiting", "Mails and hooks in the queue, by kind", metrics.waiting.clone());
        let about = "Age of the oldest mail or hook in the queue, by kind";
        registry.register("courier_oldest_waiting_seconds", about, metrics.oldest.clone());
    }

    /// Looks at the queues for the metrics.
    pub(crate) async fn sample(&self) -> Result<(), DbError> {
        let (mails, hooks) = read!(self.db, |tx| -> Result<(Waiting, Waiting), DbError> {
            Ok((waiting::mails(tx).await?, waiting::hooks(tx).await?))
        })
        .await?;
        let now = self.clock.now();
        for (kind, waiting) in [("mail", mails), ("hook", hooks)] {
            let age = waiting.since.map_or(0, |since| now.as_second() - since.as_second());
            self.metrics.waiting.get_or_create(&[("kind", kind)]).set(waiting.number);
            self.metrics.oldest.get_or_create(&[("kind", kind)]).set(age.max(0));
        }
        Ok(())
    }
}
