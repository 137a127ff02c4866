//! The web hooks that reached the development inbox.

use database::{DbError, Row, Tx, params, sql};
use foundation::{Timestamp, Uuid};
use serde::Serialize;

/// The newest so many are kept.
const KEPT: i64 = 500;

/// What a receiver finds of a hook's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// It is right, under a secret of `clients.web_hook.signing_secrets`.
    Good,
    /// It is wrong, or too old.
    Bad,
    /// There is none.
    Missing,
}

impl Signature {
    const ALL: [(Self, &'static str); 3] = [(Self::Good, "good"), (Self::Bad, "bad"), (Self::Missing, "missing")];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("bad", |(_, name)| name)
    }

    fn from_name(name: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == name).map_or(Self::Bad, |(kind, _)| *kind)
    }
}

/// A hook that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InboxHook {
    /// Of this arrival.
    pub id: Uuid,
    /// The last part of the address that was called.
    pub name: String,
    /// What its sender calls it: the same for each attempt.
    pub webhook_id: String,
    /// The HTTP method.
    pub method: String,
    /// The body.
    pub body: String,
    /// What its signature proves.
    pub signature: Signature,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// Keeps a hook, and no more than the newest five hundred.
pub(crate) async fn insert(tx: &mut Tx, tenant: Uuid, hook: &InboxHook) -> Result<(), DbError> {
    let last = sql!("SELECT COALESCE(MAX(number), 0) AS number FROM inbox_hooks WHERE tenant_id = $1");
    let number: i64 = tx.row(last, params![tenant]).await?.map_or(Ok(0), |row| row.get("number"))?;
    let insert = sql!(
        "INSERT INTO inbox_hooks (id, tenant_id, number, name, webhook_id, method, body, signature, received_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let values = params![
        hook.id,
        tenant,
        number + 1,
        &hook.name,
        &hook.webhook_id,
        &hook.method,
        &hook.body,
        hook.signature.as_str(),
        hook.received_at
    ];
    tx.execute(insert, values).await?;
    let trim = sql!("DELETE FROM inbox_hooks WHERE tenant_id = $1 AND number <= $2");
    tx.execute(trim, params![tenant, number + 1 - KEPT]).await?;
    Ok(())
}

/// The hooks of this name (all if empty), newest first.
pub(crate) async fn list(tx: &mut Tx, tenant: Uuid, name: &str, most: u32) -> Result<Vec<InboxHook>, DbError> {
    let list = sql!(
        "SELECT id, name, webhook_id, method, body, signature, received_at FROM inbox_hooks \
         WHERE tenant_id = $1 AND ($2 = '' OR name = $2) ORDER BY number DESC LIMIT $3"
    );
    let rows = tx.rows(list, params![tenant, name, most]).await?;
    rows.iter().map(hook).collect()
}

/// The number behind which to look for the next hook: that of the hook `after`, or of nothing.
pub(crate) async fn number_of(tx: &mut Tx, tenant: Uuid, after: Option<Uuid>) -> Result<i64, DbError> {
    let Some(after) = after else { return Ok(0) };
    let find = sql!("SELECT number FROM inbox_hooks WHERE tenant_id = $1 AND id = $2");
    tx.row(find, params![tenant, after]).await?.map_or(Ok(0), |row| row.get("number"))
}

/// The first hook of this name behind `number`.
pub(crate) async fn next(tx: &mut Tx, tenant: Uuid, name: &str, number: i64) -> Result<Option<InboxHook>, DbError> {
    let find = sql!(
        "SELECT id, name, webhook_id, method, body, signature, received_at FROM inbox_hooks \
         WHERE tenant_id = $1 AND ($2 = '' OR name = $2) AND number > $3 ORDER BY number LIMIT 1"
    );
    tx.row(find, params![tenant, name, number]).await?.as_ref().map(hook).transpose()
}

/// Removes all hooks.
pub(crate) async fn remove_all(tx: &mut Tx, tenant: Uuid) -> Result<(), DbError> {
    let remove = sql!("DELETE FROM inbox_hooks WHERE tenant_id = $1");
    tx.execute(remove, params![tenant]).await?;
    Ok(())
}

fn hook(row: &Row) -> Result<InboxHook, DbError> {
    Ok(InboxHook {
        id: row.get("id")?,
        name: row.get("name")?,
        webhook_id: row.get("webhook_id")?,
        method: row.get("method")?,
        body: row.get("body")?,
        signature: Signature::from_name(&row.get::<String>("signature")?),
        received_at: row.get("received_at")?,
    })
}
