//! The relationships at one revision.

use std::sync::Arc;

use super::page::Key;
use super::tree::Tree;
use crate::engine::names::{EntityId, Names, NamespaceId, RelationId};
use crate::engine::reader::{Qualifier, SetId, Stored, SubjectId, TupleReader};
use crate::model::{RelationTuple, Subject, SubjectSet};

/// What plain ids have in the place of a subject's relation: behind all relations.
const PLAIN: u32 = u32::MAX;

/// The relationships at one revision. Held as long as needed; it does not change and holds nobody up.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) names: Arc<Names>,
    pub(super) revision: u64,
    pub(super) tuples: u64,
    /// By object: relation, relation of the subject, subject.
    pub(super) forward: Tree,
    /// By subject: its relation, relation of the object, object.
    pub(super) reverse: Tree,
}

/// A relationship in numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub object: EntityId,
    pub relation: RelationId,
    pub subject: EntityId,
    pub subject_relation: u32,
}

impl Edge {
    pub fn new(set: SetId, subject: SubjectId) -> Self {
        let (subject, subject_relation) = match subject {
            SubjectId::Set(of) => (of.object, of.relation.0),
            SubjectId::Id(id) => (id, PLAIN),
        };
        Self { object: set.object, relation: set.relation, subject, subject_relation }
    }

    pub fn forward(&self) -> Key {
        [self.relation.0, self.subject_relation, self.subject.0]
    }

    pub fn reverse(&self) -> Key {
        [self.subject_relation, self.relation.0, self.object.0]
    }

    /// The reverse of an edge of the forward tree.
    pub fn turn(object: u32, key: Key) -> (u32, Key) {
        let [relation, subject_relation, subject] = key;
        (subject, [subject_relation, relation, object])
    }
}

fn subject([_, relation, entity]: Key) -> SubjectId {
    let object = EntityId(entity);
    if relation == PLAIN {
        SubjectId::Id(object)
    } else {
        SubjectId::Set(SetId { object, relation: RelationId(relation) })
    }
}

fn holder([_, relation, object]: Key) -> SetId {
    SetId { object: EntityId(object), relation: RelationId(relation) }
}

impl Snapshot {
    /// The revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many relationships there are.
    pub fn tuples(&self) -> u64 {
        self.tuples
    }

    /// Bytes that the relationships take, without their names.
    pub fn bytes(&self) -> usize {
        self.forward.bytes() + self.reverse.bytes()
    }

    /// The relationships that an object has at this revision, in no meaningful order.
    pub fn of_object(&self, namespace: NamespaceId, object: &str) -> Vec<RelationTuple> {
        let mut found = Vec::new();
        if let Some(entity) = self.names.object(namespace, object)
            && let Some((page, slot)) = self.forward.page(entity)
        {
            page.visit(slot, &[], &mut |key, qualifier| {
                found.push(self.tuple(entity, key, qualifier));
                true
            });
        }
        found
    }

    fn tuple(&self, object: EntityId, key: Key, qualifier: Option<&Arc<Qualifier>>) -> RelationTuple {
        let set = self.set_name(SetId { object, relation: RelationId(key[0]) });
        let mut tuple = RelationTuple::new(set.namespace, set.object, set.relation, self.subject_name(subject(key)));
        if let Some(qualifier) = qualifier {
            tuple.expires_at = qualifier.expires_at;
            tuple.condition.clone_from(&qualifier.condition);
        }
        tuple
    }

    fn set_name(&self, set: SetId) -> SubjectSet {
        let (namespace, object) = self.names.entity(set.object);
        let namespace = namespace.map(|n| self.names.namespace_name(n)).unwrap_or_default();
        SubjectSet { namespace, object, relation: self.names.relation_name(set.relation) }
    }

    fn subject_name(&self, subject: SubjectId) -> Subject {
        match subject {
            SubjectId::Set(set) => Subject::Set(self.set_name(set)),
            SubjectId::Id(id) => Subject::Id(self.names.entity(id).1),
        }
    }
}

impl TupleReader for Snapshot {
    fn names(&self) -> &Names {
        &self.names
    }

    fn direct(&self, set: SetId, subject: SubjectId) -> Option<Option<Stored<()>>> {
        let found = self.forward.page(set.object).and_then(|(page, slot)| {
            page.get(slot, &Edge::new(set, subject).forward())
                .map(|qualifier| Stored { end: (), qualifier: qualifier.cloned() })
        });
        Some(found)
    }

    fn sets(&self, set: SetId, visit: &mut dyn FnMut(SetId, Option<&Arc<Qualifier>>) -> bool) -> Option<()> {
        if let Some((page, slot)) = self.forward.page(set.object) {
            page.visit(slot, &[set.relation.0], &mut |key, qualifier| match subject(key) {
                SubjectId::Set(found) => visit(found, qualifier),
                // Plain ids come behind all sets.
                SubjectId::Id(_) => false,
            });
        }
        Some(())
    }

    fn subjects(&self, set: SetId, visit: &mut dyn FnMut(SubjectId, Option<&Arc<Qualifier>>) -> bool) -> Option<()> {
        if let Some((page, slot)) = self.forward.page(set.object) {
            page.visit(slot, &[set.relation.0], &mut |key, qualifier| visit(subject(key), qualifier));
        }
        Some(())
    }

    fn holders(&self, subject: SubjectId, visit: &mut dyn FnMut(SetId) -> bool) -> Option<()> {
        let (entity, relation) = match subject {
            SubjectId::Set(set) => (set.object, set.relation.0),
            SubjectId::Id(id) => (id, PLAIN),
        };
        if let Some((page, slot)) = self.reverse.page(entity) {
            page.visit(slot, &[relation], &mut |key, _| visit(holder(key)));
        }
        Some(())
    }

    fn holders_of_object(&self, object: EntityId, visit: &mut dyn FnMut(RelationId, SetId) -> bool) -> Option<()> {
        if let Some((page, slot)) = self.reverse.page(object) {
            page.visit(slot, &[], &mut |key, _| key[0] == PLAIN || visit(RelationId(key[0]), holder(key)));
        }
        Some(())
    }

    fn entities(&self, visit: &mut dyn FnMut(EntityId) -> bool) -> Option<()> {
        for entity in self.forward.entities() {
            if !visit(entity) {
                return Some(());
            }
        }
        for entity in self.reverse.entities() {
            let told = self.forward.page(entity).is_some_and(|(page, slot)| page.has(slot));
            if !told && !visit(entity) {
                return Some(());
            }
        }
        Some(())
    }
}
