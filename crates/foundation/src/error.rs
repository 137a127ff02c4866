//! The error envelope of the REST APIs: `{"error":{"id","code","status","request","reason","details","message"}}`.

use serde_json::{Map, Value};

/// A refusal as the wire shows it. Crates have error types of their own; each service maps them to this in one file. One
/// pointer wide, so that results that may be refusals stay small.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError(Box<Refusal>);

/// The parts of an [`ApiError`].
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status of the answer.
    pub status: u16,
    /// What the body's `code` says, where it differs from the HTTP status (the contract has such cases).
    pub code: Option<u16>,
    /// The stable machine-readable id, where the contract has one.
    pub id: Option<&'static str>,
    /// The general sentence for this kind of error. Always present.
    pub message: String,
    /// What went wrong here, and what to do next.
    pub reason: Option<String>,
    /// Members of `error.details`.
    pub details: Map<String, Value>,
    /// Members beside `error`, such as `redirect_browser_to` and `use_flow_id`.
    pub beside: Map<String, Value>,
    /// Seconds after which trying again makes sense: the `Retry-After` header.
    pub retry_after: Option<u64>,
}

impl ApiError {
    /// An error with the default message of `status`.
    pub fn new(status: u16) -> Self {
        Self(Box::new(Refusal {
            status,
            code: None,
            id: None,
            message: default_message(status).to_owned(),
            reason: None,
            details: Map::new(),
            beside: Map::new(),
            retry_after: None,
        }))
    }

    /// 400: what was sent cannot be used, for this reason.
    pub fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(400).reason(reason)
    }

    /// 401: who asks is not known.
    pub fn unauthorized(reason: impl Into<String>) -> Self {
        Self::new(401).reason(reason)
    }

    /// 403: who asks may not.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(403).reason(reason)
    }

    /// 404: there is no such thing, or not for who asks.
    pub fn not_found(reason: impl Into<String>) -> Self {
        Self::new(404).reason(reason)
    }

    /// 409: it exists already.
    pub fn conflict(reason: impl Into<String>) -> Self {
        Self::new(409).reason(reason)
    }

    /// 500: our fault. The cause belongs in the log, not here.
    pub fn internal() -> Self {
        Self::new(500)
    }

    /// Sets the machine-readable id.
    #[must_use]
    pub fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets what went wrong in this case.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Replaces the general sentence.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Makes the body's `code` differ from the HTTP status.
    #[must_use]
    pub fn code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds a member to `error.details`.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member beside `error`.
    #[must_use]
    pub fn beside(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.beside.insert(name.to_owned(), value.into());
        self
    }

    /// The `error` member alone: what error pages store and show. `request` is the request's id, if it was sent one.
    pub fn to_error_value(&self, request: Option<&str>) -> Value {
        let code = self.code.unwrap_or(self.status);
        let mut error = Map::new();
        if let Some(id) = self.id {
            error.insert("id".into(), id.into());
        }
        error.insert("code".into(), code.into());
        error.insert("status".into(), reason_phrase(code).into());
        if let Some(request) = request {
            error.insert("request".into(), request.into());
        }
        if let Some(reason) = &self.reason {
            error.insert("reason".into(), reason.clone().into());
        }
        if !self.details.is_empty() {
            error.insert("details".into(), self.details.clone().into());
        }
        error.insert("message".into(), self.message.clone().into());
        error.into()
    }

    /// The whole body of the answer.
    pub fn to_body(&self, request: Option<&str>) -> Value {
        let mut body = Map::new();
        body.insert("error".into(), self.to_error_value(request));
        for (name, value) in &self.beside {
            body.insert(name.clone(), value.clone());
        }
        body.into()
    }
}

impl std::ops::Deref for ApiError {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl std::ops::DerefMut for ApiError {
    fn deref_mut(&mut self) -> &mut Refusal {
        &mut self.0
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.status, self.reason.as_deref().unwrap_or(&self.message))
    }
}

impl std::error::Error for ApiError {}

fn default_message(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be used as it was sent.",
        401 => "The request needs valid credentials.",
        403 => "This is not allowed.",
        404 => "There is no such resource.",
        405 => "The resource does not answer this method.",
        409 => "The resource exists already or is in use.",
        410 => "The resource is no longer available.",
        413 => "The request body is too large.",
        415 => "The content type of the request is not supported.",
        422 => "The request needs another step before it can be completed.",
        429 => "Too many requests.",
        502 => "Another server that is needed for this gave no usable answer.",
        503 => "The service is not available right now.",
        504 => "Another server that is needed for this did not answer in time.",
        _ => "Something went wrong on our side.",
    }
}

/// The reason phrase of RFC 9110 for the statuses that limen answers with.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_envelope_has_what_is_set_and_always_a_message() {
        let error = ApiError::new(410).id("self_service_flow_expired").beside("use_flow_id", "abc").detail("a", 1);
        assert_eq!(
            error.to_body(Some("r1")),
            json!({
                "error": {
                    "id": "self_service_flow_expired", "code": 410, "status": "Gone", "request": "r1",
                    "details": {"a": 1}, "message": "The resource is no longer available."
                },
                "use_flow_id": "abc"
            })
        );
    }
}
