//! What operators and their machines ask: is it alive, is it ready, which version, which configuration, which numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use database::Schema;
use foundation::ApiError;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::json;
use sha2::{Digest, Sha256};
use web::observe::Metrics;
use web::reply;

use super::failure::Answer;
use crate::http::Asked;
use crate::service::Identity;
use crate::settings::Settings;

/// What the admin listener tells of the whole program.
#[derive(Clone)]
pub struct Operations {
    version: &'static str,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

impl Operations {
    /// Tells of a program of this version, with what it counts and the migrations that it needs.
    pub fn new(version: &'static str, metrics: Arc<Metrics>, schema: Schema) -> Self {
        Self { version, metrics, readiness: Arc::new(Readiness::new(schema)) }
    }
}

/// Whether the database answers and has all migrations.
#[derive(Debug)]
pub struct Readiness {
    schema: Schema,
    /// Migrations are only ever added by a newer program: once none is pending, none will be.
    migrated: AtomicBool,
}

impl Readiness {
    /// Readiness for these migrations.
    pub fn new(schema: Schema) -> Self {
        Self { schema, migrated: AtomicBool::new(false) }
    }

    /// Asks the database.
    ///
    /// # Errors
    /// 503 with what is missing. The body's code is 500, as clients of the contract know it.
    pub async fn check(&self, identity: &Identity) -> Result<(), ApiError> {
        let not_ready = |reason: String| ApiError::new(503).code(500).reason(reason);
        identity.db.ping().await.map_err(|error| not_ready(format!("database: {error}")))?;
        if self.migrated.load(Ordering::Relaxed) {
            return Ok(());
        }
        let pending = self.schema.pending(&identity.db).await;
        let pending = pending.map_err(|error| not_ready(format!("migrations: {error}")))?;
        if !pending.is_empty() {
            return Err(not_ready(format!("migrations: {} are pending. Run `limen migrate`.", pending.len())));
        }
        self.migrated.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// `GET /health/alive`: the listener runs.
pub async fn alive() -> Response {
    reply::json(200, &json!({"status": "ok"}))
}

/// `GET /health/ready`: requests can be answered.
pub async fn ready(State(identity): State<Identity>, Extension(operations): Extension<Operations>) -> Answer {
    operations.readiness.check(&identity).await?;
    Ok(reply::json(200, &json!({"status": "ok"})))
}

/// `GET /version`.
pub async fn version(Extension(operations): Extension<Operations>) -> Response {
    reply::json(200, &json!({"version": operations.version}))
}

/// `GET /admin/health/config`: tells whether a new configuration has arrived everywhere.
pub async fn config(Asked(cx): Asked) -> Response {
    reply::text(200, &configuration(cx.settings()))
}

/// The operator's name for the configuration in force, or a hash of it. Secrets are not part of the hash: whoever can
/// guess one could check the guess.
fn configuration(settings: &Settings) -> String {
    match settings.revision.as_deref() {
        Some(revision) if !revision.is_empty() => revision.to_owned(),
        _ => hex::encode(Sha256::digest(format!("{settings:?}"))),
    }
}

/// `GET /admin/metrics/prometheus`. OpenMetrics for whoever asks for it; under the older name for all others, who read
/// it as well.
pub async fn metrics(Extension(operations): Extension<Operations>, headers: HeaderMap) -> Response {
    let mut response = operations.metrics.response();
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepted.contains("application/openmetrics-text") {
        let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
    }
    response
}
