use database::testing::{TestDatabase, dump_schema};
use database::{DbError, Migration, Schema, params, sql, transact};
use foundation::Timestamp;

use crate::{databases, schema};

async fn empty_databases() -> Vec<TestDatabase> {
    TestDatabase::all(&Schema::default()).await
}

fn now() -> Timestamp {
    "2026-02-03T04:05:06Z".parse().unwrap()
}

#[tokio::test]
async fn migrations_are_applied_once_in_order_and_noted() {
    for test in empty_databases().await {
        assert_eq!(schema().pending(&test.db).await, Ok(vec!["0001_things", "0002_counters"]));
        assert_eq!(schema().up(&test.db, now()).await, Ok(vec!["0001_things", "0002_counters"]));
        assert_eq!(schema().pending(&test.db).await, Ok(vec![]));
        assert_eq!(schema().up(&test.db, now()).await, Ok(vec![]));
        let status = schema().status(&test.db).await.unwrap();
        assert_eq!(status.len(), 2);
        assert!(status.iter().all(|migration| migration.applied == Some(now()) && migration.known), "{status:?}");
    }
}

#[tokio::test]
async fn a_database_never_migrated_has_a_status() {
    let test = TestDatabase::sqlite().await;
    assert_eq!(schema().status(&test.db).await.unwrap().len(), 2);
    assert_eq!(schema().down(&test.db, 1).await, Ok(vec![]));
}

#[tokio::test]
async fn every_migration_can_be_taken_back_and_applied_again() {
    for test in databases().await {
        let before = dump_schema(&test.db).await.unwrap();
        assert!(before.contains("things_name") && !before.contains("limen_migrations"), "{before}");
        assert_eq!(schema().down(&test.db, 1).await, Ok(vec!["0002_counters"]));
        assert_eq!(schema().pending(&test.db).await, Ok(vec!["0002_counters"]));
        assert_eq!(schema().down(&test.db, 9).await, Ok(vec!["0001_things"]));
        assert_eq!(dump_schema(&test.db).await.unwrap(), "");
        schema().up(&test.db, now()).await.unwrap();
        assert_eq!(dump_schema(&test.db).await.unwrap(), before);
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before_it() {
    for test in empty_databases().await {
        let mut broken = schema();
        broken.migrations[1].up = "CREATE TABLE half (a {{int}}); CREATE TABLE half (a {{int}});";
        let error = broken.up(&test.db, now()).await.unwrap_err();
        assert!(matches!(&error, DbError::Migration { name, .. } if name == "0002_counters"), "{error:?}");
        assert_eq!(broken.pending(&test.db).await, Ok(vec!["0002_counters"]));
        assert!(!dump_schema(&test.db).await.unwrap().contains("half"));
        // Nothing is held after the failure.
        assert_eq!(schema().up(&test.db, now()).await, Ok(vec!["0002_counters"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn starters_at_the_same_time_share_the_work() {
    let mut databases = vec![TestDatabase::sqlite().await];
    databases.extend(TestDatabase::postgres().await);
    for test in databases {
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let db = test.db.clone();
                tokio::spawn(async move { schema().up(&db, now()).await })
            })
            .collect();
        let mut done = Vec::new();
        for task in tasks {
            done.extend(task.await.unwrap().unwrap());
        }
        done.sort_unstable();
        assert_eq!(done, ["0001_things", "0002_counters"], "{:?}", test.db.engine());
    }
}

#[tokio::test]
async fn what_a_newer_program_has_applied_is_told_and_not_taken_back() {
    for test in databases().await {
        let older = Schema { migrations: schema().migrations[..1].to_vec() };
        let status = older.status(&test.db).await.unwrap();
        assert_eq!((status[1].name.as_str(), status[1].known), ("0002_counters", false));
        assert_eq!(older.up(&test.db, now()).await, Ok(vec![]));
        assert!(older.down(&test.db, 1).await.unwrap_err().to_string().contains("0002_counters"));
    }
}

#[tokio::test]
async fn sqlite_tables_are_strict() {
    let test = TestDatabase::sqlite().await;
    let up = "CREATE TABLE strict_one (a {{int}} -- a comment at the end\n);";
    Schema { migrations: vec![Migration { name: "1", up, down: "" }] }.up(&test.db, now()).await.unwrap();
    assert!(dump_schema(&test.db).await.unwrap().ends_with(") STRICT\n"));
}

#[tokio::test]
async fn data_survives_a_migration() {
    for test in databases().await {
        transact!(test.db, |tx| {
            tx.execute(sql!("INSERT INTO counters (name, value) VALUES ($1, $2)"), params!["kept", 1]).await
        })
        .await
        .unwrap();
        let mut grown = schema();
        let up = "ALTER TABLE counters ADD COLUMN note {{text}};";
        grown.migrations.push(Migration { name: "0003_note", up, down: "ALTER TABLE counters DROP COLUMN note;" });
        grown.up(&test.db, now()).await.unwrap();
        grown.down(&test.db, 1).await.unwrap();
        let count = transact!(test.db, |tx| {
            tx.execute(sql!("UPDATE counters SET value = $1 WHERE name = $2"), params![2, "kept"]).await
        });
        assert_eq!(count.await, Ok(1));
    }
}
