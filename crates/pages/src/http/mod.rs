//! The routes of the pages. Each handler asks the public API and renders the answer.

mod flows;
mod overview;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::Pages;
use crate::flow::FlowKind;
use crate::headers::Needs;
use crate::texts;
use crate::urls;
use crate::view::{GetForm, Link, LogoutPage, NoticePage};
use crate::visit::Visit;

/// Room for the one token that the pages' own forms send.
const OWN_FORM_LIMIT: usize = 4 * 1024;

/// Every route of the pages.
pub(crate) fn routes(pages: Arc<Pages>) -> Router {
    let mut router = Router::new();
    for kind in FlowKind::ALL {
        router = router.route(&format!("/{}", kind.word()), get(move |visit: Visit| flows::flow(visit, kind)));
    }
    router
        .route("/", get(overview::overview))
        .route("/welcome", get(overview::overview))
        .route("/logout", get(logout))
        .route("/error", get(error))
        .route("/sessions/{id}/revoke", post(sessions::revoke))
        .route("/sessions/revoke-others", post(sessions::revoke_others))
        .route("/assets/{name}", get(asset))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(OWN_FORM_LIMIT))
        .with_state(pages)
}

/// Shows one button that signs out: a link alone would let any site sign people out.
async fn logout(mut visit: Visit) -> Response {
    let query = [("return_to", visit.parameter("return_to").unwrap_or_default())];
    let path = urls::with_query("/self-service/logout/browser", query);
    let answer = match visit.ask(&path).await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    match (answer.status, answer.body.get("logout_url").and_then(Value::as_str).and_then(GetForm::of)) {
        (200, Some(logout)) => {
            let page = LogoutPage { frame: visit.frame("logout.title"), logout };
            visit.page(StatusCode::OK, &page, &Needs::default())
        }
        (401, _) => {
            let home = visit.own_address("/");
            visit.redirect(&home)
        }
        _ => api_problem(&mut visit, answer.status, &answer.body),
    }
}

/// Shows an error that the public API has stored for this browser.
async fn error(mut visit: Visit) -> Response {
    let Some(id) = visit.parameter("id").map(str::to_owned) else {
        let text = visit.texts.text("error.unknown").to_owned();
        return visit.problem(StatusCode::OK, "error.title", text, None);
    };
    let answer = match visit.ask(&urls::with_query("/self-service/errors", [("id", id.as_str())])).await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    if answer.status != 200 {
        let text = visit.texts.text("error.gone").to_owned();
        return visit.problem(StatusCode::NOT_FOUND, "error.title", text, None);
    }
    let error = answer.body.get("error").unwrap_or(&Value::Null);
    let error_id = error.get("id").and_then(Value::as_str);
    let text =
        texts::error(&visit.texts, error_id, error).unwrap_or_else(|| visit.texts.text("error.unknown").to_owned());
    let frame = visit.frame("error.title");
    let action = Link {
        before: String::new(),
        href: format!("{}/", frame.base),
        text: frame.texts.text("error.home").to_owned(),
    };
    let details = visit.settings.dev.then(|| serde_json::to_string_pretty(error).unwrap_or_default());
    let page = NoticePage { frame, text, reference: Some(id), details, action: Some(action) };
    visit.page(StatusCode::OK, &page, &Needs::default())
}

/// An answer of the API that no page expects, in words.
fn api_problem(visit: &mut Visit, status: u16, body: &Value) -> Response {
    let error = body.get("error").unwrap_or(body);
    let id = error.get("id").and_then(Value::as_str);
    let text = texts::error(&visit.texts, id, error).unwrap_or_else(|| visit.texts.text("error.unknown").to_owned());
    let status =
        StatusCode::from_u16(status).ok().filter(|status| status.is_client_error() || status.is_server_error());
    visit.problem(status.unwrap_or(StatusCode::BAD_GATEWAY), "error.title", text, None)
}

async fn asset(State(pages): State<Arc<Pages>>, Path(name): Path<String>) -> Response {
    let settings = (pages.settings)();
    let Some(asset) = pages.assets.find(&settings.brand, &name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.content.into_response();
    for (header, value) in [
        (header::CONTENT_TYPE, asset.content_type),
        // A logo may be an SVG of the operator's: opened by itself, it runs nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(header, HeaderValue::from_static(value));
    }
    response
}

async fn not_found(mut visit: Visit) -> Response {
    let text = visit.texts.text("error.not_found").to_owned();
    visit.problem(StatusCode::NOT_FOUND, "error.not_found.title", text, None)
}
