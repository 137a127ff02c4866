//! What only a server can show.

use std::sync::Arc;

use database::testing::TestDatabase;
use database::{Db, DbError, Engine, params, read, sql, transact};
use foundation::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::schema;

#[tokio::test]
async fn the_engine_is_told_by_the_server_whatever_the_scheme() {
    let Some(test) = TestDatabase::postgres().await else { return };
    let dsn = test.dsn.replacen("postgres://", "cockroach://", 1);
    let db = Db::open(&dsn, Arc::new(SystemClock)).await.unwrap();
    assert_eq!((db.engine(), db.ping().await), (Engine::Postgres, Ok(())));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dsn = format!("postgres://ann:hunter2@{unused}/limen?sslmode=disable");
    let error = Db::open(&dsn, Arc::new(SystemClock)).await.unwrap_err();
    assert!(matches!(&error, DbError::Unavailable(reason) if !reason.contains("hunter2")), "{error:?}");
}

/// A server that answers the request for TLS with no (PostgreSQL documentation, "SSL Session Encryption").
#[tokio::test]
async fn encryption_that_is_demanded_and_not_offered_is_an_error() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dsn = format!("postgres://ann@{}/limen?sslmode={mode}", server.local_addr().unwrap());
        let answer = async {
            let (mut client, _) = server.accept().await.unwrap();
            client.read_exact(&mut [0; 8]).await.unwrap();
            client.write_all(b"N").await.unwrap();
            let mut said = Vec::new();
            client.read_to_end(&mut said).await.unwrap();
            said
        };
        let (opened, said) = tokio::join!(Db::open(&dsn, Arc::new(SystemClock)), answer);
        assert!(matches!(opened, Err(DbError::Unavailable(_))), "{mode}: {opened:?}");
        assert_eq!(said, Vec::<u8>::new(), "nothing is said in the clear");
    }
}

/// The DSN of the test's database with encryption, and a file with the root of the server's certificate, which is made
/// out for `localhost`; `None` if the server has none.
#[expect(clippy::print_stderr, reason = "who runs the tests must see that this one was left out")]
async fn encrypted(test: &TestDatabase) -> Option<(String, tempfile::NamedTempFile)> {
    let row = read!(test.db, |tx| {
        let ask = sql!(
            "SELECT CASE WHEN current_setting('ssl') = 'on' THEN pg_read_file(current_setting('ssl_ca_file')) END AS root /* postgres only */"
        );
        tx.row(ask, &[]).await
    });
    let Some(root) = row.await.unwrap().unwrap().get::<Option<String>>("root").unwrap() else {
        eprintln!("the server of LIMEN_TEST_POSTGRES has no certificate: the tests of sslmode are left out");
        return None;
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), root).unwrap();
    let (plain, _) = test.dsn.split_once("sslmode=").unwrap();
    Some((plain.to_owned(), file))
}

#[tokio::test]
async fn certificates_are_checked_as_sslmode_says() {
    let Some(test) = TestDatabase::postgres().await else { return };
    let Some((dsn, root)) = encrypted(&test).await else { return };
    let root = root.path().display();
    for (host, parameters, fine) in [
        ("127.0.0.1", "sslmode=prefer".to_owned(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={root}"), true),
        ("localhost", "sslmode=verify-ca".to_owned(), false),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={root}"), true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}"), true),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={root}"), false),
        ("localhost", "sslmode=verify-full".to_owned(), false),
    ] {
        let dsn = dsn.replace("127.0.0.1", host) + &parameters;
        let opened = Db::open(&dsn, Arc::new(SystemClock)).await;
        assert_eq!(opened.is_ok(), fine, "{host} {parameters}: {opened:?}");
        let Ok(db) = opened else { continue };
        let row = read!(db, |tx| {
            let ask =
                sql!("SELECT s.ssl AS encrypted FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() /* postgres only */");
            tx.row(ask, &[]).await
        });
        assert_eq!(row.await.unwrap().unwrap().get("encrypted"), Ok(true), "{host} {parameters}");
    }
}

#[tokio::test]
async fn a_pool_of_little_size_serves_everybody() {
    let Some(test) = TestDatabase::postgres().await else { return };
    schema().up(&test.db, test.db.clock().now()).await.unwrap();
    let db =
        Db::open(&format!("{}&max_conns=2&max_idle_conns=1&max_conn_lifetime=1h", test.dsn), Arc::new(SystemClock))
            .await
            .unwrap();
    let reads =
        (0..20).map(|_| async { read!(db, |tx| { tx.row(sql!("SELECT 1 AS one"), &[]).await }).await.unwrap() });
    assert_eq!(futures::future::join_all(reads).await.len(), 20);
}

#[tokio::test]
async fn behind_a_pooler_no_statement_has_a_name() {
    let Some(test) = TestDatabase::postgres().await else { return };
    schema().up(&test.db, test.db.clock().now()).await.unwrap();
    let db = Db::open(&format!("{}&default_query_exec_mode=exec", test.dsn), Arc::new(SystemClock)).await.unwrap();
    let (count, value, names) = transact!(db, |tx| -> Result<_, DbError> {
        let insert = sql!("INSERT INTO counters (name, value) VALUES ($1, $2)");
        let count = tx.execute(insert, params!["a", 5]).await?;
        let row = tx.row(sql!("SELECT value FROM counters WHERE name = $1"), params!["a"]).await?;
        let names = tx.rows(sql!("SELECT name FROM pg_prepared_statements /* postgres only */"), &[]).await?;
        Ok((count, row.map(|row| row.get::<i64>("value")), names.len()))
    })
    .await
    .unwrap();
    assert_eq!((count, value, names), (1, Some(Ok(5)), 0));
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_replaced() {
    let Some(test) = TestDatabase::postgres().await else { return };
    let ended = transact!(test.db, |tx| {
        tx.rows(sql!("SELECT pg_terminate_backend(pg_backend_pid()) AS ended /* postgres only */"), &[]).await
    });
    assert!(matches!(ended.await, Err(DbError::Unavailable(_))));
    assert_eq!(test.db.ping().await, Ok(()));
}
