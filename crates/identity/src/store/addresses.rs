//! Verifiable and recovery addresses. They follow from the traits; rows that still follow keep their id and their state.

use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Uuid};

use super::changes::identity_changed;
use super::named;
use crate::model::identity::{AddressStatus, Channel, Identity, RecoveryAddress, VerifiableAddress};

/// Loads the addresses of an identity, in the order of its schema.
pub async fn addresses_load(tx: &mut Tx, cx: &RequestContext, identity: &mut Identity) -> Result<(), DbError> {
    let verifiable = sql!(
        "SELECT * FROM identity_verifiable_addresses WHERE tenant_id = $1 AND identity_id = $2 ORDER BY place, id"
    );
    let rows = tx.rows(verifiable, params![cx.tenant, identity.id]).await?;
    identity.verifiable_addresses = rows.iter().map(verifiable_from_row).collect::<Result<_, _>>()?;
    let recovery =
        sql!("SELECT * FROM identity_recovery_addresses WHERE tenant_id = $1 AND identity_id = $2 ORDER BY place, id");
    let rows = tx.rows(recovery, params![cx.tenant, identity.id]).await?;
    identity.recovery_addresses = rows.iter().map(recovery_from_row).collect::<Result<_, _>>()?;
    Ok(())
}

/// Makes the stored addresses those that `identity` names: inserts, changes and removes what differs. Part of writing the
/// identity, whose function says what changed.
pub(super) async fn addresses_save(tx: &mut Tx, cx: &RequestContext, identity: &Identity) -> Result<(), DbError> {
    remove_others(tx, cx, identity).await?;
    for (place, address) in identity.verifiable_addresses.iter().enumerate() {
        let save = sql!(
            "INSERT INTO identity_verifiable_addresses \
             (id, tenant_id, identity_id, via, value, verified, status, verified_at, place, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (id) DO UPDATE SET verified = excluded.verified, status = excluded.status, \
             verified_at = excluded.verified_at, place = excluded.place, updated_at = excluded.updated_at"
        );
        let values = params![
            address.id,
            cx.tenant,
            identity.id,
            address.via.as_str(),
            address.value.clone(),
            address.verified,
            address.status.as_str(),
            address.verified_at,
            place as i64,
            address.created_at,
            address.updated_at
        ];
        tx.execute(save, values).await?;
    }
    for (place, address) in identity.recovery_addresses.iter().enumerate() {
        let save = sql!(
            "INSERT INTO identity_recovery_addresses \
             (id, tenant_id, identity_id, via, value, place, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (id) DO UPDATE SET place = excluded.place, updated_at = excluded.updated_at"
        );
        let values = params![
            address.id,
            cx.tenant,
            identity.id,
            address.via.as_str(),
            address.value.clone(),
            place as i64,
            address.created_at,
            address.updated_at
        ];
        tx.execute(save, values).await?;
    }
    Ok(())
}

async fn remove_others(tx: &mut Tx, cx: &RequestContext, identity: &Identity) -> Result<(), DbError> {
    let stored = sql!("SELECT id FROM identity_verifiable_addresses WHERE tenant_id = $1 AND identity_id = $2");
    for row in tx.rows(stored, params![cx.tenant, identity.id]).await? {
        let id: Uuid = row.get("id")?;
        if !identity.verifiable_addresses.iter().any(|address| address.id == id) {
            let remove = sql!("DELETE FROM identity_verifiable_addresses WHERE tenant_id = $1 AND id = $2");
            tx.execute(remove, params![cx.tenant, id]).await?;
        }
    }
    let stored = sql!("SELECT id FROM identity_recovery_addresses WHERE tenant_id = $1 AND identity_id = $2");
    for row in tx.rows(stored, params![cx.tenant, identity.id]).await? {
        let id: Uuid = row.get("id")?;
        if !identity.recovery_addresses.iter().any(|address| address.id == id) {
            let remove = sql!("DELETE FROM identity_recovery_addresses WHERE tenant_id = $1 AND id = $2");
            tx.execute(remove, params![cx.tenant, id]).await?;
        }
    }
    Ok(())
}

/// The verifiable address of this value, and whose it is.
pub async fn verifiable_find(
    tx: &mut Tx,
    cx: &RequestContext,
    via: Channel,
    value: &str,
) -> Result<Option<(Uuid, VerifiableAddress)>, DbError> {
    let find = sql!("SELECT * FROM identity_verifiable_addresses WHERE tenant_id = $1 AND via = $2 AND value = $3");
    let row = tx.row(find, params![cx.tenant, via.as_str(), value]).await?;
    row.map(|row| Ok((row.get("identity_id")?, verifiable_from_row(&row)?))).transpose()
}

/// The verifiable address of this id, and whose it is.
pub async fn verifiable_find_by_id(
    tx: &mut Tx,
    cx: &RequestContext,
    id: Uuid,
) -> Result<Option<(Uuid, VerifiableAddress)>, DbError> {
    let find = sql!("SELECT * FROM identity_verifiable_addresses WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(find, params![cx.tenant, id]).await?;
    row.map(|row| Ok((row.get("identity_id")?, verifiable_from_row(&row)?))).transpose()
}

/// The recovery address of this value, and whose it is.
pub async fn recovery_find(
    tx: &mut Tx,
    cx: &RequestContext,
    via: Channel,
    value: &str,
) -> Result<Option<(Uuid, RecoveryAddress)>, DbError> {
    let find = sql!("SELECT * FROM identity_recovery_addresses WHERE tenant_id = $1 AND via = $2 AND value = $3");
    let row = tx.row(find, params![cx.tenant, via.as_str(), value]).await?;
    row.map(|row| Ok((row.get("identity_id")?, recovery_from_row(&row)?))).transpose()
}

/// The recovery address of this id, and whose it is.
pub async fn recovery_find_by_id(
    tx: &mut Tx,
    cx: &RequestContext,
    id: Uuid,
) -> Result<Option<(Uuid, RecoveryAddress)>, DbError> {
    let find = sql!("SELECT * FROM identity_recovery_addresses WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(find, params![cx.tenant, id]).await?;
    row.map(|row| Ok((row.get("identity_id")?, recovery_from_row(&row)?))).transpose()
}

/// Notes that a proof was asked for.
pub async fn verifiable_mark_sent(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<(), DbError> {
    let update = sql!(
        "UPDATE identity_verifiable_addresses SET status = 'sent', updated_at = $3 \
         WHERE tenant_id = $1 AND id = $2 AND status = 'pending' RETURNING identity_id"
    );
    if let Some(row) = tx.row(update, params![cx.tenant, id, cx.now]).await? {
        identity_changed(tx, cx, row.get("identity_id")?);
    }
    Ok(())
}

/// Notes that the address was proved.
pub async fn verifiable_mark_verified(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<(), DbError> {
    let update = sql!(
        "UPDATE identity_verifiable_addresses SET status = 'completed', verified = $3, verified_at = $4, updated_at = $4 \
         WHERE tenant_id = $1 AND id = $2 RETURNING identity_id"
    );
    if let Some(row) = tx.row(update, params![cx.tenant, id, true, cx.now]).await? {
        identity_changed(tx, cx, row.get("identity_id")?);
    }
    Ok(())
}

pub(super) fn verifiable_from_row(row: &Row) -> Result<VerifiableAddress, DbError> {
    Ok(VerifiableAddress {
        id: row.get("id")?,
        value: row.get("value")?,
        verified: row.get("verified")?,
        via: named(row, "via", Channel::parse)?,
        status: named(row, "status", AddressStatus::parse)?,
        verified_at: row.get("verified_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(super) fn recovery_from_row(row: &Row) -> Result<RecoveryAddress, DbError> {
    Ok(RecoveryAddress {
        id: row.get("id")?,
        value: row.get("value")?,
        via: named(row, "via", Channel::parse)?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
