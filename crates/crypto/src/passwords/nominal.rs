//! What hashing costs, in nominal microseconds of one core: near enough to say when a queue is empty, and to give a
//! cheap hash the time of a dear one. The factors are measured in an optimised build; their ratios are what matters.

/// Memory, and time on one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) microseconds: u64,
}

impl Cost {
    /// Nothing worth counting: a few rounds of a fast hash.
    pub(super) const NOTHING: Self = Self { memory_kib: 0, microseconds: 0 };

    pub(super) fn argon2(memory_kib: u32, iterations: u32) -> Self {
        Self { memory_kib, microseconds: u64::from(memory_kib) * u64::from(iterations) * 13 / 10 }
    }

    pub(super) fn bcrypt(cost: u32) -> Self {
        Self { memory_kib: 5, microseconds: 80 << cost.min(31) }
    }

    pub(super) fn scrypt(log_n: u8, r: u32, p: u32) -> Self {
        let blocks = (1_u64 << log_n) * u64::from(r);
        let memory_kib = u32::try_from(blocks / 8).unwrap_or(u32::MAX);
        Self { memory_kib, microseconds: blocks * u64::from(p) * 3 / 10 }
    }

    /// Rounds of a digest with an output of so many bytes: PBKDF2, crypt(3).
    pub(super) fn rounds(rounds: u64, digest_bytes: usize) -> Self {
        Self { memory_kib: 0, microseconds: if digest_bytes > 32 { rounds } else { rounds / 5 } }
    }

    /// What a job needs that does this one and then takes at least as long as `other`.
    pub(super) fn peak(self, other: Self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(other.memory_kib),
            microseconds: self.microseconds.max(other.microseconds),
        }
    }
}
