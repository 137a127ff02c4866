//! Changes of an address that wait until the new address is proved: one for each identity, bound to the verification that
//! proves it and to the session that asked for it.

use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};
use serde_json::Value;

use super::named;
use crate::model::identity::Channel;

/// A change that waits.
#[derive(Debug, Clone)]
pub struct PendingChange {
    /// Whose traits change.
    pub identity_id: Uuid,
    /// The session that asked for it.
    pub session_id: Uuid,
    /// The verification that proves the new address.
    pub flow_id: Uuid,
    /// The kind of the new address.
    pub via: Channel,
    /// The new address.
    pub value: String,
    /// The traits as they were when the change was asked for.
    pub before: Value,
    /// The traits as they will be.
    pub after: Value,
}

/// What recognises the code or link that proves the new address, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Tag {
    /// What is stored of it.
    pub tag: [u8; 32],
    /// From then on it does not work.
    pub expires_at: Timestamp,
}

/// Keeps a change, in the place of an earlier one of the same identity.
pub async fn pending_change_keep(
    tx: &mut Tx,
    cx: &RequestContext,
    change: &PendingChange,
    secret: Tag,
) -> Result<(), DbError> {
    let earlier = sql!("DELETE FROM identity_pending_changes WHERE tenant_id = $1 AND identity_id = $2");
    tx.execute(earlier, params![cx.tenant, change.identity_id]).await?;
    let insert = sql!(
        "INSERT INTO identity_pending_changes (id, tenant_id, identity_id, session_id, flow_id, via, value, \
         traits_before, traits_after, secret_tag, expires_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    );
    let values = params![
        cx.rng.uuid(),
        cx.tenant,
        change.identity_id,
        change.session_id,
        change.flow_id,
        change.via.as_str(),
        change.value.clone(),
        change.before.clone(),
        change.after.clone(),
        secret.tag,
        secret.expires_at,
        cx.now
    ];
    tx.execute(insert, values).await?;
    Ok(())
}

/// The change that the verification of this id proves.
pub async fn pending_change_find(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
) -> Result<Option<PendingChange>, DbError> {
    let find = sql!("SELECT * FROM identity_pending_changes WHERE tenant_id = $1 AND flow_id = $2");
    let row = tx.row(find, params![cx.tenant, flow_id]).await?;
    row.map(|row| from_row(&row)).transpose()
}

/// Has another code or link prove the change.
pub async fn pending_change_renew(tx: &mut Tx, cx: &RequestContext, flow_id: Uuid, secret: Tag) -> Result<(), DbError> {
    let update = sql!(
        "UPDATE identity_pending_changes SET secret_tag = $3, expires_at = $4 WHERE tenant_id = $1 AND flow_id = $2"
    );
    tx.execute(update, params![cx.tenant, flow_id, secret.tag, secret.expires_at]).await?;
    Ok(())
}

/// Gives up the change that a verification would prove.
pub async fn pending_change_delete(tx: &mut Tx, cx: &RequestContext, flow_id: Uuid) -> Result<(), DbError> {
    let delete = sql!("DELETE FROM identity_pending_changes WHERE tenant_id = $1 AND flow_id = $2");
    tx.execute(delete, params![cx.tenant, flow_id]).await?;
    Ok(())
}

/// Takes the change out that a verification proves by a code or link of this tag, if it is there and in time: it is made
/// once or never.
pub async fn pending_change_take(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    tag: [u8; 32],
) -> Result<Option<PendingChange>, DbError> {
    let delete = sql!(
        "DELETE FROM identity_pending_changes \
         WHERE tenant_id = $1 AND flow_id = $2 AND secret_tag = $3 AND expires_at > $4 \
         RETURNING identity_id, session_id, flow_id, via, value, traits_before, traits_after"
    );
    let row = tx.row(delete, params![cx.tenant, flow_id, tag, cx.now]).await?;
    row.map(|row| from_row(&row)).transpose()
}

fn from_row(row: &Row) -> Result<PendingChange, DbError> {
    Ok(PendingChange {
        identity_id: row.get("identity_id")?,
        session_id: row.get("session_id")?,
        flow_id: row.get("flow_id")?,
        via: named(row, "via", Channel::parse)?,
        value: row.get("value")?,
        before: row.get("traits_before")?,
        after: row.get("traits_after")?,
    })
}
