//! The pages of the inbox. They work without scripts; the one script copies codes and shows new mail by itself.

use std::sync::LazyLock;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use foundation::ApiError;
use scripting::TemplateSet;
use serde::Deserialize;
use serde_json::{Value, json};
use web::reply;

use super::api;
use super::{Inbox, InboxHook, InboxMessage, Signature, code, failed, link};

/// Nothing from elsewhere, nothing inline, in no one else's frame.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A mail is shown as a stranger's page: no scripts, no requests, no forms, an origin of its own.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
     style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'";

#[expect(clippy::expect_used, reason = "the templates are part of the program, and every test renders them")]
static TEMPLATES: LazyLock<TemplateSet> = LazyLock::new(|| {
    let mut set = TemplateSet::new();
    set.add("pages", include_str!("pages.gotmpl")).expect("the templates of the inbox are templates");
    set
});

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    to: String,
}

/// `GET /`: the newest hundred.
pub(super) async fn list(State(state): State<Inbox>, Query(query): Query<ListQuery>) -> Response {
    match api::mails(&state, query.to.trim(), 100).await {
        Ok(mails) => {
            let newest = mails.first().map(|mail| mail.id.to_string());
            let mails: Vec<Value> = mails.iter().map(view).collect();
            page(200, "list", &json!({"mails": mails, "to": query.to.trim(), "newest": newest}))
        }
        Err(error) => failed(&error),
    }
}

/// `GET /messages/{id}`.
pub(super) async fn show(State(state): State<Inbox>, Path(id): Path<String>) -> Response {
    match api::mail(&state, &id).await {
        Ok(Some(mail)) => page(200, "show", &view(&mail)),
        Ok(None) => page(404, "gone", &json!({})),
        Err(error) => failed(&error),
    }
}

/// `GET /messages/{id}/html`: the mail alone, for the frame.
pub(super) async fn html(State(state): State<Inbox>, Path(id): Path<String>) -> Response {
    match api::mail(&state, &id).await {
        // A link in a mail opens a window of its own: inside the frame it would go nowhere.
        Ok(Some(mail)) => secured(200, MAIL_POLICY, mail.html.replacen("<head>", "<head><base target=\"_blank\">", 1)),
        Ok(None) => super::missing(),
        Err(error) => failed(&error),
    }
}

/// `POST /messages/{id}/delete`.
pub(super) async fn remove(State(state): State<Inbox>, Path(id): Path<String>) -> Response {
    match api::remove_mail(&state, &id).await {
        Ok(_) => reply::redirect(303, "/"),
        Err(error) => failed(&error),
    }
}

/// `POST /messages/delete`.
pub(super) async fn remove_all(State(state): State<Inbox>) -> Response {
    match api::remove_mails(&state).await {
        Ok(()) => reply::redirect(303, "/"),
        Err(error) => failed(&error),
    }
}

/// `GET /hooks`: the newest hundred web hooks.
pub(super) async fn hooks(State(state): State<Inbox>) -> Response {
    match super::hooks::hooks(&state, "", 100).await {
        Ok(hooks) => {
            let shown: Vec<Value> = hooks
                .iter()
                .enumerate()
                .map(|(index, hook)| {
                    let again = hooks[index + 1..].iter().any(|before| before.webhook_id == hook.webhook_id);
                    hook_view(hook, again && !hook.webhook_id.is_empty())
                })
                .collect();
            page(200, "hooks", &json!({"hooks": shown}))
        }
        Err(error) => failed(&error),
    }
}

fn hook_view(hook: &InboxHook, again: bool) -> Value {
    let pretty = serde_json::from_str::<Value>(&hook.body)
        .ok()
        .and_then(|body| serde_json::to_string_pretty(&body).ok())
        .unwrap_or_else(|| hook.body.clone());
    json!({
        "name": hook.name,
        "method": hook.method,
        "webhook_id": hook.webhook_id,
        "good": hook.signature == Signature::Good,
        "bad": hook.signature == Signature::Bad,
        "body": pretty,
        "at": hook.received_at.to_string(),
        "again": again,
    })
}

/// `POST /hooks/delete`.
pub(super) async fn remove_hooks(State(state): State<Inbox>) -> Response {
    match super::hooks::remove_hooks(&state).await {
        Ok(()) => reply::redirect(303, "/hooks"),
        Err(error) => failed(&error),
    }
}

/// `GET /assets/inbox.css`.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("inbox.css"))
}

/// `GET /assets/inbox.js`.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("inbox.js"))
}

fn view(mail: &InboxMessage) -> Value {
    json!({
        "id": mail.id.to_string(),
        "to": mail.to,
        "from": mail.from,
        "subject": mail.subject,
        "text": mail.text,
        "kind": mail.template_type,
        "at": mail.received_at.to_string(),
        "code": code(mail),
        "link": link(mail),
    })
}

fn page(status: u16, name: &str, data: &Value) -> Response {
    match TEMPLATES.render_html(name, data) {
        Ok(html) => secured(status, PAGE_POLICY, html),
        Err(error) => {
            tracing::error!(%error, "a page of the inbox cannot be rendered");
            reply::error(&ApiError::internal(), None)
        }
    }
}

fn secured(status: u16, policy: &'static str, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), headers, html).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
