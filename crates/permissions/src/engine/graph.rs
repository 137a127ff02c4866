//! Relationships in memory, at many revisions at once.

use std::sync::Arc;

use super::names::Names;
use crate::model::RelationTuple;

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// The relationship is there from now on, with this expiry and condition.
    Insert(RelationTuple),
    /// It is gone, whatever its expiry and condition were.
    Delete(RelationTuple),
}

/// Relationships in memory.
#[derive(Debug)]
pub struct Graph {
    names: Arc<Names>,
}

/// Fills a graph at start.
#[derive(Debug)]
pub struct Loader {}

/// The relationships at one revision. Held as long as needed; it does not change and holds nobody up.
#[derive(Debug)]
pub struct Snapshot {
    revision: u64,
}

impl Snapshot {
    /// The revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many relationships there are.
    #[expect(clippy::unimplemented, reason = "follows in the next step")]
    pub fn tuples(&self) -> u64 {
        unimplemented!()
    }
}

#[expect(clippy::unimplemented, reason = "follows in the next step")]
impl Loader {
    /// Adds a relationship.
    pub fn add(&mut self, _tuple: &RelationTuple) {
        unimplemented!()
    }

    /// The graph of what was added, at a revision, with a window of older revisions that stay readable.
    pub fn finish(self, _revision: u64, _window: usize) -> Graph {
        unimplemented!()
    }
}

#[expect(clippy::unimplemented, reason = "follows in the next step")]
impl Graph {
    /// Begins to fill a graph.
    pub fn loader(_names: Arc<Names>) -> Loader {
        unimplemented!()
    }

    /// Nothing, at revision 0.
    pub fn empty(_names: Arc<Names>, _window: usize) -> Self {
        unimplemented!()
    }

    /// The names behind the numbers, for compiling a program.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Applies the changes of a revision, in order. Revisions only grow.
    pub fn apply(&self, _revision: u64, _deltas: &[Delta]) {
        unimplemented!()
    }

    /// The newest revision.
    pub fn latest(&self) -> Arc<Snapshot> {
        unimplemented!()
    }

    /// Exactly the state at a revision, if it is within the window.
    pub fn at(&self, _revision: u64) -> Option<Arc<Snapshot>> {
        unimplemented!()
    }
}
