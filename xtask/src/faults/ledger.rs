//! What people of the stories were told, written down as they were told it: the server has to keep to it whatever happened
//! in between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foundation::Rng;

/// A person, and what the server owes them.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// Their address.
    pub email: String,
    /// Whether the server said that the account is there. If not, nobody knows.
    pub acknowledged: bool,
    /// The password that counts, as far as they were told.
    pub password: String,
    /// A change of the password that was sent and never answered: the new one, and the session that it was sent with.
    pub pending: Option<(String, String)>,
    /// Sessions that they were given.
    pub live: Vec<String>,
    /// Sessions of which they were told that they have ended.
    pub ended: Vec<String>,
    /// Mails to recover with that they were promised.
    pub recoveries: usize,
    /// Such mails that they asked for, and were not answered.
    pub unanswered_recoveries: usize,
}

/// All that was promised, and how the server behaved on the way.
#[derive(Debug, Default)]
pub struct Ledger {
    people: Mutex<Vec<Person>>,
    /// Broken promises and answers that should not be.
    broken: Mutex<Vec<String>>,
    /// Requests that were answered as they should be.
    pub answered: AtomicUsize,
    /// Requests of which nobody knows whether they were done.
    pub unknown: AtomicUsize,
    /// Answers that said: not now, try again.
    pub turned_away: AtomicUsize,
    /// Stories that came to their end.
    pub told: AtomicUsize,
}

impl Ledger {
    /// Writes down a person whose story is over.
    pub fn add(&self, person: Person) {
        locked(&self.people).push(person);
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    /// Everybody.
    pub fn people(&self) -> Vec<Person> {
        locked(&self.people).clone()
    }

    /// Anybody whose story is over.
    pub fn anybody(&self, rng: &dyn Rng) -> Option<Person> {
        let people = locked(&self.people);
        let count = u32::try_from(people.len()).ok().filter(|count| *count > 0)?;
        people.get(below(rng, count) as usize).cloned()
    }

    /// Writes down what should not be.
    pub fn complain(&self, what: String) {
        locked(&self.broken).push(what);
    }

    /// All that should not be.
    pub fn complaints(&self) -> Vec<String> {
        locked(&self.broken).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number below `end`, close enough to even for a plan.
pub fn below(rng: &dyn Rng, end: u32) -> u32 {
    let mut bytes = [0; 4];
    rng.fill(&mut bytes);
    u32::from_le_bytes(bytes) % end.max(1)
}
