//! What the pages need from outside: the identity service's public API, asked in this process or over HTTP. The
//! pages see a person's browser only through these answers; they hold no session and read no table.

use std::net::SocketAddr;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

/// Headers of the browser's request that the public API may see, besides those that start with `x-forwarded-`.
const FORWARDED: [HeaderName; 4] = [header::COOKIE, header::USER_AGENT, header::ACCEPT_LANGUAGE, header::FORWARDED];

/// Further forwarding headers, which the API trusts from configured proxies only.
const FORWARDED_BY_PROXIES: [&str; 4] = ["true-client-ip", "x-real-ip", "x-request-id", "cf-connecting-ip"];

/// The identity service's public API, as the pages use it. Every request asks for JSON (`Accept: application/json`).
#[async_trait]
pub trait PublicApi: Send + Sync {
    /// `GET path_and_query`, for example `/self-service/login/flows?id=…`. The path is relative to the API's root.
    async fn get(&self, path_and_query: &str, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError>;

    /// `DELETE path_and_query`, for example `/sessions`.
    async fn delete(&self, path_and_query: &str, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError>;
}

/// What of the browser's request goes on to the public API.
#[derive(Debug, Clone, Default)]
pub struct ForwardedHeaders {
    /// Cookie, user agent, languages and the forwarding headers. Nothing else; no `Origin`, no `Authorization`.
    pub headers: HeaderMap,
    /// The other end of the connection, where the listener knows it.
    pub peer: Option<SocketAddr>,
}

impl ForwardedHeaders {
    /// Keeps of `request` what the public API may see.
    #[must_use]
    pub fn of(request: &HeaderMap, peer: Option<SocketAddr>) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in request {
            let known = FORWARDED.contains(name)
                || FORWARDED_BY_PROXIES.contains(&name.as_str())
                || name.as_str().starts_with("x-forwarded-");
            if known {
                headers.append(name.clone(), value.clone());
            }
        }
        Self { headers, peer }
    }
}

/// An answer of the public API.
#[derive(Debug, Clone, Default)]
pub struct ApiAnswer {
    /// The HTTP status code.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The body; `null` where it is empty or no JSON.
    pub body: Value,
    /// The `Set-Cookie` headers, which the page's answer passes on.
    pub set_cookies: Vec<HeaderValue>,
}

impl ApiAnswer {
    /// The wire id of the error in the body, such as `session_aal2_required`.
    #[must_use]
    pub fn error_id(&self) -> Option<&str> {
        self.body.pointer("/error/id").and_then(Value::as_str)
    }
}

/// The public API gave no answer at all.
#[derive(Debug, thiserror::Error)]
#[error("the public API cannot be reached: {0}")]
pub struct PublicApiError(pub String);
