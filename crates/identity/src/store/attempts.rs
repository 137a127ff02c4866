//! Counters of tries. A counter is a row that is made by the first try and removed by a success.

use database::{Db, DbError, Tx, params, sql};
use foundation::{RequestContext, Timestamp};

use super::super::limits::Pace;

/// What counting a try found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedTry {
    /// It may be made.
    Allowed,
    /// Not before that many milliseconds are over.
    Wait(i64),
}

/// Counts a try, if it may be made now: of all that come at once, on however many nodes, no more are allowed than the pace
/// says. One statement, whose condition the database looks at again when another try was counted meanwhile.
pub async fn attempt_count(
    db: &Db,
    cx: &RequestContext,
    tag: [u8; 32],
    limit: &str,
    pace: Pace,
) -> Result<CountedTry, DbError> {
    let now = cx.now.as_millisecond();
    let first = pace.delay_after(1);
    let count = sql!(
        "INSERT INTO attempts (tenant_id, subject_tag, limit_name, tries, delay, next_allowed_at, forgotten_at) \
         VALUES ($1, $2, $3, 1, $4, $5, $6) \
         ON CONFLICT (tenant_id, subject_tag) DO UPDATE SET \
         tries = CASE WHEN attempts.forgotten_at <= $7 THEN 1 ELSE attempts.tries + 1 END, \
         delay = CASE WHEN attempts.forgotten_at <= $7 THEN $4 WHEN attempts.tries + 1 < $8 THEN 0 \
         WHEN attempts.delay = 0 THEN $9 WHEN attempts.delay * 2 > $10 THEN $10 ELSE attempts.delay * 2 END, \
         next_allowed_at = $7 + CASE WHEN attempts.forgotten_at <= $7 THEN $4 WHEN attempts.tries + 1 < $8 THEN 0 \
         WHEN attempts.delay = 0 THEN $9 WHEN attempts.delay * 2 > $10 THEN $10 ELSE attempts.delay * 2 END, \
         forgotten_at = $6 \
         WHERE attempts.tenant_id = $1 AND attempts.next_allowed_at <= $7 RETURNING tries"
    );
    let values = params![
        cx.tenant,
        tag,
        limit,
        first,
        now + first,
        now + pace.forget_after.max(pace.longest_delay),
        now,
        pace.free,
        pace.first_delay,
        pace.longest_delay
    ];
    if !db.alone(count, values).await?.is_empty() {
        return Ok(CountedTry::Allowed);
    }
    let find = sql!("SELECT next_allowed_at FROM attempts WHERE tenant_id = $1 AND subject_tag = $2");
    let rows = db.alone(find, params![cx.tenant, tag]).await?;
    let next: i64 = rows.first().map_or(Ok(now), |row| row.get("next_allowed_at"))?;
    Ok(CountedTry::Wait((next - now).max(1)))
}

/// Forgets the tries of one counter.
pub async fn attempts_forget(tx: &mut Tx, cx: &RequestContext, tag: [u8; 32]) -> Result<(), DbError> {
    let delete = sql!("DELETE FROM attempts WHERE tenant_id = $1 AND subject_tag = $2");
    tx.execute(delete, params![cx.tenant, tag]).await?;
    Ok(())
}

/// Removes up to `limit` counters that count for nothing any more. Says how many.
pub async fn attempts_remove_old(
    tx: &mut Tx,
    cx: &RequestContext,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let delete = sql!(
        "DELETE FROM attempts WHERE tenant_id = $1 AND subject_tag IN (SELECT subject_tag FROM attempts \
         WHERE tenant_id = $1 AND forgotten_at <= $2 ORDER BY forgotten_at LIMIT $3)"
    );
    tx.execute(delete, params![cx.tenant, before.as_millisecond(), limit]).await
}

/// How many counters there are, by limit.
pub async fn attempts_by_limit(tx: &mut Tx, cx: &RequestContext) -> Result<Vec<(String, i64)>, DbError> {
    let count = sql!("SELECT limit_name, COUNT(*) AS counters FROM attempts WHERE tenant_id = $1 GROUP BY limit_name");
    let rows = tx.rows(count, params![cx.tenant]).await?;
    rows.iter().map(|row| Ok((row.get("limit_name")?, row.get("counters")?))).collect()
}
