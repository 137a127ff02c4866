//! The relationships of 64 neighbouring entities, seen from one end, in sorted order.
//!
//! A page is copied when it changes while a snapshot still holds it. So that no copy is large, entities with very many
//! relationships keep them in chunks of their own.

use std::sync::Arc;

use crate::engine::reader::Qualifier;

/// One end of a relationship: relation, relation of the other end, other end; or the reverse. See `Snapshot`.
pub(super) type Key = [u32; 3];

pub(super) type Visit<'v> = dyn FnMut(Key, Option<&Arc<Qualifier>>) -> bool + 'v;

/// Entities of a page.
pub(super) const SLOTS: usize = 64;

/// From this many relationships on, those of an entity stand apart.
const LARGE: usize = 1024;

/// Sorted keys, and what qualifies some of them.
#[derive(Debug, Clone, Default)]
struct Run {
    keys: Vec<Key>,
    /// By the place of the key, sorted.
    qualifiers: Vec<(u32, Arc<Qualifier>)>,
}

impl Run {
    fn qualifier(&self, at: usize) -> Option<&Arc<Qualifier>> {
        if self.qualifiers.is_empty() {
            return None;
        }
        let found = self.qualifiers.binary_search_by_key(&at, |(place, _)| *place as usize).ok()?;
        self.qualifiers.get(found).map(|(_, qualifier)| qualifier)
    }

    fn qualify(&mut self, at: usize, qualifier: Option<Arc<Qualifier>>) {
        let place = self.qualifiers.binary_search_by_key(&at, |(place, _)| *place as usize);
        match (place, qualifier) {
            (Ok(place), Some(qualifier)) => {
                if let Some(entry) = self.qualifiers.get_mut(place) {
                    entry.1 = qualifier;
                }
            }
            (Ok(place), None) => drop(self.qualifiers.remove(place)),
            (Err(place), Some(qualifier)) => self.qualifiers.insert(place, (at as u32, qualifier)),
            (Err(_), None) => {}
        }
    }

    fn insert(&mut self, at: usize, key: Key, qualifier: Option<Arc<Qualifier>>) {
        if self.keys.len() == self.keys.capacity() {
            // Doubling would waste a third of the memory of a store that is mostly read.
            self.keys.reserve_exact(1 + self.keys.len() / 16);
        }
        self.keys.insert(at, key);
        self.qualifiers.iter_mut().filter(|(place, _)| *place as usize >= at).for_each(|(place, _)| *place += 1);
        self.qualify(at, qualifier);
    }

    fn remove(&mut self, at: usize) {
        self.qualify(at, None);
        self.keys.remove(at);
        self.qualifiers.iter_mut().filter(|(place, _)| *place as usize > at).for_each(|(place, _)| *place -= 1);
    }

    fn split_off(&mut self, at: usize) -> Self {
        let cut = self.qualifiers.partition_point(|(place, _)| (*place as usize) < at);
        let mut rest = Self { keys: self.keys.split_off(at), qualifiers: self.qualifiers.split_off(cut) };
        rest.qualifiers.iter_mut().for_each(|(place, _)| *place -= at as u32);
        rest
    }

    /// Visits the keys of a range of places that are at least `from`, as long as they begin with `prefix`.
    fn visit(&self, places: std::ops::Range<usize>, from: &[u32], prefix: usize, visit: &mut Visit<'_>) -> bool {
        let Some(keys) = self.keys.get(places.clone()) else { return true };
        let skip = keys.partition_point(|key| below(key, from));
        for (at, key) in keys.iter().enumerate().skip(skip) {
            if key.get(..prefix) != from.get(..prefix) {
                return false;
            }
            if !visit(*key, self.qualifier(places.start + at)) {
                return false;
            }
        }
        true
    }

    fn bytes(&self) -> usize {
        self.keys.capacity() * size_of::<Key>() + self.qualifiers.capacity() * 48
    }
}

/// Whether a key is smaller than all that begin with `from`.
fn below(key: &Key, from: &[u32]) -> bool {
    key.get(..from.len()).is_some_and(|start| start < from)
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// Where the keys of each slot begin; the last is where all end.
    starts: [u32; SLOTS + 1],
    run: Run,
    large: Vec<(u8, Arc<Vec<Arc<Run>>>)>,
}

impl Default for Page {
    fn default() -> Self {
        Self { starts: [0; SLOTS + 1], run: Run::default(), large: Vec::new() }
    }
}

impl Page {
    /// A page of sorted entries: slot, key.
    pub fn build(entries: &[(u32, Key)], mut qualifier: impl FnMut(u32, &Key) -> Option<Arc<Qualifier>>) -> Self {
        let mut page = Self::default();
        page.run.keys.reserve_exact(entries.len());
        let mut rest = entries;
        for slot in 0..SLOTS as u32 {
            let (own, others) = rest.split_at(rest.partition_point(|(s, _)| *s <= slot));
            rest = others;
            if own.len() >= LARGE {
                let runs = own.chunks(LARGE).map(|chunk| Arc::new(run(chunk, &mut qualifier))).collect();
                page.large.push((slot as u8, Arc::new(runs)));
            } else {
                for (slot, key) in own {
                    if let Some(found) = qualifier(*slot, key) {
                        page.run.qualifiers.push((page.run.keys.len() as u32, found));
                    }
                    page.run.keys.push(*key);
                }
            }
            if let Some(end) = page.starts.get_mut(slot as usize + 1) {
                *end = page.run.keys.len() as u32;
            }
        }
        page
    }

    fn places(&self, slot: usize) -> std::ops::Range<usize> {
        let bound = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        bound(slot)..bound(slot + 1)
    }

    fn large(&self, slot: usize) -> Option<&[Arc<Run>]> {
        let at = self.large.binary_search_by_key(&slot, |(s, _)| *s as usize).ok()?;
        self.large.get(at).map(|(_, runs)| runs.as_slice())
    }

    /// What qualifies a key, if it is there.
    pub fn get(&self, slot: usize, key: &Key) -> Option<Option<&Arc<Qualifier>>> {
        if !self.large.is_empty()
            && let Some(runs) = self.large(slot)
        {
            let run = runs.get(chunk_of(runs, key))?;
            let at = run.keys.binary_search(key).ok()?;
            return Some(run.qualifier(at));
        }
        let places = self.places(slot);
        let at = places.start + self.run.keys.get(places)?.binary_search(key).ok()?;
        Some(self.run.qualifier(at))
    }

    /// Visits the keys of a slot that begin with `prefix`, in order, until the visitor says `false`.
    pub fn visit(&self, slot: usize, prefix: &[u32], visit: &mut Visit<'_>) {
        self.visit_from(slot, prefix, prefix.len(), visit);
    }

    /// Visits the keys of a slot from `from` on that share its first `prefix` parts.
    pub fn visit_from(&self, slot: usize, from: &[u32], prefix: usize, visit: &mut Visit<'_>) {
        let Some(runs) = self.large(slot) else {
            self.run.visit(self.places(slot), from, prefix, visit);
            return;
        };
        let first = runs.partition_point(|run| run.keys.last().is_some_and(|last| below(last, from)));
        for run in runs.iter().skip(first) {
            if !run.visit(0..run.keys.len(), from, prefix, visit) {
                return;
            }
        }
    }

    /// Whether a slot has any key.
    pub fn has(&self, slot: usize) -> bool {
        !self.places(slot).is_empty() || self.large(slot).is_some()
    }

    /// Adds a key, or changes what qualifies it. Says whether it is new.
    pub fn insert(&mut self, slot: usize, key: Key, qualifier: Option<Arc<Qualifier>>) -> bool {
        if let Ok(at) = self.large.binary_search_by_key(&slot, |(s, _)| *s as usize) {
            let Some((_, runs)) = self.large.get_mut(at) else { return false };
            return insert_large(Arc::make_mut(runs), key, qualifier);
        }
        let places = self.places(slot);
        let (start, length) = (places.start, places.len());
        let Some(keys) = self.run.keys.get(places) else { return false };
        match keys.binary_search(&key) {
            Ok(at) => {
                self.run.qualify(start + at, qualifier);
                return false;
            }
            Err(at) => self.run.insert(start + at, key, qualifier),
        }
        self.starts.iter_mut().skip(slot + 1).for_each(|end| *end += 1);
        if length + 1 >= LARGE {
            self.set_apart(slot);
        }
        true
    }

    fn set_apart(&mut self, slot: usize) {
        let places = self.places(slot);
        let mut own = self.run.split_off(places.start);
        let rest = own.split_off(places.len());
        let offset = self.run.keys.len() as u32;
        self.run.keys.extend(rest.keys);
        self.run.qualifiers.extend(rest.qualifiers.into_iter().map(|(at, q)| (at + offset, q)));
        self.starts.iter_mut().skip(slot + 1).for_each(|end| *end -= places.len() as u32);
        let at = self.large.partition_point(|(s, _)| (*s as usize) < slot);
        self.large.insert(at, (slot as u8, Arc::new(vec![Arc::new(own)])));
    }

    /// Takes a key away. Says whether it was there.
    pub fn remove(&mut self, slot: usize, key: &Key) -> bool {
        if let Ok(at) = self.large.binary_search_by_key(&slot, |(s, _)| *s as usize) {
            let Some((_, runs)) = self.large.get_mut(at) else { return false };
            let chunk = chunk_of(runs, key);
            let Some(place) = runs.get(chunk).and_then(|run| run.keys.binary_search(key).ok()) else { return false };
            let runs = Arc::make_mut(runs);
            let Some(run) = runs.get_mut(chunk) else { return false };
            Arc::make_mut(run).remove(place);
            if run.keys.is_empty() {
                runs.remove(chunk);
            }
            if runs.is_empty() {
                self.large.remove(at);
            }
            return true;
        }
        let places = self.places(slot);
        let start = places.start;
        let Some(at) = self.run.keys.get(places).and_then(|keys| keys.binary_search(key).ok()) else { return false };
        self.run.remove(start + at);
        self.starts.iter_mut().skip(slot + 1).for_each(|end| *end -= 1);
        true
    }

    /// Bytes that it takes, what it shares with other revisions included.
    pub fn bytes(&self) -> usize {
        let large: usize = self.large.iter().flat_map(|(_, runs)| runs.iter()).map(|run| run.bytes() + 72).sum();
        size_of::<Self>() + 16 + self.run.bytes() + large
    }
}

fn run(entries: &[(u32, Key)], qualifier: &mut impl FnMut(u32, &Key) -> Option<Arc<Qualifier>>) -> Run {
    let keys = entries.iter().map(|(_, key)| *key).collect();
    let qualifiers = entries
        .iter()
        .enumerate()
        .filter_map(|(at, (slot, key))| qualifier(*slot, key).map(|found| (at as u32, found)))
        .collect();
    Run { keys, qualifiers }
}

/// The chunk in which a key is, or would be.
fn chunk_of(runs: &[Arc<Run>], key: &Key) -> usize {
    runs.partition_point(|run| run.keys.first().is_some_and(|first| first <= key)).saturating_sub(1)
}

fn insert_large(runs: &mut Vec<Arc<Run>>, key: Key, qualifier: Option<Arc<Qualifier>>) -> bool {
    let chunk = chunk_of(runs, &key);
    let Some(run) = runs.get_mut(chunk) else {
        runs.push(Arc::new(Run::default()));
        return insert_large(runs, key, qualifier);
    };
    let run = Arc::make_mut(run);
    match run.keys.binary_search(&key) {
        Ok(at) => {
            run.qualify(at, qualifier);
            false
        }
        Err(at) => {
            run.insert(at, key, qualifier);
            if run.keys.len() > 2 * LARGE {
                let rest = run.split_off(LARGE);
                runs.insert(chunk + 1, Arc::new(rest));
            }
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use foundation::Timestamp;

    use super::*;

    fn qualifier(second: i64) -> Arc<Qualifier> {
        Arc::new(Qualifier { expires_at: Some(Timestamp::from_second(second).unwrap()), condition: None })
    }

    fn all(page: &Page, slot: usize) -> Vec<(Key, Option<Arc<Qualifier>>)> {
        let mut found = Vec::new();
        page.visit(slot, &[], &mut |key, q| {
            found.push((key, q.cloned()));
            true
        });
        found
    }

    /// Compares a page with a plain map through thousands of changes, over the bounds of large entities.
    #[test]
    fn a_page_is_a_sorted_map() {
        let mut page = Page::default();
        let mut truth: BTreeMap<(usize, Key), Option<Arc<Qualifier>>> = BTreeMap::new();
        let mut seed = 7_u64;
        let mut dice = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        for round in 0..30_000 {
            let slot = if dice(3) == 0 { dice(64) as usize } else { 5 };
            let key = [dice(2) as u32, dice(2) as u32, dice(2_500) as u32];
            let growing = round < 14_000;
            if dice(10) < if growing { 9 } else { 2 } {
                let q = (dice(4) == 0).then(|| qualifier(round));
                assert_eq!(page.insert(slot, key, q.clone()), truth.insert((slot, key), q).is_none());
            } else {
                assert_eq!(page.remove(slot, &key), truth.remove(&(slot, key)).is_some());
            }
            if round % 997 == 0 {
                for slot in 0..SLOTS {
                    let expected: Vec<_> =
                        truth.range((slot, [0; 3])..(slot + 1, [0; 3])).map(|((_, k), q)| (*k, q.clone())).collect();
                    assert_eq!(all(&page, slot), expected);
                    assert_eq!(page.has(slot), !expected.is_empty());
                }
                assert_eq!(page.get(slot, &key).map(|q| q.cloned()), truth.get(&(slot, key)).cloned());
                let mut some = Vec::new();
                page.visit(5, &[1], &mut |key, _| {
                    some.push(key);
                    some.len() < 700
                });
                let expected: Vec<_> =
                    truth.range((5, [1, 0, 0])..(6, [0; 3])).map(|((_, k), _)| *k).take(700).collect();
                assert_eq!(some, expected);
            }
        }
        let entries: Vec<(u32, Key)> = truth.keys().map(|(slot, key)| (*slot as u32, *key)).collect();
        let built = Page::build(&entries, |slot, key| truth.get(&(slot as usize, *key)).cloned().flatten());
        for slot in 0..SLOTS {
            assert_eq!(all(&built, slot), all(&page, slot));
        }
    }
}
