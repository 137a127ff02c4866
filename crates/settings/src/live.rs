//! The snapshot that is in force.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// A value that is replaced as a whole while others read it. A reader keeps the snapshot it took.
#[derive(Debug)]
pub struct Live<T> {
    snapshot: ArcSwap<T>,
}

impl<T> Live<T> {
    /// Starts with `value`.
    pub fn new(value: T) -> Self {
        Self { snapshot: ArcSwap::from_pointee(value) }
    }

    /// The snapshot of this moment.
    pub fn get(&self) -> Arc<T> {
        self.snapshot.load_full()
    }

    /// Puts `value` in force for who asks from now on.
    pub fn set(&self, value: T) {
        self.snapshot.store(Arc::new(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_its_snapshot() {
        let live = Live::new(1);
        let before = live.get();
        live.set(2);
        assert_eq!((*before, *live.get()), (1, 2));
    }
}
