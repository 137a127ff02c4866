//! The head of a tenant: which revision is the newest, and from where on the log is kept.

use database::{DbError, Row, Tx, params, sql};
use foundation::Uuid;

/// The state of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which store this is.
    pub store_id: Uuid,
    /// The newest revision.
    pub revision: u64,
    /// The log has every revision behind this one.
    pub pruned_to: u64,
}

/// A column that holds a revision.
pub(crate) fn revision(row: &Row, column: &str) -> Result<u64, DbError> {
    let number: i64 = row.get(column)?;
    u64::try_from(number)
        .map_err(|_| DbError::Column { column: column.to_owned(), reason: "a revision is never negative".to_owned() })
}

/// A revision as it is stored.
pub(crate) fn stored(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

fn head(row: &Row) -> Result<Head, DbError> {
    Ok(Head {
        store_id: row.get("store_id")?,
        revision: revision(row, "revision")?,
        pruned_to: revision(row, "pruned_to")?,
    })
}

/// Makes the head of a tenant that has none, under the id given.
///
/// # Errors
/// What the database says.
pub async fn head_ensure(tx: &mut Tx, tenant: Uuid, store_id: Uuid) -> Result<(), DbError> {
    let statement = sql!(
        "INSERT INTO permission_heads (tenant_id, store_id, revision, pruned_to) VALUES ($1, $2, 0, 0) \
         ON CONFLICT (tenant_id) DO NOTHING"
    );
    tx.execute(statement, params![tenant, store_id]).await.map(drop)
}

/// The head of a tenant, if it has one.
///
/// # Errors
/// What the database says.
pub async fn head_find(tx: &mut Tx, tenant: Uuid) -> Result<Option<Head>, DbError> {
    let statement = sql!("SELECT store_id, revision, pruned_to FROM permission_heads WHERE tenant_id = $1");
    tx.row(statement, params![tenant]).await?.map(|row| head(&row)).transpose()
}

/// Takes the next revision. First in a transaction that writes: it makes others wait until this one has ended.
///
/// # Errors
/// What the database says.
pub async fn head_advance(tx: &mut Tx, tenant: Uuid) -> Result<Head, DbError> {
    let statement = sql!(
        "UPDATE permission_heads SET revision = revision + 1 WHERE tenant_id = $1 \
         RETURNING store_id, revision, pruned_to"
    );
    let row = tx.row(statement, params![tenant]).await?;
    head(&row.ok_or_else(|| DbError::Other("this tenant has no head: start the service once".to_owned()))?)
}

/// Notes up to where the log is gone.
///
/// # Errors
/// What the database says.
pub async fn head_prune(tx: &mut Tx, tenant: Uuid, pruned_to: u64) -> Result<(), DbError> {
    let statement = sql!("UPDATE permission_heads SET pruned_to = $2 WHERE tenant_id = $1 AND pruned_to < $2");
    tx.execute(statement, params![tenant, stored(pruned_to)]).await.map(drop)
}
