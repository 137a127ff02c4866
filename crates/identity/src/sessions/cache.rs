//! Session checks from memory: what whoami answers to a token, ready to be sent, for as long as nobody changed it.
//!
//! An entry is never removed by a change; it stops counting. Each change strikes the marks of the identities and sessions
//! that it concerns with a number that only grows, and an entry counts while its marks bear no number beyond the one under
//! which its reading began. So a reading that a change overtakes is worthless by itself, without a lock around either.
//!
//! Unknown tokens are not remembered: everybody can make up as many as there is memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use database::Change;
use database::feed::Listener;
use foundation::{Timestamp, Uuid};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::context::Snapshot;
use crate::model::identity::Aal;
use crate::settings::RequiredAal;
use crate::store::changes::{IDENTITY, SESSION};

/// What an entry takes beside its text: itself, its key and its places in the tables of the cache.
const BESIDE_TEXT: u64 = 320;

/// Marks. Two that share one only forget each other's entries too early.
const MARKS: usize = 1 << 16;

/// The words that session checks have in common: a dictionary for their compression, and no more than that.
const COMMON: &[u8] = br#"","authenticator_assurance_level":"aal2","authentication_methods":[{"method":"lookup_secret","aal":"aal2","completed_at":"{"method":"totp","aal":"aal2","completed_at":"{"id":"","active":true,"expires_at":"2026-01-01T00:00:00.000000Z","authenticated_at":"2026-01-01T00:00:00.000000Z","authenticator_assurance_level":"aal1","authentication_methods":[{"method":"password","aal":"aal1","completed_at":"2026-01-01T00:00:00.000000Z"}],"issued_at":"2026-01-01T00:00:00.000000Z","identity":{"id":"","schema_id":"default","schema_url":"https://example.com/schemas/ZGVmYXVsdA","state":"active","state_changed_at":"2026-01-01T00:00:00.000000Z","traits":{"email":"@example.com"},"verifiable_addresses":[{"id":"","value":"@example.com","verified":true,"via":"email","status":"completed","verified_at":"2026-01-01T00:00:00.000000Z","verified":false,"via":"email","status":"pending","verified_at":null,"created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"}],"recovery_addresses":[{"id":"","value":"@example.com","via":"email","created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"}],"metadata_public":null,"created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z","organization_id":null},"devices":[{"id":"","ip_address":"127.0.0.1","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","location":""}]}"#;

/// A session that counted when it was read, of an identity that was active.
#[derive(Debug)]
pub struct Known {
    /// The session.
    pub session_id: Uuid,
    /// Whose it is.
    pub identity_id: Uuid,
    /// From then on it does not count.
    pub expires_at: Timestamp,
    aal: Aal,
    available_aal: Aal,
    /// The configuration under which the text was written.
    snapshot: Arc<Snapshot>,
    /// The number under which the reading began.
    as_of: u64,
    text: Box<[u8]>,
}

/// What is about to be remembered.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The session.
    pub session_id: Uuid,
    /// Whose it is.
    pub identity_id: Uuid,
    /// From then on it does not count.
    pub expires_at: Timestamp,
    /// The level of the session.
    pub aal: Aal,
    /// The highest level that its identity can reach.
    pub available_aal: Aal,
}

impl Known {
    /// The body of the answer.
    pub fn text(&self) -> Option<Vec<u8>> {
        lz4_flex::block::decompress_size_prepended_with_dict(&self.text, COMMON).ok()
    }

    /// Whether the session's level is what `required` asks for.
    pub fn has_required_aal(&self, required: RequiredAal) -> bool {
        required.is_met(self.aal, self.available_aal)
    }
}

/// When a reading began. Taken before the database is asked.
#[derive(Debug, Clone, Copy)]
pub struct Begun(u64);

/// Remembers session checks. The key is the digest of the token.
#[derive(Debug)]
pub struct SessionCache {
    tenant: Uuid,
    entries: Cache<[u8; 32], Arc<Known>, ByText>,
    marks: Marks,
    counts: Counts,
}

/// How often what was asked for was there.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answered from memory.
    pub hits: AtomicU64,
    /// Not there, or no longer right: asked of the database.
    pub misses: AtomicU64,
    /// Not used, as changes may have been missed: asked of the database, which may not answer.
    pub doubtful: AtomicU64,
}

#[derive(Debug, Clone)]
struct ByText;

impl Weighter<[u8; 32], Arc<Known>> for ByText {
    fn weight(&self, _token: &[u8; 32], known: &Arc<Known>) -> u64 {
        known.text.len() as u64 + BESIDE_TEXT
    }
}

impl SessionCache {
    /// For the sessions of `tenant`, within about `bytes` of memory.
    pub fn new(tenant: Uuid, bytes: u64) -> Self {
        let sessions = usize::try_from(bytes / (2 * BESIDE_TEXT)).unwrap_or(usize::MAX);
        Self {
            tenant,
            entries: Cache::with_weighter(sessions, bytes, ByText),
            marks: Marks::default(),
            counts: Counts::default(),
        }
    }

    /// What is known of the token with this digest and still counts at `now`, under the configuration of `snapshot`.
    pub fn find(&self, token: &[u8; 32], now: Timestamp, snapshot: &Arc<Snapshot>) -> Option<Arc<Known>> {
        let known = self.entries.get(token).filter(|known| {
            known.expires_at > now && self.marks.allow(known) && Arc::ptr_eq(&known.snapshot, snapshot)
        });
        let count = if known.is_some() { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Ordering::Relaxed);
        known
    }

    /// Counts a check that was not answered from memory, as changes may have been missed.
    pub fn doubt(&self) {
        self.counts.doubtful.fetch_add(1, Ordering::Relaxed);
    }

    /// To be called before the database is asked.
    pub fn begin(&self) -> Begun {
        Begun(self.marks.newest.load(Ordering::SeqCst))
    }

    /// Remembers what a reading found that began at `begun`.
    pub fn remember(&self, token: [u8; 32], begun: Begun, facts: Facts, text: &[u8], snapshot: Arc<Snapshot>) {
        let Facts { session_id, identity_id, expires_at, aal, available_aal } = facts;
        let text = lz4_flex::block::compress_prepend_size_with_dict(text, COMMON).into_boxed_slice();
        let known = Known { session_id, identity_id, expires_at, aal, available_aal, snapshot, as_of: begun.0, text };
        self.entries.insert(token, Arc::new(known));
    }

    /// Forgets what no longer counts, and keeps within `bytes` from now on.
    pub fn tidy(&self, now: Timestamp, bytes: u64) {
        self.entries.retain(|_, known| known.expires_at > now && self.marks.allow(known));
        if self.entries.capacity() != bytes {
            self.entries.set_capacity(bytes);
        }
    }

    /// Hits and misses.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many sessions are remembered, those included that no longer count and are not tidied away.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}

impl Listener for SessionCache {
    fn changed(&self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.tenant == self.tenant) {
            if ![SESSION, IDENTITY].contains(&change.topic.as_str()) {
                continue;
            }
            match change.key {
                Some(id) => self.marks.strike(id),
                None => self.marks.strike_all(),
            }
        }
    }

    fn lapsed(&self) {
        self.marks.strike_all();
    }
}

/// The numbers of the last changes, by the ids that they concern.
#[derive(Debug)]
struct Marks {
    newest: AtomicU64,
    all: AtomicU64,
    each: Box<[AtomicU64]>,
}

impl Default for Marks {
    fn default() -> Self {
        let each = std::iter::repeat_with(AtomicU64::default).take(MARKS).collect();
        Self { newest: AtomicU64::new(0), all: AtomicU64::new(0), each }
    }
}

impl Marks {
    fn of(&self, id: Uuid) -> &AtomicU64 {
        let (high, low) = id.as_u64_pair();
        // Ids are random; the fold keeps those of other makes apart.
        let folded = high ^ low.rotate_left(32);
        &self.each[(folded ^ (folded >> 32)) as usize % MARKS]
    }

    /// INVARIANT: the number is drawn after the change was committed. Readings that begin with it or later see the change.
    fn strike(&self, id: Uuid) {
        let number = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        self.of(id).fetch_max(number, Ordering::SeqCst);
    }

    fn strike_all(&self) {
        let number = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        self.all.fetch_max(number, Ordering::SeqCst);
    }

    fn allow(&self, known: &Known) -> bool {
        let struck = [&self.all, self.of(known.session_id), self.of(known.identity_id)];
        struck.iter().all(|mark| mark.load(Ordering::SeqCst) <= known.as_of)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;

    const TENANT: Uuid = Uuid::from_u128(1);
    const PERSON: Uuid = Uuid::from_u128(0x11 << 64 | 0x22);
    const SESSION_ID: Uuid = Uuid::from_u128(0x33 << 64 | 0x44);
    const TEXT: &[u8] = br#"{"id":"7d0f7a26-4a6e-44f7-9a36-3c8a3e1b4f0d","active":true}"#;

    fn snapshot() -> Arc<Snapshot> {
        let settings = json!({"dsn": "memory", "secrets": {"cookie": ["a-cookie-secret-for-tests"]}});
        Arc::new(Snapshot::new(Settings::from_value(settings).unwrap()).unwrap())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn facts() -> Facts {
        let (aal, available_aal) = (Aal::Aal1, Aal::Aal2);
        Facts { session_id: SESSION_ID, identity_id: PERSON, expires_at: at(100), aal, available_aal }
    }

    fn filled(snapshot: &Arc<Snapshot>) -> SessionCache {
        let cache = SessionCache::new(TENANT, 1 << 20);
        cache.remember([7; 32], cache.begin(), facts(), TEXT, Arc::clone(snapshot));
        cache
    }

    #[test]
    fn what_was_written_is_given_until_the_session_ends() {
        let snapshot = snapshot();
        let cache = filled(&snapshot);
        let known = cache.find(&[7; 32], at(99), &snapshot).unwrap();
        assert_eq!(known.text().unwrap(), TEXT);
        assert!(known.has_required_aal(RequiredAal::Aal1) && !known.has_required_aal(RequiredAal::HighestAvailable));
        assert!(cache.find(&[7; 32], at(100), &snapshot).is_none());
        assert!(cache.find(&[8; 32], at(0), &snapshot).is_none());
    }

    #[test]
    fn a_text_of_another_configuration_does_not_count() {
        let cache = filled(&snapshot());
        assert!(cache.find(&[7; 32], at(0), &snapshot()).is_none());
    }

    #[test]
    fn a_change_of_the_session_or_its_identity_ends_it_and_others_do_not() {
        let snapshot = snapshot();
        let other = Uuid::from_u128(0x55 << 64 | 0x67);
        for (change, counts) in [
            (Change::one(TENANT, SESSION, SESSION_ID), false),
            (Change::one(TENANT, IDENTITY, PERSON), false),
            (Change::all(TENANT, SESSION), false),
            (Change::one(TENANT, SESSION, other), true),
            (Change::one(other, SESSION, SESSION_ID), true),
            (Change::one(TENANT, "tuple", SESSION_ID), true),
        ] {
            let cache = filled(&snapshot);
            cache.changed(std::slice::from_ref(&change));
            assert_eq!(cache.find(&[7; 32], at(0), &snapshot).is_some(), counts, "{change:?}");
        }
        let cache = filled(&snapshot);
        cache.lapsed();
        assert!(cache.find(&[7; 32], at(0), &snapshot).is_none());
    }

    #[test]
    fn a_reading_that_a_change_overtook_is_not_used() {
        let snapshot = snapshot();
        let cache = SessionCache::new(TENANT, 1 << 20);
        let begun = cache.begin();
        cache.changed(&[Change::one(TENANT, IDENTITY, PERSON)]);
        cache.remember([7; 32], begun, facts(), TEXT, Arc::clone(&snapshot));
        assert!(cache.find(&[7; 32], at(0), &snapshot).is_none());
        cache.remember([7; 32], cache.begin(), facts(), TEXT, Arc::clone(&snapshot));
        assert!(cache.find(&[7; 32], at(0), &snapshot).is_some(), "the next reading is");
    }

    #[test]
    fn it_keeps_within_its_bytes_and_tidies_what_is_over() {
        let snapshot = snapshot();
        let cache = SessionCache::new(TENANT, 1 << 16);
        for number in 0..5_000_u16 {
            let mut token = [0; 32];
            token[..2].copy_from_slice(&number.to_le_bytes());
            cache.remember(token, cache.begin(), facts(), TEXT, Arc::clone(&snapshot));
        }
        assert!(cache.bytes() <= 1 << 16 && cache.len() > 50, "{} entries", cache.len());
        cache.tidy(at(0), 1 << 15);
        assert!(cache.bytes() <= 1 << 15 && cache.len() > 20, "{} entries", cache.len());
        cache.tidy(at(100), 1 << 15);
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
    }
}
