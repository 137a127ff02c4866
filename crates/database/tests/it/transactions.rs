use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use database::testing::{Disturbance, TestDatabase};
use database::{Db, DbError, Retry, Tx, params, read, sql, transact};
use tokio::sync::{Barrier, Notify};

use crate::databases;

async fn add(tx: &mut Tx, name: &str, value: i64) -> Result<(), DbError> {
    let add = sql!("INSERT INTO counters (name, value) VALUES ($1, $2)");
    tx.execute(add, params![name, value]).await.map(|_| ())
}

async fn value(tx: &mut Tx, name: &str) -> Result<Option<i64>, DbError> {
    let row = tx.row(sql!("SELECT value FROM counters WHERE name = $1"), params![name]).await?;
    row.map(|row| row.get("value")).transpose()
}

async fn set(tx: &mut Tx, name: &str, value: i64) -> Result<u64, DbError> {
    tx.execute(sql!("UPDATE counters SET value = $2 WHERE name = $1"), params![name, value]).await
}

async fn stored(db: &Db, name: &str) -> Option<i64> {
    read!(db, |tx| { value(tx, name).await }).await.unwrap()
}

/// An error of a caller: what `transact!` asks of one.
#[derive(Debug, PartialEq)]
enum Refusal {
    No,
    Again,
    Database(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl Retry for Refusal {
    fn is_retryable(&self) -> bool {
        match self {
            Self::No => false,
            Self::Again => true,
            Self::Database(error) => error.is_retryable(),
        }
    }
}

#[tokio::test]
async fn what_ends_well_is_there_and_what_ends_with_an_error_is_not() {
    for test in databases().await {
        let db = &test.db;
        let saved = transact!(db, |tx| -> Result<&str, Refusal> {
            add(tx, "a", 1).await?;
            Ok("done")
        });
        assert_eq!(saved.await, Ok("done"));
        let refused = transact!(db, |tx| -> Result<(), Refusal> {
            add(tx, "b", 1).await?;
            Err(Refusal::No)
        });
        assert_eq!(refused.await, Err(Refusal::No));
        assert_eq!((stored(db, "a").await, stored(db, "b").await), (Some(1), None));
    }
}

#[tokio::test]
async fn a_body_may_return_early() {
    for test in databases().await {
        let early = transact!(test.db, |tx| -> Result<u8, DbError> {
            if value(tx, "a").await?.is_none() {
                return Ok(1);
            }
            Ok(2)
        });
        assert_eq!(early.await, Ok(1));
    }
}

#[tokio::test]
async fn a_body_that_asks_for_it_runs_twenty_times_at_most() {
    for test in databases().await {
        let runs = AtomicU32::new(0);
        let result = transact!(test.db, |tx| -> Result<(), Refusal> {
            add(tx, "a", 1).await?;
            runs.fetch_add(1, Ordering::Relaxed);
            Err(Refusal::Again)
        });
        assert_eq!(result.await, Err(Refusal::Again));
        assert_eq!(runs.into_inner(), 20);
        assert_eq!(stored(&test.db, "a").await, None);
    }
}

#[tokio::test]
async fn rehearsal_runs_each_body_twice_and_keeps_the_second() {
    for test in databases().await {
        test.db.set_rehearsal(true);
        let runs = AtomicU32::new(0);
        let result = transact!(test.db, |tx| -> Result<(), DbError> {
            add(tx, "a", i64::from(runs.fetch_add(1, Ordering::Relaxed))).await
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!((stored(&test.db, "a").await, runs.into_inner()), (Some(1), 2));
    }
}

#[tokio::test]
async fn a_transaction_that_meets_others_is_done_again_at_whatever_statement_that_happens() {
    for seed in 0..6 {
        for test in databases().await {
            let disturbance = Arc::new(Disturbance::new(3, seed));
            test.db.set_disturbance(Some(Arc::clone(&disturbance)));
            let result = transact!(test.db, |tx| -> Result<(), DbError> {
                add(tx, "a", 1).await?;
                add(tx, "b", 2).await?;
                add(tx, "c", 3).await
            });
            assert_eq!(result.await, Ok(()));
            test.db.set_disturbance(None);
            assert_eq!(disturbance.injected(), 3);
            for (name, number) in [("a", 1), ("b", 2), ("c", 3)] {
                assert_eq!(stored(&test.db, name).await, Some(number));
            }
        }
    }
}

#[tokio::test]
async fn a_transaction_that_meets_others_for_ever_is_given_up_and_leaves_nothing() {
    for test in databases().await {
        test.db.set_disturbance(Some(Arc::new(Disturbance::new(20, 1))));
        let result = transact!(test.db, |tx| { add(tx, "a", 1).await });
        assert_eq!(result.await, Err(DbError::Serialization));
        test.db.set_disturbance(None);
        assert_eq!(stored(&test.db, "a").await, None);
    }
}

#[tokio::test]
async fn a_body_dropped_half_way_leaves_nothing_and_blocks_nobody() {
    for test in databases().await {
        let (db, reached) = (test.db.clone(), Arc::new(Notify::new()));
        let here = Arc::clone(&reached);
        let task = tokio::spawn(async move {
            transact!(db, |tx| -> Result<(), DbError> {
                add(tx, "a", 1).await?;
                here.notify_one();
                pending::<()>().await;
                Ok(())
            })
            .await
        });
        reached.notified().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        // The same key: it would be taken, or waited for, if the first transaction were still open.
        let again = transact!(test.db, |tx| { add(tx, "a", 2).await });
        assert_eq!(again.await, Ok(()), "{:?}", test.db.engine());
        assert_eq!(stored(&test.db, "a").await, Some(2));
    }
}

#[tokio::test]
async fn a_panic_leaves_nothing_and_blocks_nobody() {
    for test in databases().await {
        let db = test.db.clone();
        let task = tokio::spawn(async move {
            transact!(db, |tx| -> Result<(), DbError> {
                add(tx, "a", 1).await?;
                assert!(value(tx, "a").await?.is_none(), "on purpose");
                Ok(())
            })
            .await
        });
        assert!(task.await.unwrap_err().is_panic());
        let again = transact!(test.db, |tx| { add(tx, "a", 2).await });
        assert_eq!(again.await, Ok(()));
    }
}

#[tokio::test]
async fn a_swallowed_error_cannot_be_committed() {
    for test in databases().await {
        let result = transact!(test.db, |tx| -> Result<(), DbError> {
            add(tx, "a", 1).await?;
            assert!(add(tx, "a", 2).await.unwrap_err().is_unique_violation());
            assert!(value(tx, "a").await.unwrap_err().is_unique_violation(), "later statements say the same");
            Ok(())
        });
        assert!(result.await.unwrap_err().is_unique_violation());
        assert_eq!(stored(&test.db, "a").await, None, "{:?}", test.db.engine());
    }
}

#[tokio::test]
async fn a_statement_given_up_half_way_cannot_be_committed() {
    let Some(test) = TestDatabase::postgres().await else { return };
    crate::schema().up(&test.db, test.db.clock().now()).await.unwrap();
    let result = transact!(test.db, |tx| -> Result<(), DbError> {
        // Polled once and dropped: the first statement of a connection takes at least one round trip.
        let given_up = futures::FutureExt::now_or_never(add(tx, "a", 1));
        assert!(given_up.is_none());
        Ok(())
    });
    assert!(matches!(result.await, Err(DbError::Other(_))));
    assert_eq!(stored(&test.db, "a").await, None);
}

#[tokio::test]
async fn reading_transactions_do_not_write() {
    for test in databases().await {
        let result = read!(test.db, |tx| { add(tx, "a", 1).await });
        assert!(result.await.is_err(), "{:?}", test.db.engine());
        assert_eq!(stored(&test.db, "a").await, None);
    }
}

#[tokio::test]
async fn reading_transactions_see_one_instant() {
    for test in databases().await {
        let db = &test.db;
        let seen = read!(db, |tx| -> Result<_, DbError> {
            let before = value(tx, "a").await?;
            transact!(db, |other| { add(other, "a", 1).await }).await?;
            Ok((before, value(tx, "a").await?))
        });
        assert_eq!(seen.await, Ok((None, None)), "{:?}", db.engine());
        assert_eq!(stored(db, "a").await, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_increment_is_lost() {
    for test in databases().await {
        transact!(test.db, |tx| { add(tx, "a", 0).await }).await.unwrap();
        let tasks: Vec<_> = (0..12)
            .map(|_| {
                let db = test.db.clone();
                tokio::spawn(async move {
                    transact!(db, |tx| -> Result<(), DbError> {
                        let before = value(tx, "a").await?.unwrap_or_default();
                        set(tx, "a", before + 1).await.map(|_| ())
                    })
                    .await
                })
            })
            .collect();
        let mut counted = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => counted += 1,
                Err(error) => assert_eq!(error, DbError::Serialization),
            }
        }
        assert!(counted > 0);
        assert_eq!(stored(&test.db, "a").await, Some(counted), "{:?}", test.db.engine());
    }
}

/// Two transactions that each read what the other one writes: SERIALIZABLE makes one of them run again and see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_cannot_both_act_on_what_the_other_changes() {
    for test in databases().await {
        transact!(test.db, |tx| -> Result<(), DbError> {
            add(tx, "x", 1).await?;
            add(tx, "y", 1).await
        })
        .await
        .unwrap();
        let sqlite = test.db.engine() == database::Engine::Sqlite;
        let barrier = Arc::new(Barrier::new(2));
        let tasks = [("x", "y"), ("y", "x")].map(|(own, other)| {
            let (db, barrier, runs) = (test.db.clone(), Arc::clone(&barrier), AtomicU32::new(0));
            tokio::spawn(async move {
                transact!(db, |tx| -> Result<(), DbError> {
                    let others = value(tx, other).await?;
                    // The one writer of SQLite cannot be met there; elsewhere both have read before one writes.
                    if runs.fetch_add(1, Ordering::Relaxed) == 0 && !sqlite {
                        barrier.wait().await;
                    }
                    if others == Some(1) {
                        set(tx, own, 0).await?;
                    }
                    Ok(())
                })
                .await
            })
        });
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let left = stored(&test.db, "x").await.unwrap() + stored(&test.db, "y").await.unwrap();
        assert_eq!(left, 1, "{:?}", test.db.engine());
    }
}

fn is_send<F: Future + Send>(future: F) -> F {
    future
}

/// What a handler under axum looks like: everything behind references, futures that must be `Send`.
struct Service<'a> {
    db: &'a Db,
    name: &'a str,
}

impl Service<'_> {
    async fn bump(&self, by: &[i64]) -> Result<i64, Refusal> {
        transact!(self.db, |tx| -> Result<i64, Refusal> {
            let mut sum = 0;
            for value in by {
                sum += value;
                add(tx, &format!("{}{value}", self.name), *value).await?;
            }
            Ok(sum)
        })
        .await
    }
}

#[tokio::test]
async fn futures_are_send() {
    for test in databases().await {
        let service = Service { db: &test.db, name: "n" };
        assert_eq!(is_send(service.bump(&[1, 2])).await, Ok(3));
        let read = is_send(read!(service.db, |tx| { Ok::<_, Refusal>(value(tx, "n2").await?) }));
        assert_eq!(read.await, Ok(Some(2)));
    }
}

/// Counters that many want at once: nobody fails for having met another, and nobody is counted twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_statement_alone_waits_for_others_and_looks_again() {
    for test in databases().await {
        let db = &test.db;
        let count = sql!(
            "INSERT INTO counters (name, value) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 \
             WHERE counters.value < 5 RETURNING value"
        );
        let all = (0..100).map(|_| async { db.alone(count, params!["many"]).await.unwrap().len() });
        let counted: usize = futures::future::join_all(all).await.into_iter().sum();
        assert_eq!(counted, 5);
    }
}
