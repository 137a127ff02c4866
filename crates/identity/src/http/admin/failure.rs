//! From what went wrong in a handler to the answer. Handlers give a [`Failure`]; the one place that writes it down, and
//! knows the request's id, is [`rescue`].

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use foundation::ApiError;
use web::{observe, reply};

use crate::error::Error;

/// What handlers give.
pub type Answer = Result<Response, Failure>;

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct Failure(ApiError);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.into_api())
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = reply::error(&self.0, None);
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the request's id into the error's body, if the client sent one.
pub async fn rescue(request: Request, next: Next) -> Response {
    let sent = observe::id_sent(request.headers());
    let response = next.run(request).await;
    match (response.extensions().get::<Failure>(), sent) {
        (Some(failure), Some(id)) => reply::error(&failure.0, Some(&id)),
        _ => response,
    }
}
