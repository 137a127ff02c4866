//! Reads request bodies under a cap and says what kind they are. Nothing that a client sends is a 500.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use bytes::Bytes;
use foundation::ApiError;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::listen::BodyTimeout;
use crate::reply;

/// What the reference server takes: 5 MB.
pub const DEFAULT_CAP: usize = 5 * 1024 * 1024;

/// What a body is written in, by its `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// Something else: the content type in lower case, without parameters; empty if none was named.
    Other(String),
    /// There is no body: none was announced and none came.
    Empty,
}

/// A request body, read to its end.
#[derive(Debug, Clone)]
pub struct Body {
    /// What it is written in.
    pub kind: BodyKind,
    /// The bytes as sent.
    pub bytes: Bytes,
    /// True if the client said `Content-Length: 0`, which the contract refuses on form submits, unlike silence.
    pub announced_empty: bool,
}

/// Reads the body of a request, at most `cap` bytes.
///
/// # Errors
///
/// 413 beyond the cap, 408 if it comes too slowly, 400 if the connection or its framing breaks.
pub async fn read(headers: &HeaderMap, body: axum::body::Body, cap: usize) -> Result<Body, ApiError> {
    let announced = announced_length(headers);
    if announced.is_some_and(|length| length > cap as u64) {
        return Err(too_large(cap));
    }
    let bytes = match Limited::new(body, cap).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(cause) => return Err(refusal(cause.as_ref(), cap)),
    };
    let kind = if bytes.is_empty() { BodyKind::Empty } else { kind_of(headers) };
    Ok(Body { kind, bytes, announced_empty: announced == Some(0) })
}

/// Lets no handler behind it read more than `cap` bytes, however it reads. An announced length beyond the cap is
/// answered with 413 at once.
pub fn limit<S>(router: Router<S>, cap: usize) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.layer(middleware::from_fn_with_state(cap, limited))
}

async fn limited(State(cap): State<usize>, request: Request, next: Next) -> Response {
    if announced_length(request.headers()).is_some_and(|length| length > cap as u64) {
        return reply::error(&too_large(cap), crate::observe::id_sent(request.headers()).as_deref());
    }
    next.run(request.map(|body| axum::body::Body::new(Limited::new(body, cap)))).await
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// The kind that the `Content-Type` header names.
fn kind_of(headers: &HeaderMap) -> BodyKind {
    let named = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = String::from_utf8_lossy(named).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => BodyKind::Json,
        "application/x-www-form-urlencoded" => BodyKind::Form,
        "multipart/form-data" => BodyKind::Multipart,
        _ => BodyKind::Other(essence),
    }
}

fn refusal(cause: &(dyn std::error::Error + 'static), cap: usize) -> ApiError {
    let mut next = Some(cause);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return too_large(cap);
        }
        if error.is::<BodyTimeout>() {
            return ApiError::new(408).message("The request took too long to arrive.");
        }
        next = error.source();
    }
    ApiError::bad_request("The request body broke off before its end.")
}

fn too_large(cap: usize) -> ApiError {
    ApiError::new(413).reason(format!("A request body has at most {cap} bytes."))
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    async fn read_text(content_type: &'static str, text: &'static str) -> Result<Body, ApiError> {
        read(&headers(&[(CONTENT_TYPE, content_type)]), axum::body::Body::from(text), 10).await
    }

    #[tokio::test]
    async fn kinds_are_told_by_the_content_type() {
        for (content_type, kind) in [
            ("application/json", BodyKind::Json),
            ("Application/JSON; charset=utf-8", BodyKind::Json),
            ("application/x-www-form-urlencoded", BodyKind::Form),
            ("multipart/form-data; boundary=x", BodyKind::Multipart),
            ("text/plain", BodyKind::Other("text/plain".into())),
            ("", BodyKind::Other(String::new())),
        ] {
            assert_eq!(read_text(content_type, "a").await.expect("small").kind, kind, "{content_type}");
        }
    }

    #[tokio::test]
    async fn an_announced_empty_body_differs_from_none() {
        let silent = read(&HeaderMap::new(), axum::body::Body::empty(), 10).await.expect("empty");
        let said = read(&headers(&[(CONTENT_LENGTH, "0")]), axum::body::Body::empty(), 10).await.expect("empty");
        assert_eq!((silent.kind, silent.announced_empty), (BodyKind::Empty, false));
        assert_eq!((said.kind, said.announced_empty), (BodyKind::Empty, true));
    }

    #[tokio::test]
    async fn ten_bytes_pass_and_eleven_are_413_announced_or_not() {
        assert_eq!(read_text("text/plain", "0123456789").await.expect("at the cap").bytes.len(), 10);
        assert_eq!(read_text("text/plain", "0123456789a").await.expect_err("over the cap").status, 413);
        let announced = headers(&[(CONTENT_LENGTH, "11")]);
        assert_eq!(read(&announced, axum::body::Body::empty(), 10).await.expect_err("over the cap").status, 413);
    }

    #[tokio::test]
    async fn a_broken_body_is_the_clients_fault() {
        let broken = stream::iter([Ok(Bytes::from_static(b"a")), Err(std::io::Error::other("reset"))]);
        let refused = read(&HeaderMap::new(), axum::body::Body::from_stream(broken), 10).await.expect_err("broken");
        assert_eq!(refused.status, 400);
    }

    #[tokio::test]
    async fn a_slow_body_is_408() {
        let slow = stream::iter([Err::<Bytes, _>(BodyTimeout)]);
        let refused = read(&HeaderMap::new(), axum::body::Body::from_stream(slow), 10).await.expect_err("slow");
        assert_eq!(refused.status, 408);
    }

    #[tokio::test]
    async fn behind_the_limit_no_handler_reads_more() {
        use tower::ServiceExt;
        let router = limit(Router::new().route("/", axum::routing::post(|body: Bytes| async move { body })), 4);
        let send = |text: &'static str, announce: bool| {
            let mut request = http::Request::post("/");
            if announce {
                request = request.header(CONTENT_LENGTH, text.len());
            }
            let chunk = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes()))]);
            router.clone().oneshot(request.body(axum::body::Body::from_stream(chunk)).expect("a request"))
        };
        assert_eq!(send("1234", true).await.expect("infallible").status(), 200);
        assert_eq!(send("12345", true).await.expect("infallible").status(), 413);
        assert_eq!(send("12345", false).await.expect("infallible").status(), 413);
    }
}
