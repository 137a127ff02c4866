//! Demands a key of whoever asks an admin listener (RFC 6750 §2.1: a bearer token in the Authorization header).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use foundation::ApiError;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use web::{observe, reply};

use crate::keys::AdminKeys;

/// Whether a key is demanded at this moment: asked for each request, as the configuration can change.
pub type Demanded = Arc<dyn Fn() -> bool + Send + Sync>;

/// What load balancers and orchestrators ask without credentials. It tells strangers nothing but that a server is here.
const OPEN: [&str; 4] = ["/health/alive", "/health/ready", "/admin/health/alive", "/admin/health/ready"];

/// What an answer of 401 says about how to ask (RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"limen admin API\"");
const CHALLENGE_OF_WRONG_KEY: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"limen admin API\", error=\"invalid_token\"");

#[derive(Clone)]
struct Door {
    keys: AdminKeys,
    demanded: Demanded,
}

/// Refuses with 401 what shows no key, an unknown, revoked or expired one, while `demanded` says so. Health checks pass.
pub fn require<S>(router: Router<S>, keys: AdminKeys, demanded: Demanded) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.layer(middleware::from_fn_with_state(Door { keys, demanded }, check))
}

async fn check(State(door): State<Door>, request: Request, next: Next) -> Response {
    if !(door.demanded)() || OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let sent = observe::id_sent(request.headers());
    let (refusal, challenge) = match shown(request.headers()) {
        None => (ApiError::unauthorized(WITHOUT), CHALLENGE),
        Some(key) => match door.keys.check(key).await {
            Ok(Some(_)) => return next.run(request).await,
            Ok(None) => (ApiError::unauthorized(UNKNOWN), CHALLENGE_OF_WRONG_KEY),
            Err(cause) => {
                tracing::error!(%cause, "an admin API key cannot be looked up");
                return reply::error(&unavailable(), sent.as_deref());
            }
        },
    };
    let mut response = reply::error(&refusal, sent.as_deref());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

const WITHOUT: &str = "This listener can be reached from other machines and demands an API key: make one with \
    `limen admin-keys create NAME` and send it in the header Authorization, as `Bearer KEY`.";
const UNKNOWN: &str = "The API key is not known: it was revoked, has expired, or never was one.";

fn unavailable() -> ApiError {
    let mut error = ApiError::new(503).reason("The API key cannot be looked up at the moment.");
    error.retry_after = Some(1);
    error
}

/// The token of a Bearer header, if there is exactly one header. The scheme's name has no case.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}
