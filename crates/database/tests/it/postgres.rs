//! What only a server can show.

use std::sync::Arc;

use database::testing::TestDatabase;
use database::{Db, DbError, Engine, params, read, sql, transact};
use foundation::SystemClock;

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

#[tokio::test]
async fn encryption_that_is_demanded_and_not_offered_is_an_error() {
    let Some(test) = TestDatabase::postgres().await else { return };
    for mode in ["require", "verify-full"] {
        let dsn = test.dsn.replace("sslmode=disable", &format!("sslmode={mode}"));
        assert!(dsn.contains(mode), "the server's URL says sslmode=disable");
        let error = Db::open(&dsn, Arc::new(SystemClock)).await.unwrap_err();
        assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
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
