//! The proof of an address that is not anybody's yet: with it, the change that waited for it is made.

use std::sync::Arc;

use courier::Composed;
use database::{Tx, read};

use super::super::challenges::Presented;
use super::super::hooks;
use crate::context::Context;
use crate::error::Error;
use crate::model::derive;
use crate::model::flow::Flow;
use crate::model::identity::{AddressStatus, CredentialKind, Identity as Person, IdentityState};
use crate::schema::IdentitySchema;
use crate::service::Identity;
use crate::settings::FlowName;
use crate::store::pending_changes::{self, PendingChange};
use crate::store::{credentials, identities, sessions};

/// What is read and composed before the transaction that makes a change.
pub(super) struct Prepared {
    schema: Arc<IdentitySchema>,
    notices: Vec<Composed>,
}

/// What became of a change.
pub(super) enum Change {
    /// No change waits for what was presented.
    None,
    /// It is made.
    Made(Box<PendingChange>),
    /// What it was asked of is no longer so: it is dropped.
    Void,
}

impl Identity {
    /// The change that waits for this verification.
    pub(super) async fn verification_change(&self, cx: &Context, flow: &Flow) -> Result<Option<PendingChange>, Error> {
        read!(&self.db, |tx| -> Result<Option<PendingChange>, Error> {
            Ok(pending_changes::pending_change_find(tx, cx, flow.id).await?)
        })
        .await
    }

    /// Reads the schema of whose change it is, and composes the notices to addresses that were there before.
    pub(super) async fn verification_prepare_change(
        &self,
        cx: &Context,
        change: &PendingChange,
    ) -> Result<Option<Prepared>, Error> {
        let Some(before) = self.identity_with_credentials(cx, change.identity_id).await? else { return Ok(None) };
        let schema = self.schema(cx, &before.schema_id).await?;
        let mut after = before.clone();
        if let Ok(derived) = schema.validate_submitted(&change.after) {
            derive::take_traits(&mut after, derived, cx.now, cx.rng.as_ref());
        }
        let wanted = hooks::wanted(cx.settings().after(FlowName::Settings, "profile"));
        let notices = self.settings_notices(cx, &before, &after, wanted).await?;
        Ok(Some(Prepared { schema, notices }))
    }
}

/// Makes the change that waits for what was presented.
pub(super) async fn make(
    tx: &mut Tx,
    cx: &Context,
    flow: &Flow,
    presented: &Presented,
    prepared: &Prepared,
) -> Result<Change, Error> {
    let Some(change) = take(tx, cx, flow, presented).await? else { return Ok(Change::None) };
    let Some(mut identity) = still_the_same(tx, cx, &change).await? else { return Ok(Change::Void) };
    if identity.schema_id != prepared.schema.id() {
        return Ok(Change::Void);
    }
    let Ok(derived) = prepared.schema.validate_submitted(&change.after) else { return Ok(Change::Void) };
    identity.credentials = credentials::credentials_load(tx, cx, cx.vault(), identity.id).await?;
    derive::take_traits(&mut identity, derived, cx.now, cx.rng.as_ref());
    for address in &mut identity.verifiable_addresses {
        if address.via == change.via && address.value == change.value {
            address.verified = true;
            address.status = AddressStatus::Completed;
            address.verified_at = Some(cx.now);
            address.updated_at = cx.now;
        }
    }
    identities::identity_update(tx, cx, &identity).await?;
    if let Some(credential) = identity.credential(CredentialKind::Password) {
        credentials::credential_save(tx, cx, cx.vault(), identity.id, credential).await?;
    }
    for notice in &prepared.notices {
        courier::enqueue(tx, cx, notice).await?;
    }
    Ok(Change::Made(Box::new(change)))
}

async fn take(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Option<PendingChange>, Error> {
    for tag in presented.tags() {
        let taken = pending_changes::pending_change_take(tx, cx, flow.id, *tag).await?;
        if taken.is_some() {
            return Ok(taken);
        }
    }
    Ok(None)
}

/// The identity, if it and the session that asked are still what they were. Whoever lost the session that asked for the
/// change, be it by revocation, no longer changes anything.
async fn still_the_same(tx: &mut Tx, cx: &Context, change: &PendingChange) -> Result<Option<Person>, Error> {
    let asked_by = sessions::session_find(tx, cx, change.session_id).await?;
    if !asked_by.is_some_and(|session| session.is_active(cx.now)) {
        return Ok(None);
    }
    let identity = identities::identity_find(tx, cx, change.identity_id).await?;
    Ok(identity.filter(|identity| identity.state == IdentityState::Active && identity.traits == change.before))
}
