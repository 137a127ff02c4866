//! The thin SQL layer: one SQL text for SQLite and for the engines that speak PostgreSQL's protocol.
//!
//! ```ignore
//! let name: Option<String> = transact!(db, |tx| -> Result<Option<String>, DbError> {
//!     let row = tx.row(sql!("SELECT name FROM things WHERE tenant_id = $1 AND id = $2"), params![tenant, id]).await?;
//!     row.map(|row| row.get("name")).transpose()
//! })
//! .await?;
//! ```
//!
//! What the engines still do differently, and how to write it: the place of NULLs in an order (`NULLS FIRST` or `LAST`, always);
//! `SUM` (`CAST(SUM(a) AS BIGINT)`); `LIKE` (with `ESCAPE`); members of JSON (`->> 'a'` gives a number in SQLite, a text in
//! PostgreSQL: `CAST(… AS TEXT)`); the order of members in stored JSON (lost in PostgreSQL). The check
//! `testing::scan_statements` finds most of the rest, and preparing every statement on both engines what is no SQL for one of them.
//!
//! What belongs here: connections, transactions, values, statements, migrations, the change feed and the differences between
//! engines.
//! What does not: any table but `limen_migrations` and `revisions`. rusqlite and tokio-postgres are used nowhere else.

mod db;
mod dsn;
mod error;
pub mod feed;
mod migrations;
mod ownership;
mod postgres;
mod row;
mod sql_text;
mod sqlite;
mod statement;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transaction;
mod value;

pub use db::{Db, Engine};
pub use error::DbError;
pub use feed::{Change, Feed};
pub use migrations::{Migration, MigrationStatus, Schema};
pub use ownership::check_ownership;
pub use row::{FromColumn, Row};
pub use statement::Statement;
pub use transaction::{Retry, Tx};
pub use value::Value;

/// What the macros of this crate expand to. Not for use by hand.
#[doc(hidden)]
pub mod expansion {
    pub use inventory;

    pub use crate::statement::{Registered, StatementText};
    pub use crate::transaction::{Attempts, Mode, typed};
}
