//! The PostgreSQL side: a pool of connections, and what PostgreSQL, CockroachDB and YugabyteDB say.

mod failure;
mod tls;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures::TryStreamExt;
use postgres_types::Type;

use self::failure::failure;
use self::wire::{Parameter, from_postgres};
use crate::dsn::PostgresDsn;
use crate::transaction::Mode;
use crate::{DbError, Engine, Row, Value};

/// How long to wait for a free connection, or for a new one.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for the end of a transaction that was dropped, before its connection is closed instead.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Both limits are set for each transaction, not for each connection, so that they hold behind a pooler.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = '30s'; \
                           SET LOCAL idle_in_transaction_session_timeout = '60s'";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '30s'; \
                          SET LOCAL idle_in_transaction_session_timeout = '60s'";
/// READ COMMITTED: it only waits for a row, and must see what those before it did. No time limit: migrations last.
const BEGIN_MIGRATE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; \
                             SET LOCAL idle_in_transaction_session_timeout = 0";

/// READ COMMITTED: a statement that meets another's change waits for it and looks again at what it left, instead of
/// failing. It does not wait for the disk: a crash of the server may forget the last moment's.
const BEGIN_ALONE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '30s'; \
                           SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL synchronous_commit = off";
/// For engines that do not know all of it.
const BEGIN_ALONE_ELSEWHERE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// A server with its pool.
pub(crate) struct Postgres {
    pool: Pool,
    engine: Engine,
    named_statements: bool,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Postgres").field("engine", &self.engine).field("pool", &self.pool.status()).finish()
    }
}

/// A connection for the time of one transaction. Dropped while the transaction is open, it rolls back in the
/// background and then goes back to the pool.
pub(crate) struct Session {
    client: Option<Object>,
    /// The statement that opens the transaction, sent together with the first one: it saves a round trip. Were it to
    /// fail, the server would refuse the first statement too, as it comes in a failed transaction. Taken in the same
    /// step in which it is sent, so that a future dropped earlier does not lose it.
    begin: Option<&'static str>,
    named_statements: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl Postgres {
    pub(crate) async fn open(dsn: PostgresDsn) -> Result<Self, DbError> {
        let connector = tls::connector(dsn.tls, dsn.root_certificates.as_deref())?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(dsn.server, connector, recycling);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // At least two: a migration holds one while it works on another.
        let size = dsn.max_connections.unwrap_or((cores * 2).max(10)).max(2);
        let (max_lifetime, max_idle_time) = (dsn.max_lifetime, dsn.max_idle_time);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                let too_old = max_lifetime.is_some_and(|limit| metrics.age() > limit);
                let too_idle = max_idle_time.is_some_and(|limit| metrics.last_used() > limit);
                if too_old || too_idle { Err(HookError::message("the connection has served its time")) } else { Ok(()) }
            }))
            .build()
            .map_err(DbError::other)?;
        let version: String = get(&pool).await?.query_one("SELECT version()", &[]).await.map_err(failure)?.get(0);
        Ok(Self { pool, engine: engine(&version), named_statements: dsn.named_statements })
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    pub(crate) async fn begin(&self, mode: Mode) -> Result<Session, DbError> {
        let begin = match mode {
            Mode::Write => BEGIN_WRITE,
            Mode::Read => BEGIN_READ,
            Mode::Alone if self.engine == Engine::Postgres => BEGIN_ALONE,
            Mode::Alone => BEGIN_ALONE_ELSEWHERE,
            Mode::Migrate => BEGIN_MIGRATE,
        };
        let client = get(&self.pool).await?;
        Ok(Session { client: Some(client), begin: Some(begin), named_statements: self.named_statements })
    }
}

fn engine(version: &str) -> Engine {
    if version.contains("CockroachDB") {
        Engine::Cockroach
    } else if version.contains("-YB-") || version.contains("Yugabyte") {
        Engine::Yugabyte
    } else {
        Engine::Postgres
    }
}

async fn get(pool: &Pool) -> Result<Object, DbError> {
    pool.get().await.map_err(|error| match error {
        PoolError::Timeout(_) => {
            DbError::Unavailable("no connection became free, or none could be made, in time".to_owned())
        }
        PoolError::Backend(error) => DbError::Unavailable(failure::describe(&error)),
        other => DbError::Unavailable(other.to_string()),
    })
}

impl Session {
    fn is_open(&self) -> bool {
        self.client.is_some() && self.begin.is_none()
    }

    fn client(&self) -> Result<&Object, DbError> {
        self.client.as_ref().ok_or_else(|| DbError::Other("the transaction is over".to_owned()))
    }

    pub(crate) async fn rows(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>, DbError> {
        let rows = self.run(text, values).await?;
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
        rows.iter()
            .map(|row| {
                let values = (0..columns.len()).map(|index| from_postgres(row, index)).collect::<Result<_, _>>()?;
                Ok(Row::new(Arc::clone(&columns), values))
            })
            .collect()
    }

    async fn run(&mut self, text: &str, values: &[Value]) -> Result<Vec<tokio_postgres::Row>, DbError> {
        if !self.named_statements {
            let typed: Vec<(Parameter<'_>, Type)> =
                values.iter().map(|value| (Parameter(value), wire::kind(value))).collect();
            let begin = self.begin.take();
            let client = self.client()?;
            let query = async { client.query_typed_raw(text, typed).await?.try_collect().await };
            return after(client, begin, query).await;
        }
        let statement = self.named(text, values).await?;
        let begin = self.begin.take();
        let client = self.client()?;
        let query = async { client.query_raw(&statement, values.iter().map(Parameter)).await?.try_collect().await };
        let result = after(client, begin, query).await;
        if result.as_ref().is_err_and(|error| *error == failure::stale_plan()) {
            client.statement_cache.clear();
            return Err(DbError::Serialization);
        }
        result
    }

    pub(crate) async fn execute(&mut self, text: &str, values: &[Value]) -> Result<u64, DbError> {
        if !self.named_statements {
            let typed: Vec<(Parameter<'_>, Type)> =
                values.iter().map(|value| (Parameter(value), wire::kind(value))).collect();
            let begin = self.begin.take();
            let client = self.client()?;
            let query = async {
                let mut rows = std::pin::pin!(client.query_typed_raw(text, typed).await?);
                while rows.try_next().await?.is_some() {}
                Ok(rows.rows_affected().unwrap_or(0))
            };
            return after(client, begin, query).await;
        }
        let statement = self.named(text, values).await?;
        let begin = self.begin.take();
        let client = self.client()?;
        after(client, begin, client.execute_raw(&statement, values.iter().map(Parameter))).await
    }

    async fn named(&self, text: &str, values: &[Value]) -> Result<tokio_postgres::Statement, DbError> {
        let statement = self.client()?.prepare_cached(text).await.map_err(failure)?;
        let wanted = statement.params().len();
        if wanted != values.len() {
            return Err(DbError::Other(format!("the statement takes {wanted} values and got {}", values.len())));
        }
        Ok(statement)
    }

    pub(crate) async fn script(&mut self, text: &str) -> Result<(), DbError> {
        let begin = self.begin.take();
        let client = self.client()?;
        after(client, begin, client.batch_execute(text)).await
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn prepare(&mut self, text: &str) -> Result<(), DbError> {
        self.client()?.prepare(text).await.map(drop).map_err(failure)
    }

    /// Ends the transaction with `text` and gives the connection back. If that fails, the connection is closed.
    pub(crate) async fn end(&mut self, text: &str) -> Result<(), DbError> {
        if !self.is_open() {
            return Ok(());
        }
        let result = self.client()?.batch_execute(text).await.map_err(failure);
        if let Some(client) = self.client.take()
            && result.is_err()
        {
            drop(Object::take(client));
        }
        result
    }
}

/// Sends `begin`, if it is still to be sent, and `query` right behind it, without waiting in between.
async fn after<T>(
    client: &Object,
    begin: Option<&str>,
    query: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DbError> {
    let Some(begin) = begin else { return query.await.map_err(failure) };
    // `join` polls in this order, and what is polled first is sent first.
    let (begun, result) = futures::future::join(client.batch_execute(begin), query).await;
    begun.map_err(failure)?;
    result.map_err(failure)
}

impl Drop for Session {
    fn drop(&mut self) {
        let open = self.is_open();
        let Some(client) = self.client.take().filter(|_| open) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Closing the connection makes the server roll back.
            return drop(Object::take(client));
        };
        runtime.spawn(async move {
            // Waits behind a statement that may still run, as connections answer in order.
            if !matches!(tokio::time::timeout(LAST_WORD, client.batch_execute("ROLLBACK")).await, Ok(Ok(()))) {
                drop(Object::take(client));
            }
        });
    }
}
