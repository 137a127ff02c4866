//! The change feed: whoever writes what others remember says so in the same transaction, and every program that shares the
//! database learns of it.
//!
//! ```text
//! transact!(db, |tx| { …; tx.changed(Change::one(tenant, "session", id)); … })
//!   → a row of `revisions`, written last before the commit
//!   → Db::announce, after the commit and before the caller goes on: this program knows at once
//!   → Feed::read_on, in every program: the others know within a poll
//! ```
//!
//! Numbers of rows are drawn from a sequence, so that writers do not meet in one row. Their commits may come in another
//! order, and a number whose transaction was rolled back never comes: `numbers.rs` keeps an eye on what is missing, and
//! `follow.rs` fills what stays missing, so that a late commit is never skipped.
//!
//! What the feed does not know is what a topic means: that is between those who write and those who remember.

mod follow;
mod numbers;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use uuid::Uuid;

use crate::Migration;

pub use follow::Feed;
pub(crate) use write::write;

/// That something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose it is.
    pub tenant: Uuid,
    /// What kind of thing.
    pub topic: String,
    /// Which one; `None` for all of the topic.
    pub key: Option<Uuid>,
}

impl Change {
    /// One thing changed.
    pub fn one(tenant: Uuid, topic: &str, key: Uuid) -> Self {
        Self { tenant, topic: topic.to_owned(), key: Some(key) }
    }

    /// So many changed that they are not listed.
    pub fn all(tenant: Uuid, topic: &str) -> Self {
        Self { tenant, topic: topic.to_owned(), key: None }
    }
}

/// Who remembers what the database holds, and has to be told when it no longer does.
pub trait Listener: Send + Sync + fmt::Debug {
    /// These have changed. Told at least once for each change, after its commit; by the program that made it before
    /// its caller goes on.
    fn changed(&self, changes: &[Change]);

    /// Changes may have been missed: nothing that was remembered until now counts.
    fn lapsed(&self);
}

/// The table of the feed.
pub fn migrations() -> Vec<Migration> {
    vec![Migration {
        name: "database_0020_revisions",
        up: include_str!("../../migrations/0020_revisions.up.sql"),
        down: include_str!("../../migrations/0020_revisions.down.sql"),
    }]
}
