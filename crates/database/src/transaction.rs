//! Transactions: the only way to the data. `transact!` writes, `read!` reads; both run their body again when it met
//! another transaction, so a body does nothing that cannot be repeated: no mail, no HTTP, no message to other tasks.

use std::ops::ControlFlow;
use std::time::Duration;

use foundation::{Rng, SystemRng, Timestamp};

use crate::feed::{self, Change};
use crate::sqlite::Lease;
use crate::{Db, DbError, Row, Statement, Value, postgres, sqlite};

/// How often a body runs at most. In small tables PostgreSQL locks whole pages and tables against others' writes: of two dozen
/// people who signed in at once, five runs were too few for some; two nodes on a machine with ten times the work it can do met
/// ten times in a row. The pauses in between grow, so that twenty runs take about five seconds.
const ATTEMPTS: u32 = 20;

/// What a transaction may do.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reads and writes, as if no other transaction ran at the same time.
    Write,
    /// Reads, all of one instant.
    Read,
    /// One statement that guards itself.
    Alone,
    /// Holds a row that keeps other starters from migrating at the same time; may last.
    Migrate,
}

/// Errors that say whether the transaction that ended with them may be done again.
pub trait Retry {
    /// Whether the same transaction may succeed when it is done again from its beginning.
    fn is_retryable(&self) -> bool;
}

impl Retry for DbError {
    fn is_retryable(&self) -> bool {
        Self::is_retryable(self)
    }
}

/// An open transaction. Dropping it takes back what it did.
///
/// After a statement has failed, the transaction can only be taken back, on every engine (PostgreSQL works that way;
/// SQLite does not by itself): later statements and the commit give the same error again. To act on an error, such
/// as a unique violation, let the transaction end with it and start another one; to avoid it, use
/// `ON CONFLICT … DO NOTHING`.
#[derive(Debug)]
pub struct Tx {
    connection: Option<Connection>,
    failed: Option<DbError>,
    /// A statement was sent and its answer has not come: `true` for later ones if its future was dropped.
    running: bool,
    #[cfg(any(test, feature = "testing"))]
    disturbance: Option<crate::testing::Planned>,
    changes: Vec<Change>,
}

#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(Lease),
    Postgres(postgres::Session),
}

impl Tx {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            failed: None,
            running: false,
            #[cfg(any(test, feature = "testing"))]
            disturbance: None,
            changes: Vec::new(),
        }
    }

    /// All rows that `statement` gives.
    ///
    /// # Errors
    /// What the database says, see [`DbError`].
    pub async fn rows(&mut self, statement: Statement, values: &[Value]) -> Result<Vec<Row>, DbError> {
        self.start(values)?;
        #[cfg(any(test, feature = "testing"))]
        self.meet(false).await?;
        let result = match &mut self.connection {
            Some(Connection::Sqlite(lease)) => sqlite::rows(lease.connection(), statement.for_sqlite(), values),
            Some(Connection::Postgres(session)) => session.rows(statement.text(), values).await,
            None => Err(over()),
        };
        self.remember(result)
    }

    /// The first row that `statement` gives, if it gives one.
    ///
    /// # Errors
    /// What the database says, see [`DbError`].
    pub async fn row(&mut self, statement: Statement, values: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.rows(statement, values).await?.into_iter().next())
    }

    /// Runs `statement` and says how many rows it changed.
    ///
    /// # Errors
    /// What the database says, see [`DbError`].
    pub async fn execute(&mut self, statement: Statement, values: &[Value]) -> Result<u64, DbError> {
        self.start(values)?;
        #[cfg(any(test, feature = "testing"))]
        self.meet(false).await?;
        let result = match &mut self.connection {
            Some(Connection::Sqlite(lease)) => sqlite::execute(lease.connection(), statement.for_sqlite(), values),
            Some(Connection::Postgres(session)) => session.execute(statement.text(), values).await,
            None => Err(over()),
        };
        self.remember(result)
    }

    /// Notes that what others remember is no longer so. Once the transaction is committed, and only then, everybody is told:
    /// see [`feed`].
    pub fn changed(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Writes what changed to the feed. The last thing before the commit.
    pub(crate) async fn write_changes(&mut self, now: Timestamp) -> Result<Vec<Change>, DbError> {
        let changes = std::mem::take(&mut self.changes);
        feed::write(self, &changes, now).await?;
        Ok(changes)
    }

    /// What a text gives that is the engine's own and no statement of limen: questions to its catalogue.
    pub(crate) async fn ask(&mut self, text: &str) -> Result<Vec<Row>, DbError> {
        self.start(&[])?;
        let result = match &mut self.connection {
            Some(Connection::Sqlite(lease)) => sqlite::rows(lease.connection(), text, &[]),
            Some(Connection::Postgres(session)) => session.rows(text, &[]).await,
            None => Err(over()),
        };
        self.remember(result)
    }

    /// Runs a script without parameters: schema changes.
    pub(crate) async fn script(&mut self, text: &str) -> Result<(), DbError> {
        self.start(&[])?;
        let result = match &mut self.connection {
            Some(Connection::Sqlite(lease)) => sqlite::script(lease.connection(), text),
            Some(Connection::Postgres(session)) => session.script(text).await,
            None => Err(over()),
        };
        self.remember(result)
    }

    /// Has the engine read `statement` without running it.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn prepare(&mut self, statement: Statement) -> Result<(), DbError> {
        match &mut self.connection {
            Some(Connection::Sqlite(lease)) => sqlite::prepare(lease.connection(), statement.for_sqlite()),
            Some(Connection::Postgres(session)) => session.prepare(statement.text()).await,
            None => Err(over()),
        }
    }

    /// Fails here if that was planned.
    #[cfg(any(test, feature = "testing"))]
    async fn meet(&mut self, last: bool) -> Result<(), DbError> {
        let Some(mut planned) = self.disturbance else { return Ok(()) };
        let due = planned.is_due(last);
        self.disturbance = Some(planned);
        if !due {
            return Ok(());
        }
        let result = match &mut self.connection {
            Some(Connection::Postgres(session)) => session.script(planned.script()).await,
            _ => Err(DbError::Serialization),
        };
        self.remember(result)
    }

    pub(crate) async fn commit(mut self) -> Result<(), DbError> {
        #[cfg(any(test, feature = "testing"))]
        if self.failed.is_none() {
            let _ = self.meet(true).await;
        }
        if let Err(error) = self.stands() {
            self.rollback().await;
            return Err(error);
        }
        match &mut self.connection {
            // On failure SQLite may leave the transaction open; dropping the lease takes it back.
            Some(Connection::Sqlite(lease)) => sqlite::control(lease.connection(), "COMMIT"),
            Some(Connection::Postgres(session)) => session.end("COMMIT").await,
            None => Err(over()),
        }
    }

    /// Takes back what the transaction did. A failure is not told: the connection is dropped then, which does the same.
    pub(crate) async fn rollback(mut self) {
        if let Some(Connection::Postgres(session)) = &mut self.connection
            && let Err(error) = session.end("ROLLBACK").await
        {
            tracing::debug!(%error, "a transaction could not be rolled back by itself");
        }
    }

    /// Whether all statements so far have succeeded.
    fn stands(&self) -> Result<(), DbError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if self.running => {
                Err(DbError::Other("a statement of the transaction was given up half-way".to_owned()))
            }
            None => Ok(()),
        }
    }

    fn start(&mut self, values: &[Value]) -> Result<(), DbError> {
        self.stands()?;
        self.running = true;
        let result = values.iter().try_for_each(Value::check);
        if result.is_err() { self.remember(result) } else { Ok(()) }
    }

    fn remember<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        self.running = false;
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }
}

fn over() -> DbError {
    DbError::Other("the transaction is over".to_owned())
}

/// The state of `transact!` and `read!` between the runs of a body.
#[doc(hidden)]
#[derive(Debug)]
pub struct Attempts<'a> {
    db: &'a Db,
    mode: Mode,
    made: u32,
    rehearse: bool,
}

impl<'a> Attempts<'a> {
    /// No run yet.
    pub fn new(db: &'a Db, mode: Mode) -> Self {
        Self { db, mode, made: 0, rehearse: mode == Mode::Write && db.rehearses() }
    }

    /// Opens the transaction of the next run.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if there is no connection to be had.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let transaction = self.db.begin(self.mode).await;
        #[cfg(any(test, feature = "testing"))]
        if self.mode == Mode::Write && !self.rehearse {
            return transaction.map(|tx| Tx { disturbance: self.db.disturb(self.made), ..tx });
        }
        transaction
    }

    /// Ends a run: `Break` with the result of the whole, or `Continue` for another run.
    pub async fn finish<T, E: From<DbError> + Retry>(
        &mut self,
        transaction: Tx,
        outcome: Result<T, E>,
    ) -> ControlFlow<Result<T, E>> {
        if self.rehearse {
            self.rehearse = false;
            transaction.rollback().await;
            return ControlFlow::Continue(());
        }
        self.made += 1;
        let result = match outcome {
            Ok(value) => self.commit(transaction).await.map(|()| value).map_err(E::from),
            Err(error) => {
                transaction.rollback().await;
                Err(error)
            }
        };
        match result {
            Err(error) if error.is_retryable() && self.made < ATTEMPTS => {
                tokio::time::sleep(pause(self.made)).await;
                ControlFlow::Continue(())
            }
            result => ControlFlow::Break(result),
        }
    }
}

impl Attempts<'_> {
    /// Commits, and tells those who listen in this program before the caller goes on.
    async fn commit(&self, mut transaction: Tx) -> Result<(), DbError> {
        let changes = match transaction.write_changes(self.db.clock().now()).await {
            Ok(changes) => changes,
            Err(error) => {
                transaction.rollback().await;
                return Err(error);
            }
        };
        transaction.commit().await?;
        if !changes.is_empty() {
            self.db.announce(&changes);
        }
        Ok(())
    }
}

/// Doubles from about 5 ms, give or take half of it, so that those who met do not meet again.
fn pause(made: u32) -> Duration {
    let mut random = [0];
    SystemRng.fill(&mut random);
    let base = 5_000_u64 << made.min(6);
    Duration::from_micros(base / 2 + base * u64::from(random[0]) / 256)
}

/// Names the type of an inline body, so that `?` in it knows its error type.
#[doc(hidden)]
pub fn typed<T, E, F: Future<Output = Result<T, E>>>(body: F) -> F {
    body
}

/// Runs a body in a transaction that can read and write, and commits it when the body ends with `Ok`.
///
/// ```ignore
/// transact!(db, |tx| -> Result<u64, DbError> { tx.execute(sql!("DELETE FROM a WHERE b = $1"), params![b]).await }).await?;
/// transact!(db, |tx| { store::save(tx, &thing).await?; Ok::<_, StoreError>(()) }).await?;
/// ```
///
/// It is a future of `Result<T, E>`, where `E: From<DbError> + Retry`. The isolation is SERIALIZABLE on every engine.
/// A body that meets another transaction runs twenty times at most; a body that ends with `Err`, panics or is
/// dropped half-way leaves nothing behind. The body borrows what it uses and cannot use it up. Never open one
/// transaction inside another: on SQLite it waits for itself.
#[macro_export]
macro_rules! transact {
    ($db:expr, |$tx:ident| -> Result<$value:ty, $error:ty> $body:block) => {
        $crate::run!($db, Write, $tx, $value, $error, $body)
    };
    ($db:expr, |$tx:ident| $body:block) => {
        $crate::run!($db, Write, $tx, _, _, $body)
    };
}

/// Runs a body over one unchanging view of the data; writing in it is an error. The shape is that of `transact!`.
///
/// On PostgreSQL the isolation is REPEATABLE READ READ ONLY: all statements see one snapshot, which is all that a
/// body without writes can use, and unlike SERIALIZABLE it takes no predicate locks and makes no writer give way. What
/// it allows, and SERIALIZABLE does not, is to see a state between two writers that no order of them explains:
/// decisions that guard a write belong into `transact!`.
#[macro_export]
macro_rules! read {
    ($db:expr, |$tx:ident| -> Result<$value:ty, $error:ty> $body:block) => {
        $crate::run!($db, Read, $tx, $value, $error, $body)
    };
    ($db:expr, |$tx:ident| $body:block) => {
        $crate::run!($db, Read, $tx, _, _, $body)
    };
}

/// The common part of `transact!` and `read!`. Inline, not a function that takes a closure: the future of such a
/// function is not `Send` for all lifetimes, which axum needs.
#[doc(hidden)]
#[macro_export]
macro_rules! run {
    ($db:expr, $mode:ident, $tx:ident, $value:ty, $error:ty, $body:block) => {
        async {
            let db: &$crate::Db = &$db;
            let mut attempts = $crate::expansion::Attempts::new(db, $crate::expansion::Mode::$mode);
            loop {
                let mut transaction = match attempts.begin().await {
                    ::core::result::Result::Ok(transaction) => transaction,
                    ::core::result::Result::Err(error) => {
                        break ::core::result::Result::Err(::core::convert::From::from(error));
                    }
                };
                let outcome = {
                    let $tx: &mut $crate::Tx = &mut transaction;
                    $crate::expansion::typed::<$value, $error, _>(async { $body }).await
                };
                if let ::core::ops::ControlFlow::Break(result) = attempts.finish(transaction, outcome).await {
                    break result;
                }
            }
        }
    };
}
