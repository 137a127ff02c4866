//! The schemas of the configuration, compiled once and kept while they are good.
//!
//! Files are read again when they change. Documents of other servers are fetched again after a minute; while that
//! fails, the last good one stays in use, and the log says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foundation::{Clock, Timestamp};
use parking_lot::{Mutex, RwLock};
use url::Url;

use super::compiled::{IdentitySchema, Rules};
use super::error::SchemaError;
use super::references::Documents;
use super::sources::{Document, Fetch, Location, Stamp, read, stamp};
use crate::settings::Settings;

/// How long a document of another server is used before it is fetched again.
const FETCH_AGAIN: Duration = Duration::from_secs(60);
/// How often a file is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many documents a schema may refer to.
const MOST_DOCUMENTS: usize = 32;

/// All identity schemas of the configuration.
pub struct Schemas {
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl std::fmt::Debug for Schemas {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Schemas").finish_non_exhaustive()
    }
}

/// Holds one schema.
#[derive(Default)]
struct Slot {
    current: RwLock<Option<Arc<Kept>>>,
    /// One task reads at a time; the others use what is there, or wait for it.
    reading: tokio::sync::Mutex<()>,
}

/// A compiled schema and what it was made of.
struct Kept {
    schema: Arc<IdentitySchema>,
    url: String,
    rules: Rules,
    stamps: Vec<Stamp>,
    fetched: bool,
    checked_at: Timestamp,
}

enum Freshness {
    /// Use it.
    Fresh,
    /// Make it again; meanwhile it may be used.
    Old,
    /// It is another schema by now.
    Foreign,
}

impl Schemas {
    /// A registry that fetches through `fetch`.
    pub fn new(fetch: impl Fetch + 'static, clock: Arc<dyn Clock>) -> Self {
        Self { fetch: Arc::new(fetch), clock, slots: Mutex::default() }
    }

    /// The schema of this name, if the configuration has it.
    ///
    /// # Errors
    /// When it cannot be read or is no schema, and no earlier good one is known.
    pub async fn get(&self, settings: &Settings, id: &str) -> Result<Option<Arc<IdentitySchema>>, SchemaError> {
        let Some(entry) = settings.identity.schemas.iter().find(|schema| schema.id == id) else { return Ok(None) };
        let rules = Rules { allow_remote_refs: !settings.security.disallow_ref_in_identity_schemas };
        let slot = self.slots.lock().entry(id.to_owned()).or_default().clone();
        self.current(&slot, id, &entry.url, rules).await.map(Some)
    }

    /// All schemas, in the order of the configuration.
    ///
    /// # Errors
    /// As [`Self::get`], for the first that fails.
    pub async fn all(&self, settings: &Settings) -> Result<Vec<Arc<IdentitySchema>>, SchemaError> {
        let mut all = Vec::with_capacity(settings.identity.schemas.len());
        for entry in &settings.identity.schemas {
            all.extend(self.get(settings, &entry.id).await?);
        }
        Ok(all)
    }

    async fn current(
        &self,
        slot: &Slot,
        id: &str,
        url: &str,
        rules: Rules,
    ) -> Result<Arc<IdentitySchema>, SchemaError> {
        let usable = |slot: &Slot| {
            let kept = slot.current.read().clone()?;
            let freshness = kept.freshness(url, rules, self.clock.now());
            (!matches!(freshness, Freshness::Foreign)).then_some((kept, freshness))
        };
        let guard = match usable(slot) {
            Some((kept, Freshness::Fresh)) => return Ok(kept.schema.clone()),
            Some((kept, _)) => match slot.reading.try_lock() {
                Ok(guard) => guard,
                Err(_) => return Ok(kept.schema.clone()),
            },
            None => slot.reading.lock().await,
        };
        let last = match usable(slot) {
            Some((kept, Freshness::Fresh)) => return Ok(kept.schema.clone()),
            Some((kept, _)) => Some(kept),
            None => None,
        };
        let kept = self.renewed(last, id, url, rules).await?;
        *slot.current.write() = Some(kept.clone());
        drop(guard);
        Ok(kept.schema.clone())
    }

    /// Makes a schema again if its source changed; keeps the last good one when that fails.
    async fn renewed(
        &self,
        last: Option<Arc<Kept>>,
        id: &str,
        url: &str,
        rules: Rules,
    ) -> Result<Arc<Kept>, SchemaError> {
        if let Some(last) = &last
            && !last.fetched
            && unchanged(&last.stamps).await
        {
            return Ok(Arc::new(last.at(self.clock.now())));
        }
        match (self.load(id, url, rules).await, last) {
            (Ok(kept), _) => Ok(Arc::new(kept)),
            (Err(error), Some(last)) => {
                tracing::warn!(schema = id, %error, "the last good identity schema stays in use");
                Ok(Arc::new(last.at(self.clock.now())))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Reads a schema and all that it refers to.
    async fn load(&self, id: &str, url: &str, rules: Rules) -> Result<Kept, SchemaError> {
        let root = Location::parse(id, url)?;
        let Document { text, stamp } = read(id, &root, self.fetch.as_ref()).await?;
        let mut stamps: Vec<Stamp> = stamp.into_iter().collect();
        let mut fetched = matches!(root, Location::Http(_));
        let mut documents = Documents { base: root.base(), ..Documents::default() };
        loop {
            let uri = match IdentitySchema::compile(id, &text, rules, &documents) {
                Err(SchemaError::Missing { uri, .. }) if documents.texts.len() < MOST_DOCUMENTS => uri,
                outcome => {
                    let (schema, url, checked_at) = (Arc::new(outcome?), url.to_owned(), self.clock.now());
                    return Ok(Kept { schema, url, rules, stamps, fetched, checked_at });
                }
            };
            let location = referenced(id, &root, &uri)?;
            fetched |= matches!(location, Location::Http(_));
            let document = read(id, &location, self.fetch.as_ref()).await?;
            stamps.extend(document.stamp);
            documents.texts.insert(uri, document.text);
        }
    }
}

/// Where a document that `root` refers to lies.
fn referenced(id: &str, root: &Location, uri: &str) -> Result<Location, SchemaError> {
    let refused = || SchemaError::ReferenceNotAllowed { id: id.to_owned(), reference: uri.to_owned() };
    let url = Url::parse(uri).map_err(|_| refused())?;
    let location = match url.scheme() {
        "http" | "https" => Location::Http(url),
        "file" => Location::File(url.to_file_path().map_err(|()| refused())?),
        _ => return Err(refused()),
    };
    if root.may_refer_to(&location) { Ok(location) } else { Err(refused()) }
}

async fn unchanged(stamps: &[Stamp]) -> bool {
    for known in stamps {
        if !matches!(stamp(&known.path).await, Ok(now) if now == *known) {
            return false;
        }
    }
    true
}

impl Kept {
    fn freshness(&self, url: &str, rules: Rules, now: Timestamp) -> Freshness {
        if self.url != url || self.rules.allow_remote_refs != rules.allow_remote_refs {
            return Freshness::Foreign;
        }
        let lifetime = match (self.fetched, self.stamps.is_empty()) {
            (true, _) => FETCH_AGAIN,
            (false, false) => LOOK_AGAIN,
            (false, true) => return Freshness::Fresh,
        };
        let fresh = self.checked_at.checked_add(lifetime).is_ok_and(|end| now < end);
        if fresh { Freshness::Fresh } else { Freshness::Old }
    }

    /// The same, looked at just now.
    fn at(&self, now: Timestamp) -> Self {
        Self {
            schema: self.schema.clone(),
            url: self.url.clone(),
            rules: self.rules,
            stamps: self.stamps.clone(),
            fetched: self.fetched,
            checked_at: now,
        }
    }
}
