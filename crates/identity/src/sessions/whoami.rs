//! Whoami: whose session a request shows, from memory where that can be vouched for.
//!
//! Memory counts while this program has read the change feed within `session.cache.bound`. After that the database is
//! asked, for a short time only, and if it does not answer, nobody is told anything: 503 rather than what was so once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use database::DbError;
use foundation::{Timestamp, Uuid};
use web::observe::prometheus_client::collector::Collector;
use web::observe::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use web::observe::prometheus_client::metrics::counter::ConstCounter;
use web::observe::prometheus_client::metrics::gauge::ConstGauge;
use web::reply;

use super::cache::{Facts, Known, SessionCache};
use super::current::{Shown, require_aal, too_low};
use super::view::session_json;
use crate::context::{Context, Snapshot};
use crate::error::Error;
use crate::service::Identity;

/// How long the database is waited for once the feed cannot be read.
const PATIENCE: Duration = Duration::from_secs(1);
/// The rest between two rounds of forgetting.
const TIDY: Duration = Duration::from_secs(30);

/// What whoami answers.
#[derive(Debug)]
pub struct Whoami {
    /// The session with its identity, as JSON.
    pub body: Bytes,
    /// Whose it is.
    pub identity_id: Uuid,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Identity {
    /// What is remembered of the session that a request shows: `None` if the database has to be asked.
    ///
    /// # Errors
    /// 403 `session_aal2_required` below the required level; `cx` is made for its address only.
    pub(crate) fn session_remembered(
        &self,
        snapshot: &Arc<Snapshot>,
        now: Timestamp,
        shown: &Shown,
        cx: impl FnOnce() -> Context,
    ) -> Result<Option<Whoami>, Error> {
        let settings = &snapshot.settings.session;
        if !settings.cache.enabled {
            return Ok(None);
        }
        if self.feed().behind() > settings.cache.bound.to_std() {
            self.remembered().doubt();
            return Ok(None);
        }
        let Some(known) = self.remembered().find(&shown.token.digest(), now, snapshot) else { return Ok(None) };
        if !known.has_required_aal(settings.whoami.required_aal) {
            return Err(too_low(&cx(), None).into());
        }
        Ok(answer_of(&known))
    }

    /// The session that a request shows, if it is good enough for `session.whoami.required_aal`, asked of the database;
    /// remembered for the next time.
    ///
    /// # Errors
    /// 401 without a session, 403 `session_aal2_required` below the required level, 503 if the database does not answer.
    pub(crate) async fn session_whoami_read(&self, cx: &Context, shown: Option<&Shown>) -> Result<Whoami, Error> {
        let settings = &cx.settings().session;
        let begun = self.remembered().begin();
        let vouched = self.feed().behind() <= settings.cache.bound.to_std();
        let reading = self.session_required(cx, shown);
        let current = if vouched || !settings.cache.enabled {
            reading.await?
        } else {
            let late = |_| Error::Database(DbError::Unavailable("a session check was not answered in time".to_owned()));
            tokio::time::timeout(PATIENCE, reading).await.map_err(late)??
        };
        let (session, identity) = (&current.session, &current.identity);
        let body = reply::json_body(&session_json(cx, session, Some(identity)))
            .map_err(|error| Error::Internal(format!("a session cannot be written as JSON: {error}")))?;
        if vouched && settings.cache.enabled {
            let facts = Facts {
                session_id: session.id,
                identity_id: identity.id,
                expires_at: session.expires_at,
                aal: session.aal,
                available_aal: identity.available_aal,
            };
            let token = current.shown.token.digest();
            self.remembered().remember(token, begun, facts, &body, Arc::clone(cx.snapshot()));
        }
        require_aal(cx, &current, settings.whoami.required_aal, None)?;
        Ok(Whoami { body, identity_id: identity.id, expires_at: session.expires_at })
    }

    /// Follows what other programs on the same database change, until `shutdown` ends. Without it nothing is answered from
    /// memory.
    pub async fn follow_forever(self, shutdown: impl Future<Output = ()> + Send) {
        let tidying = async {
            loop {
                tokio::time::sleep(TIDY).await;
                let capacity = (self.snapshot)().settings.session.cache.capacity.bytes();
                self.remembered().tidy(self.clock.now(), capacity);
                if let Err(error) = self.feed().trim().await {
                    tracing::debug!(%error, "old rows of the change feed stay until the next round");
                }
            }
        };
        tokio::select! {
            () = self.feed().clone().follow(shutdown) => {}
            () = tidying => {}
        }
    }

    /// The metrics of the sessions that are remembered.
    pub fn session_metrics(&self) -> Box<dyn Collector> {
        Box::new(Figures { identity: self.clone() })
    }
}

fn answer_of(known: &Known) -> Option<Whoami> {
    let body = Bytes::from(known.text()?);
    Some(Whoami { body, identity_id: known.identity_id, expires_at: known.expires_at })
}

struct Figures {
    identity: Identity,
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let cache: &SessionCache = self.identity.remembered();
        let counts = cache.counts();
        for (name, help, count) in [
            ("session_cache_hits", "Session checks answered from memory", &counts.hits),
            ("session_cache_misses", "Session checks asked of the database", &counts.misses),
            ("session_cache_doubtful", "Session checks for which memory could not be vouched for", &counts.doubtful),
        ] {
            let metric = ConstCounter::new(count.load(Ordering::Relaxed));
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        let entries = i64::try_from(cache.len()).unwrap_or(i64::MAX);
        let bytes = i64::try_from(cache.bytes()).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("session_cache_entries", "Sessions in memory", entries),
            ("session_cache_bytes", "About how much memory they take", bytes),
        ] {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        let behind = self.identity.feed().behind();
        // Before the first reading there is no figure.
        if behind != Duration::MAX {
            let metric = ConstGauge::new(behind.as_secs_f64());
            let help = "How far this program may be behind the changes of others";
            metric.encode(encoder.encode_descriptor(
                "change_feed_behind_seconds",
                help,
                None,
                metric.metric_type(),
            )?)?;
        }
        Ok(())
    }
}
