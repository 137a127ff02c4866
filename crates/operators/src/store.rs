//! The table of API keys. Every statement names the tenant of the context.

use database::{DbError, Migration, Row, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};

use crate::keys::AdminKey;

/// The tables of this crate, in order.
pub fn migrations() -> Vec<Migration> {
    vec![Migration {
        name: "operators_0050_admin_api_keys",
        up: include_str!("../migrations/0050_admin_api_keys.up.sql"),
        down: include_str!("../migrations/0050_admin_api_keys.down.sql"),
    }]
}

/// Adds a key. `false`: the name is taken.
pub async fn key_insert(tx: &mut Tx, cx: &RequestContext, key: &AdminKey, hash: &[u8; 32]) -> Result<bool, DbError> {
    let insert = sql!(
        "INSERT INTO admin_api_keys (id, tenant_id, name, key_hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, name) DO NOTHING"
    );
    let values = params![key.id, cx.tenant, key.name.as_str(), hash.to_vec(), key.created_at, key.expires_at];
    Ok(tx.execute(insert, values).await? == 1)
}

/// The key with this hash, expired or not.
pub async fn key_find(tx: &mut Tx, cx: &RequestContext, hash: &[u8; 32]) -> Result<Option<AdminKey>, DbError> {
    let find = sql!("SELECT * FROM admin_api_keys WHERE tenant_id = $1 AND key_hash = $2");
    tx.row(find, params![cx.tenant, hash.to_vec()]).await?.as_ref().map(read).transpose()
}

/// All keys, by name.
pub async fn key_list(tx: &mut Tx, cx: &RequestContext) -> Result<Vec<AdminKey>, DbError> {
    let list = sql!("SELECT * FROM admin_api_keys WHERE tenant_id = $1 ORDER BY name");
    tx.rows(list, params![cx.tenant]).await?.iter().map(read).collect()
}

/// Removes the key of this name. `false`: there is none.
pub async fn key_remove(tx: &mut Tx, cx: &RequestContext, name: &str) -> Result<bool, DbError> {
    let remove = sql!("DELETE FROM admin_api_keys WHERE tenant_id = $1 AND name = $2");
    Ok(tx.execute(remove, params![cx.tenant, name]).await? == 1)
}

/// Notes that a key was used, unless that was noted after `noted_before`: of many requests one writes.
pub async fn key_used(tx: &mut Tx, cx: &RequestContext, id: Uuid, noted_before: Timestamp) -> Result<(), DbError> {
    let note = sql!(
        "UPDATE admin_api_keys SET last_used_at = $3 \
         WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $4)"
    );
    tx.execute(note, params![cx.tenant, id, cx.now, noted_before]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<AdminKey, DbError> {
    Ok(AdminKey {
        id: row.get("id")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}
