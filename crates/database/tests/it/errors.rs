use database::{DbError, params, sql, transact};
use foundation::Uuid;

use crate::databases;

#[tokio::test]
async fn a_unique_violation_names_table_and_columns_alike_on_every_engine() {
    for test in databases().await {
        let insert = sql!("INSERT INTO things (id, tenant_id, name) VALUES ($1, $2, $3)");
        let save = async |id: u128, name: &str| {
            transact!(test.db, |tx| { tx.execute(insert, params![Uuid::from_u128(id), Uuid::nil(), name]).await }).await
        };
        assert_eq!(save(1, "secret-value").await, Ok(1));
        let by_index = save(2, "secret-value").await.unwrap_err();
        assert_eq!(by_index, DbError::UniqueViolation { constraint: "things.tenant_id, things.name".into() });
        assert!(!by_index.to_string().contains("secret-value"));
        let by_key = save(1, "other").await.unwrap_err();
        assert_eq!(by_key, DbError::UniqueViolation { constraint: "things.id".into() });
        assert!(!by_key.is_retryable());
    }
}

#[tokio::test]
async fn references_are_enforced() {
    for test in databases().await {
        let result = transact!(test.db, |tx| {
            tx.execute(sql!("INSERT INTO readings (counter, value) VALUES ($1, $2)"), params!["none", 1]).await
        });
        assert_eq!(result.await, Err(DbError::ForeignKeyViolation), "{:?}", test.db.engine());
    }
}

#[tokio::test]
async fn columns_keep_to_their_types() {
    for test in databases().await {
        let result = transact!(test.db, |tx| {
            tx.execute(sql!("INSERT INTO counters (name, value) VALUES ($1, $2)"), params!["a", "no number"]).await
        });
        assert!(matches!(result.await, Err(DbError::Other(_))), "{:?}", test.db.engine());
    }
}
