//! What the service needs, what it is, and what it does by itself. The use cases are in `questions`, `changes`, `lists` and
//! `feed`.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crypto::Sealer;
use database::{Db, DbError, transact};
use foundation::{Clock, Rng, Secret, Uuid};
use settings::Live;
use tokio::sync::Mutex;
use web::OutboundClient;

use crate::counters::Counters;
use crate::engine::Names;
use crate::failure::Failure;
use crate::policy::{self, Policy, SourceText};
use crate::replica::Replica;
use crate::settings::{EngineKind, NamespaceSource, Settings};
use crate::store::heads;
use crate::token::Tokens;

/// How often the source of the namespaces is looked at.
const LOOK: Duration = Duration::from_millis(400);

/// The same for a source that another server has.
const LOOK_FAR: Duration = Duration::from_secs(60);

/// How often what is too old is removed.
const CLEAN: Duration = Duration::from_secs(10);

/// What the service is made of.
#[derive(Clone)]
pub struct Deps {
    /// Where relationships are kept.
    pub db: Db,
    /// The configuration in force.
    pub settings: Arc<Live<Settings>>,
    /// For namespaces that another server has.
    pub outbound: OutboundClient,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub rng: Arc<dyn Rng>,
    /// Whose data this is.
    pub tenant: Uuid,
    /// The release, for clients that ask.
    pub version: &'static str,
}

/// The permission service. Clones share everything.
#[derive(Clone)]
pub struct Permissions(Arc<Inner>);

/// The parts of the service.
pub struct Inner {
    /// What it is made of.
    pub deps: Deps,
    /// What this node holds.
    pub replica: Replica,
    /// What is counted.
    pub counters: Counters,
    pub(crate) policy: ArcSwap<Policy>,
    pub(crate) tokens: Tokens,
    pub(crate) pages: ArcSwap<Sealer>,
    /// Writers of this node come one after another, instead of meeting in the database.
    pub(crate) writing: Mutex<()>,
    source: parking_lot::Mutex<SourceText>,
    store_id: Uuid,
}

impl std::ops::Deref for Permissions {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Permissions")
    }
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The namespaces cannot be used.
    #[error("{0}")]
    Namespaces(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The keys of page tokens.
    #[error("secrets.pagination cannot be used")]
    Secrets,
}

impl Permissions {
    /// Reads the namespaces and loads all relationships.
    ///
    /// # Errors
    /// What keeps it from answering.
    pub async fn start(deps: Deps) -> Result<Self, StartError> {
        let names = Arc::new(Names::default());
        let settings = deps.settings.get();
        let (source, policy) = policy::load(&settings, &names, &deps.outbound).await.map_err(StartError::Namespaces)?;
        let (tenant, fresh) = (deps.tenant, deps.rng.uuid());
        transact!(deps.db, |tx| -> Result<(), DbError> { heads::head_ensure(tx, tenant, fresh).await }).await?;
        let (replica, head) =
            Replica::load(deps.db.clone(), tenant, names, settings.engine == EngineKind::Memory).await?;
        let pages = page_keys(&settings, head.store_id).ok_or(StartError::Secrets)?;
        Ok(Self(Arc::new(Inner {
            replica,
            counters: Counters::default(),
            policy: ArcSwap::new(policy),
            tokens: Tokens::new(head.store_id),
            pages: ArcSwap::from_pointee(pages),
            writing: Mutex::new(()),
            source: parking_lot::Mutex::new(source),
            store_id: head.store_id,
            deps,
        })))
    }

    /// The namespaces and rules in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.deps.settings.get()
    }

    /// Follows the log, the configuration and the namespaces, and removes what is too old, until `end`.
    pub async fn run(&self, end: tokio::sync::watch::Receiver<bool>) {
        let ended = |mut end: tokio::sync::watch::Receiver<bool>| async move {
            // A sender that is gone means the same as one that says so.
            let _ = end.wait_for(|ended| *ended).await;
        };
        let following = self.replica.follow(ended(end.clone()));
        let looking = self.look_after_namespaces(ended(end.clone()));
        let cleaning = self.clean_forever(ended(end));
        tokio::join!(following, looking, cleaning);
    }

    async fn look_after_namespaces(&self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        let mut settings = self.settings();
        let mut refused: Option<SourceText> = None;
        let changed = Arc::new(tokio::sync::Notify::new());
        let mut _watcher = watch(&settings.namespaces, &changed);
        loop {
            let far = is_far(&settings.namespaces);
            tokio::select! {
                () = &mut end => return,
                // What the operating system tells comes at once; what it does not tell is found by looking.
                () = changed.notified() => {}
                () = tokio::time::sleep(if far { LOOK_FAR } else { LOOK }) => {}
            }
            let now = self.settings();
            let reconfigured = !Arc::ptr_eq(&settings, &now);
            if reconfigured && settings.namespaces != now.namespaces {
                _watcher = watch(&now.namespaces, &changed);
            }
            settings = now;
            if reconfigured && let Some(keys) = page_keys(&settings, self.store_id) {
                self.pages.store(Arc::new(keys));
            }
            self.look_once(&settings, reconfigured, &mut refused).await;
        }
    }

    /// Takes over a changed source; one that cannot be used is told once, and changes nothing.
    async fn look_once(&self, settings: &Settings, reconfigured: bool, refused: &mut Option<SourceText>) {
        let told = |reason: &str| tracing::error!("{reason}\nthe namespaces in force stay as they are");
        let text = match policy::read(&settings.namespaces, &self.deps.outbound).await {
            Ok(text) => text,
            Err(reason) => {
                if self.counters.namespaces_stale.set(1) == 0 {
                    told(&reason);
                }
                return;
            }
        };
        let same = *self.source.lock() == text;
        if same && !reconfigured {
            if refused.take().is_some() {
                tracing::info!("the namespaces are again those in force");
            }
            self.counters.namespaces_stale.set(0);
            return;
        }
        if refused.as_ref() == Some(&text) && !reconfigured {
            return;
        }
        let understood = policy::understand(&text, policy::dialect(settings));
        let policy = understood.and_then(|schema| Policy::new(&schema, settings, self.replica.names()));
        match policy {
            Ok(policy) => {
                let namespaces = policy.program.schema().namespaces.len();
                self.policy.store(Arc::new(policy));
                *self.source.lock() = text;
                *refused = None;
                self.counters.namespaces_stale.set(0);
                tracing::info!(namespaces, "the namespaces were read again");
            }
            Err(reason) => {
                self.counters.namespaces_stale.set(1);
                *refused = Some(text);
                told(&reason);
            }
        }
    }

    async fn clean_forever(&self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                () = tokio::time::sleep(CLEAN) => {}
            }
            if let Err(error) = self.clean_once().await {
                tracing::warn!(%error, "what is too old could not be removed; it is tried again");
            }
        }
    }

    /// Whether the database answers and has the tables that are needed.
    ///
    /// # Errors
    /// What is missing, by the name of the check.
    pub async fn ready(&self) -> Result<(), (&'static str, Failure)> {
        self.deps.db.ping().await.map_err(|error| ("database", error.into()))
    }
}

/// Has the operating system tell when the folder of a source changes, where it can.
fn watch(source: &NamespaceSource, changed: &Arc<tokio::sync::Notify>) -> Option<notify::RecommendedWatcher> {
    use notify::Watcher as _;
    let folder = policy::folder(source)?;
    let changed = Arc::clone(changed);
    let mut watcher = notify::recommended_watcher(move |_| changed.notify_one()).ok()?;
    watcher.watch(&folder, notify::RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}

fn is_far(source: &NamespaceSource) -> bool {
    match source {
        NamespaceSource::Named(_) => false,
        NamespaceSource::Address(address) | NamespaceSource::Definitions { location: address, .. } => {
            address.starts_with("http")
        }
    }
}

/// Without secrets of the configuration, a key that follows from the store's random id, which is shown to nobody: so pages
/// go on at every node.
fn page_keys(settings: &Settings, store_id: Uuid) -> Option<Sealer> {
    let configured = settings.secrets.pagination.clone();
    let keys = if configured.is_empty() { vec![Secret::new(store_id.to_string())] } else { configured };
    Sealer::new(keys).ok()
}
