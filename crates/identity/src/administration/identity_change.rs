//! Changes an identity: by an update that replaces what it says, or by a patch (identity-admin.md §2.4, §2.5). Both read
//! the identity, work out what becomes of it, and write that if nobody else changed it meanwhile: checking traits and
//! hashing take too long for a transaction.

use std::borrow::Cow;

use ::json_patch::PatchOperation;
use database::{read, transact};
use foundation::{ApiError, Uuid};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{AddressBody, UpdateBody, check_region, verifiable_addresses};
use super::identity_create::settle;
use super::import::{Imported, check_hash, check_totp_url, identifiers};
use super::view::{Shown, identity_json};
use super::{external_id, json_patch, no_such_identity, set_state, state};
use crate::context::Context;
use crate::error::Error;
use crate::model::derive::{remove_credential, set_credential};
use crate::model::identity::{CredentialKind, CredentialSecret, Identity as Person};
use crate::service::Identity;
use crate::store::{credentials, identities};

/// How often a change starts over because somebody else was faster.
const ATTEMPTS: usize = 5;

enum Change<'a> {
    Update(&'a UpdateBody, Imported),
    Patch(&'a [PatchOperation]),
}

impl Identity {
    /// Replaces what an identity says about itself.
    ///
    /// # Errors
    /// 404, 400 for what cannot be used, 409 for what is taken.
    pub async fn identity_update(&self, cx: &Context, id: Uuid, body: &UpdateBody) -> Result<Person, Error> {
        check_region(body.region.as_deref())?;
        self.identity_of(cx, id).await?;
        let imported = self.credentials_import(cx, body.credentials.as_ref()).await?;
        self.identity_change(cx, id, &Change::Update(body, imported)).await
    }

    /// Applies a JSON patch to an identity.
    ///
    /// # Errors
    /// 404, 400 for what cannot be used, 409 for what is taken.
    pub async fn identity_patch(&self, cx: &Context, id: Uuid, patch: &[PatchOperation]) -> Result<Person, Error> {
        self.identity_change(cx, id, &Change::Patch(patch)).await
    }

    async fn identity_change(&self, cx: &Context, id: Uuid, change: &Change<'_>) -> Result<Person, Error> {
        for _ in 0..ATTEMPTS {
            let before = self.identity_of(cx, id).await?;
            let mut after = before.clone();
            let traits = match change {
                Change::Update(body, imported) => updated(cx, &mut after, body, imported)?,
                Change::Patch(patch) => Cow::Owned(patched(cx, &mut after, patch)?),
            };
            let derived = self.traits_check(cx, &after.schema_id, &traits).await?;
            settle(cx, &mut after, derived);
            if self.identity_replace(cx, &before, &after).await? {
                return Ok(after);
            }
        }
        Err(ApiError::conflict("The identity was changed by others at the same time. Try again.").into())
    }

    async fn identity_of(&self, cx: &Context, id: Uuid) -> Result<Person, Error> {
        let found = read!(&self.db, |tx| -> Result<Option<Person>, Error> {
            let Some(mut person) = identities::identity_find(tx, cx, id).await? else { return Ok(None) };
            person.credentials = credentials::credentials_load(tx, cx, cx.vault(), id).await?;
            Ok(Some(person))
        })
        .await?;
        found.ok_or_else(|| no_such_identity().into())
    }

    /// Writes `after`, provided the identity still is as `before` says.
    async fn identity_replace(&self, cx: &Context, before: &Person, after: &Person) -> Result<bool, Error> {
        transact!(&self.db, |tx| -> Result<bool, Error> {
            let Some(mut present) = identities::identity_find(tx, cx, before.id).await? else { return Ok(false) };
            present.credentials = credentials::credentials_load(tx, cx, cx.vault(), before.id).await?;
            if present != *before {
                return Ok(false);
            }
            identities::identity_update(tx, cx, after).await?;
            for gone in before.credentials.iter().filter(|known| after.credential(known.kind).is_none()) {
                credentials::credential_delete(tx, cx, before.id, gone.kind).await?;
            }
            for credential in &after.credentials {
                if before.credential(credential.kind) != Some(credential) {
                    credentials::credential_save(tx, cx, cx.vault(), before.id, credential).await?;
                }
            }
            Ok(true)
        })
        .await
    }
}

/// Puts an update into an identity and gives the traits that it asks for.
fn updated<'a>(
    cx: &Context,
    person: &mut Person,
    body: &'a UpdateBody,
    imported: &Imported,
) -> Result<Cow<'a, Value>, ApiError> {
    if let Some(schema_id) = body.schema_id.as_deref().filter(|id| !id.is_empty()) {
        schema_id.clone_into(&mut person.schema_id);
    }
    if let Some(state) = state(body.state.as_deref())? {
        set_state(person, state, cx);
    }
    person.external_id = external_id(body.external_id.as_deref())?;
    person.metadata_public.clone_from(&body.metadata_public);
    person.metadata_admin.clone_from(&body.metadata_admin);
    imported.apply(person, cx.now);
    let traits = body.traits.as_ref().filter(|traits| !traits.is_null());
    Ok(traits.map_or_else(|| Cow::Owned(json!({})), Cow::Borrowed))
}

/// What is read back from a patched document. Members that are not here are the server's, or mean nothing.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    schema_id: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    traits: Option<Value>,
    #[serde(default)]
    metadata_public: Option<Value>,
    #[serde(default)]
    metadata_admin: Option<Value>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    organization_id: Option<Uuid>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    verifiable_addresses: Vec<AddressBody>,
    #[serde(default)]
    credentials: Map<String, Value>,
}

/// Applies a patch to an identity and gives the traits that come out of it.
fn patched(cx: &Context, person: &mut Person, patch: &[PatchOperation]) -> Result<Value, ApiError> {
    let shown = identity_json(cx, person, Shown::Credentials(&CredentialKind::ALL));
    let document = json_patch::apply(&shown, patch)?;
    let document: Document = serde_json::from_value(document).map_err(|error| no_identity(&error))?;
    check_region(document.region.as_deref())?;
    person.schema_id = document.schema_id;
    let named = state(document.state.as_deref())?;
    set_state(person, named.ok_or_else(|| ApiError::bad_request("An identity has a state."))?, cx);
    person.external_id = external_id(document.external_id.as_deref())?;
    person.organization_id = document.organization_id;
    person.metadata_public = document.metadata_public;
    person.metadata_admin = document.metadata_admin;
    person.verifiable_addresses =
        verifiable_addresses(cx, &document.verifiable_addresses, &person.verifiable_addresses)?;
    take_credentials(cx, person, document.credentials)?;
    Ok(document.traits.unwrap_or_else(|| json!({})))
}

fn take_credentials(cx: &Context, person: &mut Person, patched: Map<String, Value>) -> Result<(), ApiError> {
    for kind in CredentialKind::ALL {
        if !patched.contains_key(kind.as_str()) {
            remove_credential(person, kind);
        }
    }
    for (name, mut credential) in patched {
        let kind = CredentialKind::parse(&name)
            .ok_or_else(|| ApiError::bad_request(format!("Credentials of type {name:?} cannot be kept.")))?;
        if credential["type"] != name.as_str() {
            return Err(ApiError::bad_request(format!("credentials.{name}.type is not {name:?}.")));
        }
        let secret = secret(kind, credential["config"].take())?;
        if person.credential(kind).map(|known| &known.secret) == Some(&secret) {
            continue;
        }
        check_secret(&secret)?;
        let found_by = match kind {
            CredentialKind::Password => identifiers(person, kind),
            CredentialKind::Totp | CredentialKind::LookupSecret => vec![person.id.to_string()],
        };
        set_credential(person, kind, found_by, secret, cx.now);
    }
    Ok(())
}

/// The secret in a `config`. A password credential without one has no password.
fn secret(kind: CredentialKind, config: Value) -> Result<CredentialSecret, ApiError> {
    let config = if config.is_null() { json!({}) } else { config };
    let secret = CredentialSecret::read(kind, config).map_err(|error| no_identity(&error))?;
    Ok(match secret {
        CredentialSecret::Password { hashed_password } => {
            CredentialSecret::Password { hashed_password: hashed_password.filter(|hash| !hash.is_empty()) }
        }
        other => other,
    })
}

fn check_secret(secret: &CredentialSecret) -> Result<(), ApiError> {
    match secret {
        CredentialSecret::Password { hashed_password } => hashed_password.as_deref().map_or(Ok(()), check_hash),
        CredentialSecret::Totp { totp_url, .. } => check_totp_url(totp_url),
        CredentialSecret::LookupSecret { .. } => Ok(()),
    }
}

fn no_identity(error: &serde_json::Error) -> ApiError {
    let message = format!("The result is no identity: {error}");
    ApiError::bad_request("The JSON patch could not be applied.").message(message)
}
