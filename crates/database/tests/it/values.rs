use database::{Db, DbError, Value, params, read, sql, transact};
use foundation::{Timestamp, Uuid};
use serde_json::json;

use crate::databases;

async fn save(db: &Db, values: &[Value]) -> Result<u64, DbError> {
    let insert = sql!(
        "INSERT INTO things (id, tenant_id, truth, number, name, raw, at, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    transact!(db, |tx| { tx.execute(insert, values).await }).await
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went_in() {
    let id = Uuid::from_u128(7);
    let at: Timestamp = "2026-11-22T10:11:12.123456Z".parse().unwrap();
    let document = json!({"b": [1, 2.5, null], "a": "ü"});
    for test in databases().await {
        let saved =
            save(&test.db, params![id, None::<Uuid>, true, i64::MIN, "näme", vec![0_u8, 255], at, document.clone()])
                .await;
        assert_eq!(saved, Ok(1));
        let row = read!(test.db, |tx| -> Result<_, DbError> {
            tx.row(
                sql!("SELECT id, tenant_id, truth, number, name, raw, at, document FROM things WHERE id = $1"),
                params![id],
            )
            .await
        });
        let row = row.await.unwrap().unwrap();
        assert_eq!(row.get("id"), Ok(id));
        assert_eq!(row.get::<Option<Uuid>>("tenant_id"), Ok(None));
        assert_eq!(row.get("truth"), Ok(true));
        assert_eq!(row.get("number"), Ok(i64::MIN));
        assert_eq!(row.get("name"), Ok("näme".to_owned()));
        assert_eq!(row.get("raw"), Ok(vec![0_u8, 255]));
        assert_eq!(row.get("at"), Ok(at));
        assert_eq!(row.get("document"), Ok(document.clone()));
        assert!(row.get::<Uuid>("tenant_id").is_err());
        assert!(row.get::<bool>("name").is_err());
    }
}

#[tokio::test]
async fn null_fits_every_column() {
    for test in databases().await {
        let null = || None::<&str>;
        assert_eq!(
            save(&test.db, params![Uuid::nil(), null(), null(), null(), null(), null(), null(), null()]).await,
            Ok(1)
        );
        let row = read!(test.db, |tx| -> Result<_, DbError> {
            tx.row(
                sql!("SELECT truth, number, name, raw, at, document FROM things WHERE id = $1"),
                params![Uuid::nil()],
            )
            .await
        });
        let row = row.await.unwrap().unwrap();
        assert_eq!(row.get::<Option<bool>>("truth"), Ok(None));
        assert_eq!(row.get::<Option<i32>>("number"), Ok(None));
        assert_eq!(row.get::<Option<String>>("name"), Ok(None));
        assert_eq!(row.get::<Option<Vec<u8>>>("raw"), Ok(None));
        assert_eq!(row.get::<Option<Timestamp>>("at"), Ok(None));
        assert_eq!(row.get::<Option<serde_json::Value>>("document"), Ok(None));
    }
}

#[tokio::test]
async fn u0000_is_refused_before_it_is_sent() {
    for test in databases().await {
        for (name, document) in [(Value::from("a\0b"), Value::Null), (Value::Null, json!({"a": "\0"}).into())] {
            let values =
                [Uuid::nil().into(), Value::Null, Value::Null, Value::Null, name, Value::Null, Value::Null, document];
            assert_eq!(save(&test.db, &values).await, Err(DbError::NulCharacter));
        }
    }
}

#[tokio::test]
async fn texts_and_times_are_ordered_by_bytes_and_by_time() {
    for test in databases().await {
        for (number, name, at) in [
            (1_u128, "b", "2026-01-01T00:00:00.5Z"),
            (2, "B", "2026-01-01T00:00:00Z"),
            (3, "ä", "1969-01-01T00:00:00Z"),
            (4, "a_", "2026-01-01T00:00:00.000001Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            let null = || None::<&str>;
            save(&test.db, params![Uuid::from_u128(number), null(), null(), null(), name, null(), at, null()])
                .await
                .unwrap();
        }
        let (by_name, by_time, like) = read!(test.db, |tx| -> Result<_, DbError> {
            let by_name = tx.rows(sql!("SELECT name FROM things ORDER BY name"), &[]).await?;
            let by_time = tx.rows(sql!("SELECT name FROM things ORDER BY at"), &[]).await?;
            let like = tx.rows(sql!("SELECT name FROM things WHERE name LIKE $1 ESCAPE '!'"), params!["b%"]).await?;
            Ok((by_name, by_time, like))
        })
        .await
        .unwrap();
        let names =
            |rows: &[database::Row]| rows.iter().map(|row| row.get::<String>("name").unwrap()).collect::<Vec<_>>();
        assert_eq!(names(&by_name), ["B", "a_", "b", "ä"]);
        assert_eq!(names(&by_time), ["ä", "B", "a_", "b"]);
        assert_eq!(names(&like), ["b"], "LIKE tells cases apart on {:?}", test.db.engine());
    }
}

#[tokio::test]
async fn a_placeholder_means_its_number_not_its_place() {
    for test in databases().await {
        let row = read!(test.db, |tx| -> Result<_, DbError> {
            tx.row(
                sql!("SELECT CAST($2 AS TEXT) AS second, CAST($1 AS TEXT) AS first, '$1' AS literal"),
                params!["one", "two"],
            )
            .await
        });
        let row = row.await.unwrap().unwrap();
        assert_eq!((row.get("first"), row.get("second")), (Ok("one".to_owned()), Ok("two".to_owned())));
        assert_eq!(row.get("literal"), Ok("$1".to_owned()));
    }
}

#[tokio::test]
async fn too_few_and_too_many_values_are_errors() {
    for test in databases().await {
        let count = sql!("SELECT COUNT(*) AS many FROM things WHERE number = $1");
        for values in [params![], params![1_i64, 2_i64]] {
            let result = read!(test.db, |tx| { tx.row(count, values).await });
            assert!(matches!(result.await, Err(DbError::Other(_))), "{values:?}");
        }
    }
}

#[tokio::test]
async fn execute_counts_the_changed_rows() {
    for test in databases().await {
        let counts = transact!(test.db, |tx| -> Result<Vec<u64>, DbError> {
            let insert = sql!("INSERT INTO counters (name, value) VALUES ($1, $2), ($3, $4)");
            let two = tx.execute(insert, params!["a", 1, "b", 2]).await?;
            let again = sql!("INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
            let none = tx.execute(again, params!["a", 1]).await?;
            let one = tx
                .execute(sql!("UPDATE counters SET value = $1 WHERE value > $2 RETURNING name"), params![9, 1])
                .await?;
            Ok(vec![two, none, one])
        });
        assert_eq!(counts.await, Ok(vec![2, 0, 1]), "{:?}", test.db.engine());
    }
}
