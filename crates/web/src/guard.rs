//! Protects listeners that need no credentials (admin, inbox) from the browser of somebody who can reach them: names
//! that an attacker points at them (DNS rebinding), and requests that another site's page sends.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use foundation::ApiError;
use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::client::host_of;
use crate::{observe, reply};

/// Under which names a listener may be addressed.
#[derive(Debug, Clone, Default)]
pub struct GuardSettings {
    /// Addresses such as the configured `base_url`: their host may be named, and pages of their origin may send requests.
    pub own_urls: Vec<Url>,
    /// Further host names, without a port.
    pub hosts: Vec<String>,
    /// The configuration key to name in refusals, such as `serve.admin.base_url`.
    pub key: String,
}

/// Where the settings come from: called once for each request.
pub type CurrentGuard = Arc<dyn Fn() -> Arc<GuardSettings> + Send + Sync>;

/// Refuses with 403 what names a foreign host, and what a page of a foreign origin sends.
pub fn apply<S>(router: Router<S>, settings: CurrentGuard) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.layer(middleware::from_fn_with_state(settings, guard))
}

async fn guard(State(current): State<CurrentGuard>, request: Request, next: Next) -> Response {
    let sent = observe::id_sent(request.headers());
    match current().refusal(&request) {
        None => next.run(request).await,
        Some(refused) => reply::error(&refused, sent.as_deref()),
    }
}

impl GuardSettings {
    /// Why the request is refused, if it is.
    fn refusal(&self, request: &Request) -> Option<ApiError> {
        // HTTP/1.0 knows no Host header; no browser speaks it.
        let authority = host_of(request.headers(), request.uri());
        if let Some(authority) = &authority
            && !self.is_own_host(&host_without_port(authority))
        {
            let key = if self.key.is_empty() { "base_url" } else { &self.key };
            return Some(ApiError::forbidden(format!(
                "This listener does not answer under the host name that was asked for. To reach it under that name, set {key} to an address with it."
            )));
        }
        self.is_foreign_page(request.headers(), authority.as_deref())
            .then(|| ApiError::forbidden("This listener takes no requests from pages of other origins."))
    }

    /// A host that no outsider can point at this machine. Rebinding needs a name in public DNS: literal addresses and
    /// names without a dot (those of containers and local networks) cannot be used for it.
    fn is_own_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        bare.parse::<IpAddr>().is_ok()
            || (!host.is_empty() && !host.contains('.'))
            || host.ends_with(".localhost")
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
            || self.own_urls.iter().any(|own| own.host_str().is_some_and(|own| own.eq_ignore_ascii_case(host)))
    }

    fn is_foreign_page(&self, headers: &HeaderMap, authority: Option<&str>) -> bool {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let Some(origin) = headers.get(ORIGIN) else {
            // Without Origin: images, scripts and plain links of other sites. Following a link to a GET is harmless,
            // and `none` is a person who typed the address.
            return site.is_some_and(|site| site == b"cross-site" || site == b"same-site")
                && headers.get("sec-fetch-mode").is_none_or(|mode| mode != "navigate");
        };
        let Some(origin) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else { return true };
        let same_host = authority.is_some_and(|authority| {
            let own = Url::parse(&format!("{}://{authority}", origin.scheme()));
            matches!(origin.scheme(), "http" | "https") && own.is_ok_and(|own| own.origin() == origin.origin())
        });
        !same_host && !self.own_urls.iter().any(|own| own.origin() == origin.origin())
    }
}

fn host_without_port(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    async fn status(headers: &[(&str, &str)]) -> u16 {
        let settings = Arc::new(GuardSettings {
            own_urls: vec![Url::parse("https://admin.example.com/").expect("an address")],
            hosts: vec!["ops.internal.example".into()],
            key: "serve.admin.base_url".into(),
        });
        let router: Router = apply(
            Router::new().route("/", axum::routing::get(|| async { "a" }).post(|| async { "a" })),
            Arc::new(move || settings.clone()),
        );
        let mut request = http::Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn own_names_and_addresses_pass() {
        for host in [
            "localhost:4434",
            "127.0.0.1:4434",
            "[::1]:4434",
            "127.0.0.1",
            "LOCALHOST",
            "a.localhost",
            "10.1.2.3:4434",
            "limen:4434",
            "admin.example.com",
            "ADMIN.example.com:443",
            "ops.internal.example:1",
        ] {
            assert_eq!(status(&[("host", host)]).await, 200, "{host}");
        }
        assert_eq!(status(&[]).await, 200);
    }

    #[tokio::test]
    async fn a_rebound_name_is_refused() {
        for host in
            ["evil.example:4434", "127.0.0.1.nip.io", "localhost.evil.example", "admin.example.com.evil.example", "."]
        {
            assert_eq!(status(&[("host", host)]).await, 403, "{host:?}");
        }
    }

    #[tokio::test]
    async fn pages_of_other_origins_are_refused() {
        for origin in
            ["https://evil.example", "null", "http://localhost:3000", "http://localhost", "rubbish", "file://"]
        {
            assert_eq!(status(&[("host", "localhost:4434"), ("origin", origin)]).await, 403, "{origin}");
        }
        for origin in ["http://localhost:4434", "https://localhost:4434", "https://admin.example.com"] {
            assert_eq!(status(&[("host", "localhost:4434"), ("origin", origin)]).await, 200, "{origin}");
        }
    }

    #[tokio::test]
    async fn requests_of_other_sites_without_an_origin_are_refused() {
        let host = ("host", "localhost:4434");
        assert_eq!(status(&[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]).await, 403);
        assert_eq!(status(&[host, ("sec-fetch-site", "same-site")]).await, 403);
        assert_eq!(status(&[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]).await, 200);
        assert_eq!(status(&[host, ("sec-fetch-site", "none")]).await, 200);
    }
}
