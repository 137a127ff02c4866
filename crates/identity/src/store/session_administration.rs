//! Sessions by the thousand, for administrators.

use database::{DbError, Tx, params, sql};
use foundation::{RequestContext, Uuid};

use super::changes::{session_changed, sessions_changed};

/// Removes a session. Says whether there was one.
pub async fn session_delete(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<bool, DbError> {
    let delete = sql!("DELETE FROM sessions WHERE tenant_id = $1 AND id = $2");
    session_changed(tx, cx, id);
    Ok(tx.execute(delete, params![cx.tenant, id]).await? > 0)
}

/// Ends up to `limit` sessions that were not ended before, whoever's. Says how many.
pub async fn sessions_disable_some(tx: &mut Tx, cx: &RequestContext, limit: i64) -> Result<u64, DbError> {
    let update = sql!(
        "UPDATE sessions SET active = $2, updated_at = $3 WHERE tenant_id = $1 AND id IN \
         (SELECT id FROM sessions WHERE tenant_id = $1 AND active <> $2 AND expires_at > $3 ORDER BY expires_at LIMIT $4)"
    );
    sessions_changed(tx, cx);
    tx.execute(update, params![cx.tenant, false, cx.now, limit]).await
}

/// Removes up to `limit` sessions, whoever's. Says how many.
pub async fn sessions_delete_some(tx: &mut Tx, cx: &RequestContext, limit: i64) -> Result<u64, DbError> {
    let delete = sql!(
        "DELETE FROM sessions WHERE tenant_id = $1 AND id IN \
         (SELECT id FROM sessions WHERE tenant_id = $1 ORDER BY expires_at LIMIT $2)"
    );
    sessions_changed(tx, cx);
    tx.execute(delete, params![cx.tenant, limit]).await
}
