//! The one way out: every HTTP request that limen sends goes through [`OutboundClient`], which keeps addresses that
//! users or operators supply from reaching what only this machine may reach (server-side request forgery), and bounds
//! time, size and retries. What is sent, and why, is decided elsewhere.

mod address;
mod exception;
mod request;
mod resolve;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, Method};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;

use exception::Exception;
use resolve::{Guarded, Lookup, NotPublic, System};

pub use address::is_public;
pub use request::{OutboundRequest, OutboundResponse};

/// What outgoing requests may do.
#[derive(Debug, Clone)]
pub struct OutboundPolicy {
    /// Whether addresses that are not on the public internet are refused.
    pub disallow_private: bool,
    /// Addresses that are allowed nevertheless, such as `http://hooks.internal:8080/*`. `*` stands for any text within
    /// the host, or to the end of the path.
    pub exceptions: Vec<String>,
    /// The time for one attempt, body included.
    pub timeout: Duration,
    /// The `User-Agent` of requests that name none.
    pub user_agent: String,
    /// How many further attempts follow a failed connection or a 5xx, unless the request says otherwise.
    pub retries: u32,
    /// The pause before the first further attempt; it doubles each time.
    pub retry_pause: Duration,
    /// The most bytes of a response body, unless the request says otherwise.
    pub response_cap: usize,
    /// Certificates, in PEM, that are trusted beside the public ones.
    pub extra_roots: Vec<u8>,
}

impl Default for OutboundPolicy {
    fn default() -> Self {
        Self {
            disallow_private: false,
            exceptions: Vec::new(),
            timeout: Duration::from_secs(30),
            user_agent: "limen".to_owned(),
            retries: 2,
            retry_pause: Duration::from_millis(200),
            response_cap: 1024 * 1024,
            extra_roots: Vec::new(),
        }
    }
}

/// Why there is no response. The texts name the host, never the path or query: those may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The policy cannot be used.
    #[error("the client for outgoing requests cannot be made: {0}")]
    Policy(String),
    /// The address is none, or not of a web server.
    #[error("the address of the request cannot be used: {0}")]
    Address(String),
    /// The policy forbids the address.
    #[error("{host} is not on the public internet, and private addresses are not allowed for outgoing requests")]
    Refused {
        /// The host asked for.
        host: String,
    },
    /// No complete response came in time.
    #[error("{host} did not answer in time")]
    Timeout {
        /// The host asked for.
        host: String,
    },
    /// The response is longer than it may be.
    #[error("the response of {host} is longer than {cap} bytes")]
    TooLarge {
        /// The host asked for.
        host: String,
        /// The limit.
        cap: usize,
    },
    /// One redirect followed another for too long.
    #[error("{host} redirects too often")]
    TooManyRedirects {
        /// The host asked for last.
        host: String,
    },
    /// The connection failed.
    #[error("{host} cannot be reached: {cause}")]
    Transport {
        /// The host asked for.
        host: String,
        /// What went wrong.
        cause: String,
    },
    /// A body is not the JSON that was expected, or cannot be written as JSON.
    #[error("the body is not the JSON that was expected: {0}")]
    Json(#[from] serde_json::Error),
}

/// Sends HTTP requests within an [`OutboundPolicy`]. Cheap to clone; a reload makes a new one.
#[derive(Debug, Clone)]
pub struct OutboundClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policy: OutboundPolicy,
    exceptions: Vec<Exception>,
    /// Resolves names to public addresses only.
    guarded: reqwest::Client,
    /// Resolves all names: for exceptions, or if private addresses are allowed.
    open: reqwest::Client,
}

impl OutboundClient {
    /// A client within `policy`.
    ///
    /// # Errors
    ///
    /// [`OutboundError::Policy`] if an exception or a root certificate cannot be read.
    pub fn new(policy: OutboundPolicy) -> Result<Self, OutboundError> {
        Self::with_lookup(policy, Arc::new(System))
    }

    fn with_lookup(policy: OutboundPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, OutboundError> {
        let tls = tls(&policy.extra_roots)?;
        let exceptions = policy.exceptions.iter().map(|text| Exception::new(text)).collect();
        let guarded = client(&policy, tls.clone(), Guarded { lookup: lookup.clone(), public_only: true })?;
        let open = client(&policy, tls, Guarded { lookup, public_only: false })?;
        Ok(Self(Arc::new(Inner { policy, exceptions, guarded, open })))
    }

    /// What the client was made with.
    pub fn policy(&self) -> &OutboundPolicy {
        &self.0.policy
    }

    /// Gets `url`, following up to five redirects.
    ///
    /// # Errors
    ///
    /// See [`OutboundError`]. A status such as 404 is a response, not an error.
    pub async fn get(&self, url: &str) -> Result<OutboundResponse, OutboundError> {
        self.send(OutboundRequest::get(url)).await
    }

    /// Sends `request`, again after a failed connection or a 5xx as often as it allows. When the attempts are used up,
    /// the last response or error is the result.
    ///
    /// # Errors
    ///
    /// See [`OutboundError`]. A status such as 404 is a response, not an error.
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let attempts = request.retries.unwrap_or(self.0.policy.retries);
        let mut pause = self.0.policy.retry_pause;
        for _ in 0..attempts {
            match self.follow(&request).await {
                Ok(response) if response.status < 500 => return Ok(response),
                Ok(_) | Err(OutboundError::Transport { .. } | OutboundError::Timeout { .. }) => {}
                Err(other) => return Err(other),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        self.follow(&request).await
    }

    /// One attempt, redirects included. Each hop is checked as if it had been asked for itself.
    async fn follow(&self, request: &OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let url = Url::parse(&request.url).map_err(|cause| OutboundError::Address(cause.to_string()))?;
        let mut hop =
            Hop { url, method: request.method.clone(), headers: request.headers.clone(), body: request.body.clone() };
        let mut left = request.redirects;
        loop {
            let response = self.attempt(&hop, request).await?;
            let location = response.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| request.redirects > 0 && is_redirect(response.status)) else {
                return Ok(response);
            };
            if left == 0 {
                return Err(OutboundError::TooManyRedirects { host: host_of(&hop.url) });
            }
            left -= 1;
            let next = hop.url.join(location).map_err(|cause| OutboundError::Address(cause.to_string()))?;
            hop.go_to(next, response.status);
        }
    }

    async fn attempt(&self, hop: &Hop, request: &OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let client = self.client_for(&hop.url)?;
        let mut sent = client.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
        if let Some(limit) = request.timeout {
            sent = sent.timeout(limit);
        }
        if !hop.body.is_empty() || matches!(hop.method, Method::POST | Method::PUT | Method::PATCH) {
            sent = sent.body(hop.body.clone());
        }
        let cap = request.response_cap.unwrap_or(self.0.policy.response_cap);
        let failed = |cause| failure(&hop.url, &cause);
        let mut answer = sent.send().await.map_err(failed)?;
        let too_large = || OutboundError::TooLarge { host: host_of(&hop.url), cap };
        if answer.content_length().is_some_and(|length| length > cap as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > cap {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(answer.headers_mut());
        Ok(OutboundResponse { status: answer.status().as_u16(), headers, body: body.freeze(), url: hop.url.clone() })
    }

    /// The client that may dial `url`. Names are checked when they are dialled, after resolution; an address in the URL
    /// itself is never resolved, so it is checked here.
    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        let inner = &self.0;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(OutboundError::Address("only http and https addresses are asked".to_owned()));
        }
        if !inner.policy.disallow_private || inner.exceptions.iter().any(|exception| exception.matches(url)) {
            return Ok(&inner.open);
        }
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            Some(url::Host::Domain(_)) | None => None,
        };
        if literal.is_some_and(|address| !is_public(address)) {
            return Err(OutboundError::Refused { host: host_of(url) });
        }
        Ok(&inner.guarded)
    }
}

/// Where a request stands after the redirects so far.
struct Hop {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Hop {
    /// Follows a redirect: 307 and 308 repeat the request, the others turn it into a GET. Credentials stay with the
    /// origin they were meant for, and so does a body.
    fn go_to(&mut self, next: Url, status: u16) {
        let same_origin = next.origin() == self.url.origin();
        let repeats = matches!(status, 307 | 308) && same_origin;
        if !repeats {
            if self.method != Method::HEAD {
                self.method = Method::GET;
            }
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
        }
        if !same_origin {
            // A header that a caller set may hold a key under any name: only the harmless ones travel.
            let travels = ["accept", "accept-language", "user-agent"];
            let kept = self.headers.iter().filter(|(name, _)| travels.contains(&name.as_str()));
            self.headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        debug_assert!(same_origin || !(self.headers.contains_key(AUTHORIZATION) || self.headers.contains_key(COOKIE)));
        self.url = next;
    }
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn failure(url: &Url, cause: &reqwest::Error) -> OutboundError {
    let host = host_of(url);
    let mut text = String::new();
    let mut next: Option<&(dyn StdError + 'static)> = cause.source();
    while let Some(error) = next {
        if error.is::<NotPublic>() {
            return OutboundError::Refused { host };
        }
        // The last cause is the plain one: "connection refused", not "error sending request".
        text = error.to_string();
        next = error.source();
    }
    if cause.is_timeout() {
        return OutboundError::Timeout { host };
    }
    OutboundError::Transport { host, cause: if text.is_empty() { "the connection broke".to_owned() } else { text } }
}

#[expect(clippy::disallowed_methods, reason = "the one place that makes HTTP clients")]
fn client(policy: &OutboundPolicy, tls: ClientConfig, resolver: Guarded) -> Result<reqwest::Client, OutboundError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would resolve names itself, unchecked.
        .no_proxy()
        .timeout(policy.timeout)
        .user_agent(&policy.user_agent)
        .build()
        .map_err(|cause| OutboundError::Policy(cause.to_string()))
}

fn tls(extra_roots: &[u8]) -> Result<ClientConfig, OutboundError> {
    let policy = |cause: &dyn std::fmt::Display| OutboundError::Policy(format!("root certificates: {cause}"));
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in CertificateDer::pem_slice_iter(extra_roots) {
        let certificate = certificate.map_err(|cause| policy(&cause))?;
        roots.add(certificate).map_err(|cause| policy(&cause))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let versions = builder.with_safe_default_protocol_versions().map_err(|cause| policy(&cause))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
