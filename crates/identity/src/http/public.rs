//! The routes of the public listener, all of them in [`router`].

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, delete, get};
use foundation::{ApiError, Timestamp, Uuid};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK, VARY};
use http::request::Parts;
use serde_json::{Value, json};
use web::body::{self, Body};
use web::reply;

use super::budgets::Budgeted;
use super::paging::{Numbered, Sizes};
use super::query::Query;
use super::render::{self, csrf_cookie, session_cookie};
use super::request::{Asked, context, has_csrf_cookie, request_context, shown_token, visit};
use crate::context::Context;
use crate::error::Error;
use crate::flows::visit::{Reply, Visit};
use crate::model::flow::{FlowKind, Transport};
use crate::service::Identity;
use crate::sessions::cookie;
use crate::sessions::current::Shown;
use crate::sessions::view::session_json;
use crate::sessions::whoami::Whoami;

/// Schemas on a page.
const SCHEMAS: Sizes = Sizes { default: 250, most: 1000 };

/// All public routes.
pub fn router(identity: Identity) -> Router {
    routes().finish(&identity).layer(middleware::from_fn(vary_by_cookie)).with_state(identity)
}

fn routes() -> Budgeted {
    let mut routes = Budgeted::default()
        .route("/self-service/logout/browser", get(logout_begin))
        .route("/self-service/logout", get(logout_submit))
        .route("/self-service/logout/api", delete(logout_native))
        .route("/self-service/errors", get(error_fetch))
        .route("/.well-known/change-password", get(change_password))
        .route("/sessions/whoami", any(whoami))
        .route("/sessions", get(sessions_list).delete(sessions_revoke_others))
        .route("/sessions/{id}", delete(session_revoke))
        .route("/schemas", get(schemas_list))
        .route("/schemas/{id}", get(schema_fetch))
        .route("/admin/schemas", get(schemas_list))
        .route("/admin/schemas/{id}", get(schema_fetch))
        .route("/health/alive", get(alive))
        .route("/health/ready", get(ready));
    for kind in FlowKind::ALL {
        let name = kind.as_str();
        routes = routes
            .route(
                &format!("/self-service/{name}/browser"),
                get(move |state, request| begin(state, request, kind, Transport::Browser)),
            )
            .route(
                &format!("/self-service/{name}/api"),
                get(move |state, request| begin(state, request, kind, Transport::Api)),
            )
            .route(&format!("/self-service/{name}/flows"), get(move |state, request| fetch(state, request, kind)))
            .route(
                &format!("/self-service/{name}"),
                get(move |state, request| submit(state, request, kind))
                    .post(move |state, request| submit(state, request, kind)),
            );
    }
    for path in ["/admin/identities", "/admin/courier/messages", "/identities", "/recovery"] {
        routes = routes.route(path, any(to_admin)).route(&format!("{path}/{{*rest}}"), any(to_admin));
    }
    routes
}

/// What is answered depends on who is signed in: caches must know.
async fn vary_by_cookie(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(VARY).or_insert(HeaderValue::from_static("Cookie"));
    response
}

async fn begin(State(identity): State<Identity>, request: Request, kind: FlowKind, transport: Transport) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let browser = transport == Transport::Browser;
    let visit = visit(&cx, &parts, browser);
    let result = match kind {
        FlowKind::Login => identity.login_begin(&cx, &visit, transport).await,
        FlowKind::Registration => identity.registration_begin(&cx, &visit, transport).await,
        FlowKind::Settings => identity.settings_begin(&cx, &visit, transport).await,
        FlowKind::Recovery => identity.recovery_begin(&cx, &visit, transport).await,
        FlowKind::Verification => identity.verification_begin(&cx, &visit, transport).await,
    };
    let to_error_page = browser && !visit.wants_json;
    let mut response = render::answer(&identity, &cx, result, to_error_page).await;
    if let Some(secret) = visit.csrf.filter(|_| browser && !has_csrf_cookie(&cx, &parts.headers)) {
        response.headers_mut().append(http::header::SET_COOKIE, csrf_cookie(&cx, &secret));
    }
    response
}

async fn fetch(State(identity): State<Identity>, request: Request, kind: FlowKind) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let visit = visit(&cx, &parts, false);
    let result = match kind {
        FlowKind::Login => identity.login_fetch(&cx, &visit).await,
        FlowKind::Registration => identity.registration_fetch(&cx, &visit).await,
        FlowKind::Settings => identity.settings_fetch(&cx, &visit).await,
        FlowKind::Recovery => identity.recovery_fetch(&cx, &visit).await,
        FlowKind::Verification => identity.verification_fetch(&cx, &visit).await,
    };
    render::answer(&identity, &cx, result, false).await
}

async fn submit(State(identity): State<Identity>, request: Request, kind: FlowKind) -> Response {
    let (parts, body) = request.into_parts();
    let cx = context(&identity, &parts);
    let visit = visit(&cx, &parts, false);
    let result = match read_body(&parts, body).await {
        Ok(body) => submitted(&identity, &cx, &visit, kind, body.as_ref()).await,
        Err(error) => Err(error.into()),
    };
    render::answer(&identity, &cx, result, !visit.wants_json).await
}

async fn submitted(
    identity: &Identity,
    cx: &Context,
    visit: &Visit,
    kind: FlowKind,
    body: Option<&Body>,
) -> Result<Reply, Error> {
    match kind {
        FlowKind::Login => identity.login_submit(cx, visit, body).await,
        FlowKind::Registration => identity.registration_submit(cx, visit, body).await,
        FlowKind::Settings => identity.settings_submit(cx, visit, body).await,
        FlowKind::Recovery => identity.recovery_submit(cx, visit, body).await,
        FlowKind::Verification => identity.verification_submit(cx, visit, body).await,
    }
}

/// The body of a submission; `None` for GET, which comes from a link or from proving again who somebody is.
async fn read_body(parts: &Parts, body: axum::body::Body) -> Result<Option<Body>, ApiError> {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return Ok(None);
    }
    body::read(&parts.headers, body, body::DEFAULT_CAP).await.map(Some)
}

async fn logout_begin(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let visit = visit(&cx, &parts, false);
    let result = identity.logout_begin(&cx, &visit).await.map(|body| Reply::json(200, body));
    render::answer(&identity, &cx, result, !visit.wants_json).await
}

async fn logout_submit(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let visit = visit(&cx, &parts, false);
    let result = identity.logout_submit(&cx, &visit).await;
    render::answer(&identity, &cx, result, !visit.wants_json).await
}

async fn logout_native(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let cx = context(&identity, &parts);
    let result = match body::read(&parts.headers, body, body::DEFAULT_CAP).await {
        Ok(body) => identity.logout_native(&cx, &body).await,
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => reply::no_content(),
        Err(error) => reply::error(&error.into_api(), None),
    }
}

async fn error_fetch(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let visit = visit(&cx, &parts, false);
    let result = identity.error_fetch(&cx, &visit).await.map(|body| Reply::json(200, body));
    render::answer(&identity, &cx, result, false).await
}

async fn change_password(Asked(cx): Asked) -> Response {
    reply::redirect(303, cx.settings().flow(FlowKind::Settings).ui_url.as_str())
}

async fn whoami(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let templates = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    if let Some((_, template)) =
        templates.into_iter().find(|(name, template)| name == "tokenize_as" && !template.is_empty())
    {
        let reason =
            format!("There is no tokenizer template {template:?}: this release does not make tokens of sessions.");
        return reply::error(&ApiError::bad_request(reason), None);
    }
    let snapshot = (identity.snapshot)();
    let now = identity.clock.now();
    let shown = shown_token(&snapshot, &parts.headers, &web::Cookies::from(&parts.headers));
    let cx = || Context::new(request_context(&identity, &parts, &snapshot, now), Arc::clone(&snapshot));
    let remembered = match &shown {
        Some(shown) => identity.session_remembered(&snapshot, now, shown, cx),
        None => Ok(None),
    };
    let answer = match remembered {
        Ok(None) => identity.session_whoami_read(&cx(), shown.as_ref()).await,
        Ok(Some(answer)) => Ok(answer),
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            let renewed = shown.and_then(|shown| renewed_cookie(cx, &shown, answer.expires_at));
            whoami_response(answer, renewed)
        }
        Err(error) => reply::error(&error.into_api(), None),
    }
}

fn whoami_response(answer: Whoami, renewed: Option<HeaderValue>) -> Response {
    const WHO: HeaderName = HeaderName::from_static("x-kratos-authenticated-identity-id");
    let mut response = reply::json_bytes(200, answer.body);
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    if let Ok(id) = HeaderValue::from_str(answer.identity_id.hyphenated().encode_lower(&mut id)) {
        response.headers_mut().insert(WHO, id);
    }
    if let Some(cookie) = renewed {
        response.headers_mut().append(http::header::SET_COOKIE, cookie);
    }
    response
}

/// The cookie anew, where the session was extended since the cookie was written.
fn renewed_cookie(cx: impl FnOnce() -> Context, shown: &Shown, expires_at: Timestamp) -> Option<HeaderValue> {
    let written = shown.cookie_expires_at?;
    (expires_at > written).then(|| {
        let cx = cx();
        let value = cookie::seal(&cx, &shown.token, expires_at);
        session_cookie(&cx, value, expires_at.as_second() - cx.now.as_second())
    })
}

async fn sessions_list(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let visit = visit(&cx, &parts, false);
    let page = OwnPage::of(&visit);
    match identity.sessions_own(&cx, visit.shown.as_ref(), page.size, page.number * page.size).await {
        Ok((current, list, total)) => {
            let body: Vec<Value> =
                list.iter().map(|session| session_json(&cx, session, Some(&current.identity))).collect();
            let mut response = reply::json(200, &body);
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(total));
            if let Ok(link) = HeaderValue::from_str(&page.links(total)) {
                headers.insert(LINK, link);
            }
            response
        }
        Err(error) => reply::error(&error.into_api(), None),
    }
}

/// A page of one's own sessions. `page` counts from one, where nought is the first as well; `page_token` is made here.
struct OwnPage {
    number: i64,
    size: i64,
}

impl OwnPage {
    fn of(visit: &Visit) -> Self {
        let number = |name: &str| visit.parameter(name).and_then(|text| text.parse::<i64>().ok());
        let size = number("page_size").or(number("per_page")).filter(|size| *size > 0).unwrap_or(250).min(1000);
        let token = visit.parameter("page_token").and_then(|text| text.strip_prefix("page-")?.parse().ok());
        let number = token.unwrap_or_else(|| number("page").unwrap_or(0).max(1) - 1);
        Self { number: number.clamp(0, i64::from(u16::MAX)), size }
    }

    /// The `Link` header (RFC 8288).
    fn links(&self, total: i64) -> String {
        let last = (total - 1).max(0) / self.size;
        let link = |page: i64, rel: &str| {
            let size = self.size;
            format!("</sessions?page={page}&page_size={size}&page_token=page-{page:06}&per_page={size}>; rel=\"{rel}\"")
        };
        let mut links = Vec::new();
        if self.number > 0 {
            links.extend([link(0, "first"), link(self.number - 1, "prev")]);
        }
        if self.number < last {
            links.extend([link(self.number + 1, "next"), link(last, "last")]);
        }
        links.join(",")
    }
}

async fn sessions_revoke_others(State(identity): State<Identity>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let shown = shown_token(cx.snapshot(), &parts.headers, &web::Cookies::from(&parts.headers));
    match identity.sessions_revoke_own_others(&cx, shown.as_ref()).await {
        Ok(count) => reply::json(200, &json!({"count": count})),
        Err(error) => reply::error(&error.into_api(), None),
    }
}

async fn session_revoke(State(identity): State<Identity>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let cx = context(&identity, &parts);
    let shown = shown_token(cx.snapshot(), &parts.headers, &web::Cookies::from(&parts.headers));
    let result = match Uuid::parse_str(&id) {
        Ok(id) => identity.session_revoke_own(&cx, shown.as_ref(), id).await,
        Err(_) => match identity.session_required(&cx, shown.as_ref()).await {
            Ok(_) => Err(ApiError::bad_request("The id in the path is no UUID.").into()),
            Err(error) => Err(error),
        },
    };
    match result {
        Ok(()) => {
            let mut response = reply::no_content();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => reply::error(&error.into_api(), None),
    }
}

async fn schemas_list(State(identity): State<Identity>, Asked(cx): Asked, query: Query) -> Response {
    let page = match Numbered::asked(&query, SCHEMAS) {
        Ok(page) => page,
        Err(error) => return reply::error(&error, None),
    };
    match identity.schemas_page(&cx, page.size, page.offset()).await {
        Ok((body, total)) => {
            let mut response = reply::json(200, &body);
            page.link_in_full(&mut response, "/schemas", &query, total);
            response
        }
        Err(error) => reply::error(&error.into_api(), None),
    }
}

async fn schema_fetch(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>) -> Response {
    match identity.schema_document(&cx, &id).await {
        Ok(document) => reply::json(200, &document),
        Err(error) => reply::error(&error.into_api(), None),
    }
}

async fn alive() -> Response {
    reply::json(200, &json!({"status": "ok"}))
}

async fn ready(State(identity): State<Identity>) -> Response {
    match identity.db.ping().await {
        Ok(()) => reply::json(200, &json!({"status": "ok"})),
        // What is wrong with the database is for the admin listener and the log.
        Err(_) => reply::error(&ApiError::new(503).reason("The service is not ready."), None),
    }
}

/// What belongs to the admin listener is shown the way there.
async fn to_admin(Asked(cx): Asked, request: Request) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix("/admin").unwrap_or(path);
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let base = cx.settings().admin_base_url();
    reply::redirect(307, &format!("{}admin{path}{query}", base.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::budgets::ROUTES;

    /// CVE-2025-64102: a new way in forgot the limits of the old one. A new route fails here until it has a budget.
    #[test]
    fn every_public_route_has_a_budget_and_every_budget_a_route() {
        let routes = routes();
        let mut found: Vec<&str> = routes.paths().collect();
        let mut known: Vec<&str> = ROUTES.iter().map(|(path, _)| *path).collect();
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known);
    }
}
