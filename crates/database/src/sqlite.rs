//! The SQLite side: one writer behind a fair lock, a few readers, all of it run inline (a point read takes less time
//! than handing it to another thread would).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ffi};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::dsn::SqliteDsn;
use crate::transaction::Mode;
use crate::value::time_to_text;
use crate::{DbError, Row, Value};

/// How long to wait for the writer's turn, and for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prepared statements that each connection keeps: about as many as limen has.
const STATEMENTS: usize = 512;

/// An SQLite file with its connections.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Arc<tokio::sync::Mutex<rusqlite::Connection>>,
    readers: Arc<Readers>,
    /// Last, so that the connections are closed before a temporary file goes.
    _folder: Option<tempfile::TempDir>,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    synchronous: &'static str,
    idle: Mutex<Vec<rusqlite::Connection>>,
    permits: Arc<Semaphore>,
}

/// A connection for the time of one transaction.
#[derive(Debug)]
pub(crate) enum Lease {
    Writer(OwnedMutexGuard<rusqlite::Connection>),
    Reader(Reader),
}

#[derive(Debug)]
pub(crate) struct Reader {
    /// `None` only while it is being dropped.
    connection: Option<rusqlite::Connection>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Sqlite {
    pub(crate) fn open(dsn: &SqliteDsn) -> Result<Self, DbError> {
        let (path, folder) = match &dsn.path {
            Some(path) => (path.clone(), None),
            None => {
                let folder = tempfile::Builder::new().prefix("limen-").tempdir().map_err(DbError::other)?;
                (folder.path().join("limen.sqlite"), Some(folder))
            }
        };
        create_private(&path)?;
        let writer = connect(&path, dsn.synchronous)?;
        let permits = std::thread::available_parallelism().map_or(4, usize::from).max(4);
        let readers = Readers {
            path,
            synchronous: dsn.synchronous,
            idle: Mutex::new(Vec::new()),
            permits: Arc::new(Semaphore::new(permits)),
        };
        Ok(Self { writer: Arc::new(tokio::sync::Mutex::new(writer)), readers: Arc::new(readers), _folder: folder })
    }

    pub(crate) async fn begin(&self, mode: Mode) -> Result<Lease, DbError> {
        if mode == Mode::Read {
            let permit = self.readers.permit().await?;
            let connection = self.readers.take()?;
            let reader = Reader { connection: Some(connection), readers: Arc::clone(&self.readers), _permit: permit };
            let lease = Lease::Reader(reader);
            control(lease.connection(), "BEGIN")?;
            return Ok(lease);
        }
        // Without a timer where nobody waits, which is the common case. A queue is not jumped: the lock is taken then.
        let guard = match Arc::clone(&self.writer).try_lock_owned() {
            Ok(guard) => guard,
            Err(_) => tokio::time::timeout(PATIENCE, Arc::clone(&self.writer).lock_owned())
                .await
                .map_err(|_| DbError::Unavailable("another transaction holds the writer for too long".to_owned()))?,
        };
        let mut lease = Lease::Writer(guard);
        begin_immediate(&mut lease).await?;
        Ok(lease)
    }
}

/// Inside this process the lock keeps the order; another process can hold the file, which is waited for without
/// blocking the thread. (`&mut`, as a shared reference to a connection could not move between threads.)
async fn begin_immediate(lease: &mut Lease) -> Result<(), DbError> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        match control(lease.connection(), "BEGIN IMMEDIATE") {
            Err(DbError::Serialization) if Instant::now() < deadline => {}
            Err(DbError::Serialization) => {
                return Err(DbError::Unavailable("another process holds the database file".to_owned()));
            }
            other => return other,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

impl Readers {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, DbError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| DbError::Unavailable("all readers are busy".to_owned()))?
            .map_err(DbError::other)
    }

    fn take(&self) -> Result<rusqlite::Connection, DbError> {
        if let Some(connection) = self.idle.lock().pop() {
            return Ok(connection);
        }
        let connection = connect(&self.path, self.synchronous)?;
        connection.pragma_update(None, "query_only", true).map_err(error)?;
        Ok(connection)
    }
}

impl Lease {
    pub(crate) fn connection(&self) -> Option<&rusqlite::Connection> {
        match self {
            Self::Writer(guard) => Some(guard),
            Self::Reader(reader) => reader.connection.as_ref(),
        }
    }

    fn roll_back(&self) {
        if let Some(connection) = self.connection()
            && !connection.is_autocommit()
            && let Err(cause) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(error = %error(cause), "a transaction could not be rolled back");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.roll_back();
        if let Self::Reader(reader) = self
            && let Some(connection) = reader.connection.take()
        {
            reader.readers.idle.lock().push(connection);
        }
    }
}

/// Makes the file with access for its owner alone: it holds secrets. The WAL file takes over the same mode.
fn create_private(path: &Path) -> Result<(), DbError> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(DbError::Dsn(format!("the folder {} does not exist: create it first", folder.display())));
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|cause| DbError::Dsn(format!("the file {} cannot be created: {cause}", path.display())))
}

/// Opens a connection with the settings that all share. LIKE tells cases apart, as it does in PostgreSQL.
///
/// Durability: `synchronous=NORMAL` in WAL mode hands each commit to the operating system before it is acknowledged, so
/// that it survives the end of the process, SIGKILL included. Loss of power can take back the last commits, whole and in
/// order, and never damages the file. `?_synchronous=FULL` waits for the disk at each commit and survives that too, at
/// the price of a disk flush each.
fn connect(path: &Path, synchronous: &str) -> Result<rusqlite::Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags)
        .map_err(|cause| DbError::Dsn(format!("the file {} cannot be opened: {}", path.display(), error(cause))))?;
    // Long while opening, as another process may be recovering the WAL; short afterwards, as waiting blocks a thread.
    connection.busy_timeout(PATIENCE).map_err(error)?;
    let journal: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(error)?;
    if journal != "wal" {
        return Err(DbError::Dsn(format!("the file system of {} does not support SQLite's WAL", path.display())));
    }
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864; PRAGMA case_sensitive_like = ON;"
        ))
        .map_err(error)?;
    connection.busy_timeout(Duration::from_millis(20)).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

pub(crate) fn rows(
    connection: Option<&rusqlite::Connection>,
    text: &str,
    values: &[Value],
) -> Result<Vec<Row>, DbError> {
    let mut statement = open(connection)?.prepare_cached(text).map_err(error)?;
    bind(&mut statement, values)?;
    let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let mut cursor = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = cursor.next().map_err(error)? {
        let values = (0..columns.len())
            .map(|index| from_sqlite(row.get_ref(index).map_err(error)?))
            .collect::<Result<_, _>>()?;
        rows.push(Row::new(Arc::clone(&columns), values));
    }
    Ok(rows)
}

pub(crate) fn execute(connection: Option<&rusqlite::Connection>, text: &str, values: &[Value]) -> Result<u64, DbError> {
    let mut statement = open(connection)?.prepare_cached(text).map_err(error)?;
    bind(&mut statement, values)?;
    // Not raw_execute: it refuses a statement with RETURNING, which PostgreSQL runs without complaint.
    let read_only = statement.readonly();
    let mut cursor = statement.raw_query();
    let mut given = 0;
    while cursor.next().map_err(error)?.is_some() {
        given += 1;
    }
    drop(cursor);
    Ok(if read_only { given } else { open(connection)?.changes() })
}

/// BEGIN and COMMIT, which are read once and kept, as every transaction needs them.
pub(crate) fn control(connection: Option<&rusqlite::Connection>, text: &str) -> Result<(), DbError> {
    let mut statement = open(connection)?.prepare_cached(text).map_err(error)?;
    statement.raw_execute().map(drop).map_err(error)
}

pub(crate) fn script(connection: Option<&rusqlite::Connection>, text: &str) -> Result<(), DbError> {
    open(connection)?.execute_batch(text).map_err(error)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) fn prepare(connection: Option<&rusqlite::Connection>, text: &str) -> Result<(), DbError> {
    open(connection)?.prepare(text).map(drop).map_err(error)
}

fn open(connection: Option<&rusqlite::Connection>) -> Result<&rusqlite::Connection, DbError> {
    connection.ok_or_else(|| DbError::Other("the transaction is over".to_owned()))
}

fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value]) -> Result<(), DbError> {
    let wanted = statement.parameter_count();
    if wanted != values.len() {
        return Err(DbError::Other(format!("the statement takes {wanted} values and got {}", values.len())));
    }
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Parameter(value)).map_err(error)?;
    }
    Ok(())
}

struct Parameter<'a>(&'a Value);

impl rusqlite::ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(truth) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*truth))),
            Value::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Uuid(id) => ToSqlOutput::Owned(id.hyphenated().to_string().into()),
            Value::Time(instant) => ToSqlOutput::Owned(time_to_text(*instant).into()),
            Value::Json(json) => ToSqlOutput::Owned(json.to_string().into()),
        })
    }
}

fn from_sqlite(value: ValueRef<'_>) -> Result<Value, DbError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(DbError::other)?.to_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => {
            return Err(DbError::Other("the answer holds a fraction, which no column keeps".to_owned()));
        }
    })
}

/// Tells SQLite's errors apart (result codes: sqlite.org/rescode.html).
fn error(cause: rusqlite::Error) -> DbError {
    let rusqlite::Error::SqliteFailure(code, message) = &cause else {
        return DbError::other(cause);
    };
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            return DbError::UniqueViolation { constraint: constraint(message.as_deref().unwrap_or_default()) };
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return DbError::ForeignKeyViolation,
        _ => {}
    }
    match code.code {
        ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked => DbError::Serialization,
        ffi::ErrorCode::DiskFull => DbError::Full,
        ffi::ErrorCode::CannotOpen | ffi::ErrorCode::SystemIoFailure => DbError::Unavailable(cause.to_string()),
        _ => DbError::other(cause),
    }
}

/// `UNIQUE constraint failed: a.b, a.c` or `UNIQUE constraint failed: index 'name'`.
fn constraint(message: &str) -> String {
    let subject = message.split_once("failed: ").map_or(message, |(_, subject)| subject);
    subject.strip_prefix("index '").and_then(|name| name.strip_suffix('\'')).unwrap_or(subject).to_owned()
}
