//! What belongs to the public listener: clients that ask here are shown the way there, method and body kept.

use axum::extract::OriginalUri;
use axum::response::Response;
use web::reply;

use crate::http::Asked;

/// Redirects to the same path on the public listener.
pub async fn to_public(Asked(cx): Asked, OriginalUri(uri): OriginalUri) -> Response {
    let path = uri.path().strip_prefix("/admin").unwrap_or(uri.path());
    let base = cx.settings().public_base_url();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    reply::redirect(307, &format!("{}{path}{query}", base.as_str().trim_end_matches('/')))
}
