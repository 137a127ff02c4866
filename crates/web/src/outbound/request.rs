//! What is sent and what comes back.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::OutboundError;

/// A request to be sent by [`super::OutboundClient::send`].
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: String,
    /// Headers beside those that the client sets.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The time for one attempt; the policy's if `None`.
    pub timeout: Option<Duration>,
    /// Further attempts; the policy's number if `None`.
    pub retries: Option<u32>,
    /// How many redirects are followed. With 0 a redirect is a response like any other.
    pub redirects: u8,
    /// The most bytes of a response body; the policy's number if `None`.
    pub response_cap: Option<usize>,
}

impl OutboundRequest {
    /// A request without a body that follows no redirects.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            retries: None,
            redirects: 0,
            response_cap: None,
        }
    }

    /// A GET that follows up to five redirects.
    pub fn get(url: impl Into<String>) -> Self {
        Self { redirects: 5, ..Self::new(Method::GET, url) }
    }

    /// A POST without a body, yet.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// Sets a header.
    ///
    /// # Errors
    ///
    /// [`OutboundError::Policy`] if name or value can't stand in a header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OutboundError> {
        let broken = || OutboundError::Policy(format!("the header {name:?} or its value cannot be sent"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| broken())?;
        let value = HeaderValue::from_str(value).map_err(|_| broken())?;
        self.headers.insert(parsed, value);
        Ok(self)
    }

    /// Sets credentials of the `Basic` scheme (RFC 7617).
    #[must_use]
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {encoded}")) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// Sets the body and its content type.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Sets a JSON body.
    ///
    /// # Errors
    ///
    /// [`OutboundError::Json`] if the value can't be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, OutboundError> {
        let body = serde_json::to_vec(value)?;
        Ok(self.body("application/json", body))
    }

    /// Sets a form body.
    #[must_use]
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sets the time for one attempt.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how many further attempts there are.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets how many redirects are followed.
    #[must_use]
    pub fn redirects(mut self, redirects: u8) -> Self {
        self.redirects = redirects;
        self
    }

    /// Sets the most bytes of a response body.
    #[must_use]
    pub fn response_cap(mut self, bytes: usize) -> Self {
        self.response_cap = Some(bytes);
        self
    }
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// The status, whatever it is.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The address that answered, after redirects.
    pub url: Url,
}

impl OutboundResponse {
    /// True for a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`OutboundError::Json`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
