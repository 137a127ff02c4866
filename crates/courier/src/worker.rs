//! Delivery: claims due messages, hands each to its transport, and writes down how it went.

use std::sync::Arc;
use std::time::Duration;

use database::{DbError, transact};
use foundation::{GoDuration, Timestamp};
use futures::StreamExt;
use futures::future::FutureExt;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;

use crate::delivery::{self, Failure};
use crate::store::inbox::InboxMessage;
use crate::store::messages::{self, Claimed, Ending};
use crate::{Courier, CourierSettings, Transport, store};

/// What one pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages that were claimed.
    pub claimed: usize,
    /// Messages that were delivered.
    pub sent: usize,
    /// Messages that are tried again later.
    pub delayed: usize,
    /// Messages that were given up.
    pub abandoned: usize,
    /// Old messages that were removed.
    pub removed: u64,
}

/// The pause after the first failure; each later one is five times as long: 1 s, 5 s, 25 s, 2 min, 10 min. A mail
/// server that restarts loses nothing.
const FIRST_PAUSE_SECONDS: i64 = 1;
const LONGEST_PAUSE_SECONDS: i64 = 900;

/// Old messages that are removed in one transaction.
const REMOVED_AT_ONCE: u32 = 200;

/// How often the queues are counted for the metrics.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// How one attempt ended, for the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Sent,
    Delayed,
    Abandoned,
    /// The lease was lost, or the result could not be written: somebody delivers it again when the lease has ended.
    Unknown,
}

impl Report {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Sent => self.sent += 1,
            Outcome::Delayed => self.delayed += 1,
            Outcome::Abandoned => self.abandoned += 1,
            Outcome::Unknown => {}
        }
    }
}

fn may_pass(error: &DbError) -> bool {
    error.is_retryable() || matches!(error, DbError::Unavailable(_) | DbError::Full)
}

impl Courier {
    /// One pass: claims what is due, delivers all of it at the same time, removes what is old.
    ///
    /// # Errors
    /// What the database says. Failed deliveries are no errors: they are recorded and tried again.
    pub async fn run_once(&self) -> Result<Report, DbError> {
        let settings = (self.settings)();
        let claimed = self.claim(&settings, settings.worker.pull_count).await?;
        let mut report = Report { claimed: claimed.len(), ..Report::default() };
        let mut deliveries: FuturesUnordered<_> =
            claimed.into_iter().map(|message| self.deliver(settings.clone(), message)).collect();
        while let Some(outcome) = deliveries.next().await {
            report.count(outcome);
        }
        report.removed = self.remove_old(&settings).await?;
        Ok(report)
    }

    /// Delivers mails and hooks until `shutdown` ends, and then what is under way. Neither waits for the other.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let shutdown = shutdown.shared();
        tokio::join!(self.run_mails(shutdown.clone()), self.run_hooks(shutdown.clone()), self.run_samples(shutdown));
    }

    /// Looks at the queues now and then, for the metrics.
    async fn run_samples(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            if let Err(error) = self.sample().await {
                tracing::debug!(%error, "the queues cannot be counted");
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(SAMPLE_EVERY) => {}
            }
        }
    }

    /// A slow recipient delays nobody: claiming goes on while deliveries run, up to four times `pull_count` of them.
    async fn run_mails(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut deliveries = FuturesUnordered::new();
        let mut failures: u32 = 0;
        let mut cleaned = Timestamp::UNIX_EPOCH;
        loop {
            let settings = (self.settings)();
            let pull = settings.worker.pull_count.max(1);
            let room = (pull * 4).saturating_sub(u32::try_from(deliveries.len()).unwrap_or(u32::MAX));
            let mut more = false;
            match self.claim(&settings, room.min(pull)).await {
                Ok(claimed) => {
                    failures = 0;
                    more = claimed.len() == pull as usize;
                    deliveries.extend(claimed.into_iter().map(|message| self.deliver(settings.clone(), message)));
                }
                Err(error) => {
                    failures += 1;
                    tracing::error!(%error, "the queue of messages cannot be read");
                }
            }
            if self.clock.now() >= cleaned + GoDuration::from_secs(60) {
                cleaned = self.clock.now();
                if let Err(error) = self.remove_old(&settings).await {
                    tracing::warn!(%error, "old messages cannot be removed");
                }
            }
            let pause = settings.worker.pull_wait.to_std().max(Duration::from_millis(10)) * 2u32.pow(failures.min(6));
            let rest = tokio::time::sleep(if more { Duration::ZERO } else { pause });
            tokio::pin!(rest);
            loop {
                tokio::select! {
                    () = &mut shutdown => {
                        while deliveries.next().await.is_some() {}
                        return;
                    }
                    Some(_) = deliveries.next(), if !deliveries.is_empty() => {}
                    () = self.queued.notified() => break,
                    () = &mut rest => break,
                }
            }
        }
    }

    async fn claim(&self, settings: &CourierSettings, most: u32) -> Result<Vec<Claimed>, DbError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        transact!(self.db, |tx| -> Result<Vec<Claimed>, DbError> {
            let now = self.clock.now();
            messages::claim(tx, now, now + settings.worker.lease, self.rng.uuid(), most).await
        })
        .await
    }

    /// One attempt, from the opened content to the recorded result.
    async fn deliver(&self, settings: Arc<CourierSettings>, message: Claimed) -> Outcome {
        let allowed = i64::from(settings.message_retries) + 1;
        let mut arrival = None;
        let ending = if message.attempts > allowed {
            // Its workers died each time.
            Ending::Abandoned("every attempt was interrupted".to_owned())
        } else {
            match self.attempt(&settings, &message, &mut arrival).await {
                Ok(()) => Ending::Sent,
                Err(Failure::Permanent(reason)) => Ending::Abandoned(reason),
                Err(Failure::Temporary(reason)) if message.attempts >= allowed => Ending::Abandoned(reason),
                Err(Failure::Temporary(reason)) => {
                    Ending::Again(self.clock.now() + self.pause(message.attempts), reason)
                }
            }
        };
        self.record(&settings, &message, &ending, arrival.as_ref()).await
    }

    async fn attempt(
        &self,
        settings: &Arc<CourierSettings>,
        message: &Claimed,
        arrival: &mut Option<InboxMessage>,
    ) -> Result<(), Failure> {
        let Some(content) = self.open(&message.sealed) else {
            return Err(Failure::Permanent(
                "the message cannot be opened: its secret is not configured any more".into(),
            ));
        };
        if self.transport == Transport::Inbox {
            *arrival = Some(InboxMessage {
                id: message.id,
                to: message.recipient.clone(),
                from: delivery::sender(settings),
                subject: content.subject,
                text: content.body,
                html: content.html,
                template_type: message.kind.map_or("", crate::TemplateKind::as_str).to_owned(),
                received_at: self.clock.now(),
            });
            return Ok(());
        }
        let longest = settings.worker.longest_delivery();
        match timeout(longest, delivery::send(settings, message, &content, self.clock.now())).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Temporary(format!("the delivery took longer than {} s", longest.as_secs()))),
        }
    }

    async fn record(
        &self,
        settings: &CourierSettings,
        message: &Claimed,
        ending: &Ending,
        arrival: Option<&InboxMessage>,
    ) -> Outcome {
        let mut recorded = self.write(settings, message, ending, arrival).await;
        // A result that is not written down means a mail that is sent twice: it is tried for as long as nobody else may take
        // the message, whether other transactions, a full disk or a database that is away are in the way.
        let end = tokio::time::Instant::now() + settings.worker.lease.to_std();
        let mut pause = Duration::from_millis(20);
        while matches!(&recorded, Err(error) if may_pass(error)) && tokio::time::Instant::now() + pause < end {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
            recorded = self.write(settings, message, ending, arrival).await;
        }
        let (message, kind) = (message.id, message.kind.map_or("", crate::TemplateKind::as_str));
        match (recorded, ending) {
            (Err(error), _) => {
                tracing::error!(%message, %error, "the result of a delivery cannot be written down");
                Outcome::Unknown
            }
            (Ok(false), _) => {
                tracing::warn!(%message, "a delivery outlasted its lease: another worker has the message");
                Outcome::Unknown
            }
            (Ok(true), Ending::Sent) => {
                self.metrics.count("mail", "delivered");
                tracing::info!(%message, kind, "a message was delivered");
                self.arrivals.announce();
                Outcome::Sent
            }
            (Ok(true), Ending::Again(_, reason)) => {
                self.metrics.count("mail", "failed");
                tracing::warn!(%message, kind, reason, "a message could not be delivered and is tried again");
                Outcome::Delayed
            }
            (Ok(true), Ending::Abandoned(reason)) => {
                self.metrics.count("mail", "dead");
                tracing::error!(%message, kind, reason, "a message was given up");
                Outcome::Abandoned
            }
        }
    }

    async fn write(
        &self,
        settings: &CourierSettings,
        message: &Claimed,
        ending: &Ending,
        arrival: Option<&InboxMessage>,
    ) -> Result<bool, DbError> {
        let _turn = self.recording.lock().await;
        transact!(self.db, |tx| -> Result<bool, DbError> {
            let now = self.clock.now();
            let held = messages::finish(tx, message, ending, now, settings.keep_contents, &*self.rng).await?;
            if let (true, Some(mail)) = (held, arrival) {
                store::inbox::insert(tx, message.tenant, mail).await?;
            }
            Ok(held)
        })
        .await
    }

    /// How long to wait after the attempt of this number, spread by a tenth so that messages that failed together do
    /// not come back together.
    fn pause(&self, attempts: i64) -> GoDuration {
        let exponent = u32::try_from(attempts - 1).unwrap_or(0).min(6);
        let seconds = (FIRST_PAUSE_SECONDS * 5i64.pow(exponent)).min(LONGEST_PAUSE_SECONDS);
        let mut byte = [0];
        self.rng.fill(&mut byte);
        GoDuration::from_millis(seconds * 1000 + seconds * 100 * i64::from(byte[0]) / 255)
    }

    async fn remove_old(&self, settings: &CourierSettings) -> Result<u64, DbError> {
        transact!(self.db, |tx| -> Result<u64, DbError> {
            let before = self.clock.now() + GoDuration::from_secs(-settings.retention.as_secs());
            let mails = messages::remove_finished(tx, before, REMOVED_AT_ONCE).await?;
            Ok(mails + store::hooks::remove_finished(tx, before, REMOVED_AT_ONCE).await?)
        })
        .await
    }
}
