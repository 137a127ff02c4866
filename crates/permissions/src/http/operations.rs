//! Health, release and figures.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use database::Schema;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use web::{Metrics, reply};

use crate::service::Permissions;

/// What the routes of operations need beside the service.
#[derive(Clone)]
pub struct Operations {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// All tables of this release.
    pub schema: Arc<Schema>,
}

/// GET /health/alive
pub(super) async fn alive() -> Response {
    reply::json(200, &json!({"status": "ok"}))
}

/// GET /health/ready
pub(super) async fn ready(
    State(permissions): State<Permissions>,
    Extension(operations): Extension<Operations>,
) -> Response {
    let mut errors = serde_json::Map::new();
    if let Err((check, failure)) = permissions.ready().await {
        tracing::warn!(check, error = %failure, "not ready");
        errors.insert(check.to_owned(), "is not available; the log says why".into());
    } else {
        match operations.schema.pending(&permissions.deps.db).await {
            Ok(pending) if pending.is_empty() => {}
            Ok(pending) => {
                errors.insert("migrations".to_owned(), format!("{} are missing", pending.len()).into());
            }
            Err(error) => {
                tracing::warn!(%error, "not ready");
                errors.insert("migrations".to_owned(), "cannot be looked at; the log says why".into());
            }
        }
    }
    if errors.is_empty() {
        reply::json(200, &json!({"status": "ok"}))
    } else {
        reply::json(503, &json!({"errors": errors}))
    }
}

/// GET /version
pub(super) async fn version(State(permissions): State<Permissions>) -> Response {
    reply::json(200, &json!({"version": permissions.deps.version}))
}

/// GET /metrics/prometheus
pub(super) async fn metrics(
    State(permissions): State<Permissions>,
    Extension(operations): Extension<Operations>,
    headers: HeaderMap,
) -> Response {
    permissions.counters.revision.set(permissions.replica.held());
    let mut response = operations.metrics.response();
    let wanted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if !wanted.is_some_and(|accept| accept.contains("openmetrics")) {
        // The older format, as clients know it: names and values are written the same way.
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    }
    response
}
