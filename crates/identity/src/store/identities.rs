//! The rows of identities.

use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Uuid};

use super::changes::identity_changed;
use super::{addresses, named};
use crate::model::identity::{Aal, CredentialKind, Identity, IdentityState};

/// Writes a new identity, without its credentials and addresses.
pub async fn identity_insert(tx: &mut Tx, cx: &RequestContext, identity: &Identity) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO identities (id, tenant_id, external_id, schema_id, state, state_changed_at, traits, metadata_public, \
         metadata_admin, organization_id, available_aal, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    let values = params![
        identity.id,
        cx.tenant,
        identity.external_id.clone(),
        identity.schema_id.clone(),
        identity.state.as_str(),
        identity.state_changed_at,
        identity.traits.clone(),
        identity.metadata_public.clone(),
        identity.metadata_admin.clone(),
        identity.organization_id,
        identity.available_aal.as_str(),
        identity.created_at,
        identity.updated_at
    ];
    tx.execute(insert, values).await?;
    addresses::addresses_save(tx, cx, identity).await
}

/// Writes what an identity says now over what it said before, addresses included; credentials have their own file.
pub async fn identity_update(tx: &mut Tx, cx: &RequestContext, identity: &Identity) -> Result<bool, DbError> {
    let update = sql!(
        "UPDATE identities SET external_id = $3, schema_id = $4, state = $5, state_changed_at = $6, traits = $7, \
         metadata_public = $8, metadata_admin = $9, available_aal = $10, updated_at = $11, organization_id = $12 \
         WHERE tenant_id = $1 AND id = $2"
    );
    let values = params![
        cx.tenant,
        identity.id,
        identity.external_id.clone(),
        identity.schema_id.clone(),
        identity.state.as_str(),
        identity.state_changed_at,
        identity.traits.clone(),
        identity.metadata_public.clone(),
        identity.metadata_admin.clone(),
        identity.available_aal.as_str(),
        identity.updated_at,
        identity.organization_id
    ];
    if tx.execute(update, values).await? == 0 {
        return Ok(false);
    }
    identity_changed(tx, cx, identity.id);
    addresses::addresses_save(tx, cx, identity).await?;
    Ok(true)
}

/// Writes what follows from the credentials.
pub async fn identity_set_available_aal(tx: &mut Tx, cx: &RequestContext, id: Uuid, aal: Aal) -> Result<(), DbError> {
    let update = sql!("UPDATE identities SET available_aal = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2");
    identity_changed(tx, cx, id);
    tx.execute(update, params![cx.tenant, id, aal.as_str(), cx.now]).await?;
    Ok(())
}

/// The identity of this id, with its addresses and without credentials.
pub async fn identity_find(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<Option<Identity>, DbError> {
    let find = sql!("SELECT * FROM identities WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(find, params![cx.tenant, id]).await?;
    with_addresses(tx, cx, row).await
}

/// The identity of this external id, with its addresses and without credentials.
pub async fn identity_find_by_external_id(
    tx: &mut Tx,
    cx: &RequestContext,
    external_id: &str,
) -> Result<Option<Identity>, DbError> {
    let find = sql!("SELECT * FROM identities WHERE tenant_id = $1 AND external_id = $2");
    let row = tx.row(find, params![cx.tenant, external_id]).await?;
    with_addresses(tx, cx, row).await
}

/// The id of the identity that signs in with this identifier: normalised first, as typed otherwise.
pub async fn identity_id_by_identifier(
    tx: &mut Tx,
    cx: &RequestContext,
    kind: CredentialKind,
    normalised: &str,
    typed: &str,
) -> Result<Option<Uuid>, DbError> {
    let find = sql!(
        "SELECT identity_id FROM identity_credential_identifiers \
         WHERE tenant_id = $1 AND kind = $2 AND identifier IN ($3, $4) \
         ORDER BY CASE WHEN identifier = $3 THEN 0 ELSE 1 END LIMIT 1"
    );
    let row = tx.row(find, params![cx.tenant, kind.as_str(), normalised, typed]).await?;
    row.map(|row| row.get("identity_id")).transpose()
}

/// Removes an identity and all that hangs on it. Says whether there was one.
pub async fn identity_delete(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<bool, DbError> {
    let delete = sql!("DELETE FROM identities WHERE tenant_id = $1 AND id = $2");
    identity_changed(tx, cx, id);
    Ok(tx.execute(delete, params![cx.tenant, id]).await? > 0)
}

async fn with_addresses(tx: &mut Tx, cx: &RequestContext, row: Option<Row>) -> Result<Option<Identity>, DbError> {
    let Some(row) = row else { return Ok(None) };
    let mut identity = identity_from_row(&row)?;
    addresses::addresses_load(tx, cx, &mut identity).await?;
    Ok(Some(identity))
}

/// An identity without addresses and credentials.
pub fn identity_from_row(row: &Row) -> Result<Identity, DbError> {
    Ok(Identity {
        id: row.get("id")?,
        external_id: row.get("external_id")?,
        schema_id: row.get("schema_id")?,
        state: named(row, "state", IdentityState::parse)?,
        state_changed_at: row.get("state_changed_at")?,
        traits: row.get("traits")?,
        metadata_public: row.get("metadata_public")?,
        metadata_admin: row.get("metadata_admin")?,
        organization_id: row.get("organization_id")?,
        available_aal: named(row, "available_aal", Aal::parse)?,
        verifiable_addresses: Vec::new(),
        recovery_addresses: Vec::new(),
        credentials: Vec::new(),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
