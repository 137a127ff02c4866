//! A reader that holds what it was given, and notes what it was asked for beyond that.
//!
//! So the same evaluation runs over stores that do not fit into memory: ask; if the answer is open because something
//! is not fetched, fetch what is [wanted](Partial::wanted), [supply](Partial::supply) it and ask again. Every round
//! goes one step further, and what one round wants comes in one piece.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::names::{EntityId, Names, NamespaceId, RelationId};
use super::reader::{Qualifier, SetId, Stored, SubjectId, TupleReader};
use crate::model::{RelationTuple, Subject, SubjectSet};

/// What an evaluation needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Whether this relationship is stored.
    Direct(SubjectSet, Subject),
    /// All relationships of this set whose subjects are sets.
    Sets(SubjectSet),
    /// All relationships of this set.
    Subjects(SubjectSet),
    /// All relationships with this subject.
    Holders(Subject),
    /// All relationships whose subject is a set of this object: namespace and object.
    HoldersOfObject(String, String),
    /// Every relationship.
    Everything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Direct(SetId, SubjectId),
    Sets(SetId),
    Subjects(SetId),
    Holders(SubjectId),
    HoldersOfObject(EntityId),
    Everything,
}

/// A relationship in numbers.
#[derive(Debug, Clone)]
struct Known {
    set: SetId,
    subject: SubjectId,
    qualifier: Option<Arc<Qualifier>>,
}

/// See the module. All that it holds has to be of one revision.
#[derive(Debug)]
pub struct Partial {
    names: Arc<Names>,
    known: FxHashMap<Key, Vec<Known>>,
    wanted: Mutex<FxHashSet<Key>>,
}

impl Partial {
    /// A reader that knows nothing yet.
    pub fn new(names: Arc<Names>) -> Self {
        Self { names, known: FxHashMap::default(), wanted: Mutex::default() }
    }

    /// What it was asked for in vain since the last call.
    pub fn wanted(&self) -> Vec<Wanted> {
        let keys: Vec<Key> = self.wanted.lock().drain().collect();
        keys.into_iter().map(|key| self.wish(key)).collect()
    }

    /// Notes all relationships that are stored of what was wanted.
    pub fn supply(&mut self, wanted: &Wanted, stored: &[RelationTuple]) {
        let key = match wanted {
            Wanted::Direct(set, subject) => Key::Direct(self.set(set), self.subject(subject)),
            Wanted::Sets(set) => Key::Sets(self.set(set)),
            Wanted::Subjects(set) => Key::Subjects(self.set(set)),
            Wanted::Holders(subject) => Key::Holders(self.subject(subject)),
            Wanted::HoldersOfObject(namespace, object) => {
                Key::HoldersOfObject(self.names.object_number(self.names.namespace_number(namespace), object))
            }
            Wanted::Everything => Key::Everything,
        };
        let known = stored
            .iter()
            .map(|tuple| Known {
                set: self.set(&tuple.set()),
                subject: self.subject(&tuple.subject),
                qualifier: Qualifier::of(tuple),
            })
            .collect();
        self.known.insert(key, known);
    }

    fn set(&self, set: &SubjectSet) -> SetId {
        SetId {
            object: self.names.object_number(self.names.namespace_number(&set.namespace), &set.object),
            relation: self.names.relation_number(&set.relation),
        }
    }

    fn subject(&self, subject: &Subject) -> SubjectId {
        match subject {
            Subject::Id(id) => SubjectId::Id(self.names.id_number(id)),
            Subject::Set(set) => SubjectId::Set(self.set(set)),
        }
    }

    fn wish(&self, key: Key) -> Wanted {
        let object = |object: EntityId| {
            let (namespace, name) = self.names.entity(object);
            (namespace.map(|number| self.names.namespace_name(number)).unwrap_or_default(), name)
        };
        let set = |set: SetId| {
            let (namespace, name) = object(set.object);
            SubjectSet::new(namespace, name, self.names.relation_name(set.relation))
        };
        let subject = |subject: SubjectId| match subject {
            SubjectId::Id(id) => Subject::Id(object(id).1),
            SubjectId::Set(of) => Subject::Set(set(of)),
        };
        match key {
            Key::Direct(of, who) => Wanted::Direct(set(of), subject(who)),
            Key::Sets(of) => Wanted::Sets(set(of)),
            Key::Subjects(of) => Wanted::Subjects(set(of)),
            Key::Holders(who) => Wanted::Holders(subject(who)),
            Key::HoldersOfObject(of) => {
                let (namespace, name) = object(of);
                Wanted::HoldersOfObject(namespace, name)
            }
            Key::Everything => Wanted::Everything,
        }
    }

    fn known(&self, key: Key) -> Option<&[Known]> {
        let found = self.known.get(&key).map(Vec::as_slice);
        if found.is_none() {
            self.wanted.lock().insert(key);
        }
        found
    }
}

impl TupleReader for Partial {
    fn names(&self) -> &Names {
        &self.names
    }

    fn find_object(&self, namespace: NamespaceId, name: &str) -> Option<EntityId> {
        Some(self.names.object_number(namespace, name))
    }

    fn find_id(&self, name: &str) -> Option<EntityId> {
        Some(self.names.id_number(name))
    }

    fn find_relation(&self, name: &str) -> Option<RelationId> {
        Some(self.names.relation_number(name))
    }

    fn direct(&self, set: SetId, subject: SubjectId) -> Option<Option<Stored<()>>> {
        // All of a set or all of its sets answer this, too.
        let whole = match subject {
            SubjectId::Set(_) => self.known.get(&Key::Sets(set)),
            SubjectId::Id(_) => None,
        };
        let among = match whole.or_else(|| self.known.get(&Key::Subjects(set))) {
            Some(known) => known.as_slice(),
            None => self.known(Key::Direct(set, subject))?,
        };
        let found = among.iter().find(|known| known.set == set && known.subject == subject);
        Some(found.map(|known| Stored { end: (), qualifier: known.qualifier.clone() }))
    }

    fn sets(&self, set: SetId, visit: &mut dyn FnMut(SetId, Option<&Arc<Qualifier>>) -> bool) -> Option<()> {
        for known in self.known(Key::Sets(set))? {
            if let SubjectId::Set(of) = known.subject
                && !visit(of, known.qualifier.as_ref())
            {
                break;
            }
        }
        Some(())
    }

    fn subjects(&self, set: SetId, visit: &mut dyn FnMut(SubjectId, Option<&Arc<Qualifier>>) -> bool) -> Option<()> {
        for known in self.known(Key::Subjects(set))? {
            if !visit(known.subject, known.qualifier.as_ref()) {
                break;
            }
        }
        Some(())
    }

    fn holders(&self, subject: SubjectId, visit: &mut dyn FnMut(SetId) -> bool) -> Option<()> {
        for known in self.known(Key::Holders(subject))? {
            if !visit(known.set) {
                break;
            }
        }
        Some(())
    }

    fn holders_of_object(&self, object: EntityId, visit: &mut dyn FnMut(RelationId, SetId) -> bool) -> Option<()> {
        for known in self.known(Key::HoldersOfObject(object))? {
            if let SubjectId::Set(of) = known.subject
                && !visit(of.relation, known.set)
            {
                break;
            }
        }
        Some(())
    }

    fn entities(&self, visit: &mut dyn FnMut(EntityId) -> bool) -> Option<()> {
        let mut told = FxHashSet::default();
        for known in self.known(Key::Everything)? {
            let other = match known.subject {
                SubjectId::Id(id) => id,
                SubjectId::Set(set) => set.object,
            };
            for entity in [known.set.object, other] {
                if told.insert(entity) && !visit(entity) {
                    return Some(());
                }
            }
        }
        Some(())
    }
}
