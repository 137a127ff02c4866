//! Sign-ups that wait until their address is proved, bound to the verification that proves it.

use crypto::sealing::Sealer;
use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pending_changes::Tag;
use crate::model::identity::CredentialKind;

const PURPOSE: &str = "pending_registrations.promise";

/// The account that will be made. Stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Promise {
    /// Whether somebody has the address already: then nothing will be made.
    pub known: bool,
    /// The address to prove, as the schema has it.
    pub address: String,
    /// The id that the sign-up was told.
    pub identity_id: Uuid,
    /// The schema that the traits follow.
    pub schema_id: String,
    /// The traits.
    pub traits: Value,
    /// What hooks said about the person for everybody to see.
    pub metadata_public: Option<Value>,
    /// The same for administrators.
    pub metadata_admin: Option<Value>,
    /// The id by which others know the person.
    pub external_id: Option<String>,
    /// What the person will sign in with: the kind, its identifiers and its secret.
    pub credentials: Vec<(CredentialKind, Vec<String>, Value)>,
}

impl std::fmt::Debug for Promise {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Promise([secret])")
    }
}

/// Keeps a sign-up for the verification `flow_id`.
pub async fn pending_registration_keep(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    flow_id: Uuid,
    promise: &Promise,
    secret: Tag,
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO pending_registrations (id, tenant_id, flow_id, value, promise, secret_tag, expires_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    // Texts, numbers and JSON: writing it as JSON cannot fail.
    let sealed = vault.seal(cx.rng.as_ref(), PURPOSE, &serde_json::to_vec(promise).unwrap_or_default());
    let values = params![
        cx.rng.uuid(),
        cx.tenant,
        flow_id,
        promise.address.clone(),
        sealed,
        secret.tag,
        secret.expires_at,
        cx.now
    ];
    tx.execute(insert, values).await?;
    Ok(())
}

/// The sign-up that waits for the verification of this id.
pub async fn pending_registration_find(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    flow_id: Uuid,
) -> Result<Option<Promise>, DbError> {
    let find = sql!("SELECT promise FROM pending_registrations WHERE tenant_id = $1 AND flow_id = $2");
    let row = tx.row(find, params![cx.tenant, flow_id]).await?;
    row.map(|row| from_row(&row, vault)).transpose()
}

/// Has another code or link prove the address.
pub async fn pending_registration_renew(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    secret: Tag,
) -> Result<(), DbError> {
    let update =
        sql!("UPDATE pending_registrations SET secret_tag = $3, expires_at = $4 WHERE tenant_id = $1 AND flow_id = $2");
    tx.execute(update, params![cx.tenant, flow_id, secret.tag, secret.expires_at]).await?;
    Ok(())
}

/// Takes the sign-up out that a verification completes by a code or link of this tag, if it is there and in time: the
/// account is made once or never.
pub async fn pending_registration_take(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    flow_id: Uuid,
    tag: [u8; 32],
) -> Result<Option<Promise>, DbError> {
    let delete = sql!(
        "DELETE FROM pending_registrations \
         WHERE tenant_id = $1 AND flow_id = $2 AND secret_tag = $3 AND expires_at > $4 RETURNING promise"
    );
    let row = tx.row(delete, params![cx.tenant, flow_id, tag, cx.now]).await?;
    row.map(|row| from_row(&row, vault)).transpose()
}

fn from_row(row: &Row, vault: &Sealer) -> Result<Promise, DbError> {
    let sealed: Vec<u8> = row.get("promise")?;
    vault.open(PURPOSE, &sealed).and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| DbError::Column {
        column: "promise".to_owned(),
        reason: "cannot be opened with any of secrets.cipher".to_owned(),
    })
}
