//! Removes what has expired, in small batches, so that no operator has to (identity-admin.md §5.6).

use std::time::Duration;

use database::transact;
use foundation::Timestamp;

use crate::context::Context;
use crate::error::Error;
use crate::service::Identity;
use crate::store::{attempts, devices, errors, flows, sessions};

/// A flow that was submitted late gets a successor: it has to be known for a while after its end.
const FLOWS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long people can come back to the page of an error.
const ERRORS_ARE_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Batches of one table in one go; what is left over is the next round's.
const MOST_BATCHES: usize = 100;
/// The shortest rest between two rounds.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// How many rows were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Sessions that expired.
    pub sessions: u64,
    /// Flows that expired a day before, with their codes and tokens.
    pub flows: u64,
    /// Stored errors older than a week.
    pub errors: u64,
    /// Counters of tries that count for nothing any more.
    pub attempts: u64,
    /// Devices that nobody signed in on for long.
    pub devices: u64,
}

#[derive(Debug, Clone, Copy)]
enum Table {
    Sessions,
    Flows,
    Errors,
    Attempts,
    Devices,
}

impl Identity {
    /// Removes what has expired.
    ///
    /// # Errors
    /// What the database says. What was removed until then stays removed.
    pub async fn clean_once(&self) -> Result<Cleaned, Error> {
        let cx = self.background();
        let older_than = cx.settings().database.cleanup.older_than.to_std();
        let cleaned = Cleaned {
            sessions: self.clean(&cx, Table::Sessions, older_than).await?,
            flows: self.clean(&cx, Table::Flows, older_than.max(FLOWS_ARE_KEPT)).await?,
            errors: self.clean(&cx, Table::Errors, older_than.max(ERRORS_ARE_KEPT)).await?,
            attempts: self.clean(&cx, Table::Attempts, Duration::ZERO).await?,
            devices: self.clean(&cx, Table::Devices, Duration::ZERO).await?,
        };
        self.limits_count(&cx).await?;
        Ok(cleaned)
    }

    /// Tells the metrics how many counters there are.
    async fn limits_count(&self, cx: &Context) -> Result<(), Error> {
        let counters = database::read!(&self.db, |tx| -> Result<Vec<(String, i64)>, Error> {
            Ok(attempts::attempts_by_limit(tx, cx).await?)
        })
        .await?;
        self.limits.counters(&counters);
        Ok(())
    }

    async fn clean(&self, cx: &Context, table: Table, kept: Duration) -> Result<u64, Error> {
        let before = cx.now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let size = i64::from(cx.settings().database.cleanup.batch_size.max(1));
        let mut removed = 0;
        for _ in 0..MOST_BATCHES {
            let batch = transact!(&self.db, |tx| -> Result<u64, Error> {
                Ok(match table {
                    Table::Sessions => sessions::sessions_remove_expired(tx, cx, before, size).await?,
                    Table::Flows => flows::flows_remove_expired(tx, cx, before, size).await?,
                    Table::Errors => errors::errors_remove_old(tx, cx, before, size).await?,
                    Table::Attempts => attempts::attempts_remove_old(tx, cx, before, size).await?,
                    Table::Devices => devices::devices_remove_expired(tx, cx, before, size).await?,
                })
            })
            .await?;
            removed += batch;
            if batch < size as u64 {
                break;
            }
            // Others get their turn at the database between two batches.
            tokio::task::yield_now().await;
        }
        Ok(removed)
    }

    /// Removes what has expired again and again, with `database.cleanup.sleep.tables` in between, until `shutdown`
    /// ends. Several nodes may do so at once.
    pub async fn clean_forever(self, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        loop {
            match self.clean_once().await {
                Ok(cleaned) if cleaned != Cleaned::default() => {
                    let Cleaned { sessions, flows, errors, attempts, devices } = cleaned;
                    tracing::info!(sessions, flows, errors, attempts, devices, "removed what has expired");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "could not remove what has expired; the next round tries again"),
            }
            let rest = (self.snapshot)().settings.database.cleanup.sleep.tables.to_std().max(SHORTEST_REST);
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = &mut shutdown => return,
            }
        }
    }
}
