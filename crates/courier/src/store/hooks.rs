//! The queue of web hooks: they go in, are claimed by lease, and end as delivered or dead.

use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};

use crate::hooks::PreparedHook;

/// A hook that its holder may deliver until the lease ends.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedHook {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) lease: Uuid,
    pub(crate) name: String,
    pub(crate) host: String,
    /// Empty if it was erased, which a queued hook never is.
    pub(crate) sealed: Vec<u8>,
    /// This attempt included.
    pub(crate) attempts: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HookEnding {
    Delivered,
    /// To be tried again at this time, because of this.
    Again(Timestamp, String),
    /// Given up, because of this.
    Dead(String),
}

/// Keeps a hook; `held` says under which lease and until when its first delivery is somebody's already.
pub(crate) async fn insert(
    tx: &mut Tx,
    cx: &RequestContext,
    hook: &PreparedHook,
    held: Option<(Uuid, Timestamp)>,
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO courier_hooks \
         (id, tenant_id, status, name, host, content, attempts, next_attempt_at, lease_id, leased_until, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $8, $8)"
    );
    let (status, attempts) = if held.is_some() { ("processing", 1) } else { ("queued", 0) };
    let (lease, until) = held.unzip();
    let name = &hook.request.name;
    let values = params![hook.id, cx.tenant, status, name, &hook.host, &hook.sealed, attempts, cx.now, lease, until];
    tx.execute(insert, values).await?;
    Ok(())
}

/// The receiver behind `after` in the order of names for which hooks wait, due or not.
pub(crate) async fn next_host(tx: &mut Tx, after: &str) -> Result<Option<String>, DbError> {
    let next = sql!(
        "SELECT MIN(host) AS host FROM courier_hooks /* every tenant: workers deliver for all */ \
         WHERE status = 'queued' AND host > $1"
    );
    tx.row(next, params![after]).await?.map_or(Ok(None), |row| row.get("host"))
}

/// Whether a hook to this receiver is due.
pub(crate) async fn is_due(tx: &mut Tx, host: &str, now: Timestamp) -> Result<bool, DbError> {
    let due = sql!(
        "SELECT id FROM courier_hooks /* every tenant: workers deliver for all */ \
         WHERE status = 'queued' AND host = $1 AND next_attempt_at <= $2 LIMIT 1"
    );
    Ok(tx.row(due, params![host, now]).await?.is_some())
}

/// Whether a hook's holder died.
pub(crate) async fn has_lost(tx: &mut Tx, now: Timestamp) -> Result<bool, DbError> {
    let lost = sql!(
        "SELECT id FROM courier_hooks /* every tenant: workers deliver for all */ \
         WHERE status = 'processing' AND leased_until <= $1 LIMIT 1"
    );
    Ok(tx.row(lost, params![now]).await?.is_some())
}

/// Puts up to `most` hooks whose holders died back into the queue. Gives how many.
pub(crate) async fn take_back(tx: &mut Tx, now: Timestamp, most: u32) -> Result<u64, DbError> {
    let take_back = sql!(
        "UPDATE courier_hooks /* every tenant: workers deliver for all */ \
         SET status = 'queued', next_attempt_at = $1, lease_id = NULL, leased_until = NULL, updated_at = $1 \
         WHERE id IN (SELECT id FROM courier_hooks WHERE status = 'processing' AND leased_until <= $1 \
         ORDER BY leased_until, id LIMIT $2)"
    );
    tx.execute(take_back, params![now, most]).await
}

/// Claims up to `most` hooks to one receiver that are due. The attempt is counted here, before it is made, so that a hook
/// whose delivery kills the process is given up some day.
pub(crate) async fn claim(
    tx: &mut Tx,
    host: &str,
    now: Timestamp,
    until: Timestamp,
    lease: Uuid,
    most: u32,
) -> Result<Vec<ClaimedHook>, DbError> {
    let claim = sql!(
        "UPDATE courier_hooks /* every tenant: workers deliver for all */ \
         SET status = 'processing', lease_id = $1, leased_until = $2, attempts = attempts + 1, updated_at = $3 \
         WHERE id IN (SELECT id FROM courier_hooks \
         WHERE status = 'queued' AND host = $4 AND next_attempt_at <= $3 ORDER BY next_attempt_at, id LIMIT $5) \
         RETURNING id, tenant_id, name, host, content, attempts"
    );
    let rows = tx.rows(claim, params![lease, until, now, host, most]).await?;
    rows.iter().map(|row| claimed(row, lease)).collect()
}

fn claimed(row: &Row, lease: Uuid) -> Result<ClaimedHook, DbError> {
    Ok(ClaimedHook {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        lease,
        name: row.get("name")?,
        host: row.get("host")?,
        sealed: row.get::<Option<Vec<u8>>>("content")?.unwrap_or_default(),
        attempts: row.get("attempts")?,
    })
}

/// Writes down how an attempt ended. `false` if the lease was lost meanwhile: then another has the hook.
pub(crate) async fn finish(
    tx: &mut Tx,
    hook: &ClaimedHook,
    ending: &HookEnding,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = match ending {
        HookEnding::Again(at, reason) => {
            let again = sql!(
                "UPDATE courier_hooks SET status = 'queued', next_attempt_at = $1, failure = $2, lease_id = NULL, \
                 leased_until = NULL, updated_at = $3 WHERE tenant_id = $4 AND id = $5 AND lease_id = $6"
            );
            tx.execute(again, params![*at, reason, now, hook.tenant, hook.id, hook.lease]).await?
        }
        HookEnding::Delivered | HookEnding::Dead(_) => {
            let end = sql!(
                "UPDATE courier_hooks SET status = $1, content = NULL, failure = $2, finished_at = $3, \
                 lease_id = NULL, leased_until = NULL, updated_at = $3 \
                 WHERE tenant_id = $4 AND id = $5 AND lease_id = $6"
            );
            let (status, failure) = match ending {
                HookEnding::Dead(reason) => ("dead", Some(reason)),
                _ => ("delivered", None),
            };
            tx.execute(end, params![status, failure, now, hook.tenant, hook.id, hook.lease]).await?
        }
    };
    Ok(changed > 0)
}

/// Removes up to `most` hooks that ended before `before`. Gives how many.
pub(crate) async fn remove_finished(tx: &mut Tx, before: Timestamp, most: u32) -> Result<u64, DbError> {
    let remove = sql!(
        "DELETE FROM courier_hooks /* every tenant: workers clean up for all */ \
         WHERE id IN (SELECT id FROM courier_hooks WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)"
    );
    tx.execute(remove, params![before, most]).await
}
