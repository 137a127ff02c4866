//! Codes and links that prove an address or restore an access: each works once, for its flow, until it expires.

use database::{DbError, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};

/// What a redeemed verification code or link proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedBy {
    /// The address.
    pub address_id: Uuid,
}

/// Whom a redeemed recovery code or link lets back in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveredBy {
    /// The identity.
    pub identity_id: Uuid,
    /// The address it was sent to; none if an administrator made it.
    pub address_id: Option<Uuid>,
}

/// Keeps a verification code for `flow_id`.
pub async fn verification_code_insert(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    address_id: Uuid,
    tag: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO verification_codes (id, tenant_id, flow_id, address_id, code_tag, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    let values = params![cx.rng.uuid(), cx.tenant, flow_id, address_id, tag, cx.now, expires_at];
    tx.execute(insert, values).await?;
    Ok(())
}

/// Whose address the codes of a verification were sent to, or whose it is to become.
pub async fn verification_code_owner(tx: &mut Tx, cx: &RequestContext, flow_id: Uuid) -> Result<Option<Uuid>, DbError> {
    let find = sql!(
        "SELECT identity_id FROM identity_verifiable_addresses WHERE tenant_id = $1 AND id IN \
         (SELECT address_id FROM verification_codes WHERE tenant_id = $1 AND flow_id = $2) \
         UNION ALL SELECT identity_id FROM identity_pending_changes WHERE tenant_id = $1 AND flow_id = $2"
    );
    let row = tx.row(find, params![cx.tenant, flow_id]).await?;
    row.map(|row| row.get("identity_id")).transpose()
}

/// Removes the verification codes of a flow: a resent code replaces the earlier ones.
pub async fn verification_codes_delete(tx: &mut Tx, cx: &RequestContext, flow_id: Uuid) -> Result<(), DbError> {
    let delete = sql!("DELETE FROM verification_codes WHERE tenant_id = $1 AND flow_id = $2");
    tx.execute(delete, params![cx.tenant, flow_id]).await?;
    Ok(())
}

/// Uses up the verification code of `flow_id` that has this tag, if it is there, unused and in time.
pub async fn verification_code_use(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    tag: [u8; 32],
) -> Result<Option<VerifiedBy>, DbError> {
    let update = sql!(
        "UPDATE verification_codes SET used_at = $4 \
         WHERE tenant_id = $1 AND flow_id = $2 AND code_tag = $3 AND used_at IS NULL AND expires_at > $4 RETURNING address_id"
    );
    let row = tx.row(update, params![cx.tenant, flow_id, tag, cx.now]).await?;
    row.map(|row| Ok(VerifiedBy { address_id: row.get("address_id")? })).transpose()
}

/// Keeps a recovery code for `flow_id`.
pub async fn recovery_code_insert(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    recovers: RecoveredBy,
    tag: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO recovery_codes (id, tenant_id, flow_id, identity_id, address_id, code_tag, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    let RecoveredBy { identity_id, address_id } = recovers;
    let values = params![cx.rng.uuid(), cx.tenant, flow_id, identity_id, address_id, tag, cx.now, expires_at];
    tx.execute(insert, values).await?;
    Ok(())
}

/// Whom the codes of a recovery let back in.
pub async fn recovery_code_owner(tx: &mut Tx, cx: &RequestContext, flow_id: Uuid) -> Result<Option<Uuid>, DbError> {
    let find = sql!("SELECT identity_id FROM recovery_codes WHERE tenant_id = $1 AND flow_id = $2 LIMIT 1");
    let row = tx.row(find, params![cx.tenant, flow_id]).await?;
    row.map(|row| row.get("identity_id")).transpose()
}

/// Removes the recovery codes of a flow: a resent code replaces the earlier ones.
pub async fn recovery_codes_delete(tx: &mut Tx, cx: &RequestContext, flow_id: Uuid) -> Result<(), DbError> {
    let delete = sql!("DELETE FROM recovery_codes WHERE tenant_id = $1 AND flow_id = $2");
    tx.execute(delete, params![cx.tenant, flow_id]).await?;
    Ok(())
}

/// Uses up the recovery code of `flow_id` that has this tag, if it is there, unused and in time.
pub async fn recovery_code_use(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    tag: [u8; 32],
) -> Result<Option<RecoveredBy>, DbError> {
    let update = sql!(
        "UPDATE recovery_codes SET used_at = $4 \
         WHERE tenant_id = $1 AND flow_id = $2 AND code_tag = $3 AND used_at IS NULL AND expires_at > $4 \
         RETURNING identity_id, address_id"
    );
    let row = tx.row(update, params![cx.tenant, flow_id, tag, cx.now]).await?;
    row.map(|row| Ok(RecoveredBy { identity_id: row.get("identity_id")?, address_id: row.get("address_id")? }))
        .transpose()
}

/// Keeps a verification link's token for `flow_id`.
pub async fn verification_token_insert(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    address_id: Uuid,
    token_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO verification_tokens (id, tenant_id, flow_id, address_id, token_hash, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    let values = params![cx.rng.uuid(), cx.tenant, flow_id, address_id, token_hash, cx.now, expires_at];
    tx.execute(insert, values).await?;
    Ok(())
}

/// Uses up the verification token of `flow_id`, if it is there, unused and in time.
pub async fn verification_token_use(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    token_hash: [u8; 32],
) -> Result<Option<VerifiedBy>, DbError> {
    let update = sql!(
        "UPDATE verification_tokens SET used_at = $4 \
         WHERE tenant_id = $1 AND flow_id = $2 AND token_hash = $3 AND used_at IS NULL AND expires_at > $4 \
         RETURNING address_id"
    );
    let row = tx.row(update, params![cx.tenant, flow_id, token_hash, cx.now]).await?;
    row.map(|row| Ok(VerifiedBy { address_id: row.get("address_id")? })).transpose()
}

/// Keeps a recovery link's token for `flow_id`.
pub async fn recovery_token_insert(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    recovers: RecoveredBy,
    token_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO recovery_tokens (id, tenant_id, flow_id, identity_id, address_id, token_hash, issued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    let RecoveredBy { identity_id, address_id } = recovers;
    let values = params![cx.rng.uuid(), cx.tenant, flow_id, identity_id, address_id, token_hash, cx.now, expires_at];
    tx.execute(insert, values).await?;
    Ok(())
}

/// Uses up the recovery token of `flow_id`, if it is there, unused and in time.
pub async fn recovery_token_use(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    token_hash: [u8; 32],
) -> Result<Option<RecoveredBy>, DbError> {
    let update = sql!(
        "UPDATE recovery_tokens SET used_at = $4 \
         WHERE tenant_id = $1 AND flow_id = $2 AND token_hash = $3 AND used_at IS NULL AND expires_at > $4 \
         RETURNING identity_id, address_id"
    );
    let row = tx.row(update, params![cx.tenant, flow_id, token_hash, cx.now]).await?;
    row.map(|row| Ok(RecoveredBy { identity_id: row.get("identity_id")?, address_id: row.get("address_id")? }))
        .transpose()
}

/// What the verification code of `flow_id` with this tag would prove, without using it up.
pub async fn verification_code_find(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    tag: [u8; 32],
) -> Result<Option<VerifiedBy>, DbError> {
    let find = sql!(
        "SELECT address_id FROM verification_codes \
         WHERE tenant_id = $1 AND flow_id = $2 AND code_tag = $3 AND used_at IS NULL AND expires_at > $4"
    );
    let row = tx.row(find, params![cx.tenant, flow_id, tag, cx.now]).await?;
    row.map(|row| Ok(VerifiedBy { address_id: row.get("address_id")? })).transpose()
}

/// What the verification token of `flow_id` would prove, without using it up.
pub async fn verification_token_find(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    token_hash: [u8; 32],
) -> Result<Option<VerifiedBy>, DbError> {
    let find = sql!(
        "SELECT address_id FROM verification_tokens \
         WHERE tenant_id = $1 AND flow_id = $2 AND token_hash = $3 AND used_at IS NULL AND expires_at > $4"
    );
    let row = tx.row(find, params![cx.tenant, flow_id, token_hash, cx.now]).await?;
    row.map(|row| Ok(VerifiedBy { address_id: row.get("address_id")? })).transpose()
}

/// Whom the recovery code of `flow_id` with this tag would let back in, without using it up.
pub async fn recovery_code_find(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    tag: [u8; 32],
) -> Result<Option<RecoveredBy>, DbError> {
    let find = sql!(
        "SELECT identity_id, address_id FROM recovery_codes \
         WHERE tenant_id = $1 AND flow_id = $2 AND code_tag = $3 AND used_at IS NULL AND expires_at > $4"
    );
    let row = tx.row(find, params![cx.tenant, flow_id, tag, cx.now]).await?;
    row.map(|row| Ok(RecoveredBy { identity_id: row.get("identity_id")?, address_id: row.get("address_id")? }))
        .transpose()
}

/// Whom the recovery token of `flow_id` would let back in, without using it up.
pub async fn recovery_token_find(
    tx: &mut Tx,
    cx: &RequestContext,
    flow_id: Uuid,
    token_hash: [u8; 32],
) -> Result<Option<RecoveredBy>, DbError> {
    let find = sql!(
        "SELECT identity_id, address_id FROM recovery_tokens \
         WHERE tenant_id = $1 AND flow_id = $2 AND token_hash = $3 AND used_at IS NULL AND expires_at > $4"
    );
    let row = tx.row(find, params![cx.tenant, flow_id, token_hash, cx.now]).await?;
    row.map(|row| Ok(RecoveredBy { identity_id: row.get("identity_id")?, address_id: row.get("address_id")? }))
        .transpose()
}
