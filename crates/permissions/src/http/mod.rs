//! The REST interface: routes of the four listeners, reading requests, rendering answers. Use cases are called, and nothing
//! is decided here. The services of gRPC are mounted beside, on the same sockets.

mod beyond;
mod operations;
mod query;
mod questions;
mod syntax;
mod writes;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use web::{RequestId, reply};

pub use operations::Operations;
pub(crate) use questions::told;
pub(crate) use syntax::diagnostics;

use crate::failure::Failure;
use crate::grpc;
use crate::service::Permissions;

/// The header in which answers name the state that they are of.
pub const SNAPTOKEN: HeaderName = HeaderName::from_static("limen-snaptoken");

/// What is the same on the listeners of people's questions, changes and the language.
fn common(operations: &Operations) -> Router<Permissions> {
    Router::new()
        .route("/health/alive", get(operations::alive))
        .route("/health/ready", get(operations::ready))
        .route("/version", get(operations::version))
        .route("/metrics/prometheus", get(operations::metrics))
        .layer(axum::Extension(operations.clone()))
}

/// The routes of `serve.read`.
pub fn read_router(permissions: Permissions, operations: &Operations) -> Router {
    common(operations)
        .route("/relation-tuples", get(questions::list))
        .route("/relation-tuples/check", get(questions::check_get).post(questions::check_post))
        .route("/relation-tuples/check/openapi", get(questions::decide_get).post(questions::decide_post))
        .route("/relation-tuples/batch/check", post(questions::batch))
        .route("/relation-tuples/expand", get(questions::expand))
        .route("/namespaces", get(questions::namespaces))
        .route("/relation-tuples/objects", get(beyond::objects))
        .route("/relation-tuples/subjects", get(beyond::subjects))
        .route("/relation-tuples/watch", get(beyond::watch))
        .route("/relation-tuples/explain", get(beyond::explain))
        .with_state(permissions.clone())
        .merge(grpc::read_router(&permissions))
}

/// The routes of `serve.write`.
pub fn write_router(permissions: Permissions, operations: &Operations) -> Router {
    common(operations)
        .route("/admin/relation-tuples", axum::routing::put(writes::put).delete(writes::delete).patch(writes::patch))
        .route("/admin/relation-tuples/transact", post(beyond::transact))
        .route("/admin/relation-tuples/delete", post(beyond::delete))
        .with_state(permissions.clone())
        .merge(grpc::write_router(&permissions))
}

/// The routes of `serve.opl`.
pub fn opl_router(permissions: Permissions, operations: &Operations) -> Router {
    common(operations)
        .route("/opl/syntax/check", post(syntax::check))
        .with_state(permissions.clone())
        .merge(grpc::opl_router(&permissions))
}

/// The routes of `serve.metrics`.
pub fn metrics_router(permissions: Permissions, operations: &Operations) -> Router {
    Router::new()
        .route("/metrics/prometheus", get(operations::metrics))
        .layer(axum::Extension(operations.clone()))
        .with_state(permissions)
}

/// Renders a result: an error as the envelope.
fn answer(id: &RequestId, result: Result<Response, Failure>) -> Response {
    result.unwrap_or_else(|failure| reply::error(&failure.into_api(), id.sent()))
}

/// Reads a JSON body. What follows the first value is not looked at, as clients may rely on; neither is the content type.
fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    let mut stream = serde_json::Deserializer::from_slice(body).into_iter::<T>();
    match stream.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(Failure::bad_request(format!("The body is not the JSON that is expected: {error}"))),
        None => Err(Failure::bad_request("The body is empty; JSON is expected.")),
    }
}

/// The same for a body that must be an object: a list is no object that lacks its members.
fn json_object<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    let members: serde_json::Map<String, serde_json::Value> = json(body)?;
    serde_json::from_value(members.into())
        .map_err(|error| Failure::bad_request(format!("The body is not the JSON that is expected: {error}")))
}

/// Adds the state that an answer is of.
fn with_token(mut response: Response, token: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(token) {
        response.headers_mut().insert(SNAPTOKEN, value);
    }
    response
}

/// Reads a whole body under the listener's limit.
async fn body(headers: &HeaderMap, body: axum::body::Body, cap: usize) -> Result<Bytes, Failure> {
    Ok(web::body::read(headers, body, cap).await?.bytes)
}
