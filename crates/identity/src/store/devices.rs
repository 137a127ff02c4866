//! Devices that somebody signed in on before.

use database::{DbError, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};

/// Until when a device is known to an identity; `None` if it is not.
pub async fn device_known_until(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    token_hash: [u8; 32],
) -> Result<Option<Timestamp>, DbError> {
    let find = sql!(
        "SELECT expires_at FROM known_devices \
         WHERE tenant_id = $1 AND identity_id = $2 AND token_hash = $3 AND expires_at > $4"
    );
    let row = tx.row(find, params![cx.tenant, identity_id, token_hash, cx.now]).await?;
    row.map(|row| row.get("expires_at")).transpose()
}

/// Keeps a device, or keeps it for longer.
pub async fn device_keep(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    token_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let keep = sql!(
        "INSERT INTO known_devices (tenant_id, identity_id, token_hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, identity_id, token_hash) DO UPDATE SET expires_at = excluded.expires_at"
    );
    tx.execute(keep, params![cx.tenant, identity_id, token_hash, cx.now, expires_at]).await?;
    Ok(())
}

/// Forgets all devices of an identity but the `most` that were used last.
pub async fn devices_keep_newest(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    most: i64,
) -> Result<(), DbError> {
    let delete = sql!(
        "DELETE FROM known_devices WHERE tenant_id = $1 AND identity_id = $2 AND token_hash NOT IN \
         (SELECT token_hash FROM known_devices WHERE tenant_id = $1 AND identity_id = $2 \
         ORDER BY expires_at DESC, token_hash LIMIT $3)"
    );
    tx.execute(delete, params![cx.tenant, identity_id, most]).await?;
    Ok(())
}

/// Removes up to `limit` devices that are known no more. Says how many.
pub async fn devices_remove_expired(
    tx: &mut Tx,
    cx: &RequestContext,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let delete = sql!(
        "DELETE FROM known_devices WHERE tenant_id = $1 AND token_hash IN (SELECT token_hash FROM known_devices \
         WHERE tenant_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)"
    );
    tx.execute(delete, params![cx.tenant, before, limit]).await
}
