//! What holds on every route: unknown paths and methods are answered in plain text, answers to GET are not cached, and
//! paths are cleaned before they are matched.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use futures::future::BoxFuture;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Uri};
use tower::{Service, ServiceExt};

use crate::reply;

const NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache, no-store, must-revalidate");

/// Gives a listener's routes their plain 404 and 405 and the no-cache headers. Call it once all routes are in.
pub fn finish<S>(router: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router
        .fallback(|| async { reply::text(404, "404 there is nothing at this path") })
        .method_not_allowed_fallback(|| async { reply::text(405, "405 this path does not answer this method") })
        .layer(middleware::from_fn(manners))
}

async fn manners(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    if reads && !response.headers().contains_key(CACHE_CONTROL) && !is_no_route(&response) {
        response.headers_mut().insert(CACHE_CONTROL, NO_CACHE);
    }
    response
}

/// Whether the router itself answered, in plain text: no such path, or not by this method.
fn is_no_route(response: &Response) -> bool {
    let plain = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    plain && matches!(response.status().as_u16(), 404 | 405)
}

/// The contract writes `GET, HEAD`, in the order of the alphabet.
fn space_out_allow(response: &mut Response) {
    let Some(allowed) = response.headers().get(ALLOW).and_then(|value| value.to_str().ok()) else { return };
    let mut methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    methods.sort_unstable();
    methods.dedup();
    if let Ok(value) = HeaderValue::try_from(methods.join(", ")) {
        response.headers_mut().insert(ALLOW, value);
    }
}

/// The outermost layer, around everything else. Redirects paths with doubled slashes or dot segments to their clean form, before any route is matched: 301 for GET
/// and HEAD, 307 for what carries a body. Writes `Allow`
/// headers as the contract does: axum adds them outside all layers of its own.
pub fn enclose(router: Router) -> Router {
    Router::new().fallback_service(Enclosed(router))
}

#[derive(Clone)]
struct Enclosed(Router);

impl Service<Request> for Enclosed {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(location) = clean(request.uri()) {
            let status = if matches!(*request.method(), Method::GET | Method::HEAD) { 301 } else { 307 };
            return Box::pin(async move { Ok(reply::redirect(status, &location)) });
        }
        let answer = self.0.clone().oneshot(request);
        Box::pin(async move {
            let mut response = answer.await?;
            space_out_allow(&mut response);
            Ok(response)
        })
    }
}

/// The clean path and query; `None` if the path is clean. The result starts with exactly one slash and holds no
/// backslash, so that no browser takes it for an address on another host.
fn clean(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let dirty = path.contains("//") || path.split('/').any(|segment| matches!(segment, "." | ".."));
    if !dirty {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let mut cleaned = format!("/{}", kept.join("/"));
    if path.ends_with('/') && !kept.is_empty() {
        cleaned.push('/');
    }
    if let Some(query) = uri.query() {
        cleaned = format!("{cleaned}?{query}");
    }
    Some(cleaned.replace('\\', "%5C"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::{get, post, put};
    use http::header::LOCATION;
    use http_body_util::BodyExt;

    use super::*;

    async fn ask(method: &str, path: &str) -> Response {
        let routes = Router::new()
            .route("/a", get(|| async { "a" }).merge(put(|| async { "put" })))
            .route("/post", post(|| async { "b" }))
            .route("/own", get(|| async { ([(CACHE_CONTROL, "max-age=5")], "c") }));
        let request = http::Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        enclose(finish(routes)).oneshot(request).await.expect("infallible")
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_plain_text() {
        let missing = ask("GET", "/b").await;
        assert_eq!(missing.status(), 404);
        assert_eq!(missing.headers()["content-type"], "text/plain; charset=utf-8");
        assert!(missing.headers().get(CACHE_CONTROL).is_none());
        let refused = ask("DELETE", "/a").await;
        assert_eq!(refused.status(), 405);
        assert_eq!(refused.headers()[ALLOW], "GET, HEAD, PUT");
        let body = refused.into_body().collect().await.expect("a body").to_bytes();
        assert!(body.starts_with(b"405"));
        assert_eq!(ask("GET", "/a/").await.status(), 404);
    }

    #[tokio::test]
    async fn answers_to_get_are_not_cached_unless_they_say_so() {
        assert_eq!(ask("GET", "/a").await.headers()[CACHE_CONTROL], NO_CACHE);
        assert_eq!(ask("HEAD", "/a").await.status(), 200);
        assert_eq!(ask("GET", "/own").await.headers()[CACHE_CONTROL], "max-age=5");
        assert!(ask("POST", "/post").await.headers().get(CACHE_CONTROL).is_none());
    }

    #[tokio::test]
    async fn paths_are_cleaned_by_redirect() {
        for (method, path, status, location) in [
            ("GET", "//a?x=1//2", 301, "/a?x=1//2"),
            ("POST", "/x//post", 307, "/x/post"),
            ("GET", "/x/../a", 301, "/a"),
            ("GET", "/../../a/./", 301, "/a/"),
            ("GET", "//", 301, "/"),
            ("GET", "///evil.example/..", 301, "/"),
            ("GET", "//\\evil.example", 301, "/%5Cevil.example"),
        ] {
            let answer = ask(method, path).await;
            assert_eq!(
                (answer.status().as_u16(), answer.headers()[LOCATION].to_str().expect("text")),
                (status, location),
                "{path}"
            );
        }
        assert_eq!(ask("GET", "/a?next=//x").await.status(), 200);
    }
}
