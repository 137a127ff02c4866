//! Takes a credential away from an identity (identity-admin.md §2.10).

use database::transact;
use foundation::{ApiError, Uuid};

use super::no_such_identity;
use crate::context::Context;
use crate::error::Error;
use crate::model::derive::{is_first_factor, remove_credential, set_credential};
use crate::model::identity::{CredentialKind, CredentialSecret};
use crate::service::Identity;
use crate::store::{credentials, identities};

impl Identity {
    /// Takes the credential of this type away.
    ///
    /// # Errors
    /// 404 without such an identity or credential; 400 if it is the last first factor.
    pub async fn credential_delete(&self, cx: &Context, id: Uuid, kind: &str) -> Result<(), Error> {
        let absent = || ApiError::not_found(format!("The identity has no credential of type {kind:?}."));
        transact!(&self.db, |tx| -> Result<(), Error> {
            let found = identities::identity_find(tx, cx, id).await?;
            let mut person = found.ok_or_else(no_such_identity)?;
            person.credentials = credentials::credentials_load(tx, cx, cx.vault(), id).await?;
            let known = CredentialKind::parse(kind).and_then(|kind| person.credential(kind).cloned());
            let credential = known.ok_or_else(absent)?;
            match credential.kind {
                CredentialKind::Password => {
                    if person.credentials.iter().filter(|credential| is_first_factor(credential)).count() < 2 {
                        return Err(ApiError::bad_request(
                            "This is the last credential with which the identity can sign in: set up another one first.",
                        )
                        .into());
                    }
                    // The row stays, and with it the identifiers: nobody else may take them.
                    let nothing = CredentialSecret::Password { hashed_password: None };
                    set_credential(&mut person, credential.kind, credential.identifiers, nothing, cx.now);
                    if let Some(emptied) = person.credential(credential.kind) {
                        credentials::credential_save(tx, cx, cx.vault(), id, emptied).await?;
                    }
                }
                other => {
                    remove_credential(&mut person, other);
                    credentials::credential_delete(tx, cx, id, other).await?;
                }
            }
            identities::identity_set_available_aal(tx, cx, id, person.available_aal).await?;
            Ok(())
        })
        .await
    }
}
