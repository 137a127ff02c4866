//! What hashing costs, in nominal microseconds of one core: near enough to say when a queue is empty, and to give a
//! cheap hash the time of a dear one. The factors are measured in an optimised build; only their ratios matter.

use super::families::argon2;

/// Memory, and time on one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) microseconds: u64,
}

/// The filler works in this much memory: it stays small, and its cost is still proportional to its passes.
const FILLER_KIB: u64 = 8192;

impl Cost {
    /// Nothing worth counting: a few rounds of a fast hash.
    pub(super) const NOTHING: Self = Self { memory_kib: 0, microseconds: 0 };

    pub(super) fn argon2(memory_kib: u32, iterations: u32) -> Self {
        Self { memory_kib, microseconds: argon2_microseconds(u64::from(memory_kib) * u64::from(iterations)) }
    }

    pub(super) fn bcrypt(cost: u32) -> Self {
        Self { memory_kib: 5, microseconds: 54 << cost.min(31) }
    }

    pub(super) fn scrypt(log_n: u8, r: u32, p: u32) -> Self {
        let blocks = (1_u64 << log_n) * u64::from(r);
        let memory_kib = u32::try_from(blocks / 8).unwrap_or(u32::MAX);
        Self { memory_kib, microseconds: blocks * u64::from(p) * 3 / 10 }
    }

    /// Iterations of a compression function at about a third of a microsecond: PBKDF2, crypt(3).
    pub(super) fn rounds(rounds: u64) -> Self {
        Self { memory_kib: 0, microseconds: rounds / 3 }
    }

    /// What a job needs that does this one, and perhaps the filler up to `other`.
    pub(super) fn peak(self, other: Self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(filler(other, self).map_or(0, |(memory_kib, _)| memory_kib)),
            microseconds: self.microseconds.max(other.microseconds),
        }
    }

    /// Takes as long as `wanted` takes longer than `spent`. Real work, not a pause: under load it slows down as the
    /// hashing does.
    pub(super) fn spend_difference(wanted: Self, spent: Self) {
        if let Some((memory_kib, iterations)) = filler(wanted, spent) {
            argon2::spend(memory_kib, iterations);
        }
    }
}

fn argon2_microseconds(kib: u64) -> u64 {
    kib * 7 / 10
}

/// Memory and passes that make up the difference, or nothing when there is none to speak of.
fn filler(wanted: Cost, spent: Cost) -> Option<(u32, u32)> {
    let kib = wanted.microseconds.saturating_sub(spent.microseconds) * 10 / 7;
    let passes = kib.div_ceil(FILLER_KIB);
    let memory = kib.checked_div(passes)?;
    if memory < 8 {
        return None;
    }
    Some((u32::try_from(memory).ok()?, u32::try_from(passes).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_added_to_a_hash_that_costs_as_much_or_more() {
        assert_eq!(filler(Cost::bcrypt(10), Cost::bcrypt(10)), None);
        assert_eq!(filler(Cost::bcrypt(10), Cost::bcrypt(11)), None);
        assert_eq!(filler(Cost::argon2(19456, 2), Cost::argon2(19456, 2)), None);
    }

    proptest! {
        #[test]
        fn a_cheap_hash_with_its_filler_costs_what_was_wanted(cost in 4_u32..=15, cheaper in 1_u32..=11) {
            let spent = Cost::bcrypt(cost.saturating_sub(cheaper).max(1));
            let wanted = Cost::bcrypt(cost);
            let (memory, passes) = filler(wanted, spent).unwrap();
            let total = spent.microseconds + Cost::argon2(memory, passes).microseconds;
            let off = total.abs_diff(wanted.microseconds);
            prop_assert!(off * 50 <= wanted.microseconds, "{off} of {}", wanted.microseconds);
            prop_assert!(u64::from(memory) <= FILLER_KIB);
        }
    }
}
