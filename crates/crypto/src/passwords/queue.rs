//! What waits to be hashed, in lanes: one for each client, served in turn. A client that sends two hundred passwords
//! waits for itself, and one that sends a single password waits for one of each other client at most.

use std::collections::{HashMap, VecDeque};

/// Whose work it is. Callers choose what a client is; the same number shares a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller(u128);

impl Caller {
    /// Work that no single client asked for, and of clients that cannot be told apart.
    pub const ANYBODY: Self = Self(u128::MAX);

    /// The client with this number, such as its network address.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }
}

/// Lanes in the order of their next turn.
#[derive(Debug)]
pub(super) struct Queue<T> {
    lanes: HashMap<Caller, VecDeque<(u64, T)>>,
    turns: VecDeque<Caller>,
    waiting: usize,
    named: u64,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { lanes: HashMap::new(), turns: VecDeque::new(), waiting: 0, named: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Puts `item` at the end of its lane and gives the name by which it can be taken out again.
    pub(super) fn push(&mut self, caller: Caller, item: T) -> u64 {
        self.named += 1;
        let lane = self.lanes.entry(caller).or_default();
        if lane.is_empty() {
            self.turns.push_back(caller);
        }
        lane.push_back((self.named, item));
        self.waiting += 1;
        self.named
    }

    /// What is next.
    pub(super) fn peek(&self) -> Option<&T> {
        let lane = self.lanes.get(self.turns.front()?)?;
        lane.front().map(|(_, item)| item)
    }

    /// Takes what is next; its lane comes last now.
    pub(super) fn pop(&mut self) -> Option<T> {
        let caller = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&caller)?;
        let (_, item) = lane.pop_front()?;
        if lane.is_empty() {
            self.lanes.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        self.waiting -= 1;
        Some(item)
    }

    /// Takes an item out before its turn.
    pub(super) fn remove(&mut self, caller: Caller, name: u64) -> Option<T> {
        let lane = self.lanes.get_mut(&caller)?;
        let place = lane.iter().position(|(known, _)| *known == name)?;
        let (_, item) = lane.remove(place)?;
        self.forget_if_empty(caller);
        self.waiting -= 1;
        Some(item)
    }

    /// How many would come before a further item of `caller`.
    pub(super) fn ahead_of(&self, caller: Caller) -> usize {
        let own = self.lanes.get(&caller).map_or(0, VecDeque::len);
        self.lanes.iter().map(|(other, lane)| if *other == caller { own } else { lane.len().min(own + 1) }).sum()
    }

    /// Takes the last item of the longest lane, provided that lane is longer than the one of `caller` would become.
    pub(super) fn make_room_for(&mut self, caller: Caller) -> Option<T> {
        let own = self.lanes.get(&caller).map_or(0, VecDeque::len);
        let (longest, length) = self.lanes.iter().map(|(lane, items)| (*lane, items.len())).max_by_key(|(_, n)| *n)?;
        if length <= own + 1 {
            return None;
        }
        let (_, item) = self.lanes.get_mut(&longest)?.pop_back()?;
        self.waiting -= 1;
        Some(item)
    }

    fn forget_if_empty(&mut self, caller: Caller) {
        if self.lanes.get(&caller).is_some_and(VecDeque::is_empty) {
            self.lanes.remove(&caller);
            self.turns.retain(|other| *other != caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Caller = Caller::new(1);
    const B: Caller = Caller::new(2);
    const C: Caller = Caller::new(3);

    fn drain(mut queue: Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn lanes_are_served_in_turn() {
        let mut queue = Queue::new();
        for (caller, item) in [(A, "a1"), (A, "a2"), (A, "a3"), (B, "b1"), (B, "b2"), (C, "c1")] {
            queue.push(caller, item);
        }
        assert_eq!(queue.ahead_of(C), 5);
        assert_eq!(queue.ahead_of(Caller::new(4)), 3);
        assert_eq!(queue.peek(), Some(&"a1"));
        assert_eq!(drain(queue), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn what_is_taken_out_leaves_no_gap() {
        let mut queue = Queue::new();
        let first = queue.push(A, "a1");
        queue.push(B, "b1");
        let second = queue.push(A, "a2");
        assert_eq!(queue.remove(A, first), Some("a1"));
        assert_eq!(queue.remove(A, second), Some("a2"));
        assert_eq!(queue.remove(A, second), None);
        assert_eq!(queue.len(), 1);
        queue.push(A, "a3");
        assert_eq!(drain(queue), ["b1", "a3"]);
    }

    #[test]
    fn room_is_made_at_the_cost_of_the_longest_lane_alone() {
        let mut queue = Queue::new();
        for item in ["a1", "a2", "a3"] {
            queue.push(A, item);
        }
        queue.push(B, "b1");
        assert_eq!(queue.make_room_for(A), None);
        assert_eq!(queue.make_room_for(B), Some("a3"));
        assert_eq!(queue.make_room_for(B), None);
        assert_eq!(queue.make_room_for(C), Some("a2"));
        assert_eq!(queue.make_room_for(C), None);
        assert_eq!(queue.len(), 2);
        assert_eq!(drain(queue), ["a1", "b1"]);
    }
}
