//! From a request to what use cases take: the context of who asks, and what a visit to a flow brought.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use crypto::tokens::SessionToken;
use foundation::{RequestContext, Timestamp};
use http::header::{AUTHORIZATION, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Uri};
use web::client::{self, Peer};
use web::cookies::Cookies;
use web::csrf::{self, CsrfSecret};
use web::{RequestId, negotiate};

use crate::context::{Context, Snapshot};
use crate::flows::visit::{RequestFacts, Visit};
use crate::limits;
use crate::service::Identity;
use crate::sessions::cookie;
use crate::sessions::current::Shown;

/// The cookie that ties a change that waits to its browser; the name is the contract's.
pub const CONTINUITY_COOKIE: &str = "ory_kratos_continuity";

/// The name of the cookie that shows in which browsers somebody signed in before.
pub const DEVICE_COOKIE: &str = "limen_known_device";

/// The context of a request, for handlers.
#[derive(Debug, Clone)]
pub struct Asked(pub Context);

impl FromRequestParts<Identity> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, identity: &Identity) -> Result<Self, Self::Rejection> {
        Ok(Self(context(identity, parts)))
    }
}

/// The context of a request.
pub fn context(identity: &Identity, parts: &Parts) -> Context {
    let snapshot = (identity.snapshot)();
    Context::new(request_context(identity, parts, &snapshot, identity.clock.now()), snapshot)
}

/// Who asks, and when.
pub fn request_context(identity: &Identity, parts: &Parts, snapshot: &Snapshot, now: Timestamp) -> RequestContext {
    let request_id = match parts.extensions.get::<RequestId>() {
        Some(id) => id.id.clone(),
        None => identity.rng.uuid().to_string(),
    };
    let peer = Peer::of(&parts.extensions);
    RequestContext {
        tenant: identity.tenant,
        request_id,
        now,
        clock: Arc::clone(&identity.clock),
        rng: Arc::clone(&identity.rng),
        client: client::client_info(&parts.headers, peer.address, snapshot.trusted_proxies()),
        languages: negotiate::languages(&parts.headers),
    }
}

/// What a request to a flow brought. With `begins` a missing CSRF secret is made: a browser's flow begins with one.
pub fn visit(cx: &Context, parts: &Parts, begins: bool) -> Visit {
    let cookies = Cookies::from(&parts.headers);
    let query = parts.uri.query().unwrap_or_default();
    let known = cookies.get(&csrf_cookie_name(cx)).and_then(CsrfSecret::from_cookie);
    Visit {
        wants_json: negotiate::wants_json(&parts.headers),
        prefers_json: negotiate::prefers_json(&parts.headers),
        devices: cookies.get(DEVICE_COOKIE).map(|value| limits::devices_of_cookie(cx, value)).unwrap_or_default(),
        shown: shown_token(cx.snapshot(), &parts.headers, &cookies),
        csrf: known.or_else(|| begins.then(|| CsrfSecret::generate(cx.rng.as_ref()))),
        continuity: cookies.get(CONTINUITY_COOKIE).map(str::to_owned),
        has_cookies: cookies.names().any(|name| !["__cf", "_cf", "cf_"].iter().any(|start| name.starts_with(start))),
        has_origin: parts.headers.contains_key(ORIGIN),
        url: request_url(cx, parts),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        request: facts(cx, parts, &cookies),
    }
}

/// What web hooks may know. Session and CSRF cookies stay here: a receiver of hooks is nobody who signs in as others.
fn facts(cx: &Context, parts: &Parts, cookies: &Cookies) -> RequestFacts {
    let allowed = &cx.settings().clients.web_hook.header_allowlist;
    let is_allowed = |name: &str| allowed.iter().any(|known| known.eq_ignore_ascii_case(name));
    let headers = parts.headers.iter().filter(|(name, _)| is_allowed(name.as_str()));
    let own = [
        cx.settings().session.cookie.name.clone(),
        csrf_cookie_name(cx),
        CONTINUITY_COOKIE.to_owned(),
        DEVICE_COOKIE.to_owned(),
    ];
    RequestFacts {
        method: parts.method.to_string(),
        headers: headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        cookies: cookies
            .names()
            .filter(|name| !own.iter().any(|known| known == name))
            .filter_map(|name| Some((name.to_owned(), cookies.get(name)?.to_owned())))
            .collect(),
    }
}

/// Whether the browser has a CSRF cookie that we can read.
pub fn has_csrf_cookie(cx: &Context, headers: &HeaderMap) -> bool {
    Cookies::from(headers).get(&csrf_cookie_name(cx)).and_then(CsrfSecret::from_cookie).is_some()
}

/// The name of the CSRF cookie: it differs with the public URL, so that two servers on one host do not disturb each other.
pub fn csrf_cookie_name(cx: &Context) -> String {
    csrf::cookie_name(cx.settings().public_base_url().as_str())
}

/// The session token that a request shows: the header wins over the cookie, and the cookie over the bearer token. A cookie
/// that is not ours counts as none (known fault: elsewhere it ends the request).
pub fn shown_token(snapshot: &Snapshot, headers: &HeaderMap, cookies: &Cookies) -> Option<Shown> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let plain = |token: &str| Shown { token: SessionToken::presented(token), cookie_expires_at: None };
    if let Some(token) = text("x-session-token") {
        return Some(plain(token));
    }
    let ours = cookies.all(&snapshot.settings.session.cookie.name).find_map(|value| cookie::open(snapshot, value));
    if let Some((token, expires_at)) = ours {
        return Some(Shown { token, cookie_expires_at: Some(expires_at) });
    }
    let (scheme, token) = text(AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| plain(token))
}

/// The URL as the client asked for it: what a flow remembers. It decides nothing.
fn request_url(cx: &Context, parts: &Parts) -> String {
    let peer = Peer::of(&parts.extensions);
    let base = client::forwarded_base(&parts.headers, &parts.uri, peer, cx.trusted_proxies());
    let path = path_and_query(&parts.uri);
    match base {
        Some(base) => format!("{base}{path}"),
        None => format!("{}{path}", cx.settings().public_base_url().as_str().trim_end_matches('/')),
    }
}

fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |both| both.as_str())
}
