//! Answers questions over relationships. Pure: no I/O, no clock; it reads through [`TupleReader`].
//!
//! [`Graph`] holds relationships in memory at many revisions; [`Engine`] evaluates a [`Program`] (the compiled
//! namespaces) over a reader.

mod check;
mod conditions;
mod expand;
mod explain;
mod graph;
mod list;
mod names;
mod options;
mod partial;
mod program;
mod quick;
mod reader;
mod rules;
mod thorough;
mod value;

use foundation::Timestamp;
use serde_json::{Map, Value};

pub use conditions::{ConditionError, Conditions, Verdict};
pub use explain::{Explained, Explanation, Holds, What};
pub use graph::{Delta, Graph, Loader, Snapshot};
pub use names::{EntityId, Names, NamespaceId, RelationId};
pub use options::{DepthRule, Options};
pub use partial::{Partial, Wanted};
pub use program::Program;
pub use reader::{Qualifier, SetId, Stored, SubjectId, TupleReader};

use crate::model::Subject;

/// Why a question stays open. Whoever asks for access gets none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Undecided {
    /// The answer lies deeper than the question may look.
    Depth,
    /// A relation has more subject sets than are looked into.
    Width,
    /// The question has cost more steps than allowed.
    Steps,
    /// The question was called off.
    Time,
    /// A permit depends on its own negation.
    Contradiction,
    /// Conditions lack these values.
    MissingContext(Vec<String>),
    /// The reader has to fetch more.
    Unfetched,
}

/// The answer to a check.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The subject has the permission.
    Allowed,
    /// It does not.
    Denied,
    /// It could not be found out.
    Undecided(Undecided),
}

impl Decision {
    /// Whether access is granted: only what is certain is.
    pub fn allowed(&self) -> bool {
        *self == Self::Allowed
    }
}

/// What a node of a tree joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreeKind {
    /// Any of its children.
    Union,
    /// All of its children.
    Intersection,
    /// Not its only child.
    Exclusion,
    /// Nothing below it, or nothing that is shown.
    Leaf,
}

/// Who has a permission, as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// What it joins.
    pub kind: TreeKind,
    /// Whom it stands for; `None` for a nested expression.
    pub subject: Option<Subject>,
    /// What it is made of.
    pub children: Vec<Tree>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The entries, in a stable order.
    pub entries: Vec<T>,
    /// Where the next page goes on; `None` after the last.
    pub next: Option<T>,
    /// Entries left out because it could not be found out whether they belong here.
    pub undecided: usize,
}

/// Which subjects are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectFilter {
    /// Plain ids.
    Ids,
    /// Sets of a relation of a namespace's objects.
    Sets {
        /// The namespace.
        namespace: String,
        /// The relation.
        relation: String,
    },
}

/// Answers questions at one revision and one moment.
#[derive(Clone, Copy)]
pub struct Engine<'a, R> {
    /// The relationships.
    pub reader: &'a R,
    /// The namespaces.
    pub program: &'a Program,
    /// The rules.
    pub options: &'a Options,
    /// The moment by which relationships lapse.
    pub now: Timestamp,
    /// Values for conditions.
    pub context: &'a Map<String, Value>,
    /// Asked now and then: `true` calls the question off.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}
