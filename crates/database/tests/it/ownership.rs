use database::testing::TestDatabase;
use database::{DbError, Migration, Schema, check_ownership};

use crate::{databases, schema};

/// A schema whose tables nobody else knows, applied the way that another program would: without a trace.
async fn leave_foreign_table(test: &TestDatabase) {
    let foreign = Migration { name: "9999_foreign", up: "CREATE TABLE identities (id {{uuid}})", down: "" };
    let mut both = schema();
    both.migrations.push(foreign);
    both.up(&test.db, test.db.clock().now()).await.unwrap();
    database::transact!(test.db, |tx| {
        tx.execute(database::sql!("DELETE FROM limen_migrations WHERE name = $1"), database::params!["9999_foreign"])
            .await
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_empty_database_and_one_of_limen_are_fine() {
    let empty = TestDatabase::sqlite().await;
    assert_eq!(check_ownership(&empty.db, &schema()).await, Ok(()));
    for test in databases().await {
        assert_eq!(check_ownership(&test.db, &schema()).await, Ok(()), "{:?}", test.db.engine());
    }
}

#[tokio::test]
async fn tables_beyond_the_schema_are_refused_by_name() {
    for test in databases().await {
        leave_foreign_table(&test).await;
        let error = check_ownership(&test.db, &schema()).await.unwrap_err();
        assert_eq!(error, DbError::ForeignTables { tables: vec!["identities".into()] });
        assert!(error.to_string().contains("Create an empty database"), "{error}");
    }
}

#[tokio::test]
async fn tables_without_limen_migrations_are_refused_even_if_their_names_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE things (id TEXT); CREATE TABLE schema_migration (version TEXT);").unwrap();
    let dsn = format!("sqlite://{}", path.display());
    let db = database::Db::open(&dsn, std::sync::Arc::new(foundation::SystemClock)).await.unwrap();
    let error = check_ownership(&db, &schema()).await.unwrap_err();
    assert_eq!(error, DbError::ForeignTables { tables: vec!["schema_migration".into(), "things".into()] });
}

#[tokio::test]
async fn tables_of_a_newer_limen_are_no_reason_to_refuse() {
    for test in databases().await {
        let older = Schema { migrations: schema().migrations[..1].to_vec() };
        assert_eq!(check_ownership(&test.db, &older).await, Ok(()));
    }
}
