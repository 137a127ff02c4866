//! What this node holds of the store: a graph that follows the log of committed revisions. A writer on this node hands its
//! changes over at once; those of other nodes are fetched. A question waits until the state that it needs is here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use database::{Db, DbError, read};
use foundation::{Timestamp, Uuid};
use tokio::sync::{Mutex, Notify, watch};

use crate::engine::{Delta, Graph, Names, Snapshot};
use crate::failure::Failure;
use crate::model::Change;
use crate::store::heads::{self, Head};
use crate::store::revisions::{self, Revision};
use crate::store::tuples;

/// How often the log is looked at when nobody waits.
const POLL: Duration = Duration::from_millis(80);

/// How long a question waits for the state that it needs.
const PATIENCE: Duration = Duration::from_secs(3);

/// Revisions that are fetched at once.
const BATCH: i64 = 500;

/// Tuples that are loaded at once.
const PAGE: i64 = 20_000;

/// How many older revisions can be asked exactly.
const WINDOW: usize = 4096;

/// What this node holds.
#[derive(Debug)]
pub struct Replica {
    db: Db,
    tenant: Uuid,
    names: Arc<Names>,
    /// Without it only the revisions are followed: questions go to the database.
    holds_tuples: bool,
    graph: ArcSwap<Graph>,
    /// Held while revisions are applied, so that each is applied once and in order.
    applying: Mutex<()>,
    applied: watch::Sender<u64>,
    wake: Notify,
    /// The newest revision: asked once for all who wait.
    index: Arc<ReadIndex>,
    /// The newest revision that a writer of this node has committed.
    acknowledged: AtomicU64,
    reloads: AtomicU64,
}

/// Asks for the newest revision, once for all questions that came before the asking began.
#[derive(Debug)]
struct ReadIndex {
    state: parking_lot::Mutex<Asking>,
    /// The number of the last asking that has ended, and what came of it.
    ended: watch::Sender<(u64, Result<u64, DbError>)>,
}

#[derive(Debug, Default)]
struct Asking {
    begun: u64,
    running: bool,
}

impl ReadIndex {
    fn end(&self, number: u64, result: Result<u64, DbError>) {
        // First the end of the asking, so that who is woken by the result can begin another one.
        self.state.lock().running = false;
        drop(self.ended.send_replace((number, result)));
    }
}

impl Replica {
    /// Loads everything, saying now and then how far it is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn load(db: Db, tenant: Uuid, names: Arc<Names>, holds_tuples: bool) -> Result<(Self, Head), DbError> {
        let (head, graph) = load_graph(&db, tenant, &names, holds_tuples).await?;
        let replica = Self {
            db,
            tenant,
            names,
            holds_tuples,
            graph: ArcSwap::from_pointee(graph),
            applying: Mutex::new(()),
            applied: watch::Sender::new(head.revision),
            wake: Notify::new(),
            index: Arc::new(ReadIndex {
                state: parking_lot::Mutex::default(),
                ended: watch::Sender::new((0, Ok(head.revision))),
            }),
            acknowledged: AtomicU64::new(head.revision),
            reloads: AtomicU64::new(0),
        };
        Ok((replica, head))
    }

    /// The numbers of names, for compiling namespaces.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Whether relationships are held in memory.
    pub fn holds_tuples(&self) -> bool {
        self.holds_tuples
    }

    /// The newest revision that this node holds.
    pub fn held(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Follows the revisions as they come.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// How often everything had to be loaded again because the log was gone.
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// The state of this moment, whichever it is.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.graph.load().latest()
    }

    /// Exactly the state at a revision, once it is here.
    ///
    /// # Errors
    /// [`Failure::Behind`] if it does not come; 410 if it is too old.
    pub async fn exactly(&self, revision: u64) -> Result<Arc<Snapshot>, Failure> {
        self.reach(revision).await?;
        let found = self.graph.load().at(revision);
        found.ok_or_else(|| crate::PermissionError::UnknownRevision(revision).into())
    }

    /// A state at or behind a revision, once it is here.
    ///
    /// # Errors
    /// [`Failure::Behind`] if it does not come.
    pub async fn at_least(&self, revision: u64) -> Result<Arc<Snapshot>, Failure> {
        self.reach(revision).await?;
        Ok(self.latest())
    }

    /// A state with everything that was acknowledged, by any node, before this was called.
    ///
    /// # Errors
    /// The database cannot be asked, or the state does not come.
    pub async fn current(&self) -> Result<Arc<Snapshot>, Failure> {
        // INVARIANT: SQLite has one node, so that all writers are here.
        let newest = match self.db.engine() {
            database::Engine::Sqlite => self.acknowledged.load(Ordering::Acquire),
            _ => self.newest().await?,
        };
        self.at_least(newest).await
    }

    async fn reach(&self, revision: u64) -> Result<(), Failure> {
        let mut applied = self.applied.subscribe();
        if *applied.borrow() >= revision {
            return Ok(());
        }
        self.wake.notify_one();
        let waited = tokio::time::timeout(PATIENCE, applied.wait_for(|held| *held >= revision)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Failure::Behind { wanted: revision, held: self.held() }),
        }
    }

    /// The newest revision of the store. One query answers all who came before it began.
    async fn newest(&self) -> Result<u64, DbError> {
        let mut ended = self.index.ended.subscribe();
        let before = self.index.state.lock().begun;
        loop {
            let (number, result) = ended.borrow_and_update().clone();
            if number > before {
                return result;
            }
            self.ask();
            if ended.changed().await.is_err() {
                return Err(DbError::Other("the service has ended".to_owned()));
            }
        }
    }

    /// Begins to ask, unless that is going on. In a task of its own: whoever waits may go away.
    fn ask(&self) {
        let number = {
            let mut state = self.index.state.lock();
            if state.running {
                return;
            }
            state.running = true;
            state.begun += 1;
            state.begun
        };
        let (db, tenant) = (self.db.clone(), self.tenant);
        let asking = async move {
            let head = read!(db, |tx| -> Result<Option<Head>, DbError> { heads::head_find(tx, tenant).await }).await;
            head.map(|head| head.map_or(0, |head| head.revision))
        };
        let index = Arc::clone(&self.index);
        tokio::spawn(async move {
            let result = asking.await;
            index.end(number, result);
        });
    }

    /// Takes over what a writer of this node has committed. If others' revisions are missing in between, they are fetched
    /// first.
    ///
    /// # Errors
    /// What the database says. The revision is committed all the same, and comes with the next look at the log.
    pub async fn committed(&self, revision: u64, changes: &[Change]) -> Result<(), DbError> {
        self.acknowledged.fetch_max(revision, Ordering::AcqRel);
        {
            let _applying = self.applying.lock().await;
            let held = self.held();
            if held >= revision {
                return Ok(());
            }
            if held + 1 == revision {
                self.apply(revision, changes);
                return Ok(());
            }
        }
        self.catch_up().await
    }

    fn apply(&self, revision: u64, changes: &[Change]) {
        let kept = if self.holds_tuples { changes } else { &[] };
        let deltas: Vec<Delta> = kept
            .iter()
            .map(|change| match change {
                Change::Insert(tuple) => Delta::Insert(tuple.clone()),
                Change::Delete(tuple) => Delta::Delete(tuple.clone()),
            })
            .collect();
        self.graph.load().apply(revision, &deltas);
        self.applied.send_replace(revision);
    }

    /// Fetches and applies all that this node lacks; loads everything again where the log is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn catch_up(&self) -> Result<(), DbError> {
        let _applying = self.applying.lock().await;
        loop {
            let held = self.held();
            let (db, tenant) = (&self.db, self.tenant);
            let (head, found) = read!(db, |tx| -> Result<(Option<Head>, Vec<Revision>), DbError> {
                let head = heads::head_find(tx, tenant).await?;
                let newer = head.is_some_and(|head| head.revision > held && head.pruned_to <= held);
                let found = if newer { revisions::revisions_after(tx, tenant, held, BATCH).await? } else { Vec::new() };
                Ok((head, found))
            })
            .await?;
            let Some(head) = head.filter(|head| head.revision > held) else { return Ok(()) };
            if head.pruned_to > held || found.is_empty() {
                tracing::warn!(held, pruned_to = head.pruned_to, "the log is gone: everything is loaded again");
                let (head, graph) = load_graph(&self.db, self.tenant, &self.names, self.holds_tuples).await?;
                self.graph.store(Arc::new(graph));
                self.reloads.fetch_add(1, Ordering::Relaxed);
                self.applied.send_replace(head.revision);
                return Ok(());
            }
            for entry in found {
                self.apply(entry.revision, &entry.changes);
            }
        }
    }

    /// Follows the log until `end`.
    pub async fn follow(&self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        let mut failing = false;
        loop {
            tokio::select! {
                () = &mut end => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            match self.catch_up().await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!(held = self.held(), "the log of changes is followed again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "the log of changes cannot be followed; questions for the latest are refused");
                    }
                    failing = true;
                }
            }
        }
    }
}

async fn load_graph(db: &Db, tenant: Uuid, names: &Arc<Names>, holds_tuples: bool) -> Result<(Head, Graph), DbError> {
    let started: Timestamp = db.clock().now();
    read!(db, |tx| -> Result<(Head, Graph), DbError> {
        let head = heads::head_find(tx, tenant).await?;
        let head = head.ok_or_else(|| DbError::Other("the store has no head".to_owned()))?;
        let mut loader = Graph::loader(Arc::clone(names));
        if !holds_tuples {
            return Ok((head, loader.finish(head.revision, 1)));
        }
        let total = tuples::tuples_count(tx, tenant).await?;
        let (mut behind, mut loaded, mut told) = (Vec::new(), 0_i64, 0_i64);
        loop {
            let page = tuples::tuples_walk(tx, tenant, &behind, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            behind.clone_from(last);
            for (_, tuple) in &page {
                loader.add(tuple);
            }
            loaded += i64::try_from(page.len()).unwrap_or(i64::MAX);
            if loaded - told >= 500_000 {
                told = loaded;
                tracing::info!(loaded, total, "loading relationships");
            }
        }
        let graph = loader.finish(head.revision, WINDOW);
        let took = db.clock().now().duration_since(started);
        tracing::info!(relationships = loaded, revision = head.revision, ms = took.as_millis() as i64, "loaded");
        Ok((head, graph))
    })
    .await
}
