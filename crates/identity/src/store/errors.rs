//! What went wrong for a browser outside of a form, for the error page to read.

use database::{DbError, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};
use serde_json::Value;

/// A stored error.
#[derive(Debug, Clone)]
pub struct StoredError {
    /// In the error page's URL.
    pub id: Uuid,
    /// As in the envelope.
    pub error: Value,
    /// When it happened.
    pub created_at: Timestamp,
}

/// Keeps an error and gives its id.
pub async fn error_insert(tx: &mut Tx, cx: &RequestContext, error: &Value) -> Result<Uuid, DbError> {
    let id = cx.rng.uuid();
    let insert = sql!(
        "INSERT INTO self_service_errors (id, tenant_id, error, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)"
    );
    tx.execute(insert, params![id, cx.tenant, error.clone(), cx.now]).await?;
    Ok(id)
}

/// The error of this id.
pub async fn error_find(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<Option<StoredError>, DbError> {
    let find = sql!("SELECT * FROM self_service_errors WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(find, params![cx.tenant, id]).await?;
    row.map(|row| Ok(StoredError { id: row.get("id")?, error: row.get("error")?, created_at: row.get("created_at")? }))
        .transpose()
}

/// Removes up to `limit` errors that are older than `before`. Says how many.
pub async fn errors_remove_old(
    tx: &mut Tx,
    cx: &RequestContext,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let delete = sql!(
        "DELETE FROM self_service_errors WHERE tenant_id = $1 AND id IN \
         (SELECT id FROM self_service_errors WHERE tenant_id = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)"
    );
    tx.execute(delete, params![cx.tenant, before, limit]).await
}
