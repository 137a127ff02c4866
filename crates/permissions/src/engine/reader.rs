//! The seam between evaluation and storage: what the engine asks of relationships, in numbers.
//!
//! A reader may hold only a part of all relationships (it says `None` for the rest): the engine then goes on without
//! them, names what it missed, and the answer is undecided until the reader has fetched it. So an evaluation needs no
//! I/O of its own, and what it asks for comes in batches.

use std::sync::Arc;

use foundation::Timestamp;

use super::names::{EntityId, Names, NamespaceId, RelationId};
use crate::model::{ConditionCall, RelationTuple};

/// All who stand in a relation to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId {
    /// The object.
    pub object: EntityId,
    /// The relation.
    pub relation: RelationId,
}

/// Who stands in a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectId {
    /// All in a set.
    Set(SetId),
    /// One subject id.
    Id(EntityId),
}

/// When a relationship counts, if not always.
#[derive(Debug, Clone, PartialEq)]
pub struct Qualifier {
    /// From this moment on it counts as absent.
    pub expires_at: Option<Timestamp>,
    /// It counts only while this holds.
    pub condition: Option<ConditionCall>,
}

impl Qualifier {
    /// What qualifies a relationship; `None` if it always counts.
    pub fn of(tuple: &RelationTuple) -> Option<Arc<Self>> {
        (tuple.expires_at.is_some() || tuple.condition.is_some())
            .then(|| Arc::new(Self { expires_at: tuple.expires_at, condition: tuple.condition.clone() }))
    }
}

/// A stored relationship, seen from one of its ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The other end.
    pub end: T,
    /// When it counts.
    pub qualifier: Option<Arc<Qualifier>>,
}

/// Relationships at one revision.
pub trait TupleReader {
    /// The names behind the numbers.
    fn names(&self) -> &Names;

    /// The number of an object; `None` if no relationship names it.
    fn find_object(&self, namespace: NamespaceId, name: &str) -> Option<EntityId> {
        self.names().object(namespace, name)
    }

    /// The number of a subject id; `None` if no relationship names it.
    fn find_id(&self, name: &str) -> Option<EntityId> {
        self.names().id(name)
    }

    /// The number of a relation; `None` if no relationship and no namespace names it.
    fn find_relation(&self, name: &str) -> Option<RelationId> {
        self.names().relation(name)
    }

    /// The relationship of a subject to a set, if it is stored. The outer `None` means that the reader does not know.
    fn direct(&self, set: SetId, subject: SubjectId) -> Option<Option<Stored<()>>>;

    /// Visits the subject sets that stand in a relation, in an order of the reader's choice, until the visitor says
    /// `false`. Returns `None` if the reader does not know.
    fn sets(&self, set: SetId, visit: &mut dyn FnMut(SetId, Option<&Arc<Qualifier>>) -> bool) -> Option<()>;

    /// The same for all subjects.
    fn subjects(&self, set: SetId, visit: &mut dyn FnMut(SubjectId, Option<&Arc<Qualifier>>) -> bool) -> Option<()>;

    /// Visits what a subject stands in directly: the reverse of [`subjects`](Self::subjects).
    fn holders(&self, subject: SubjectId, visit: &mut dyn FnMut(SetId) -> bool) -> Option<()>;

    /// Visits all sets in which an object stands by any relation of its own, `""` included.
    fn holders_of_object(&self, object: EntityId, visit: &mut dyn FnMut(RelationId, SetId) -> bool) -> Option<()>;

    /// Visits all objects and subject ids that stand in any stored relationship, at either end.
    fn entities(&self, visit: &mut dyn FnMut(EntityId) -> bool) -> Option<()>;
}
