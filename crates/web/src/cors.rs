//! Cross-origin requests (the Fetch standard, section 3.3): which other sites' scripts may read answers. Settings are
//! looked up for each request, so that a reload takes effect at once.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::reply;

/// What other origins may do.
#[derive(Debug, Clone)]
pub struct CorsSettings {
    /// Without it no header is added and preflights reach the routes.
    pub enabled: bool,
    /// Origins, with at most one `*` inside the host; none, or a plain `*`, allows all.
    pub allowed_origins: Vec<String>,
    /// Methods for scripts.
    pub allowed_methods: Vec<String>,
    /// Request headers for scripts; `*` allows all.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub exposed_headers: Vec<String>,
    /// Whether cookies go along.
    pub allow_credentials: bool,
    /// Seconds for which browsers remember a preflight; 0 says nothing, a negative number forbids remembering.
    pub max_age: i64,
    /// Whether preflights reach the routes after their headers are set.
    pub options_passthrough: bool,
    /// Whether wildcards directly below a public suffix (`https://*.com`) count.
    pub allow_public_suffix_wildcards: bool,
}

impl Default for CorsSettings {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            enabled: false,
            allowed_origins: list(&["*"]),
            allowed_methods: list(&["POST", "GET", "PUT", "PATCH", "DELETE"]),
            allowed_headers: list(&[
                "Authorization",
                "Content-Type",
                "Max-Age",
                "X-Session-Token",
                "X-XSRF-TOKEN",
                "X-CSRF-TOKEN",
            ]),
            exposed_headers: list(&["Content-Type"]),
            allow_credentials: true,
            max_age: 0,
            options_passthrough: false,
            allow_public_suffix_wildcards: false,
        }
    }
}

impl CorsSettings {
    /// True if scripts of `origin` are let in.
    pub fn allows_origin(&self, origin: &str) -> bool {
        let origin = origin.to_lowercase();
        self.allowed_origins.is_empty()
            || self.allowed_origins.iter().any(|entry| {
                let entry = entry.to_lowercase();
                entry == "*" || entry == origin || self.wildcard_matches(&entry, &origin)
            })
    }

    fn wildcard_matches(&self, entry: &str, origin: &str) -> bool {
        let Some((before, after)) = entry.split_once('*') else { return false };
        // INVARIANT: the wildcard stands for characters of a host name; it crosses neither a scheme, a port nor a path.
        let inside = origin.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let is_host_part =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        !after.contains('*')
            && before.contains("://")
            && inside.is_some_and(is_host_part)
            && (self.allow_public_suffix_wildcards || is_below_a_registrable_domain(after))
    }

    fn allows_method(&self, method: &str) -> bool {
        method == Method::OPTIONS.as_str()
            || self.allowed_methods.iter().any(|allowed| allowed.eq_ignore_ascii_case(method))
    }

    fn allows_header(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(ORIGIN.as_str())
            || self.allowed_headers.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(name))
    }
}

/// True if what follows the wildcard is `.` and a domain that somebody registered, so that all its names have one
/// owner. `*.com` and `*.github.io` have none, and `*example.com` matches `evilexample.com`.
fn is_below_a_registrable_domain(after: &str) -> bool {
    let Some(domain) = after.strip_prefix('.') else { return false };
    let host = domain.rsplit_once(':').map_or(domain, |(host, _)| host);
    // Names without a public suffix (`*.localhost`, `*.internal`) belong to the operator.
    psl::domain_str(host).is_some() || psl::suffix(host.as_bytes()).is_none_or(|suffix| !suffix.is_known())
}

/// Where the settings come from: called once for each request.
pub type CurrentCors = Arc<dyn Fn() -> Arc<CorsSettings> + Send + Sync>;

/// Answers preflights and adds the headers that let scripts of allowed origins read answers, errors included.
pub fn apply<S>(router: Router<S>, settings: CurrentCors) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.layer(middleware::from_fn_with_state(settings, cors))
}

async fn cors(State(current): State<CurrentCors>, request: Request, next: Next) -> Response {
    let settings = current();
    if !settings.enabled {
        return next.run(request).await;
    }
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let headers =
        if preflight { preflight_headers(&settings, request.headers()) } else { answer_headers(&settings, &request) };
    let mut response =
        if preflight && !settings.options_passthrough { reply::no_content() } else { next.run(request).await };
    response.headers_mut().extend(headers);
    let vary =
        if preflight { "Origin, Access-Control-Request-Method, Access-Control-Request-Headers" } else { "Origin" };
    response.headers_mut().append(VARY, HeaderValue::from_static(vary));
    response
}

fn answer_headers(settings: &CorsSettings, request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if settings.allows_method(request.method().as_str()) && allow_origin(settings, request.headers(), &mut headers) {
        insert(&mut headers, ACCESS_CONTROL_EXPOSE_HEADERS, &settings.exposed_headers.join(", "));
    }
    headers
}

fn preflight_headers(settings: &CorsSettings, asked: &HeaderMap) -> HeaderMap {
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let (method, wanted) = (text(ACCESS_CONTROL_REQUEST_METHOD), text(ACCESS_CONTROL_REQUEST_HEADERS));
    let mut names = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut headers = HeaderMap::new();
    if !settings.allows_method(method) || !names.all(|name| settings.allows_header(name)) {
        return headers;
    }
    if allow_origin(settings, asked, &mut headers) {
        insert(&mut headers, ACCESS_CONTROL_ALLOW_METHODS, method);
        insert(&mut headers, ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        if settings.max_age != 0 {
            insert(&mut headers, ACCESS_CONTROL_MAX_AGE, &settings.max_age.max(0).to_string());
        }
    }
    headers
}

/// Names the concrete origin, never `*`: with credentials browsers take nothing else.
fn allow_origin(settings: &CorsSettings, asked: &HeaderMap, headers: &mut HeaderMap) -> bool {
    let origin = asked.get(ORIGIN).filter(|origin| origin.to_str().is_ok_and(|text| settings.allows_origin(text)));
    let Some(origin) = origin else { return false };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if settings.allow_credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    true
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if !value.is_empty()
        && let Ok(value) = HeaderValue::try_from(value)
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use arc_swap::ArcSwap;
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    fn settings(origins: &[&str]) -> CorsSettings {
        CorsSettings {
            enabled: true,
            allowed_origins: origins.iter().map(|o| (*o).to_owned()).collect(),
            ..CorsSettings::default()
        }
    }

    #[test]
    fn origins_match_exactly_or_below_one_wildcard() {
        for (entry, origin, allowed) in [
            ("https://app.example.org", "https://app.example.org", true),
            ("https://APP.example.org", "https://app.EXAMPLE.org", true),
            ("https://app.example.org", "http://app.example.org", false),
            ("https://app.example.org", "https://app.example.org.evil.com", false),
            ("https://*.example.org", "https://a.b.example.org", true),
            ("https://*.example.org", "https://example.org", false),
            ("https://*.example.org", "https://evilexample.org", false),
            ("https://*.example.org", "https://evil.com/.example.org", false),
            ("https://*.example.org", "https://evil.com:1.example.org", false),
            ("https://*.example.org:8443", "https://a.example.org:8443", true),
            ("https://*.example.org", "https://a.example.org:8443", false),
            ("https://*example.org", "https://evilexample.org", false),
            ("https://*.org", "https://example.org", false),
            ("https://*.co.uk", "https://example.co.uk", false),
            ("https://*.github.io", "https://evil.github.io", false),
            ("https://*.*.example.org", "https://a.b.example.org", false),
            ("http://*.localhost:3000", "http://app.localhost:3000", true),
            ("*.example.org", "https://a.example.org", false),
            ("*", "https://anywhere.example", true),
        ] {
            assert_eq!(settings(&[entry]).allows_origin(origin), allowed, "{entry} and {origin}");
        }
        assert!(settings(&[]).allows_origin("https://anywhere.example"));
        let legacy = CorsSettings { allow_public_suffix_wildcards: true, ..settings(&["https://*.org"]) };
        assert!(legacy.allows_origin("https://example.org"));
    }

    async fn ask(settings: CorsSettings, method: &str, headers: &[(HeaderName, &str)]) -> Response {
        let settings = Arc::new(settings);
        let routes = Router::new().route("/", axum::routing::get(|| async { "a" }).options(|| async { "own" }));
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let router = apply(routes, Arc::new(move || settings.clone()));
        router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible")
    }

    const APP: (HeaderName, &str) = (ORIGIN, "https://app.example.org");

    #[tokio::test]
    async fn an_allowed_origin_is_echoed_and_a_foreign_one_gets_no_header() {
        let answer = ask(settings(&["*"]), "GET", &[APP]).await;
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.org");
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer.headers()[ACCESS_CONTROL_EXPOSE_HEADERS], "Content-Type");
        assert_eq!(answer.headers()[VARY], "Origin");
        let foreign = ask(settings(&["https://other.example"]), "GET", &[APP]).await;
        assert_eq!(foreign.status(), 200);
        assert!(foreign.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
        assert_eq!(foreign.headers()[VARY], "Origin");
    }

    #[tokio::test]
    async fn a_preflight_is_answered_with_what_was_asked_for_or_with_nothing() {
        let with =
            |method, names| [APP, (ACCESS_CONTROL_REQUEST_METHOD, method), (ACCESS_CONTROL_REQUEST_HEADERS, names)];
        let allowed = ask(
            CorsSettings { max_age: 600, ..settings(&["*"]) },
            "OPTIONS",
            &with("PUT", "content-type,x-csrf-token"),
        )
        .await;
        assert_eq!(allowed.status(), 204);
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_METHODS], "PUT");
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "content-type,x-csrf-token");
        assert_eq!(allowed.headers()[ACCESS_CONTROL_MAX_AGE], "600");
        for (method, names) in [("PUT", "x-other"), ("TRACE", "content-type")] {
            let refused = ask(settings(&["*"]), "OPTIONS", &with(method, names)).await;
            assert_eq!(refused.status(), 204);
            assert!(refused.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none(), "{method} {names}");
        }
        let passed = CorsSettings { options_passthrough: true, ..settings(&["*"]) };
        let passed = ask(passed, "OPTIONS", &with("PUT", "")).await;
        assert_eq!((passed.status().as_u16(), passed.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)), (200, true));
    }

    #[tokio::test]
    async fn switching_it_on_takes_effect_at_once() {
        let current = Arc::new(ArcSwap::from_pointee(CorsSettings::default()));
        let reader = current.clone();
        let router: Router =
            apply(Router::new().route("/", axum::routing::get(|| async { "a" })), Arc::new(move || reader.load_full()));
        let ask = || {
            let request = http::Request::get("/")
                .header(ORIGIN, "https://app.example.org")
                .body(Body::empty())
                .expect("a request");
            router.clone().oneshot(request)
        };
        assert!(!ask().await.expect("infallible").headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        current.store(Arc::new(settings(&["*"])));
        assert!(ask().await.expect("infallible").headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
