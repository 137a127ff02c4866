//! For tests only: databases that belong to one test, and the checks over all statements and migrations.
//!
//! A test runs on both engines by `for test in TestDatabase::all(&schema).await { … }`. PostgreSQL takes part if the
//! environment variable `LIMEN_TEST_POSTGRES` holds the URL of a server on which databases may be created
//! (`xtask/postgres.sh url`).
#![expect(clippy::expect_used, reason = "a test whose database cannot be made has failed")]
#![expect(clippy::print_stderr, reason = "who runs the tests must see that half of them was left out")]

mod checks;
mod disturbance;
mod dump;

use std::sync::Arc;

use foundation::{Clock, ManualClock, Rng, SystemRng};

pub use self::checks::{all_statements, prepare_all_statements, scan_schema, scan_statements};
pub use self::disturbance::Disturbance;
pub(crate) use self::disturbance::Planned;
pub use self::dump::dump_schema;
use crate::{Db, Schema};

/// A database of one test. It is gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// The database.
    pub db: Db,
    /// The DSN under which a second program would open it; `memory` cannot be opened twice.
    pub dsn: String,
    server: Option<(String, String)>,
    _folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// An empty SQLite database.
    pub async fn sqlite() -> Self {
        let db = Db::open("memory", clock()).await.expect("a temporary database");
        Self { db, dsn: "memory".to_owned(), server: None, _folder: None }
    }

    /// An empty SQLite database that several programs may open.
    pub async fn sqlite_file() -> Self {
        let folder = tempfile::Builder::new().prefix("limen-test-").tempdir().expect("a temporary folder");
        let dsn = format!("sqlite://{}", folder.path().join("limen.sqlite").display());
        let db = Db::open(&dsn, clock()).await.expect("a new file");
        Self { db, dsn, server: None, _folder: Some(folder) }
    }

    /// An empty database on the server that `LIMEN_TEST_POSTGRES` names, if it names one.
    #[expect(clippy::disallowed_methods, reason = "tests have no other way to be told of a server")]
    pub async fn postgres() -> Option<Self> {
        match std::env::var("LIMEN_TEST_POSTGRES") {
            Ok(server) if !server.is_empty() => Some(Self::postgres_at(&server).await),
            _ => {
                eprintln!("LIMEN_TEST_POSTGRES is not set: the PostgreSQL half of this test is left out");
                None
            }
        }
    }

    /// An empty database on the server of this URL, whose user may create databases.
    pub async fn postgres_at(server: &str) -> Self {
        let name = format!("limen_test_{}", SystemRng.uuid().simple());
        run_on(server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await;
        let mut dsn: url::Url = server.parse().expect("LIMEN_TEST_POSTGRES is a URL");
        dsn.set_path(&name);
        let db = Db::open(dsn.as_str(), clock()).await.expect("the database that was just created");
        Self { db, dsn: dsn.into(), server: Some((server.to_owned(), name)), _folder: None }
    }

    /// A database of each engine, with all migrations of `schema`.
    pub async fn all(schema: &Schema) -> Vec<Self> {
        Self::migrated(Self::sqlite().await, schema).await
    }

    /// The same, for tests of several programs on one database.
    pub async fn shared(schema: &Schema) -> Vec<Self> {
        Self::migrated(Self::sqlite_file().await, schema).await
    }

    async fn migrated(sqlite: Self, schema: &Schema) -> Vec<Self> {
        let mut databases = vec![sqlite];
        databases.extend(Self::postgres().await);
        for database in &databases {
            schema.up(&database.db, database.db.clock().now()).await.expect("all migrations apply");
        }
        databases
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        // A thread of its own: a test's runtime cannot be blocked on from inside.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(run_on(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
        });
        // A panic in there has been printed; a second one while a failed test unwinds would end all tests.
        drop(dropped.join());
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().expect("a time")))
}

async fn run_on(server: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls)
        .await
        .expect("LIMEN_TEST_POSTGRES names a running server");
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await.expect("the user of LIMEN_TEST_POSTGRES may create and drop databases");
    drop(client);
    drop(connection.await);
}
