//! Which numbers of the feed were seen. Those that are missing below the newest one stay on a list until they come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Missing numbers that are remembered at most. A server that was restored from a copy may leap by more: what it skips
/// belongs to no transaction that runs.
const MOST_MISSING: i64 = 100_000;

/// The numbers up to `newest` were seen, but for those that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    newest: i64,
    missing: BTreeMap<i64, Instant>,
}

impl Numbers {
    /// All numbers up to and including `newest` count as seen.
    pub(super) fn seen_to(newest: i64) -> Self {
        Self { newest, missing: BTreeMap::new() }
    }

    /// Everything that may be new has a number above this one.
    pub(super) fn read_above(&self) -> i64 {
        self.missing.first_key_value().map_or(self.newest, |(lowest, _)| lowest - 1)
    }

    /// Notes that `number` was seen. Says whether it is the first time. Numbers may come in any order.
    pub(super) fn see(&mut self, number: i64, now: Instant) -> bool {
        if number <= self.newest {
            return self.missing.remove(&number).is_some();
        }
        let first_missing = (self.newest + 1).max(number.saturating_sub(MOST_MISSING));
        self.missing.extend((first_missing..number).map(|missing| (missing, now)));
        self.newest = number;
        true
    }

    /// The numbers that have been missing for as long as `patience`, lowest first.
    pub(super) fn overdue(&self, now: Instant, patience: Duration) -> Vec<i64> {
        let overdue = self.missing.iter().filter(|(_, since)| now.duration_since(**since) >= patience);
        overdue.map(|(number, _)| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use foundation::{Rng, SeededRng};

    use super::*;

    /// What a follower sees that reads again and again while transactions commit in the order of `commits`.
    fn followed(commits: &[i64], reads: impl Fn(usize) -> bool) -> Vec<i64> {
        let (mut numbers, mut seen, now) = (Numbers::seen_to(0), Vec::new(), Instant::now());
        for done in 0..=commits.len() {
            if !reads(done) && done < commits.len() {
                continue;
            }
            let mut rows: Vec<i64> =
                commits[..done].iter().copied().filter(|number| *number > numbers.read_above()).collect();
            rows.sort_unstable();
            seen.extend(rows.into_iter().filter(|number| numbers.see(*number, now)));
        }
        seen
    }

    #[test]
    fn whatever_the_order_of_commits_each_number_is_seen_once() {
        let rng = SeededRng::new(11);
        let byte = || {
            let mut byte = [0];
            rng.fill(&mut byte);
            usize::from(byte[0])
        };
        for _ in 0..500 {
            let mut commits: Vec<i64> = (1..=40).collect();
            for index in 0..commits.len() {
                let other = (index + byte() % 12).min(commits.len() - 1);
                commits.swap(index, other);
            }
            let every = 1 + byte() % 5;
            let mut seen = followed(&commits, |done| done % every == 0);
            seen.sort_unstable();
            assert_eq!(seen, (1..=40).collect::<Vec<i64>>(), "commits in the order {commits:?}, read every {every}");
        }
    }

    #[test]
    fn what_never_comes_is_overdue_once_its_time_is_up() {
        let now = Instant::now();
        let mut numbers = Numbers::seen_to(4);
        assert!(numbers.see(7, now));
        assert_eq!((numbers.read_above(), numbers.overdue(now, Duration::from_secs(1))), (4, vec![]));
        let later = now + Duration::from_secs(1);
        assert_eq!(numbers.overdue(later, Duration::from_secs(1)), [5, 6]);
        assert!(numbers.see(5, later) && !numbers.see(5, later) && !numbers.see(7, later));
        assert_eq!((numbers.read_above(), numbers.overdue(later, Duration::ZERO)), (5, vec![6]));
    }

    #[test]
    fn a_leap_does_not_fill_the_memory() {
        let now = Instant::now();
        let mut numbers = Numbers::seen_to(0);
        assert!(numbers.see(1 << 40, now));
        assert_eq!(numbers.overdue(now, Duration::ZERO).len(), 100_000);
    }
}
