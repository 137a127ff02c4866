//! Pages by entity. A copy shares everything; a change copies only the way to the page that it changes.

use std::sync::Arc;

use super::page::{Key, Page, SLOTS};
use crate::engine::names::EntityId;
use crate::engine::reader::Qualifier;

/// Pages of one branch.
const PAGES: usize = 256;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    branches: Vec<Option<Arc<Branch>>>,
}

#[derive(Debug, Clone)]
struct Branch {
    pages: Vec<Option<Arc<Page>>>,
}

impl Tree {
    /// A tree of sorted entries: entity, key.
    pub fn build(entries: &[(u32, Key)], qualifier: impl Fn(u32, &Key) -> Option<Arc<Qualifier>>) -> Self {
        let mut tree = Self::default();
        let mut rest = entries;
        let mut own = Vec::new();
        while let Some((entity, _)) = rest.first() {
            let number = *entity / SLOTS as u32;
            let (page, others) = rest.split_at(rest.partition_point(|(entity, _)| *entity / SLOTS as u32 == number));
            rest = others;
            own.clear();
            own.extend(page.iter().map(|(entity, key)| (entity % SLOTS as u32, *key)));
            let base = number * SLOTS as u32;
            let built = Page::build(&own, |slot, key| qualifier(base + slot, key));
            if let Some(place) = tree.place(number as usize) {
                *place = Some(Arc::new(built));
            }
        }
        tree
    }

    fn place(&mut self, number: usize) -> Option<&mut Option<Arc<Page>>> {
        let branch = number / PAGES;
        if self.branches.len() <= branch {
            self.branches.resize(branch + 1, None);
        }
        let branch = self.branches.get_mut(branch)?;
        let branch = branch.get_or_insert_with(|| Arc::new(Branch { pages: vec![None; PAGES] }));
        Arc::make_mut(branch).pages.get_mut(number % PAGES)
    }

    /// The page of an entity and the slot in it.
    pub fn page(&self, entity: EntityId) -> Option<(&Page, usize)> {
        let (number, slot) = (entity.0 as usize / SLOTS, entity.0 as usize % SLOTS);
        let page = self.branches.get(number / PAGES)?.as_ref()?.pages.get(number % PAGES)?.as_ref()?;
        Some((page, slot))
    }

    /// Adds a key, or changes what qualifies it. Says whether it is new.
    pub fn insert(&mut self, entity: EntityId, key: Key, qualifier: Option<Arc<Qualifier>>) -> bool {
        let (number, slot) = (entity.0 as usize / SLOTS, entity.0 as usize % SLOTS);
        let Some(place) = self.place(number) else { return false };
        Arc::make_mut(place.get_or_insert_default()).insert(slot, key, qualifier)
    }

    /// Takes a key away. Says whether it was there.
    pub fn remove(&mut self, entity: EntityId, key: &Key) -> bool {
        if self.page(entity).is_none_or(|(page, slot)| page.get(slot, key).is_none()) {
            return false;
        }
        let (number, slot) = (entity.0 as usize / SLOTS, entity.0 as usize % SLOTS);
        let Some(Some(page)) = self.place(number) else { return false };
        Arc::make_mut(page).remove(slot, key)
    }

    /// All entities that have any key, in order of their numbers.
    pub fn entities(&self) -> impl Iterator<Item = EntityId> {
        self.pages().flat_map(|(number, page)| {
            (0..SLOTS).filter(|slot| page.has(*slot)).map(move |slot| EntityId((number * SLOTS + slot) as u32))
        })
    }

    fn pages(&self) -> impl Iterator<Item = (usize, &Page)> {
        self.branches.iter().enumerate().flat_map(|(branch, pages)| {
            let pages = pages.iter().flat_map(|branch| branch.pages.iter().enumerate());
            pages.filter_map(move |(at, page)| Some((branch * PAGES + at, page.as_deref()?)))
        })
    }

    /// Bytes that it takes, what it shares with other revisions included.
    pub fn bytes(&self) -> usize {
        self.branches.len() * (8 + PAGES * 8) + self.pages().map(|(_, page)| page.bytes()).sum::<usize>()
    }
}
