//! The queue: messages go in, are claimed by lease, and end as sent or abandoned.

use database::{DbError, Row, Tx, params, sql};
use foundation::{ApiError, RequestContext, Rng, Timestamp, Uuid};

use crate::{Composed, CourierError, TemplateKind};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// Waits for its first or next attempt.
    Queued,
    /// Is being delivered.
    Processing,
    /// Was taken over by the next server.
    Sent,
    /// Was given up.
    Abandoned,
}

impl MessageStatus {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Queued, "queued"),
        (Self::Processing, "processing"),
        (Self::Sent, "sent"),
        (Self::Abandoned, "abandoned"),
    ];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("queued", |(_, name)| name)
    }

    /// The status of the wire's word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(status, _)| *status)
    }
}

/// Queues a message in the caller's transaction: a rolled-back one sends nothing. Gives the message's id. Call
/// [`crate::Courier::nudge`] after the commit.
///
/// # Errors
/// What the database says.
pub async fn enqueue(tx: &mut Tx, cx: &RequestContext, composed: &Composed) -> Result<Uuid, CourierError> {
    let id = cx.rng.uuid();
    let insert = sql!(
        "INSERT INTO courier_messages \
         (id, tenant_id, status, type, channel, template_type, recipient, content, send_count, next_attempt_at, \
         created_at, updated_at) \
         VALUES ($1, $2, 'queued', 'email', 'email', $3, $4, $5, 0, $6, $6, $6)"
    );
    let kind = composed.kind.as_str();
    tx.execute(insert, params![id, cx.tenant, kind, &composed.recipient, &composed.sealed, cx.now]).await?;
    Ok(id)
}

/// A message that this worker may deliver until the lease ends.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) lease: Uuid,
    pub(crate) kind: Option<TemplateKind>,
    pub(crate) recipient: String,
    /// Empty if it was erased, which a queued message never is.
    pub(crate) sealed: Vec<u8>,
    /// This attempt included.
    pub(crate) attempts: i64,
}

/// Claims up to `most` messages that are due, or whose worker died. The attempt is counted here, before it is made, so
/// that a message whose delivery kills the process is given up some day.
pub(crate) async fn claim(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    lease: Uuid,
    most: u32,
) -> Result<Vec<Claimed>, DbError> {
    let claim = sql!(
        "UPDATE courier_messages /* every tenant: workers deliver for all */ \
         SET status = 'processing', lease_id = $1, leased_until = $2, send_count = send_count + 1, updated_at = $3 \
         WHERE id IN (SELECT id FROM courier_messages \
         WHERE (status = 'queued' AND next_attempt_at <= $3) OR (status = 'processing' AND leased_until <= $3) \
         ORDER BY next_attempt_at, id LIMIT $4) \
         RETURNING id, tenant_id, template_type, recipient, content, send_count"
    );
    let rows = tx.rows(claim, params![lease, until, now, most]).await?;
    rows.iter().map(|row| claimed(row, lease)).collect()
}

fn claimed(row: &Row, lease: Uuid) -> Result<Claimed, DbError> {
    Ok(Claimed {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        lease,
        kind: TemplateKind::from_name(&row.get::<String>("template_type")?),
        recipient: row.get("recipient")?,
        sealed: row.get::<Option<Vec<u8>>>("content")?.unwrap_or_default(),
        attempts: row.get("send_count")?,
    })
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Sent,
    /// To be tried again at this time, because of this.
    Again(Timestamp, String),
    /// Given up, because of this.
    Abandoned(String),
}

/// Writes down how an attempt ended. `false` if the lease was lost meanwhile: then another worker has the message, and
/// its word counts.
pub(crate) async fn finish(
    tx: &mut Tx,
    message: &Claimed,
    ending: &Ending,
    now: Timestamp,
    keep_content: bool,
    rng: &dyn Rng,
) -> Result<bool, DbError> {
    let changed = match ending {
        Ending::Again(at, _) => {
            let again = sql!(
                "UPDATE courier_messages SET status = 'queued', next_attempt_at = $1, lease_id = NULL, \
                 leased_until = NULL, updated_at = $2 WHERE tenant_id = $3 AND id = $4 AND lease_id = $5"
            );
            tx.execute(again, params![*at, now, message.tenant, message.id, message.lease]).await?
        }
        Ending::Sent | Ending::Abandoned(_) => {
            let status = if *ending == Ending::Sent { MessageStatus::Sent } else { MessageStatus::Abandoned };
            let content = keep_content.then_some(&message.sealed);
            let end = sql!(
                "UPDATE courier_messages SET status = $1, content = $2, finished_at = $3, lease_id = NULL, \
                 leased_until = NULL, updated_at = $3 WHERE tenant_id = $4 AND id = $5 AND lease_id = $6"
            );
            let values = params![status.as_str(), content, now, message.tenant, message.id, message.lease];
            tx.execute(end, values).await?
        }
    };
    if changed == 0 {
        return Ok(false);
    }
    let (status, error) = match ending {
        Ending::Sent => ("success", None),
        Ending::Again(_, reason) | Ending::Abandoned(reason) => {
            ("failed", Some(ApiError::internal().reason(reason).to_error_value(None)))
        }
    };
    let record = sql!(
        "INSERT INTO courier_message_dispatches (id, tenant_id, message_id, status, error, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)"
    );
    tx.execute(record, params![rng.uuid(), message.tenant, message.id, status, error, now]).await?;
    Ok(true)
}

/// Removes up to `most` messages that ended before `before`, with their dispatches. Gives how many.
pub(crate) async fn remove_finished(tx: &mut Tx, before: Timestamp, most: u32) -> Result<u64, DbError> {
    let remove = sql!(
        "DELETE FROM courier_messages /* every tenant: workers clean up for all */ \
         WHERE id IN (SELECT id FROM courier_messages WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)"
    );
    tx.execute(remove, params![before, most]).await
}
