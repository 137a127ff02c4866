//! Empties the queue of hooks. Each receiver has a few deliveries at a time of its own, so that a slow one delays nobody
//! else; mails have a worker of their own.

use std::collections::HashMap;
use std::time::Duration;

use database::{DbError, read, transact};
use foundation::GoDuration;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::delivery;
use crate::Courier;
use crate::store::hooks::{self, ClaimedHook, HookEnding};

/// What one pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookReport {
    /// Hooks that were claimed.
    pub claimed: usize,
    /// Hooks that were delivered.
    pub delivered: usize,
    /// Hooks that are tried again later.
    pub delayed: usize,
    /// Hooks that were given up.
    pub dead: usize,
}

/// How long a worker may hold a hook: longer than an attempt by what writing the result may take.
const LEASE: GoDuration = GoDuration::from_secs(60);

/// The pause after each failed attempt, in seconds; the last one repeats. Together the default of ten takes a day.
const PAUSES: [i64; 10] = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 43_200];

/// Receivers that one pass looks at.
const MOST_HOSTS: usize = 500;

/// Hooks whose worker died that one pass takes back.
const MOST_LOST: u32 = 100;

impl HookReport {
    fn count(&mut self, ending: Option<&HookEnding>) {
        match ending {
            Some(HookEnding::Delivered) => self.delivered += 1,
            Some(HookEnding::Again(..)) => self.delayed += 1,
            Some(HookEnding::Dead(_)) => self.dead += 1,
            // The lease was lost, or the result could not be written: it is delivered once more.
            None => {}
        }
    }
}

impl Courier {
    /// One pass: claims what is due and delivers all of it at the same time.
    ///
    /// # Errors
    /// What the database says. Failed deliveries are no errors: they are recorded and tried again.
    pub async fn run_hooks_once(&self) -> Result<HookReport, DbError> {
        let mut report = HookReport::default();
        let claimed = self.hooks_claim(&HashMap::new()).await?;
        report.claimed = claimed.len();
        let mut deliveries: FuturesUnordered<_> = claimed.into_iter().map(|hook| self.hook_deliver(hook)).collect();
        while let Some((_, ending)) = deliveries.next().await {
            report.count(ending.as_ref());
        }
        Ok(report)
    }

    /// Delivers until `shutdown` ends, and then what is under way.
    pub(crate) async fn run_hooks(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut deliveries = FuturesUnordered::new();
        let mut busy: HashMap<String, usize> = HashMap::new();
        let mut failures: u32 = 0;
        loop {
            match self.hooks_claim(&busy).await {
                Ok(claimed) => {
                    failures = 0;
                    for hook in claimed {
                        *busy.entry(hook.host.clone()).or_default() += 1;
                        deliveries.push(self.hook_deliver(hook));
                    }
                }
                Err(error) => {
                    failures += 1;
                    tracing::error!(%error, "the queue of web hooks cannot be read");
                }
            }
            let pause = (self.settings)().worker.pull_wait.to_std().max(Duration::from_millis(10));
            let rest = tokio::time::sleep(pause * 2u32.pow(failures.min(6)));
            tokio::pin!(rest);
            loop {
                tokio::select! {
                    () = &mut shutdown => {
                        while deliveries.next().await.is_some() {}
                        return;
                    }
                    Some((host, _)) = deliveries.next(), if !deliveries.is_empty() => {
                        // Room for the receiver's next one: worth a look at the queue when it was full.
                        if freed(&mut busy, &host) >= (self.settings)().hooks.per_host { break }
                    }
                    () = self.hooks_queued.notified() => break,
                    () = &mut rest => break,
                }
            }
        }
    }

    /// Claims what is due, for each receiver as many as it has room for. Nothing is written while nothing is due.
    async fn hooks_claim(&self, busy: &HashMap<String, usize>) -> Result<Vec<ClaimedHook>, DbError> {
        let settings = (self.settings)().hooks.clone();
        let now = self.clock.now();
        let (hosts, lost) = read!(self.db, |tx| -> Result<(Vec<String>, bool), DbError> {
            let mut hosts = Vec::new();
            let mut after = String::new();
            while hosts.len() < MOST_HOSTS {
                let Some(host) = hooks::next_host(tx, &after).await? else { break };
                after.clone_from(&host);
                if hooks::is_due(tx, &host, now).await? {
                    hosts.push(host);
                }
            }
            Ok((hosts, hooks::has_lost(tx, now).await?))
        })
        .await?;
        if lost {
            let lost = transact!(self.db, |tx| -> Result<u64, DbError> { hooks::take_back(tx, now, MOST_LOST).await });
            let lost = lost.await?;
            tracing::warn!(lost, "web hooks whose worker died are delivered again");
            self.hooks_queued.notify_one();
        }
        let mut room = settings.at_once.saturating_sub(busy.values().sum());
        let mut claimed = Vec::new();
        for host in hosts {
            let free = settings.per_host.max(1).saturating_sub(busy.get(&host).copied().unwrap_or(0)).min(room);
            let Some(most) = u32::try_from(free).ok().filter(|most| *most > 0) else { continue };
            let lease = self.rng.uuid();
            let taken = transact!(self.db, |tx| -> Result<Vec<ClaimedHook>, DbError> {
                let now = self.clock.now();
                hooks::claim(tx, &host, now, now + LEASE, lease, most).await
            })
            .await?;
            room -= taken.len().min(room);
            claimed.extend(taken);
        }
        Ok(claimed)
    }

    /// One attempt, from the opened content to the recorded result. Gives the receiver, and the result if it was written.
    async fn hook_deliver(&self, hook: ClaimedHook) -> (String, Option<HookEnding>) {
        let settings = (self.settings)().hooks.clone();
        let ending = if hook.attempts > i64::from(settings.retries) + 1 {
            // Its workers died each time.
            HookEnding::Dead("every attempt was interrupted".to_owned())
        } else {
            match self.hook_open(&hook.sealed) {
                None => HookEnding::Dead("it cannot be opened: its secret is not configured any more".to_owned()),
                Some(request) => {
                    let result = delivery::send(self, hook.id, &request, settings.timeout.to_std()).await;
                    self.hook_ending(&result, hook.attempts)
                }
            }
        };
        let written = self.hook_record(&hook, &ending).await;
        (hook.host, written.then_some(ending))
    }

    /// Writes down how an attempt ended. `false` if it could not, or another worker has the hook by now.
    pub(super) async fn hook_record(&self, hook: &ClaimedHook, ending: &HookEnding) -> bool {
        let mut written = self.hook_write(hook, ending).await;
        // A result that is not written down means a hook that is delivered twice: worth more tries.
        for pause in [20, 100, 500] {
            if !matches!(&written, Err(error) if error.is_retryable()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            written = self.hook_write(hook, ending).await;
        }
        let (id, name, host) = (hook.id, hook.name.as_str(), hook.host.as_str());
        match (&written, ending) {
            (Err(error), _) => tracing::error!(hook = %id, %error, "the result of a web hook cannot be written down"),
            (Ok(false), _) => tracing::warn!(hook = %id, "a web hook outlasted its lease: another worker has it"),
            (Ok(true), HookEnding::Delivered) => {
                self.metrics.count("hook", "delivered");
                tracing::info!(hook = %id, name, host, "a web hook was delivered");
            }
            (Ok(true), HookEnding::Again(..)) if hook.attempts == 0 => {}
            (Ok(true), HookEnding::Again(_, reason)) => {
                self.metrics.count("hook", "failed");
                tracing::warn!(hook = %id, name, host, attempts = hook.attempts, reason,
                    "a web hook could not be delivered and is tried again");
            }
            (Ok(true), HookEnding::Dead(reason)) => {
                self.metrics.count("hook", "dead");
                tracing::error!(hook = %id, name, host, attempts = hook.attempts, reason, "a web hook was given up");
            }
        }
        matches!(written, Ok(true))
    }

    async fn hook_write(&self, hook: &ClaimedHook, ending: &HookEnding) -> Result<bool, DbError> {
        let _turn = self.recording.lock().await;
        transact!(self.db, |tx| -> Result<bool, DbError> { hooks::finish(tx, hook, ending, self.clock.now()).await })
            .await
    }

    /// How long to wait after the attempt of this number, spread by a tenth.
    pub(super) fn hook_pause(&self, attempts: i64) -> GoDuration {
        let index = usize::try_from(attempts - 1).unwrap_or(0).min(PAUSES.len() - 1);
        let seconds = PAUSES[index];
        let mut byte = [0];
        self.rng.fill(&mut byte);
        GoDuration::from_millis(seconds * 1000 + seconds * 100 * i64::from(byte[0]) / 255)
    }
}

/// Counts a delivery less; gives how many there were.
fn freed(busy: &mut HashMap<String, usize>, host: &str) -> usize {
    let before = busy.get(host).copied().unwrap_or(0);
    if before <= 1 {
        busy.remove(host);
    } else {
        busy.insert(host.to_owned(), before - 1);
    }
    before
}
