//! The log: what each revision changed. Followers read it in order; it is kept for a while.

use database::{DbError, Tx, params, sql};
use foundation::{Timestamp, Uuid};

use super::heads::{revision, stored};
use crate::model::Change;

/// What one transaction changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Its number.
    pub revision: u64,
    /// What it changed, in the order in which it takes effect; nothing twice.
    pub changes: Vec<Change>,
    /// When it was written.
    pub written_at: Timestamp,
}

/// Notes what a revision changed.
///
/// # Errors
/// What the database says.
pub async fn revision_insert(tx: &mut Tx, tenant: Uuid, entry: &Revision) -> Result<(), DbError> {
    let changes = serde_json::to_string(&entry.changes)
        .map_err(|cause| DbError::Other(format!("changes cannot be written as JSON: {cause}")))?;
    let statement =
        sql!("INSERT INTO permission_revisions (tenant_id, revision, changes, written_at) VALUES ($1, $2, $3, $4)");
    tx.execute(statement, params![tenant, stored(entry.revision), changes, entry.written_at]).await.map(drop)
}

/// The revisions behind `after`, in order, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn revisions_after(tx: &mut Tx, tenant: Uuid, after: u64, limit: i64) -> Result<Vec<Revision>, DbError> {
    let statement = sql!(
        "SELECT revision, changes, written_at FROM permission_revisions WHERE tenant_id = $1 AND revision > $2 \
         ORDER BY revision LIMIT $3"
    );
    let rows = tx.rows(statement, params![tenant, stored(after), limit]).await?;
    rows.iter()
        .map(|row| {
            let changes: String = row.get("changes")?;
            let changes = serde_json::from_str(&changes)
                .map_err(|cause| DbError::Column { column: "changes".to_owned(), reason: cause.to_string() })?;
            Ok(Revision { revision: revision(row, "revision")?, changes, written_at: row.get("written_at")? })
        })
        .collect()
}

/// The newest revision that was written before `before`, if there is one.
///
/// # Errors
/// What the database says.
pub async fn revision_before(tx: &mut Tx, tenant: Uuid, before: Timestamp) -> Result<Option<u64>, DbError> {
    let statement = sql!(
        "SELECT revision FROM permission_revisions WHERE tenant_id = $1 AND written_at < $2 \
         ORDER BY written_at DESC, revision DESC LIMIT 1"
    );
    tx.row(statement, params![tenant, before]).await?.map(|row| revision(&row, "revision")).transpose()
}

/// Removes revisions up to `last`, some at a time, and says how many.
///
/// # Errors
/// What the database says.
pub async fn revisions_prune(tx: &mut Tx, tenant: Uuid, last: u64, limit: i64) -> Result<u64, DbError> {
    let statement = sql!(
        "DELETE FROM permission_revisions WHERE tenant_id = $1 AND revision IN \
         (SELECT revision FROM permission_revisions WHERE tenant_id = $1 AND revision <= $2 ORDER BY revision LIMIT $3)"
    );
    tx.execute(statement, params![tenant, stored(last), limit]).await
}
