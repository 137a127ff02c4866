//! The proof of the address that somebody signed up with: with it the account is made, its address proved.

use std::sync::Arc;

use database::{Tx, read};
use url::Url;

use super::super::challenges::Presented;
use crate::context::Context;
use crate::error::Error;
use crate::model::derive;
use crate::model::flow::Flow;
use crate::model::identity::{Aal, AddressStatus, Channel, CredentialSecret, Identity as Person, IdentityState};
use crate::schema::IdentitySchema;
use crate::service::Identity;
use crate::store::pending_registrations::{self, Promise};
use crate::store::{credentials, identities};

impl Identity {
    /// The sign-up that waits for this verification, and the schema that its traits follow.
    pub(super) async fn verification_sign_up(
        &self,
        cx: &Context,
        flow: &Flow,
    ) -> Result<Option<(Promise, Arc<IdentitySchema>)>, Error> {
        let found = read!(&self.db, |tx| -> Result<Option<Promise>, Error> {
            Ok(pending_registrations::pending_registration_find(tx, cx, cx.vault(), flow.id).await?)
        })
        .await?;
        let Some(promise) = found else { return Ok(None) };
        let schema = self.schema(cx, &promise.schema_id).await?;
        Ok(Some((promise, schema)))
    }
}

/// Makes the account that waits for what was presented. `None` if none does.
pub(super) async fn make(
    tx: &mut Tx,
    cx: &Context,
    flow: &Flow,
    presented: &Presented,
    schema: &IdentitySchema,
) -> Result<Option<Person>, Error> {
    let Some(promise) = take(tx, cx, flow, presented).await?.filter(|promise| !promise.known) else {
        return Ok(None);
    };
    let Some(identity) = account(cx, &promise, schema) else { return Ok(None) };
    identities::identity_insert(tx, cx, &identity).await?;
    for credential in &identity.credentials {
        credentials::credential_save(tx, cx, cx.vault(), identity.id, credential).await?;
    }
    Ok(Some(identity))
}

async fn take(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Option<Promise>, Error> {
    for tag in presented.tags() {
        let taken = pending_registrations::pending_registration_take(tx, cx, cx.vault(), flow.id, *tag).await?;
        if taken.is_some() {
            return Ok(taken);
        }
    }
    Ok(None)
}

/// The account as it was promised. `None` if the schema takes the traits no more.
pub(super) fn account(cx: &Context, promise: &Promise, schema: &IdentitySchema) -> Option<Person> {
    let derived = schema.validate_submitted(&promise.traits).ok()?;
    let mut identity = Person {
        id: promise.identity_id,
        external_id: promise.external_id.clone(),
        schema_id: promise.schema_id.clone(),
        state: IdentityState::Active,
        state_changed_at: Some(cx.now),
        traits: promise.traits.clone(),
        metadata_public: promise.metadata_public.clone(),
        metadata_admin: promise.metadata_admin.clone(),
        organization_id: None,
        available_aal: Aal::Aal0,
        verifiable_addresses: Vec::new(),
        recovery_addresses: Vec::new(),
        credentials: Vec::new(),
        created_at: cx.now,
        updated_at: cx.now,
    };
    derive::take_traits(&mut identity, derived, cx.now, cx.rng.as_ref());
    for (kind, identifiers, secret) in &promise.credentials {
        let secret = CredentialSecret::read(*kind, secret.clone()).ok()?;
        derive::set_credential(&mut identity, *kind, identifiers.clone(), secret, cx.now);
    }
    let proved = |via: Channel, value: &str| via == Channel::Email && value == promise.address;
    for address in identity.verifiable_addresses.iter_mut().filter(|address| proved(address.via, &address.value)) {
        address.verified = true;
        address.status = AddressStatus::Completed;
        address.verified_at = Some(cx.now);
    }
    Some(identity)
}

/// Where somebody goes on whose account was just made: to the sign-in, and from there to where they were going.
pub(super) fn sign_in_url(cx: &Context, flow: &Flow) -> Url {
    let mut url = cx.settings().public_base_url();
    url.set_path(&format!("{}self-service/login/browser", url.path()));
    if let Some(return_to) = flow.requested("return_to") {
        url.query_pairs_mut().append_pair("return_to", &return_to);
    }
    url
}
