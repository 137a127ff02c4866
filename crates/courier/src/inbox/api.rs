//! The API of the inbox: made for tests that wait for a mail.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use database::{DbError, read, transact};
use foundation::{ApiError, GoDuration, Uuid};
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, timeout};
use web::reply;

use super::{Inbox, InboxMessage, code, failed, link, missing};
use crate::store::inbox;

/// A mail with what tests look for.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    mail: &'a InboxMessage,
    code: Option<&'a str>,
    link: Option<&'a str>,
}

fn shown(mail: &InboxMessage) -> Shown<'_> {
    Shown { mail, code: code(mail), link: link(mail) }
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    to: String,
    limit: Option<u32>,
}

/// `GET /api/messages?to=&limit=`: newest first.
pub(super) async fn list(State(state): State<Inbox>, Query(query): Query<ListQuery>) -> Response {
    let most = query.limit.unwrap_or(100).clamp(1, 1000);
    match mails(&state, &query.to, most).await {
        Ok(mails) => reply::json(200, &mails.iter().map(shown).collect::<Vec<_>>()),
        Err(error) => failed(&error),
    }
}

pub(super) async fn mails(state: &Inbox, to: &str, most: u32) -> Result<Vec<InboxMessage>, DbError> {
    read!(state.courier.db, |tx| -> Result<Vec<InboxMessage>, DbError> {
        inbox::list(tx, state.tenant, to, most).await
    })
    .await
}

pub(super) async fn mail(state: &Inbox, id: &str) -> Result<Option<InboxMessage>, DbError> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    read!(state.courier.db, |tx| -> Result<Option<InboxMessage>, DbError> { inbox::find(tx, state.tenant, id).await })
        .await
}

/// `GET /api/messages/{id}`.
pub(super) async fn show(State(state): State<Inbox>, Path(id): Path<String>) -> Response {
    match mail(&state, &id).await {
        Ok(Some(mail)) => reply::json(200, &shown(&mail)),
        Ok(None) => missing(),
        Err(error) => failed(&error),
    }
}

/// Removes a mail; `false` if there is none.
pub(super) async fn remove_mail(state: &Inbox, id: &str) -> Result<bool, DbError> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(false) };
    transact!(state.courier.db, |tx| -> Result<bool, DbError> { inbox::remove(tx, state.tenant, id).await }).await
}

/// `DELETE /api/messages/{id}`.
pub(super) async fn remove(State(state): State<Inbox>, Path(id): Path<String>) -> Response {
    match remove_mail(&state, &id).await {
        Ok(true) => reply::no_content(),
        Ok(false) => missing(),
        Err(error) => failed(&error),
    }
}

pub(super) async fn remove_mails(state: &Inbox) -> Result<(), DbError> {
    transact!(state.courier.db, |tx| -> Result<(), DbError> { inbox::remove_all(tx, state.tenant).await }).await
}

/// `DELETE /api/messages`.
pub(super) async fn remove_all(State(state): State<Inbox>) -> Response {
    match remove_mails(&state).await {
        Ok(()) => reply::no_content(),
        Err(error) => failed(&error),
    }
}

#[derive(Deserialize)]
pub(super) struct NextQuery {
    #[serde(default)]
    to: String,
    after: Option<Uuid>,
    timeout: Option<GoDuration>,
}

/// Longer than this no connection through a proxy lives.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often the database is asked while nothing is announced: mail may arrive through another process.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// `GET /api/messages/next?to=&after=&timeout=10s`: the first mail to this address that came behind the mail `after`,
/// waiting for it if need be; 204 if none comes in time.
pub(super) async fn next(State(state): State<Inbox>, Query(query): Query<NextQuery>) -> Response {
    let wait = query.timeout.unwrap_or(GoDuration::from_secs(10));
    if wait.as_nanos() < 0 {
        return reply::error(&ApiError::bad_request("timeout must not be negative."), None);
    }
    let deadline = Instant::now() + wait.to_std().min(LONGEST_WAIT);
    loop {
        // Listening begins before looking, so that no mail arrives unnoticed in between.
        let arrival = state.courier.arrivals.0.notified();
        tokio::pin!(arrival);
        arrival.as_mut().enable();
        match look(&state, &query).await {
            Ok(Some(mail)) => return reply::json(200, &shown(&mail)),
            Ok(None) => {}
            Err(error) => return failed(&error),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return reply::no_content();
        }
        // Either way the next look decides.
        let _ = timeout(left.min(LOOK_EVERY), arrival).await;
    }
}

async fn look(state: &Inbox, query: &NextQuery) -> Result<Option<InboxMessage>, DbError> {
    read!(state.courier.db, |tx| -> Result<Option<InboxMessage>, DbError> {
        let number = inbox::number_of(tx, state.tenant, query.after).await?;
        inbox::next(tx, state.tenant, &query.to, number).await
    })
    .await
}
