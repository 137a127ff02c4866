//! Makes an identity.

use database::transact;
use serde_json::{Value, json};

use super::body::{CreateBody, check_region, recovery_addresses, verifiable_addresses};
use super::{external_id, state};
use crate::context::Context;
use crate::error::Error;
use crate::model::derive::{available_aal, set_credential, take_traits};
use crate::model::identity::{Aal, CredentialKind, CredentialSecret, Identity as Person};
use crate::schema::Derived;
use crate::service::Identity;
use crate::store::{credentials, identities};
use foundation::ApiError;

impl CreateBody {
    /// What can be told without a schema and without hashing. In a batch, an item that fails here refuses the whole.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        state(self.state.as_deref())?;
        check_region(self.region.as_deref())?;
        self.credentials.as_ref().map_or(Ok(()), super::import::ImportBody::check)
    }
}

impl Identity {
    /// Makes an identity.
    ///
    /// # Errors
    /// 400 for what cannot be used, 409 if an identifier, an address or the external id is taken.
    pub async fn identity_create(&self, cx: &Context, body: &CreateBody) -> Result<Person, Error> {
        let person = self.identity_prepare(cx, body).await?;
        self.identity_insert(cx, &person).await?;
        Ok(person)
    }

    /// Makes an identity out of what was sent, without keeping it.
    pub(super) async fn identity_prepare(&self, cx: &Context, body: &CreateBody) -> Result<Person, Error> {
        body.check()?;
        let configured = &cx.settings().identity.default_schema_id;
        let schema_id = body.schema_id.as_deref().filter(|id| !id.is_empty()).unwrap_or(configured);
        let nothing = json!({});
        let traits = body.traits.as_ref().filter(|traits| !traits.is_null()).unwrap_or(&nothing);
        let derived = self.traits_check(cx, schema_id, traits).await?;
        let mut person = Person {
            id: cx.rng.uuid(),
            external_id: external_id(body.external_id.as_deref())?,
            schema_id: schema_id.to_owned(),
            state: state(body.state.as_deref())?.unwrap_or_default(),
            state_changed_at: Some(cx.now),
            traits: Value::Null,
            metadata_public: body.metadata_public.clone(),
            metadata_admin: body.metadata_admin.clone(),
            organization_id: body.organization_id,
            available_aal: Aal::Aal0,
            verifiable_addresses: verifiable_addresses(cx, body.verifiable_addresses.as_deref().unwrap_or(&[]), &[])?,
            recovery_addresses: recovery_addresses(cx, body.recovery_addresses.as_deref().unwrap_or(&[]))?,
            credentials: Vec::new(),
            created_at: cx.now,
            updated_at: cx.now,
        };
        self.credentials_import(cx, body.credentials.as_ref()).await?.apply(&mut person, cx.now);
        settle(cx, &mut person, derived);
        Ok(person)
    }

    /// Keeps a new identity.
    pub(super) async fn identity_insert(&self, cx: &Context, person: &Person) -> Result<(), Error> {
        transact!(&self.db, |tx| -> Result<(), Error> {
            identities::identity_insert(tx, cx, person).await?;
            for credential in &person.credentials {
                credentials::credential_save(tx, cx, cx.vault(), person.id, credential).await?;
            }
            Ok(())
        })
        .await
    }
}

/// Gives an identity its traits and all that follows from them. Whoever has identifiers has a password credential, if
/// need be one without a password: so nobody else can take them.
pub(super) fn settle(cx: &Context, person: &mut Person, derived: Derived) {
    if !derived.password_identifiers.is_empty() && person.credential(CredentialKind::Password).is_none() {
        let secret = CredentialSecret::Password { hashed_password: None };
        set_credential(person, CredentialKind::Password, Vec::new(), secret, cx.now);
    }
    take_traits(person, derived, cx.now, cx.rng.as_ref());
    person.credentials.sort_by_key(|credential| credential.kind);
    person.available_aal = available_aal(&person.credentials);
}
