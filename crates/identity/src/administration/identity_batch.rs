//! Makes many identities at once (identity-admin.md §2.6): each stands or falls alone.

use foundation::{ApiError, Uuid};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body::CreateBody;
use crate::context::Context;
use crate::error::Error;
use crate::model::identity::Identity as Person;
use crate::service::Identity;

const MOST_ITEMS: usize = 1000;
/// Hashing is the costly part.
const MOST_PASSWORDS: usize = 200;
/// How many passwords of one batch are hashed at the same time, so that people who sign in meanwhile get their turn.
const AT_ONCE: usize = 2;

/// The body of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    #[serde(default)]
    identities: Option<Vec<BatchItem>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchItem {
    #[serde(default)]
    create: Option<CreateBody>,
    #[serde(default)]
    patch_id: Option<Uuid>,
}

/// What became of each item, in their order; nothing for an item that asked for nothing.
#[derive(Debug, Serialize)]
pub struct BatchResult {
    identities: Vec<Option<ItemResult>>,
}

#[derive(Debug, Serialize)]
struct ItemResult {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

impl BatchBody {
    fn check(&self) -> Result<&[BatchItem], ApiError> {
        let items = self.identities.as_deref().unwrap_or(&[]);
        if items.len() > MOST_ITEMS {
            return Err(ApiError::bad_request(format!("A batch has at most {MOST_ITEMS} identities.")));
        }
        let bodies = || items.iter().filter_map(|item| item.create.as_ref());
        let imports = bodies().filter_map(|body| body.credentials.as_ref());
        if imports.filter(|import| import.has_plaintext()).count() > MOST_PASSWORDS {
            return Err(ApiError::bad_request(format!(
                "A batch has at most {MOST_PASSWORDS} passwords in plain text: each has to be hashed."
            )));
        }
        bodies().try_for_each(CreateBody::check)?;
        Ok(items)
    }
}

impl Identity {
    /// Makes the identities of a batch, and says what became of each.
    ///
    /// # Errors
    /// 400 for a batch that is too large or has an item that can never work; 409 if its only item meets a conflict.
    pub async fn identity_batch(&self, cx: &Context, body: &BatchBody) -> Result<BatchResult, Error> {
        let items = body.check()?;
        let mut identities = Vec::with_capacity(items.len());
        let mut waiting = Vec::with_capacity(items.len());
        for item in items {
            waiting.push(self.item_prepare(cx, item));
        }
        let mut prepared = futures::stream::iter(waiting).buffered(AT_ONCE);
        for item in items {
            let result = match prepared.next().await.flatten() {
                None => None,
                Some(Err(error)) => Some(refused(item, error.into_api())),
                Some(Ok(person)) => Some(match self.identity_insert(cx, &person).await {
                    Ok(()) => made(item, person.id),
                    Err(error) => refused(item, error.into_api()),
                }),
            };
            identities.push(result);
        }
        match identities.as_slice() {
            [Some(only)] if only.is_conflict() => Err(ApiError::conflict("The identity exists already.").into()),
            _ => Ok(BatchResult { identities }),
        }
    }

    async fn item_prepare(&self, cx: &Context, item: &BatchItem) -> Option<Result<Person, Error>> {
        match &item.create {
            Some(create) => Some(self.identity_prepare(cx, create).await),
            None => None,
        }
    }
}

impl ItemResult {
    fn is_conflict(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error["code"] == 409)
    }
}

fn made(item: &BatchItem, id: Uuid) -> ItemResult {
    ItemResult { action: "create", identity: Some(id), patch_id: item.patch_id, error: None }
}

fn refused(item: &BatchItem, error: ApiError) -> ItemResult {
    ItemResult { action: "error", identity: None, patch_id: item.patch_id, error: Some(error.to_error_value(None)) }
}
