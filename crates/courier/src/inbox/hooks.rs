//! A receiver of web hooks for development: it keeps what arrives, says whether its signature is right, and tells tests.

use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use crypto::WebhookKeys;
use database::{DbError, read, transact};
use foundation::{ApiError, GoDuration, Uuid};
use http::HeaderMap;
use serde::Deserialize;
use tokio::time::{Duration, Instant, timeout};
use web::reply;

use super::{Inbox, InboxHook, Signature, failed};
use crate::store::inbox_hooks;

/// A body longer than this is no hook that anybody looks at.
const LONGEST_BODY: usize = 256 << 10;

/// Longer than this no connection through a proxy lives.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often the database is asked while nothing is announced: hooks may arrive through another process.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Any method on `/hooks/receive/{name}`: takes the hook, whatever its signature, as the page is there to show that.
pub(super) async fn receive(State(state): State<Inbox>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, LONGEST_BODY).await else {
        return reply::error(&ApiError::new(413).reason("The inbox keeps hooks of up to 256 KiB."), None);
    };
    let now = state.courier.clock.now();
    let hook = InboxHook {
        id: state.courier.rng.uuid(),
        name: name.chars().filter(|c| !c.is_control()).take(100).collect(),
        webhook_id: header(&parts.headers, "webhook-id").chars().take(100).collect(),
        method: parts.method.to_string(),
        signature: checked(&state, &parts.headers, &bytes, now.as_second()),
        body: String::from_utf8_lossy(&bytes).replace('\0', "\u{FFFD}"),
        received_at: now,
    };
    let kept =
        transact!(state.courier.db, |tx| -> Result<(), DbError> { inbox_hooks::insert(tx, state.tenant, &hook).await });
    match kept.await {
        Ok(()) => {
            state.courier.arrivals.announce();
            reply::no_content()
        }
        Err(error) => failed(&error),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn checked(state: &Inbox, headers: &HeaderMap, body: &[u8], now: i64) -> Signature {
    let signature = header(headers, "webhook-signature");
    if signature.is_empty() {
        return Signature::Missing;
    }
    let keys = WebhookKeys::new(&(state.courier.settings)().hooks.signing_secrets);
    let timestamp = header(headers, "webhook-timestamp").parse().unwrap_or_default();
    if keys.verify(header(headers, "webhook-id"), timestamp, body, signature, now) {
        Signature::Good
    } else {
        Signature::Bad
    }
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    name: String,
    limit: Option<u32>,
}

/// `GET /api/hooks?name=&limit=`: newest first.
pub(super) async fn list(State(state): State<Inbox>, Query(query): Query<ListQuery>) -> Response {
    match hooks(&state, &query.name, query.limit.unwrap_or(100).clamp(1, 500)).await {
        Ok(hooks) => reply::json(200, &hooks),
        Err(error) => failed(&error),
    }
}

pub(super) async fn hooks(state: &Inbox, name: &str, most: u32) -> Result<Vec<InboxHook>, DbError> {
    read!(state.courier.db, |tx| -> Result<Vec<InboxHook>, DbError> {
        inbox_hooks::list(tx, state.tenant, name, most).await
    })
    .await
}

pub(super) async fn remove_hooks(state: &Inbox) -> Result<(), DbError> {
    transact!(state.courier.db, |tx| -> Result<(), DbError> { inbox_hooks::remove_all(tx, state.tenant).await }).await
}

/// `DELETE /api/hooks`.
pub(super) async fn remove_all(State(state): State<Inbox>) -> Response {
    match remove_hooks(&state).await {
        Ok(()) => reply::no_content(),
        Err(error) => failed(&error),
    }
}

#[derive(Deserialize)]
pub(super) struct NextQuery {
    #[serde(default)]
    name: String,
    after: Option<Uuid>,
    timeout: Option<GoDuration>,
}

/// `GET /api/hooks/next?name=&after=&timeout=10s`: the first hook of this name that came behind the arrival `after`,
/// waiting for it if need be; 204 if none comes in time.
pub(super) async fn next(State(state): State<Inbox>, Query(query): Query<NextQuery>) -> Response {
    let wait = query.timeout.unwrap_or(GoDuration::from_secs(10));
    if wait.as_nanos() < 0 {
        return reply::error(&ApiError::bad_request("timeout must not be negative."), None);
    }
    let deadline = Instant::now() + wait.to_std().min(LONGEST_WAIT);
    loop {
        // Listening begins before looking, so that no hook arrives unnoticed in between.
        let arrival = state.courier.arrivals.0.notified();
        tokio::pin!(arrival);
        arrival.as_mut().enable();
        match look(&state, &query).await {
            Ok(Some(hook)) => return reply::json(200, &hook),
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

async fn look(state: &Inbox, query: &NextQuery) -> Result<Option<InboxHook>, DbError> {
    read!(state.courier.db, |tx| -> Result<Option<InboxHook>, DbError> {
        let number = inbox_hooks::number_of(tx, state.tenant, query.after).await?;
        inbox_hooks::next(tx, state.tenant, &query.name, number).await
    })
    .await
}
