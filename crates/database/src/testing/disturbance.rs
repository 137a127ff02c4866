//! Transactions that fail as if they had met others, at any statement or at the commit.

use std::sync::atomic::{AtomicU64, Ordering};

use foundation::{Rng, SeededRng};

/// Where a transaction may fail before its commit at the latest.
const STATEMENTS: u8 = 8;

/// Lets each transaction that writes fail some times before it may succeed: with SQLSTATE 40001 and 40P01, raised by the
/// server itself, on PostgreSQL; with what a busy file is answered, on SQLite. See [`crate::Db::set_disturbance`].
#[derive(Debug)]
pub struct Disturbance {
    times: u32,
    rng: SeededRng,
    injected: AtomicU64,
}

impl Disturbance {
    /// Each transaction fails so many times, at places that `seed` draws.
    pub fn new(times: u32, seed: u64) -> Self {
        Self { times, rng: SeededRng::new(seed), injected: AtomicU64::new(0) }
    }

    /// How many failures there were.
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    /// Before which statement the next run of a transaction fails that was run `made` times before.
    pub(crate) fn draw(&self, made: u32) -> Option<Planned> {
        if made >= self.times {
            return None;
        }
        self.injected.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 2];
        self.rng.fill(&mut bytes);
        Some(Planned { statements: bytes[0] % STATEMENTS, deadlock: bytes[1] % 2 == 1 })
    }
}

/// A failure to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    /// Statements that still succeed.
    statements: u8,
    deadlock: bool,
}

impl Planned {
    /// Whether it is to happen now, before a statement or, with `last`, the commit.
    pub(crate) fn is_due(&mut self, last: bool) -> bool {
        if self.statements == 0 || last {
            return true;
        }
        self.statements -= 1;
        false
    }

    /// A script that makes PostgreSQL raise it.
    pub(crate) fn script(self) -> &'static str {
        if self.deadlock {
            "DO $$ BEGIN RAISE EXCEPTION 'disturbed' USING ERRCODE = '40P01'; END $$"
        } else {
            "DO $$ BEGIN RAISE EXCEPTION 'disturbed' USING ERRCODE = '40001'; END $$"
        }
    }
}
