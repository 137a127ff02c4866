//! Names as numbers: namespaces, relations, objects and subject ids. Numbers are never given back.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

/// A namespace's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamespaceId(pub(crate) u32);

/// A relation's number; one name has one number in all namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId(pub(crate) u32);

/// The number of an object of a namespace, or of a subject id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub(crate) u32);

/// What plain subject ids have in the place of a namespace.
pub(crate) const PLAIN: NamespaceId = NamespaceId(u32::MAX);

/// The relation "": objects as such.
pub(crate) const BARE: RelationId = RelationId(0);

const SHARDS: usize = 64;

/// The table of names. Shared by all that holds numbers from it.
#[derive(Debug)]
pub struct Names {
    namespaces: Words,
    relations: Words,
    entities: Box<[RwLock<Shard>]>,
}

/// A few names, looked up often.
#[derive(Debug, Default)]
struct Words(RwLock<WordTable>);

#[derive(Debug, Default)]
struct WordTable {
    names: Vec<String>,
    numbers: std::collections::HashMap<String, u32>,
}

/// Many names. Their texts stand one after another; the table holds only numbers.
#[derive(Debug, Default)]
struct Shard {
    table: HashTable<u32>,
    /// Where each name's text begins in `text`; it ends where the next begins.
    starts: Vec<u64>,
    namespaces: Vec<u32>,
    text: Vec<u8>,
}

impl Default for Names {
    fn default() -> Self {
        let relations = Words::default();
        // INVARIANT: the relation "" has the number `BARE`.
        relations.number("");
        Self { namespaces: Words::default(), relations, entities: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }
}

impl Words {
    fn find(&self, name: &str) -> Option<u32> {
        self.0.read().numbers.get(name).copied()
    }

    fn number(&self, name: &str) -> u32 {
        if let Some(found) = self.find(name) {
            return found;
        }
        let mut table = self.0.write();
        if let Some(found) = table.numbers.get(name) {
            return *found;
        }
        let number = narrow(table.names.len());
        table.names.push(name.to_owned());
        table.numbers.insert(name.to_owned(), number);
        number
    }

    fn name(&self, number: u32) -> String {
        self.0.read().names.get(number as usize).cloned().unwrap_or_default()
    }
}

/// INVARIANT: fewer than 2^32 names are held; their texts alone would fill the memory long before.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Shard {
    fn name(&self, slot: usize) -> &[u8] {
        let bound = |at: usize| self.starts.get(at).map_or(self.text.len(), |start| *start as usize);
        self.text.get(bound(slot)..bound(slot + 1)).unwrap_or_default()
    }

    fn find(&self, hash: u64, namespace: NamespaceId, name: &str) -> Option<u32> {
        self.table.find(hash, |slot| self.is(*slot, namespace, name)).copied()
    }

    fn is(&self, slot: u32, namespace: NamespaceId, name: &str) -> bool {
        self.namespaces.get(slot as usize) == Some(&namespace.0) && self.name(slot as usize) == name.as_bytes()
    }
}

impl Names {
    /// The number of a namespace, if its name was ever seen.
    pub fn namespace(&self, name: &str) -> Option<NamespaceId> {
        self.namespaces.find(name).map(NamespaceId)
    }

    /// The number of a namespace.
    pub fn namespace_number(&self, name: &str) -> NamespaceId {
        NamespaceId(self.namespaces.number(name))
    }

    /// The name of a namespace.
    pub fn namespace_name(&self, number: NamespaceId) -> String {
        self.namespaces.name(number.0)
    }

    /// The number of a relation, if its name was ever seen.
    pub fn relation(&self, name: &str) -> Option<RelationId> {
        self.relations.find(name).map(RelationId)
    }

    /// The number of a relation.
    pub fn relation_number(&self, name: &str) -> RelationId {
        RelationId(self.relations.number(name))
    }

    /// The name of a relation.
    pub fn relation_name(&self, number: RelationId) -> String {
        self.relations.name(number.0)
    }

    /// The number of an object, if its name was ever seen.
    pub fn object(&self, namespace: NamespaceId, name: &str) -> Option<EntityId> {
        let hash = hash_of(namespace.0, name.as_bytes());
        let shard = shard_of(hash);
        let slot = self.entities.get(shard)?.read().find(hash, namespace, name)?;
        Some(entity(slot, shard))
    }

    /// The number of a subject id, if it was ever seen.
    pub fn id(&self, name: &str) -> Option<EntityId> {
        self.object(PLAIN, name)
    }

    /// The number of a subject id.
    pub fn id_number(&self, name: &str) -> EntityId {
        self.object_number(PLAIN, name)
    }

    /// The number of an object.
    pub fn object_number(&self, namespace: NamespaceId, name: &str) -> EntityId {
        if let Some(found) = self.object(namespace, name) {
            return found;
        }
        let hash = hash_of(namespace.0, name.as_bytes());
        let at = shard_of(hash);
        let Some(shard) = self.entities.get(at) else { return EntityId(0) };
        let mut shard = shard.write();
        if let Some(slot) = shard.find(hash, namespace, name) {
            return entity(slot, at);
        }
        let slot = narrow(shard.namespaces.len());
        let start = shard.text.len() as u64;
        shard.starts.push(start);
        shard.namespaces.push(namespace.0);
        shard.text.extend_from_slice(name.as_bytes());
        let Shard { table, starts, namespaces, text } = &mut *shard;
        let _ = table.insert_unique(hash, slot, |other| {
            let other = *other as usize;
            let bound = |at: usize| starts.get(at).map_or(text.len(), |start| *start as usize);
            let name = text.get(bound(other)..bound(other + 1)).unwrap_or_default();
            let namespace = namespaces.get(other).copied().unwrap_or(PLAIN.0);
            hash_of(namespace, name)
        });
        entity(slot, at)
    }

    /// The namespace and name behind a number; the namespace is `None` for subject ids.
    pub fn entity(&self, number: EntityId) -> (Option<NamespaceId>, String) {
        let (slot, shard) = place(number);
        let Some(shard) = self.entities.get(shard) else { return (None, String::new()) };
        let shard = shard.read();
        let namespace = NamespaceId(shard.namespaces.get(slot).copied().unwrap_or(PLAIN.0));
        let name = String::from_utf8_lossy(shard.name(slot)).into_owned();
        ((namespace != PLAIN).then_some(namespace), name)
    }

    /// The namespace of an object; `None` for subject ids.
    pub fn namespace_of(&self, number: EntityId) -> Option<NamespaceId> {
        let (slot, shard) = place(number);
        let namespace = *self.entities.get(shard)?.read().namespaces.get(slot)?;
        (namespace != PLAIN.0).then_some(NamespaceId(namespace))
    }

    /// Bytes that the names of objects and subject ids take.
    pub fn bytes(&self) -> usize {
        self.entities
            .iter()
            .map(|shard| {
                let shard = shard.read();
                shard.text.capacity()
                    + shard.starts.capacity() * 8
                    + shard.namespaces.capacity() * 4
                    + shard.table.allocation_size()
            })
            .sum()
    }
}

fn hash_of(namespace: u32, name: &[u8]) -> u64 {
    FxBuildHasher.hash_one((namespace, name))
}

fn shard_of(hash: u64) -> usize {
    // The table uses the highest and the lowest bits.
    (hash >> 40) as usize % SHARDS
}

/// Numbers are dense: shards fill evenly, and each gives every 64th.
fn entity(slot: u32, shard: usize) -> EntityId {
    EntityId(slot * (SHARDS as u32) + shard as u32)
}

fn place(number: EntityId) -> (usize, usize) {
    (number.0 as usize / SHARDS, number.0 as usize % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_keeps_it() {
        let names = Names::default();
        let doc = names.namespace_number("Doc");
        let folder = names.namespace_number("Folder");
        let mut seen = std::collections::HashSet::new();
        for i in 0..5_000 {
            assert!(seen.insert(names.object_number(doc, &format!("o{i}"))));
            assert!(seen.insert(names.object_number(folder, &format!("o{i}"))));
            assert!(seen.insert(names.id_number(&format!("o{i}"))));
        }
        for i in 0..5_000 {
            let name = format!("o{i}");
            let found = names.object(doc, &name).unwrap();
            assert_eq!(names.entity(found), (Some(doc), name.clone()));
            assert_eq!(names.entity(names.id(&name).unwrap()), (None, name.clone()));
            assert_eq!(names.namespace_of(names.object(folder, &name).unwrap()), Some(folder));
        }
        assert_eq!(names.object(doc, "nobody"), None);
    }

    /// Fault 7 of the reference: `a-b` + `c` and `a` + `b-c` were one key there.
    #[test]
    fn names_that_look_alike_when_joined_stay_apart() {
        let names = Names::default();
        let parts = [("a-b", "c"), ("a", "b-c"), ("a:b", "c"), ("", "a-bc"), ("a", ""), ("", "")];
        let numbers: std::collections::HashSet<_> =
            parts.iter().map(|(space, object)| names.object_number(names.namespace_number(space), object)).collect();
        assert_eq!(numbers.len(), parts.len());
        assert_ne!(names.id_number("c"), names.object_number(names.namespace_number(""), "c"));
        assert_eq!(names.namespace_name(names.namespace_number("")), "");
    }
}
