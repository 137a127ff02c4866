//! Relationships in memory, at many revisions at once.
//!
//! Both directions are kept, sorted, in pages that revisions share (`tree`, `page`). One writer makes a new revision
//! by copying the pages that change and then shows it at once; readers hold the revision that they began with, and
//! nobody waits for anybody.

mod page;
mod snapshot;
mod tree;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::names::Names;
use super::reader::{Qualifier, SetId, SubjectId};
use crate::model::{RelationTuple, Subject};
use page::Key;
use snapshot::Edge;
use tree::Tree;

pub use snapshot::Snapshot;

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
    latest: ArcSwap<Snapshot>,
    /// The newest revisions, oldest first.
    history: RwLock<VecDeque<Arc<Snapshot>>>,
    writer: Mutex<()>,
    window: usize,
}

/// Fills a graph at start.
#[derive(Debug)]
pub struct Loader {
    names: Arc<Names>,
    entries: Vec<(u32, Key)>,
    qualifiers: BTreeMap<(u32, Key), Arc<Qualifier>>,
}

fn numbers(names: &Names, tuple: &RelationTuple) -> Edge {
    let set = |namespace: &str, object: &str, relation: &str| SetId {
        object: names.object_number(names.namespace_number(namespace), object),
        relation: names.relation_number(relation),
    };
    let subject = match &tuple.subject {
        Subject::Id(id) => SubjectId::Id(names.id_number(id)),
        Subject::Set(of) => SubjectId::Set(set(&of.namespace, &of.object, &of.relation)),
    };
    Edge::new(set(&tuple.namespace, &tuple.object, &tuple.relation), subject)
}

impl Loader {
    /// Adds a relationship. Of one that is added twice, the last counts.
    pub fn add(&mut self, tuple: &RelationTuple) {
        let edge = numbers(&self.names, tuple);
        let entry = (edge.object.0, edge.forward());
        match Qualifier::of(tuple) {
            Some(found) => drop(self.qualifiers.insert(entry, found)),
            None if self.qualifiers.is_empty() => {}
            None => drop(self.qualifiers.remove(&entry)),
        }
        self.entries.push(entry);
    }

    /// The graph of what was added, at a revision, with a window of older revisions that stay readable.
    pub fn finish(mut self, revision: u64, window: usize) -> Graph {
        self.entries.sort_unstable();
        self.entries.dedup();
        self.entries.shrink_to_fit();
        let tuples = self.entries.len() as u64;
        let forward = Tree::build(&self.entries, |entity, key| {
            if self.qualifiers.is_empty() { None } else { self.qualifiers.get(&(entity, *key)).cloned() }
        });
        for entry in &mut self.entries {
            *entry = Edge::turn(entry.0, entry.1);
        }
        self.entries.sort_unstable();
        let reverse = Tree::build(&self.entries, |_, _| None);
        let names = Arc::clone(&self.names);
        let first = Arc::new(Snapshot { names, revision, tuples, forward, reverse });
        Graph {
            names: self.names,
            history: RwLock::new(VecDeque::from([Arc::clone(&first)])),
            latest: ArcSwap::new(first),
            writer: Mutex::new(()),
            window: window.max(1),
        }
    }
}

impl Graph {
    /// Begins to fill a graph.
    pub fn loader(names: Arc<Names>) -> Loader {
        Loader { names, entries: Vec::new(), qualifiers: BTreeMap::new() }
    }

    /// Nothing, at revision 0, with a window of older revisions that stay readable.
    pub fn empty(names: Arc<Names>, window: usize) -> Self {
        Self::loader(names).finish(0, window)
    }

    /// The names behind the numbers, for compiling a program.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Applies the changes of a revision, in order. Revisions only grow: one that is not newer than the newest is
    /// passed over, so that a feed may repeat itself.
    pub fn apply(&self, revision: u64, deltas: &[Delta]) {
        let _writing = self.writer.lock();
        let latest = self.latest.load_full();
        if revision <= latest.revision {
            return;
        }
        let mut next = Snapshot::clone(&latest);
        next.revision = revision;
        for delta in deltas {
            match delta {
                Delta::Insert(tuple) => {
                    let edge = numbers(&self.names, tuple);
                    if next.forward.insert(edge.object, edge.forward(), Qualifier::of(tuple)) {
                        next.reverse.insert(edge.subject, edge.reverse(), None);
                        next.tuples += 1;
                    }
                }
                Delta::Delete(tuple) => {
                    let edge = numbers(&self.names, tuple);
                    if next.forward.remove(edge.object, &edge.forward()) {
                        next.reverse.remove(edge.subject, &edge.reverse());
                        next.tuples -= 1;
                    }
                }
            }
        }
        let next = Arc::new(next);
        let mut history = self.history.write();
        history.push_back(Arc::clone(&next));
        while history.len() > self.window {
            history.pop_front();
        }
        // Shown under the lock: whoever sees a revision as the latest also finds it in the history.
        self.latest.store(next);
    }

    /// The newest revision.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.latest.load_full()
    }

    /// Exactly the state at a revision, if it is within the window. A revision that changed nothing here looks like
    /// the one before it.
    pub fn at(&self, revision: u64) -> Option<Arc<Snapshot>> {
        let history = self.history.read();
        if history.back().is_none_or(|newest| revision > newest.revision) {
            return None;
        }
        let after = history.partition_point(|snapshot| snapshot.revision <= revision);
        history.get(after.checked_sub(1)?).cloned()
    }
}
