//! Credentials and the identifiers by which they are found. Secrets are sealed before they reach the database.

use crypto::sealing::{Renewal, Sealer};
use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Uuid};

use super::named;
use crate::model::identity::{Credential, CredentialKind, CredentialSecret};

const PURPOSE: &str = "identity_credentials.secret";

/// The credentials of an identity, in the order of [`CredentialKind::ALL`].
pub async fn credentials_load(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    identity_id: Uuid,
) -> Result<Vec<Credential>, DbError> {
    let select = sql!("SELECT * FROM identity_credentials WHERE tenant_id = $1 AND identity_id = $2");
    let rows = tx.rows(select, params![cx.tenant, identity_id]).await?;
    let select = sql!(
        "SELECT kind, identifier FROM identity_credential_identifiers WHERE tenant_id = $1 AND identity_id = $2 \
         ORDER BY identifier"
    );
    let identifiers = tx.rows(select, params![cx.tenant, identity_id]).await?;
    let mut credentials = rows.iter().map(|row| from_row(row, vault)).collect::<Result<Vec<_>, _>>()?;
    for row in &identifiers {
        let kind = named(row, "kind", CredentialKind::parse)?;
        if let Some(credential) = credentials.iter_mut().find(|credential| credential.kind == kind) {
            credential.identifiers.push(row.get("identifier")?);
        }
    }
    credentials.sort_by_key(|credential| credential.kind);
    Ok(credentials)
}

/// Writes a credential over the one of its kind, if any, identifiers included.
pub async fn credential_save(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    identity_id: Uuid,
    credential: &Credential,
) -> Result<(), DbError> {
    let save = sql!(
        "INSERT INTO identity_credentials (id, tenant_id, identity_id, kind, secret, revision, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7) \
         ON CONFLICT (tenant_id, identity_id, kind) DO UPDATE SET secret = excluded.secret, \
         revision = identity_credentials.revision + 1, updated_at = excluded.updated_at RETURNING id"
    );
    let values = params![
        cx.rng.uuid(),
        cx.tenant,
        identity_id,
        credential.kind.as_str(),
        seal(cx, vault, &credential.secret),
        credential.created_at,
        cx.now
    ];
    let row = tx.row(save, values).await?;
    let id: Uuid = match row {
        Some(row) => row.get("id")?,
        None => return Ok(()),
    };
    identifiers_save(tx, cx, identity_id, id, credential).await
}

async fn identifiers_save(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    credential_id: Uuid,
    credential: &Credential,
) -> Result<(), DbError> {
    let stored =
        sql!("SELECT identifier FROM identity_credential_identifiers WHERE tenant_id = $1 AND credential_id = $2");
    let rows = tx.rows(stored, params![cx.tenant, credential_id]).await?;
    let stored: Vec<String> = rows.iter().map(|row| row.get("identifier")).collect::<Result<_, _>>()?;
    for identifier in stored.iter().filter(|identifier| !credential.identifiers.contains(identifier)) {
        let remove = sql!(
            "DELETE FROM identity_credential_identifiers \
             WHERE tenant_id = $1 AND credential_id = $2 AND identifier = $3"
        );
        tx.execute(remove, params![cx.tenant, credential_id, identifier]).await?;
    }
    for identifier in credential.identifiers.iter().filter(|identifier| !stored.contains(identifier)) {
        let insert = sql!(
            "INSERT INTO identity_credential_identifiers (tenant_id, kind, identifier, identity_id, credential_id) \
             VALUES ($1, $2, $3, $4, $5)"
        );
        let values = params![cx.tenant, credential.kind.as_str(), identifier, identity_id, credential_id];
        tx.execute(insert, values).await?;
    }
    Ok(())
}

/// Changes the secret of a credential, provided it is still at `revision`. Says whether it was: of two who use the same
/// code at once, one finds it changed.
pub async fn credential_change(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    identity_id: Uuid,
    changed: &Credential,
    revision: i64,
) -> Result<bool, DbError> {
    let update = sql!(
        "UPDATE identity_credentials SET secret = $4, revision = revision + 1, updated_at = $5 \
         WHERE tenant_id = $1 AND identity_id = $2 AND kind = $3 AND revision = $6"
    );
    let secret = seal(cx, vault, &changed.secret);
    let values = params![cx.tenant, identity_id, changed.kind.as_str(), secret, cx.now, revision];
    Ok(tx.execute(update, values).await? > 0)
}

/// Removes the credential of this kind. Says whether there was one.
pub async fn credential_delete(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    kind: CredentialKind,
) -> Result<bool, DbError> {
    let delete = sql!("DELETE FROM identity_credentials WHERE tenant_id = $1 AND identity_id = $2 AND kind = $3");
    Ok(tx.execute(delete, params![cx.tenant, identity_id, kind.as_str()]).await? > 0)
}

/// The sealed secrets of up to `limit` credentials, by id, after the one of id `after`.
pub async fn credentials_sealed(
    tx: &mut Tx,
    cx: &RequestContext,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, Vec<u8>)>, DbError> {
    let list =
        sql!("SELECT id, secret FROM identity_credentials WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = tx.rows(list, params![cx.tenant, after, limit]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("secret")?))).collect()
}

/// Seals the secret of a credential anew, unless it was changed in the meantime.
/// Neither revision nor times change, as the secret itself does not.
pub async fn credential_reseal(
    tx: &mut Tx,
    cx: &RequestContext,
    id: Uuid,
    stored: &[u8],
    renewed: &[u8],
) -> Result<bool, DbError> {
    let update = sql!("UPDATE identity_credentials SET secret = $4 WHERE tenant_id = $1 AND id = $2 AND secret = $3");
    Ok(tx.execute(update, params![cx.tenant, id, stored.to_vec(), renewed.to_vec()]).await? > 0)
}

/// The secret of a credential under the newest of `secrets.cipher`.
pub fn renew(cx: &RequestContext, vault: &Sealer, sealed: &[u8]) -> Renewal {
    vault.renew(cx.rng.as_ref(), PURPOSE, sealed)
}

fn seal(cx: &RequestContext, vault: &Sealer, secret: &CredentialSecret) -> Vec<u8> {
    // A secret is a plain structure of strings and numbers: writing it as JSON cannot fail.
    let json = serde_json::to_vec(secret).unwrap_or_default();
    vault.seal(cx.rng.as_ref(), PURPOSE, &json)
}

pub(super) fn from_row(row: &Row, vault: &Sealer) -> Result<Credential, DbError> {
    let kind = named(row, "kind", CredentialKind::parse)?;
    let sealed: Vec<u8> = row.get("secret")?;
    let unreadable = |problem: &str| DbError::Column { column: "secret".to_owned(), reason: problem.to_owned() };
    let json = vault
        .open(PURPOSE, &sealed)
        .ok_or_else(|| unreadable("cannot be opened with any of secrets.cipher: was a secret removed too early?"))?;
    let config = serde_json::from_slice(&json).map_err(|_| unreadable("is not JSON"))?;
    Ok(Credential {
        kind,
        identifiers: Vec::new(),
        secret: CredentialSecret::read(kind, config).map_err(|_| unreadable("is not of its kind's form"))?,
        version: row.get("revision")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
