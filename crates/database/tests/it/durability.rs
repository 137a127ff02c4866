//! Files of SQLite: what stays, who may read them, and what goes.

use std::sync::Arc;

use database::{Db, DbError, Engine, params, read, sql, transact};
use foundation::SystemClock;

use crate::schema;

async fn open(dsn: &str) -> Result<Db, DbError> {
    Db::open(dsn, Arc::new(SystemClock)).await
}

async fn count(db: &Db) -> i64 {
    let row = read!(db, |tx| { tx.row(sql!("SELECT COUNT(*) AS many FROM counters"), &[]).await });
    row.await.unwrap().unwrap().get("many").unwrap()
}

async fn add(db: &Db, name: &str) -> Result<u64, DbError> {
    transact!(db, |tx| {
        tx.execute(sql!("INSERT INTO counters (name, value) VALUES ($1, $2)"), params![name, 0]).await
    })
    .await
}

#[tokio::test]
async fn two_programs_share_a_file_and_see_what_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}?_fk=true&mode=rwc", folder.path().join("a.sqlite").display());
    let (one, other) = (open(&dsn).await.unwrap(), open(&dsn).await.unwrap());
    assert_eq!(one.engine(), Engine::Sqlite);
    schema().up(&one, one.clock().now()).await.unwrap();
    add(&one, "a").await.unwrap();
    assert_eq!(count(&other).await, 1);
    drop(one);
    add(&other, "b").await.unwrap();
    assert_eq!(count(&open(&dsn).await.unwrap()).await, 2);
}

#[tokio::test]
async fn a_writer_waits_for_another_program_without_stopping_the_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let db = open(&format!("sqlite://{}", path.display())).await.unwrap();
    schema().up(&db, db.clock().now()).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One thread: were it blocked, the commit that ends the wait would never run.
    let commit = async {
        tokio::task::yield_now().await;
        other.execute_batch("COMMIT").unwrap();
    };
    let (added, ()) = tokio::join!(add(&db, "a"), commit);
    assert_eq!(added, Ok(1));
}

#[tokio::test]
async fn memory_is_private_and_leaves_nothing() {
    let (one, other) = (open("memory").await.unwrap(), open("memory").await.unwrap());
    schema().up(&one, one.clock().now()).await.unwrap();
    add(&one, "a").await.unwrap();
    assert_eq!(schema().pending(&other).await.unwrap().len(), 2);
    assert_eq!(one.describe(), "memory");
    let row =
        read!(one, |tx| { tx.row(sql!("SELECT l.file FROM pragma_database_list AS l /* sqlite only */"), &[]).await });
    let path: String = row.await.unwrap().unwrap().get("file").unwrap();
    assert!(std::fs::exists(&path).unwrap());
    drop(one);
    assert!(!std::fs::exists(&path).unwrap(), "{path}");
}

/// The environment variable by which the test below tells its child the DSN.
const CHILD: &str = "LIMEN_TEST_CHILD_DSN";

#[tokio::test]
#[ignore = "the child of the test below"]
#[expect(clippy::disallowed_methods, reason = "the only way to pass something to a child of the test runner")]
async fn writes_until_it_is_killed() {
    let Ok(dsn) = std::env::var(CHILD) else { return };
    let db = open(&dsn).await.unwrap();
    for number in 0.. {
        add(&db, &format!("row {number}")).await.unwrap();
        println!("acknowledged {number}");
    }
}

#[tokio::test]
async fn what_is_acknowledged_survives_sigkill() {
    use std::io::BufRead;
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}", folder.path().join("a.sqlite").display());
    let db = open(&dsn).await.unwrap();
    schema().up(&db, db.clock().now()).await.unwrap();
    drop(db);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "durability::writes_until_it_is_killed"])
        .env(CHILD, &dsn)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let acknowledged = lines.filter(|line| line.contains("acknowledged")).take(200).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(acknowledged, 200, "the child wrote");
    assert!(count(&open(&dsn).await.unwrap()).await >= 200);
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let db = open(&format!("sqlite://{}", path.display())).await.unwrap();
    schema().up(&db, db.clock().now()).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_missing_folder_is_told() {
    let error = open("sqlite:///no/such/folder/a.sqlite").await.unwrap_err();
    assert!(error.to_string().contains("/no/such/folder does not exist"), "{error}");
}

#[tokio::test]
async fn commits_are_safe_from_the_end_of_the_process_and_on_demand_from_loss_of_power() {
    let folder = tempfile::tempdir().unwrap();
    for (parameter, level) in [("", 1), ("?_synchronous=FULL", 2)] {
        let db = open(&format!("sqlite://{}{parameter}", folder.path().join("a.sqlite").display())).await.unwrap();
        let row = read!(db, |tx| {
            tx.row(sql!("SELECT s.synchronous AS level FROM pragma_synchronous AS s /* sqlite only */"), &[]).await
        });
        assert_eq!(row.await.unwrap().unwrap().get("level"), Ok(i64::from(level)));
    }
}

#[tokio::test]
async fn a_database_answers_a_ping() {
    assert_eq!(open("memory").await.unwrap().ping().await, Ok(()));
}
