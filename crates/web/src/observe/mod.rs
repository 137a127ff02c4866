//! What operators see of each request: its id, one log line, and metrics; and what clients see when a handler panics.
//! Never logged: query strings, bodies, tokens, cookies, addresses of people.

mod metrics;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use foundation::{ApiError, Rng};
use futures::FutureExt;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;

pub use metrics::Metrics;
pub use prometheus_client;

use crate::reply;
use metrics::Seen;

/// The header that carries the id of a request, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The status that is counted when the client went away before the answer.
const CLIENT_GONE: u16 = 499;

const LONGEST_ID: usize = 128;

/// The id of a request: an extension of every request behind [`apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    /// What appears in the log and in the answer's `X-Request-Id`.
    pub id: String,
    /// True if the client named it. Error bodies echo only such ids.
    pub sent_by_client: bool,
}

impl RequestId {
    /// The id, if the client sent it: what [`reply::error`] wants.
    pub fn sent(&self) -> Option<&str> {
        self.sent_by_client.then_some(self.id.as_str())
    }
}

/// What [`apply`] needs.
#[derive(Clone)]
pub struct Observer {
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Where ids come from.
    pub rng: Arc<dyn Rng>,
    /// The listener's name in log lines, such as `public`.
    pub listener: &'static str,
}

/// Gives each request an id, a log line and its metrics, and turns a panic into a 500. Routes that are added later are
/// not seen.
pub fn apply<S>(router: Router<S>, observer: Observer) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.layer(middleware::from_fn_with_state(observer, observe))
}

/// The request id that the client sent: at most 128 visible ASCII characters. Anything else is ignored.
pub fn id_sent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then(|| text.to_owned())
}

async fn observe(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let sent = id_sent(request.headers());
    let sent_by_client = sent.is_some();
    let id = RequestId { id: sent.unwrap_or_else(|| observer.rng.uuid().to_string()), sent_by_client };
    let mut record = Record::new(&observer, &request, id.id.clone());
    request.extensions_mut().insert(id.clone());
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(request_id = id.id, panic = panic_text(panic.as_ref()), "a handler panicked");
            reply::error(&ApiError::internal(), id.sent())
        }
    };
    if let Ok(value) = HeaderValue::try_from(&id.id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    record.answered(&response);
    response
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

/// What is known of a request so far. Dropping it is what ends it, so that a client who goes away, which drops the
/// handler where it stands, is recorded too.
struct Record {
    metrics: Arc<Metrics>,
    listener: &'static str,
    id: String,
    method: &'static str,
    route: String,
    health: bool,
    started: Instant,
    request_size: f64,
    status: u16,
    response_size: f64,
}

impl Record {
    fn new(observer: &Observer, request: &Request, id: String) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self {
            metrics: observer.metrics.clone(),
            listener: observer.listener,
            id,
            method: known_method(request.method()),
            route: route.to_owned(),
            health: route.contains("/health/"),
            started: Instant::now(),
            request_size: length.and_then(|length| length.parse().ok()).unwrap_or_default(),
            status: CLIENT_GONE,
            response_size: 0.0,
        }
    }

    fn answered(&mut self, response: &Response) {
        self.status = response.status().as_u16();
        self.response_size = size_of(response);
    }
}

/// The length of the body where it is known; a stream counts as nothing.
fn size_of(response: &Response) -> f64 {
    let length = response.body().size_hint().exact().unwrap_or_default();
    u32::try_from(length).map_or(f64::from(u32::MAX), f64::from)
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.metrics.record(&Seen {
            method: self.method,
            endpoint: &self.route,
            status: self.status,
            seconds: took.as_secs_f64(),
            request_size: self.request_size,
            response_size: self.response_size,
        });
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.health {
            tracing::debug!(
                listener = self.listener,
                request_id = self.id,
                method = self.method,
                route = self.route,
                status = self.status,
                ms,
                "request"
            );
        } else {
            tracing::info!(
                listener = self.listener,
                request_id = self.id,
                method = self.method,
                route = self.route,
                status = self.status,
                ms,
                "request"
            );
        }
    }
}

/// Clients may invent methods; labels and log lines have a fixed set.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Extension;
    use axum::routing::get;
    use foundation::SeededRng;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    fn listener() -> (Router, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new(&[("app", "limen")]));
        let routes = Router::new()
            .route("/things/{id}", get(|Extension(id): Extension<RequestId>| async move { format!("{:?}", id.sent()) }))
            .route(
                "/panic",
                get(|| async {
                    if true {
                        panic!("boom")
                    }
                }),
            )
            .route("/never", get(std::future::pending::<&'static str>));
        let observer = Observer { metrics: metrics.clone(), rng: Arc::new(SeededRng::new(1)), listener: "public" };
        (apply(routes, observer), metrics)
    }

    fn request(path: &str, id: Option<&str>) -> Request {
        let request = http::Request::get(path);
        let request = if let Some(id) = id { request.header(REQUEST_ID, id) } else { request };
        request.body(Body::empty()).expect("a request")
    }

    async fn body_of(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.expect("a body").to_bytes().to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_sane_id_is_kept_and_echoed() {
        let response = listener().0.oneshot(request("/things/1", Some("abc-123"))).await.expect("infallible");
        assert_eq!(response.headers()[REQUEST_ID], "abc-123");
        assert_eq!(body_of(response).await, "Some(\"abc-123\")");
    }

    #[tokio::test]
    async fn a_missing_or_odd_id_is_replaced() {
        let long = "x".repeat(129);
        for odd in [None, Some(""), Some("a b"), Some(long.as_str())] {
            let response = listener().0.oneshot(request("/things/1", odd)).await.expect("infallible");
            assert_eq!(response.headers()[REQUEST_ID].len(), 36, "{odd:?}");
            assert_eq!(body_of(response).await, "None");
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_500_in_the_envelope() {
        let (router, metrics) = listener();
        let response = router.oneshot(request("/panic", Some("r1"))).await.expect("infallible");
        assert_eq!(
            (response.status().as_u16(), &response.headers()[REQUEST_ID]),
            (500, &HeaderValue::from_static("r1"))
        );
        let body = body_of(response).await;
        assert!(
            body.contains("\"code\":500") && body.contains("\"request\":\"r1\"") && !body.contains("boom"),
            "{body}"
        );
        assert!(metrics.render().contains("code=\"500\""));
    }

    #[tokio::test]
    async fn metrics_name_the_route_not_the_path() {
        let (router, metrics) = listener();
        for path in ["/things/1?token=s3cret", "/things/2", "/elsewhere/3"] {
            router.clone().oneshot(request(path, None)).await.expect("infallible");
        }
        let text = metrics.render();
        assert!(
            text.contains("http_requests_total{app=\"limen\",code=\"200\",method=\"GET\",endpoint=\"/things/{id}\"} 2"),
            "{text}"
        );
        assert!(text.contains("code=\"404\",method=\"GET\",endpoint=\"unmatched\"} 1"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("elsewhere"));
    }

    #[tokio::test]
    async fn a_client_who_leaves_is_counted_as_499() {
        let (router, metrics) = listener();
        let mut waiting = Box::pin(router.oneshot(request("/never", None)));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(waiting);
        assert!(metrics.render().contains("code=\"499\",method=\"GET\",endpoint=\"/never\"} 1"));
    }

    #[test]
    fn invented_methods_share_one_label() {
        assert_eq!(known_method(&Method::from_bytes(b"BREW").expect("a token")), "OTHER");
        assert_eq!(known_method(&Method::PATCH), "PATCH");
    }
}
