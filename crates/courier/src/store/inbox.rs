//! The mails of the development inbox.

use database::{DbError, Row, Tx, params, sql};
use foundation::{Timestamp, Uuid};
use serde::Serialize;

/// The newest so many are kept.
const KEPT: i64 = 1_000;

/// A mail that would have been sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InboxMessage {
    /// Its id: the courier's id of the message.
    pub id: Uuid,
    /// Whom it is for.
    pub to: String,
    /// Who sends it.
    pub from: String,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// The kind of mail, such as `recovery_code_valid`.
    pub template_type: String,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// Keeps a mail, and no more than the newest thousand.
pub(crate) async fn insert(tx: &mut Tx, tenant: Uuid, mail: &InboxMessage) -> Result<(), DbError> {
    let last = sql!("SELECT COALESCE(MAX(number), 0) AS number FROM inbox_messages WHERE tenant_id = $1");
    let number: i64 = tx.row(last, params![tenant]).await?.map_or(Ok(0), |row| row.get("number"))?;
    let insert = sql!(
        "INSERT INTO inbox_messages (id, tenant_id, number, recipient, recipient_key, sender, subject, body, html, \
         template_type, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING"
    );
    let key = mail.to.to_lowercase();
    let values = params![
        mail.id,
        tenant,
        number + 1,
        &mail.to,
        key,
        &mail.from,
        &mail.subject,
        &mail.text,
        &mail.html,
        &mail.template_type,
        mail.received_at
    ];
    tx.execute(insert, values).await?;
    let trim = sql!("DELETE FROM inbox_messages WHERE tenant_id = $1 AND number <= $2");
    tx.execute(trim, params![tenant, number + 1 - KEPT]).await?;
    Ok(())
}

/// The mails to `to` (everybody's if empty), newest first.
pub(crate) async fn list(tx: &mut Tx, tenant: Uuid, to: &str, most: u32) -> Result<Vec<InboxMessage>, DbError> {
    let list = sql!(
        "SELECT id, recipient, sender, subject, body, html, template_type, received_at FROM inbox_messages \
         WHERE tenant_id = $1 AND ($2 = '' OR recipient_key = $2) ORDER BY number DESC LIMIT $3"
    );
    let rows = tx.rows(list, params![tenant, to.to_lowercase(), most]).await?;
    rows.iter().map(mail).collect()
}

/// The mail of this id.
pub(crate) async fn find(tx: &mut Tx, tenant: Uuid, id: Uuid) -> Result<Option<InboxMessage>, DbError> {
    let find = sql!(
        "SELECT id, recipient, sender, subject, body, html, template_type, received_at FROM inbox_messages \
         WHERE tenant_id = $1 AND id = $2"
    );
    tx.row(find, params![tenant, id]).await?.as_ref().map(mail).transpose()
}

/// The number behind which to look for the next mail: that of the mail `after`, or of nothing.
pub(crate) async fn number_of(tx: &mut Tx, tenant: Uuid, after: Option<Uuid>) -> Result<i64, DbError> {
    let Some(after) = after else { return Ok(0) };
    let find = sql!("SELECT number FROM inbox_messages WHERE tenant_id = $1 AND id = $2");
    tx.row(find, params![tenant, after]).await?.map_or(Ok(0), |row| row.get("number"))
}

/// The first mail to `to` behind `number`.
pub(crate) async fn next(tx: &mut Tx, tenant: Uuid, to: &str, number: i64) -> Result<Option<InboxMessage>, DbError> {
    let find = sql!(
        "SELECT id, recipient, sender, subject, body, html, template_type, received_at FROM inbox_messages \
         WHERE tenant_id = $1 AND ($2 = '' OR recipient_key = $2) AND number > $3 ORDER BY number LIMIT 1"
    );
    tx.row(find, params![tenant, to.to_lowercase(), number]).await?.as_ref().map(mail).transpose()
}

/// Removes one mail; `false` if it was not there.
pub(crate) async fn remove(tx: &mut Tx, tenant: Uuid, id: Uuid) -> Result<bool, DbError> {
    let remove = sql!("DELETE FROM inbox_messages WHERE tenant_id = $1 AND id = $2");
    Ok(tx.execute(remove, params![tenant, id]).await? > 0)
}

/// Removes all mails.
pub(crate) async fn remove_all(tx: &mut Tx, tenant: Uuid) -> Result<(), DbError> {
    let remove = sql!("DELETE FROM inbox_messages WHERE tenant_id = $1");
    tx.execute(remove, params![tenant]).await?;
    Ok(())
}

fn mail(row: &Row) -> Result<InboxMessage, DbError> {
    Ok(InboxMessage {
        id: row.get("id")?,
        to: row.get("recipient")?,
        from: row.get("sender")?,
        subject: row.get("subject")?,
        text: row.get("body")?,
        html: row.get("html")?,
        template_type: row.get("template_type")?,
        received_at: row.get("received_at")?,
    })
}
