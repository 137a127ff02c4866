//! Stored relationships by a filter, page by page. A page token goes with its filter, and for an hour.

use database::{DbError, read};
use foundation::{GoDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::model::{RelationTuple, SubjectQuery, TupleQuery};
use crate::service::Permissions;
use crate::store::listing::{self, Place};

/// How long a page token is good for.
const TOKEN_LIFE: GoDuration = GoDuration::from_secs(3600);

const DEFAULT_PAGE: i64 = 100;

/// As clients know it, though the reference server documents twice as much.
const LARGEST_PAGE: i64 = 500;

/// A page of relationships.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The relationships.
    pub tuples: Vec<RelationTuple>,
    /// Where the next page begins; empty on the last.
    pub next: String,
}

/// What is sealed in a page token.
#[derive(Serialize, Deserialize)]
struct Continuation {
    until: Timestamp,
    place: (String, String, String, Vec<u8>),
}

impl Permissions {
    /// Lists what a filter means. `size` 0 or less is the default.
    ///
    /// # Errors
    /// A namespace that is not there, a token of another filter or an expired one, and what the database says.
    pub async fn list(&self, query: &TupleQuery, size: i64, token: &str) -> Result<Page, Failure> {
        self.known_query(query)?;
        let now = self.deps.clock.now();
        let purpose = purpose(query);
        let behind = self.continuation(&purpose, token, now)?;
        let size = if size <= 0 { DEFAULT_PAGE } else { size.min(LARGEST_PAGE) };
        let (db, tenant) = (&self.deps.db, self.deps.tenant);
        let mut found = read!(db, |tx| -> Result<Vec<(Place, RelationTuple)>, DbError> {
            listing::tuples_list(tx, tenant, query, &behind, size.saturating_add(1)).await
        })
        .await?;
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > wanted;
        found.truncate(wanted);
        let next = match found.last() {
            Some((place, _)) if more => self.token(&purpose, place, now),
            _ => String::new(),
        };
        // What has expired counts as gone, also before it is removed.
        let counts = |tuple: &RelationTuple| tuple.expires_at.is_none_or(|at| at > now);
        Ok(Page { tuples: found.into_iter().map(|(_, tuple)| tuple).filter(counts).collect(), next })
    }

    fn token(&self, purpose: &str, place: &Place, now: Timestamp) -> String {
        let place = (place.namespace.clone(), place.object.clone(), place.relation.clone(), place.key.clone());
        let continuation = Continuation { until: now + TOKEN_LIFE, place };
        let text = serde_json::to_vec(&continuation).unwrap_or_default();
        self.pages.load().seal_text(self.deps.rng.as_ref(), purpose, &text)
    }

    fn continuation(&self, purpose: &str, token: &str, now: Timestamp) -> Result<Place, Failure> {
        if token.is_empty() {
            return Ok(Place::default());
        }
        let opened = self.pages.load().open_text(purpose, token);
        let read: Option<Continuation> = opened.and_then(|text| serde_json::from_slice(&text).ok());
        let Some(Continuation { until, place: (namespace, object, relation, key) }) = read else {
            return Err(Failure::bad_request(
                "The page token is not one that this server gave out for this query. Begin with the first page.",
            ));
        };
        if until <= now {
            return Err(Failure::bad_request(
                "The page token has expired: tokens are not made to be kept. Begin with the first page.",
            ));
        }
        Ok(Place { namespace, object, relation, key })
    }
}

/// Binds a token to all values of its filter. (Fault 15 of the reference server: its tokens go on from a meaningless place
/// under a filter of the same shape with other values.)
fn purpose(query: &TupleQuery) -> String {
    let set = match &query.subject {
        Some(SubjectQuery::Set(set)) => Some((&set.namespace, &set.object, &set.relation)),
        _ => None,
    };
    let id = match &query.subject {
        Some(SubjectQuery::Id(id)) => Some(id),
        _ => None,
    };
    let values = (&query.namespace, &query.object, &query.relation, id, set);
    let text = serde_json::to_vec(&values).unwrap_or_default();
    let digest: [u8; 32] = Sha256::digest(&text).into();
    format!("page of relationships {}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
