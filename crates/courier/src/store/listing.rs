//! What the admin API shows of the queue (contract §4.1, §4.2).

use database::{DbError, Row, Tx, params, sql};
use foundation::{GoDuration, RequestContext, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use super::messages::MessageStatus;
use crate::{Courier, CourierError};

/// A message as the admin API shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: MessageStatus,
    /// `email`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whom it is for.
    pub recipient: String,
    /// The plain text; empty once erased.
    pub body: String,
    /// The subject; empty once erased.
    pub subject: String,
    /// The kind of mail.
    pub template_type: String,
    /// `email`.
    pub channel: String,
    /// Attempts so far, one under way included.
    pub send_count: i64,
    /// The attempts; only where one message is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatches: Option<Vec<Dispatch>>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl Message {
    /// Hides what the message says, as the API does outside of development.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        self.subject = "<redacted-unless-dev-mode>".to_owned();
        self.body = self.subject.clone();
        self
    }
}

/// An attempt to deliver a message.
#[derive(Debug, Clone, Serialize)]
pub struct Dispatch {
    /// Its id.
    pub id: Uuid,
    /// The message's.
    pub message_id: Uuid,
    /// `success` or `failed`.
    pub status: String,
    /// Why it failed, in the shape of an API error.
    pub error: Option<serde_json::Value>,
    /// When it ended.
    pub created_at: Timestamp,
    /// The same.
    pub updated_at: Timestamp,
}

/// Which messages to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFilter {
    /// Only these.
    pub status: Option<MessageStatus>,
    /// Only to exactly this address.
    pub recipient: Option<String>,
}

/// Which part of a listing.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// Default 10, at most 500.
    pub size: Option<u32>,
    /// From a previous page.
    pub token: Option<String>,
}

/// A part of a listing, newest first, with the tokens of the first and the following page.
#[derive(Debug, Clone)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// The size that was used.
    pub size: u32,
    /// The token of the first page.
    pub first: String,
    /// The token of the next page, if there is more.
    pub next: Option<String>,
}

const TOKEN_PURPOSE: &str = "courier/page_token";
const TOKEN_LIFE: GoDuration = GoDuration::from_secs(3600);

/// What a page token says; sealed, so that nobody depends on it.
#[derive(Serialize, Deserialize)]
struct Token {
    tenant: Uuid,
    filter: MessageFilter,
    /// The last message of the page before; none for the first page.
    after: Option<(Timestamp, Uuid)>,
    expires: Timestamp,
}

impl Courier {
    /// A page of messages.
    ///
    /// # Errors
    /// [`CourierError::PageToken`], or what the database says.
    pub async fn message_list(
        &self,
        tx: &mut Tx,
        cx: &RequestContext,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> Result<MessagePage, CourierError> {
        let size = page.size.unwrap_or(10).clamp(1, 500);
        let after = match &page.token {
            Some(token) => self.token_open(cx, filter, token).ok_or(CourierError::PageToken)?,
            None => None,
        };
        // Beyond every message: the first page needs no statement of its own.
        let (at, id) = after.unwrap_or((Timestamp::MAX, Uuid::max()));
        let at = if after.is_none() { cx.now + GoDuration::from_secs(366 * 24 * 3600) } else { at };
        let list = sql!(
            "SELECT id, status, type, recipient, content, template_type, channel, send_count, created_at, updated_at \
             FROM courier_messages WHERE tenant_id = $1 AND (created_at, id) < ($2, $3) \
             AND ($4 = '' OR status = $4) AND ($5 = '' OR recipient = $5) \
             ORDER BY created_at DESC, id DESC LIMIT $6"
        );
        let status = filter.status.map_or("", MessageStatus::as_str);
        let recipient = filter.recipient.as_deref().unwrap_or_default();
        let rows = tx.rows(list, params![cx.tenant, at, id, status, recipient, size + 1]).await?;
        let mut messages: Vec<Message> = rows.iter().map(|row| self.message(row)).collect::<Result<_, _>>()?;
        let more = messages.len() > size as usize;
        messages.truncate(size as usize);
        let last = messages.last().map(|message| (message.created_at, message.id));
        Ok(MessagePage {
            messages,
            size,
            first: self.token_seal(cx, filter, None),
            next: last.filter(|_| more).map(|last| self.token_seal(cx, filter, Some(last))),
        })
    }

    /// One message with its attempts.
    ///
    /// # Errors
    /// What the database says.
    pub async fn message_find(
        &self,
        tx: &mut Tx,
        cx: &RequestContext,
        id: Uuid,
    ) -> Result<Option<Message>, CourierError> {
        let find = sql!(
            "SELECT id, status, type, recipient, content, template_type, channel, send_count, created_at, updated_at \
             FROM courier_messages WHERE tenant_id = $1 AND id = $2"
        );
        let Some(row) = tx.row(find, params![cx.tenant, id]).await? else { return Ok(None) };
        let mut message = self.message(&row)?;
        let dispatches = sql!(
            "SELECT id, message_id, status, error, created_at, updated_at FROM courier_message_dispatches \
             WHERE tenant_id = $1 AND message_id = $2 ORDER BY created_at, id"
        );
        let rows = tx.rows(dispatches, params![cx.tenant, id]).await?;
        message.dispatches = Some(rows.iter().map(dispatch).collect::<Result<_, _>>()?);
        Ok(Some(message))
    }

    fn message(&self, row: &Row) -> Result<Message, DbError> {
        let sealed: Option<Vec<u8>> = row.get("content")?;
        let content = sealed.and_then(|sealed| self.open(&sealed));
        let (subject, body) = content.map(|content| (content.subject, content.body)).unwrap_or_default();
        Ok(Message {
            id: row.get("id")?,
            status: MessageStatus::from_name(&row.get::<String>("status")?).unwrap_or(MessageStatus::Queued),
            kind: row.get("type")?,
            recipient: row.get("recipient")?,
            body,
            subject,
            template_type: row.get("template_type")?,
            channel: row.get("channel")?,
            send_count: row.get("send_count")?,
            dispatches: None,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }

    fn token_seal(&self, cx: &RequestContext, filter: &MessageFilter, after: Option<(Timestamp, Uuid)>) -> String {
        let token = Token { tenant: cx.tenant, filter: filter.clone(), after, expires: cx.now + TOKEN_LIFE };
        let plain = serde_json::to_vec(&token).unwrap_or_default();
        self.sealer.seal_text(&*self.rng, TOKEN_PURPOSE, &plain)
    }

    /// Where the page begins; none if the token is no good.
    #[expect(clippy::option_option, reason = "outside: is the token good; inside: is there a message before the page")]
    fn token_open(
        &self,
        cx: &RequestContext,
        filter: &MessageFilter,
        token: &str,
    ) -> Option<Option<(Timestamp, Uuid)>> {
        let token: Token = serde_json::from_slice(&self.sealer.open_text(TOKEN_PURPOSE, token)?).ok()?;
        (token.tenant == cx.tenant && token.filter == *filter && token.expires > cx.now).then_some(token.after)
    }
}

fn dispatch(row: &Row) -> Result<Dispatch, DbError> {
    Ok(Dispatch {
        id: row.get("id")?,
        message_id: row.get("message_id")?,
        status: row.get("status")?,
        error: row.get("error")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
