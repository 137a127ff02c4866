//! Answers in the shapes of the contract: JSON, the error envelope, redirects, plain text. What they say is decided
//! elsewhere.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use foundation::ApiError;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// The header that names the machine-readable id of an error, empty where there is none.
pub const ERROR_ID: HeaderName = HeaderName::from_static("ory-error-id");

const JSON_OF_SUCCESS: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const JSON_OF_ERROR: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A JSON answer. `<`, `>` and `&` are escaped, so that the body is harmless inside a page; it ends with a newline.
pub fn json(status: u16, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => answer(status, JSON_OF_SUCCESS, escape_for_html(&text)),
        Err(cause) => not_serializable(&cause),
    }
}

/// The body of a JSON answer, for [`json_bytes`].
///
/// # Errors
/// `value` cannot be written as JSON.
pub fn json_body(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    Ok(escape_for_html(&serde_json::to_string(value)?).into())
}

/// A JSON answer that [`json_body`] has written.
pub fn json_bytes(status: u16, body: Bytes) -> Response {
    answer(status, JSON_OF_SUCCESS, body)
}

/// A JSON answer whose texts stay as they are: addresses with `&` that people copy.
pub fn json_unescaped(status: u16, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => answer(status, JSON_OF_SUCCESS, text + "\n"),
        Err(cause) => not_serializable(&cause),
    }
}

/// The error envelope. `request_id_sent` is the request id that the client itself sent, if it sent one.
pub fn error(error: &ApiError, request_id_sent: Option<&str>) -> Response {
    let body = escape_for_html(&error.to_body(request_id_sent).to_string());
    let mut response = answer(error.status, JSON_OF_ERROR, body);
    let headers = response.headers_mut();
    headers.insert(ERROR_ID, HeaderValue::from_static(error.id.unwrap_or_default()));
    if let Some(seconds) = error.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Sends the client elsewhere. The address must be one that the caller has checked; an address that fits in no header
/// is our fault and a 500.
pub fn redirect(status: u16, location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        tracing::error!("a redirect address does not fit in a header");
        return error(&ApiError::internal(), None);
    };
    let mut response = empty(status);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// 204.
pub fn no_content() -> Response {
    empty(204)
}

/// Plain text, with a newline added.
pub fn text(status: u16, text: &str) -> Response {
    let mut response = answer(status, PLAIN, format!("{text}\n"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status_code(status);
    response
}

fn answer(status: u16, content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status_code(status);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn not_serializable(cause: &serde_json::Error) -> Response {
    tracing::error!(%cause, "an answer cannot be written as JSON");
    error(&ApiError::internal(), None)
}

/// In JSON these characters occur inside strings only, so replacing them in the text is safe. The line separators
/// U+2028 and U+2029 end a line in older scripts.
fn escape_for_html(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped.push('\n');
    escaped
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    async fn body_of(response: Response) -> String {
        let bytes = response.into_body().collect().await.expect("a body in memory").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn json_is_escaped_ends_with_a_newline_and_names_its_charset() {
        let response = json(201, &json!({"a": "<b>&\u{2028}"}));
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
        assert_eq!(body_of(response).await, "{\"a\":\"\\u003cb\\u003e\\u0026\\u2028\"}\n");
        assert_eq!(body_of(json_unescaped(200, &json!("a&b"))).await, "\"a&b\"\n");
    }

    #[tokio::test]
    async fn an_error_has_its_headers_and_the_code_may_differ_from_the_status() {
        let mut refused = ApiError::new(503).code(500).reason("<");
        refused.retry_after = Some(7);
        let response = error(&refused, Some("r1"));
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[ERROR_ID], "");
        assert_eq!(response.headers()[RETRY_AFTER], "7");
        let body = body_of(response).await;
        assert!(
            body.contains("\"code\":500") && body.contains("\"request\":\"r1\"") && body.contains("\\u003c"),
            "{body}"
        );
        let named = error(&ApiError::forbidden("no").id("security_csrf_violation"), None);
        assert_eq!(named.headers()[ERROR_ID], "security_csrf_violation");
        assert!(named.headers().get(RETRY_AFTER).is_none());
    }

    #[tokio::test]
    async fn a_redirect_address_cannot_smuggle_headers() {
        assert_eq!(redirect(303, "https://a.example/?x=1").headers()[LOCATION], "https://a.example/?x=1");
        let refused = redirect(303, "https://a.example/\r\nSet-Cookie: a=b");
        assert_eq!(refused.status(), 500);
        assert!(refused.headers().get(LOCATION).is_none());
    }
}
