//! The feed on both engines: nobody is left untold, whatever the order of commits.

use std::sync::Arc;
use std::time::Duration;

use foundation::{Clock, ManualClock, Timestamp};
use parking_lot::Mutex;
use uuid::Uuid;

use super::{Change, Feed, Listener};
use crate::testing::TestDatabase;
use crate::transaction::Mode;
use crate::{Db, DbError, Engine, Schema, Tx, read, sql, transact};

const TENANT: Uuid = Uuid::from_u128(1);

#[derive(Debug, Default)]
struct Heard {
    changes: Mutex<Vec<Change>>,
    lapses: Mutex<u32>,
}

impl Listener for Heard {
    fn changed(&self, changes: &[Change]) {
        self.changes.lock().extend_from_slice(changes);
    }

    fn lapsed(&self) {
        *self.lapses.lock() += 1;
    }
}

impl Heard {
    fn of(db: &Db) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        db.listen(heard.clone());
        heard
    }

    /// What was heard since the last call, by the number of its key.
    fn keys(&self) -> Vec<u128> {
        let changes = std::mem::take(&mut *self.changes.lock());
        changes.iter().map(|change| change.key.map_or(0, |key| key.as_u128())).collect()
    }
}

fn schema() -> Schema {
    Schema { migrations: super::migrations() }
}

fn change(number: u128) -> Change {
    Change::one(TENANT, "thing", Uuid::from_u128(number))
}

async fn say(db: &Db, number: u128) {
    let said = transact!(db, |tx| -> Result<(), DbError> {
        tx.changed(change(number));
        Ok(())
    });
    said.await.unwrap();
}

/// A second program on the database of `test`, which follows from now on.
async fn follower(test: &TestDatabase) -> (Feed, Arc<Heard>) {
    follower_at(test, test.db.clock().now()).await
}

async fn follower_at(test: &TestDatabase, now: Timestamp) -> (Feed, Arc<Heard>) {
    let db = Db::open(&test.dsn, Arc::new(ManualClock::new(now))).await.unwrap();
    let (feed, heard) = (Feed::new(&db), Heard::of(&db));
    feed.read_on().await.unwrap();
    heard.keys();
    (feed, heard)
}

#[tokio::test]
async fn the_program_that_writes_knows_before_its_caller_goes_on_and_the_others_once_they_read() {
    for test in TestDatabase::shared(&schema()).await {
        let own = Heard::of(&test.db);
        let (feed, other) = follower(&test).await;
        say(&test.db, 1).await;
        assert_eq!((own.keys(), other.keys()), (vec![1], vec![]));
        feed.read_on().await.unwrap();
        assert_eq!(other.keys(), [1]);
        feed.read_on().await.unwrap();
        assert_eq!((other.keys(), *other.lapses.lock()), (vec![], 1), "told once; the only lapse is the start");
    }
}

#[tokio::test]
async fn what_is_taken_back_is_not_told() {
    for test in TestDatabase::shared(&schema()).await {
        let own = Heard::of(&test.db);
        let (feed, other) = follower(&test).await;
        let refused = transact!(test.db, |tx| -> Result<(), DbError> {
            tx.changed(change(1));
            Err(DbError::Full)
        });
        assert_eq!(refused.await, Err(DbError::Full));
        test.db.set_rehearsal(true);
        say(&test.db, 2).await;
        feed.read_on().await.unwrap();
        assert_eq!((own.keys(), other.keys()), (vec![2], vec![2]));
    }
}

#[tokio::test]
async fn all_of_a_topic_and_several_tenants_travel_in_one_transaction() {
    for test in TestDatabase::shared(&schema()).await {
        let (feed, other) = follower(&test).await;
        let said = vec![
            Change::all(TENANT, "thing"),
            Change::one(TENANT, "other", Uuid::from_u128(7)),
            Change::one(Uuid::from_u128(2), "thing", Uuid::from_u128(8)),
        ];
        let wrote = transact!(test.db, |tx| -> Result<(), DbError> {
            said.iter().chain(&said).for_each(|change| tx.changed(change.clone()));
            Ok(())
        });
        wrote.await.unwrap();
        feed.read_on().await.unwrap();
        assert_eq!(std::mem::take(&mut *other.changes.lock()), said);
    }
}

/// A transaction that has written its changes and is about to commit.
async fn about_to_commit(db: &Db, number: u128) -> Tx {
    let mut tx = db.begin(Mode::Write).await.unwrap();
    tx.changed(change(number));
    tx.write_changes(db.clock().now()).await.unwrap();
    tx
}

/// SQLite has one writer, so that its commits come in the order of the numbers.
#[tokio::test]
async fn a_transaction_that_commits_late_with_a_lower_number_is_not_skipped() {
    let Some(test) = postgres().await else { return };
    let (feed, other) = follower(&test).await;
    let first = about_to_commit(&test.db, 1).await;
    let second = about_to_commit(&test.db, 2).await;
    second.commit().await.unwrap();
    feed.read_on().await.unwrap();
    assert_eq!(other.keys(), [2]);
    // Some who start now have to see the late one as well.
    let (late_feed, late) = follower(&test).await;
    first.commit().await.unwrap();
    feed.read_on().await.unwrap();
    late_feed.read_on().await.unwrap();
    assert_eq!((other.keys(), late.keys()), (vec![1], vec![1]));
}

#[tokio::test]
async fn filling_a_missing_number_waits_for_the_transaction_that_holds_it() {
    let Some(test) = postgres().await else { return };
    let (feed, other) = follower(&test).await;
    let feed = Arc::new(feed);
    say(&test.db, 1).await;
    let held = about_to_commit(&test.db, 2).await;
    say(&test.db, 3).await;
    feed.read_on().await.unwrap();
    assert_eq!(other.keys(), [1, 3]);
    let filler = feed.clone();
    let filling = tokio::spawn(async move { filler.fill_all(&[2]).await });
    while waiting(&test.db).await == 0 {
        tokio::task::yield_now().await;
    }
    held.commit().await.unwrap();
    filling.await.unwrap().unwrap();
    feed.read_on().await.unwrap();
    assert_eq!(other.keys(), [2], "the filled number is the writer's");
}

#[tokio::test]
async fn a_number_that_was_given_up_is_filled_and_its_writer_runs_again() {
    let Some(test) = postgres().await else { return };
    let (feed, other) = follower(&test).await;
    say(&test.db, 1).await;
    about_to_commit(&test.db, 2).await.rollback().await;
    say(&test.db, 3).await;
    // The next number is taken before its writer comes: as if the writer had drawn it and been slow.
    feed.fill_all(&[2, 4]).await.unwrap();
    say(&test.db, 4).await;
    feed.read_on().await.unwrap();
    assert_eq!(other.keys(), [1, 3, 4]);
    assert_eq!(rows(&test.db).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn old_rows_go_but_for_the_newest_and_a_new_start_goes_on_from_there() {
    for test in TestDatabase::shared(&schema()).await {
        let clock = Arc::new(ManualClock::new(test.db.clock().now()));
        let db = Db::open(&test.dsn, clock.clone()).await.unwrap();
        let feed = Feed::new(&db);
        for number in 1..=5 {
            say(&db, number).await;
        }
        assert_eq!(feed.trim().await, Ok(0));
        clock.advance(Duration::from_secs(3601));
        assert_eq!(feed.trim().await, Ok(4));
        assert_eq!(rows(&db).await, [5]);
        let (late, heard) = follower_at(&test, clock.now()).await;
        say(&db, 6).await;
        late.read_on().await.unwrap();
        assert_eq!(heard.keys(), [6]);
        let missing = late.missing_for(Duration::ZERO).await;
        assert_eq!(missing, Vec::<i64>::new(), "what was removed is not waited for");
    }
}

#[tokio::test]
async fn before_the_first_reading_nothing_is_vouched_for() {
    for test in TestDatabase::shared(&schema()).await {
        let feed = Feed::new(&test.db);
        assert_eq!(feed.behind(), Duration::MAX);
        feed.read_on().await.unwrap();
        assert!(feed.behind() < Duration::from_secs(60));
    }
}

async fn postgres() -> Option<TestDatabase> {
    let test = TestDatabase::postgres().await?;
    assert_eq!(test.db.engine(), Engine::Postgres);
    schema().up(&test.db, test.db.clock().now()).await.unwrap();
    Some(test)
}

async fn rows(db: &Db) -> Vec<i64> {
    read!(db, |tx| -> Result<Vec<i64>, DbError> {
        let all = sql!("SELECT /* every tenant: a test */ number FROM revisions ORDER BY number");
        tx.rows(all, &[]).await?.iter().map(|row| row.get("number")).collect()
    })
    .await
    .unwrap()
}

/// How many statements of this database wait for another transaction.
async fn waiting(db: &Db) -> i64 {
    read!(db, |tx| -> Result<i64, DbError> {
        let text = "SELECT count(*) AS waiting FROM pg_stat_activity \
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
        tx.ask(text).await?[0].get("waiting")
    })
    .await
    .unwrap()
}
