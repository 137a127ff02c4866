//! The handle to a database that everything else carries around.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foundation::Clock;
use parking_lot::RwLock;

use crate::dsn::Dsn;
use crate::feed::{Change, Listener};
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::transaction::{Attempts, Connection, Mode};
use crate::{DbError, Row, Statement, Tx, Value};

/// Which engine keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, inside this process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// CockroachDB.
    Cockroach,
    /// YugabyteDB.
    Yugabyte,
}

/// A database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Db(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    clock: Arc<dyn Clock>,
    description: String,
    rehearsal: AtomicBool,
    #[cfg(any(test, feature = "testing"))]
    disturbance: parking_lot::Mutex<Option<Arc<crate::testing::Disturbance>>>,
    listeners: RwLock<Vec<Arc<dyn Listener>>>,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// Opens the database that `dsn` names: `memory`, `sqlite://path`, `sqlite:///absolute/path`, `postgres://…`,
    /// `postgresql://…`, `cockroach://…` or `yugabyte://…`.
    ///
    /// `memory` is a private temporary file that goes when the last clone does.
    ///
    /// # Errors
    /// [`DbError::Dsn`] if the DSN cannot be used, [`DbError::Unavailable`] if the server does not answer.
    pub async fn open(dsn: &str, clock: Arc<dyn Clock>) -> Result<Self, DbError> {
        let parsed = Dsn::parse(dsn)?;
        let description = parsed.describe();
        let backend = match parsed {
            Dsn::Sqlite(sqlite) => Backend::Sqlite(Sqlite::open(&sqlite)?),
            Dsn::Postgres(postgres) => Backend::Postgres(Postgres::open(*postgres).await?),
        };
        Ok(Self(Arc::new(Inner {
            backend,
            clock,
            description,
            rehearsal: AtomicBool::new(false),
            #[cfg(any(test, feature = "testing"))]
            disturbance: parking_lot::Mutex::default(),
            listeners: RwLock::default(),
        })))
    }

    /// The engine, as the server itself names it.
    pub fn engine(&self) -> Engine {
        match &self.0.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(postgres) => postgres.engine(),
        }
    }

    /// The clock that was passed to [`Db::open`], for work that holds nothing but a database.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        let mut transaction = self.begin(Mode::Read).await?;
        transaction.row(crate::sql!("SELECT 1 AS one"), &[]).await?;
        transaction.commit().await
    }

    /// Runs one statement in a transaction of its own and gives its rows: for counters that many want to change at once.
    ///
    /// The statement has to guard itself, like an `INSERT … ON CONFLICT … DO UPDATE … WHERE`: on PostgreSQL it runs under
    /// READ COMMITTED, where it waits for another's change to the same row and then looks at the row anew, so that it
    /// never fails for having met somebody. It may be lost when the database server crashes a moment later.
    ///
    /// # Errors
    /// What the database says.
    pub async fn alone(&self, statement: Statement, values: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut attempts = Attempts::new(self, Mode::Alone);
        loop {
            let mut transaction = attempts.begin().await?;
            let outcome = transaction.rows(statement, values).await;
            if let ControlFlow::Break(result) = attempts.finish(transaction, outcome).await {
                return result;
            }
        }
    }

    /// The DSN without its password, for logs.
    pub fn describe(&self) -> &str {
        &self.0.description
    }

    /// Test mode: each body of `transact!` runs twice, and the first run is rolled back. Finds bodies that cannot be
    /// repeated.
    pub fn set_rehearsal(&self, on: bool) {
        self.0.rehearsal.store(on, Ordering::Relaxed);
    }

    /// Tells `listener` of all changes from now on: those of this program at once, those of others as a [`crate::Feed`] reads
    /// them.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.0.listeners.write().push(listener);
    }

    pub(crate) fn announce(&self, changes: &[Change]) {
        for listener in self.0.listeners.read().iter() {
            listener.changed(changes);
        }
    }

    pub(crate) fn announce_lapse(&self) {
        for listener in self.0.listeners.read().iter() {
            listener.lapsed();
        }
    }

    pub(crate) fn rehearses(&self) -> bool {
        self.0.rehearsal.load(Ordering::Relaxed)
    }

    /// Test mode: transactions that write fail and have to be done again, as the disturbance says.
    #[cfg(any(test, feature = "testing"))]
    pub fn set_disturbance(&self, disturbance: Option<Arc<crate::testing::Disturbance>>) {
        *self.0.disturbance.lock() = disturbance;
    }

    /// What the next run of a transaction meets that was run `made` times before.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn disturb(&self, made: u32) -> Option<crate::testing::Planned> {
        self.0.disturbance.lock().as_ref()?.draw(made)
    }

    pub(crate) async fn begin(&self, mode: Mode) -> Result<Tx, DbError> {
        let connection = match &self.0.backend {
            Backend::Sqlite(sqlite) => Connection::Sqlite(sqlite.begin(mode).await?),
            Backend::Postgres(postgres) => Connection::Postgres(postgres.begin(mode).await?),
        };
        Ok(Tx::new(connection))
    }
}
