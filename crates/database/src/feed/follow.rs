//! Reading the feed: one [`Feed`] for each program, which polls and tells those who listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use foundation::Timestamp;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Change;
use super::numbers::Numbers;
use super::write::from_json;
use crate::{Db, DbError, Row, params, read, sql, transact};

/// The rest between two polls.
const POLL: Duration = Duration::from_millis(50);
/// How long a poll may take. A server that went away without a word is told from a slow one this way.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a number may be missing before it is filled. Writers hold one for a round trip or two.
const MISSING: Duration = Duration::from_secs(1);
/// Rows that are read in one go.
const PAGE: i64 = 5_000;
/// How far below the newest number a program looks when it starts, for transactions that are about to commit.
const LOOK_BACK: i64 = 10_000;
/// No transaction holds a number for that long.
const OLD: Duration = Duration::from_secs(300);
/// How long rows stay. A program that was cut off for half of that forgets everything instead of reading on.
const KEPT: Duration = Duration::from_secs(3600);
/// Rows that are removed in one go.
const BATCH: i64 = 1_000;

/// The reading end of the change feed in this program.
#[derive(Debug)]
pub struct Feed {
    db: Db,
    numbers: tokio::sync::Mutex<Option<Numbers>>,
    began: Instant,
    /// Microseconds from `began` to the moment up to which all commits are known, and one more; 0 before the first.
    known: AtomicU64,
    filling: AtomicBool,
    /// What the log says of the last poll, so that it is said once.
    failing: Mutex<Option<Instant>>,
}

impl Feed {
    /// The feed of `db`. Nothing is read before [`Feed::follow`] or [`Feed::read_on`].
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            numbers: tokio::sync::Mutex::new(None),
            began: Instant::now(),
            known: AtomicU64::new(0),
            filling: AtomicBool::new(false),
            failing: Mutex::new(None),
        }
    }

    /// How far this program may be behind: every change that was committed longer ago has been told to those who listen.
    pub fn behind(&self) -> Duration {
        match self.known.load(Ordering::Acquire) {
            0 => Duration::MAX,
            known => self.began.elapsed().saturating_sub(Duration::from_micros(known - 1)),
        }
    }

    /// Follows until `shutdown` ends.
    pub async fn follow(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        loop {
            let poll = async {
                let result = timeout(PATIENCE, self.read_on()).await;
                self.note(result.unwrap_or_else(|_| Err(DbError::Unavailable("no answer in time".to_owned()))));
                self.clone().fill().await;
                tokio::time::sleep(POLL).await;
            };
            tokio::select! {
                () = poll => {}
                () = &mut shutdown => return,
            }
        }
    }

    /// Says once in the log that the feed cannot be read, and once that it can be again.
    fn note(&self, result: Result<(), DbError>) {
        let mut failing = self.failing.lock();
        match (result, failing.as_ref()) {
            (Err(error), None) => {
                tracing::warn!(%error, "the change feed cannot be read: what is remembered counts for a short time only");
                *failing = Some(Instant::now());
            }
            (Ok(()), Some(since)) => {
                tracing::info!(after_ms = since.elapsed().as_millis() as u64, "the change feed can be read again");
                *failing = None;
            }
            _ => {}
        }
    }

    /// Reads what is new and tells those who listen.
    ///
    /// # Errors
    /// What the database says; what was told until then has been told.
    pub async fn read_on(&self) -> Result<(), DbError> {
        let mut numbers = self.numbers.lock().await;
        if self.behind() >= KEPT / 2 {
            *numbers = None;
        }
        // INVARIANT: taken before the database is asked. What was committed by now is in its answer.
        let asked = Instant::now();
        let seen = match &mut *numbers {
            Some(seen) => seen,
            none => {
                let start = self.start().await?;
                // After the start is known: what is remembered from here on is read after it.
                self.db.announce_lapse();
                none.insert(start)
            }
        };
        self.read_from(seen, asked).await?;
        let known = asked.duration_since(self.began).as_micros();
        self.known.store(u64::try_from(known).unwrap_or(u64::MAX - 1) + 1, Ordering::Release);
        Ok(())
    }

    /// Where a program begins that has seen nothing: somewhat below the newest row, so that numbers which are missing
    /// there now are waited for.
    async fn start(&self) -> Result<Numbers, DbError> {
        let (newest, lowest) = read!(self.db, |tx| -> Result<(Option<i64>, Option<Row>), DbError> {
            let newest = sql!("SELECT /* every tenant: one feed for all */ MAX(number) AS number FROM revisions");
            let newest: Option<i64> = match tx.row(newest, &[]).await? {
                Some(row) => row.get("number")?,
                None => None,
            };
            let lowest = sql!(
                "SELECT /* every tenant: one feed for all */ number, created_at FROM revisions WHERE number > $1 \
                 ORDER BY number LIMIT 1"
            );
            Ok((newest, tx.row(lowest, params![newest.unwrap_or(0) - LOOK_BACK]).await?))
        })
        .await?;
        let Some(lowest) = lowest else { return Ok(Numbers::seen_to(0)) };
        // What is below an old row was removed, or would long be there. Below a young one somebody may be about to commit.
        let old = self.db.clock().now().checked_sub(OLD).unwrap_or(Timestamp::MIN);
        let seen_to = match lowest.get::<Timestamp>("created_at")? < old {
            true => lowest.get::<i64>("number")? - 1,
            false => newest.unwrap_or(0) - LOOK_BACK,
        };
        Ok(Numbers::seen_to(seen_to.max(0)))
    }

    async fn read_from(&self, numbers: &mut Numbers, asked: Instant) -> Result<(), DbError> {
        let mut above = numbers.read_above();
        loop {
            let rows = read!(self.db, |tx| -> Result<Vec<Row>, DbError> {
                let next = sql!(
                    "SELECT /* every tenant: one feed for all */ number, tenant_id, changes FROM revisions \
                     WHERE number > $1 ORDER BY number LIMIT $2"
                );
                tx.rows(next, params![above, PAGE]).await
            })
            .await?;
            let mut changes: Vec<Change> = Vec::new();
            for row in &rows {
                let number = row.get("number")?;
                above = number;
                if numbers.see(number, asked) {
                    changes.extend(from_json(row.get("tenant_id")?, &row.get("changes")?));
                }
            }
            if !changes.is_empty() {
                self.db.announce(&changes);
            }
            if (rows.len() as i64) < PAGE {
                return Ok(());
            }
        }
    }

    /// Fills numbers that stay missing, in a task of its own: it waits for a writer that still holds one.
    async fn fill(self: Arc<Self>) {
        let overdue = self.missing_for(MISSING).await;
        if overdue.is_empty() || self.filling.swap(true, Ordering::AcqRel) {
            return;
        }
        tokio::spawn(async move {
            let result = self.fill_all(&overdue).await;
            self.filling.store(false, Ordering::Release);
            if let Err(error) = result {
                tracing::debug!(%error, "missing numbers of the change feed could not be filled; the next round tries again");
            }
        });
    }

    /// The numbers that have been missing for as long as `patience`.
    pub(super) async fn missing_for(&self, patience: Duration) -> Vec<i64> {
        let numbers = self.numbers.lock().await;
        numbers.as_ref().map(|numbers| numbers.overdue(Instant::now(), patience)).unwrap_or_default()
    }

    /// Puts an empty row in the place of each number. Where a transaction that still runs has written the row, this waits
    /// for its end: either the row is there, or nobody will write it any more. Where it has drawn the number and not
    /// written it, it finds the place taken and runs again with a new one.
    pub(super) async fn fill_all(&self, missing: &[i64]) -> Result<(), DbError> {
        for number in missing {
            transact!(self.db, |tx| -> Result<u64, DbError> {
                let fill = sql!(
                    "INSERT INTO revisions (number, tenant_id, changes, created_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (number) DO NOTHING"
                );
                let nothing = serde_json::Value::Array(Vec::new());
                tx.execute(fill, params![*number, Uuid::nil(), nothing, self.db.clock().now()]).await
            })
            .await?;
        }
        Ok(())
    }

    /// Removes rows that everybody has read. Says how many. The newest stays, as the next start counts from there.
    ///
    /// # Errors
    /// What the database says.
    pub async fn trim(&self) -> Result<u64, DbError> {
        let before = self.db.clock().now().checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let mut removed = 0;
        loop {
            let Some(last) = self.last_to_trim(before).await? else { return Ok(removed) };
            removed += transact!(self.db, |tx| -> Result<u64, DbError> {
                let remove = sql!("DELETE /* every tenant: one feed for all */ FROM revisions WHERE number <= $1");
                tx.execute(remove, params![last]).await
            })
            .await?;
        }
    }

    /// The last of the lowest rows that are older than `before`, a batch of them.
    async fn last_to_trim(&self, before: Timestamp) -> Result<Option<i64>, DbError> {
        let rows = read!(self.db, |tx| -> Result<Vec<Row>, DbError> {
            let lowest = sql!(
                "SELECT /* every tenant: one feed for all */ number, created_at FROM revisions \
                 WHERE number < (SELECT MAX(number) FROM revisions) ORDER BY number LIMIT $1"
            );
            tx.rows(lowest, params![BATCH]).await
        })
        .await?;
        let mut last = None;
        for row in rows {
            if row.get::<Timestamp>("created_at")? >= before {
                break;
            }
            last = Some(row.get("number")?);
        }
        Ok(last)
    }
}
