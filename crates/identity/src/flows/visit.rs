//! What a request to a flow brought, besides its body; and what is answered. HTTP itself is `http/`'s business.

use std::sync::Arc;

use foundation::{ApiError, Rng};
use serde_json::Value;
use web::csrf::CsrfSecret;

use crate::limits::{Device, DeviceCookie};
use crate::model::flow::{Flow, Transport};
use crate::sessions::current::Shown;

/// What a request brought.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Whether errors and results are told in JSON (identity-flows.md §6.1).
    pub wants_json: bool,
    /// Whether the beginning of a flow is told in JSON: a narrower rule.
    pub prefers_json: bool,
    /// The session token that was shown, if any.
    pub shown: Option<Shown>,
    /// The devices that the cookie of known devices shows.
    pub devices: Vec<Device>,
    /// The secret of the CSRF cookie. Where a browser begins a flow, `http/` has made one if there was none.
    pub csrf: Option<CsrfSecret>,
    /// The value of the cookie that ties a change that waits to its browser.
    pub continuity: Option<String>,
    /// Whether any cookie came, but for those that Cloudflare adds.
    pub has_cookies: bool,
    /// Whether an `Origin` header came.
    pub has_origin: bool,
    /// The URL as it was asked for, absolute, query included.
    pub url: String,
    /// The query's parameters.
    pub query: Vec<(String, String)>,
    /// What web hooks may know of the request.
    pub request: RequestFacts,
}

/// What web hooks may know of a request: no header that the configuration does not name, and none of our cookies.
#[derive(Debug, Clone, Default)]
pub struct RequestFacts {
    /// The HTTP method.
    pub method: String,
    /// Headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// Cookies of others.
    pub cookies: Vec<(String, String)>,
}

impl Visit {
    /// A parameter of the query; empty counts as absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// A parameter that is true or false; anything else is false.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    /// Who reads the answer to a submission of `flow`.
    pub fn audience(&self, flow: &Flow) -> Audience {
        self.audience_of(flow.transport)
    }

    /// Who reads the answer to a submission of a flow of this transport.
    pub fn audience_of(&self, transport: Transport) -> Audience {
        match transport {
            Transport::Api => Audience::Native,
            Transport::Browser if self.wants_json => Audience::Page,
            Transport::Browser => Audience::Browser,
        }
    }

    /// The CSRF token to write into a form of `flow`, different each time; empty for native flows.
    pub fn csrf_token(&self, flow: &Flow, rng: &Arc<dyn Rng>) -> String {
        match (&self.csrf, flow.transport) {
            (Some(secret), Transport::Browser) => secret.mask(rng.as_ref()),
            _ => String::new(),
        }
    }
}

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A native app: JSON, and tokens.
    Native,
    /// The script of a page: JSON, and cookies.
    Page,
    /// A browser that follows redirects.
    Browser,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// What it says.
    pub body: ReplyBody,
    /// What becomes of the session cookie.
    pub session_cookie: SessionCookie,
    /// A new CSRF secret, if it changes.
    pub csrf: Option<CsrfSecret>,
    /// What becomes of the cookie that ties a change that waits to its browser.
    pub continuity: ContinuityCookie,
    /// The cookie of known devices, if it changes.
    pub device: Option<DeviceCookie>,
    /// Whether the browser is told to forget what it keeps of this site.
    pub clear_browser_data: bool,
}

/// What an answer says.
#[derive(Debug)]
pub enum ReplyBody {
    /// A status and a JSON body.
    Json(u16, Value),
    /// An error in its envelope, for clients that read JSON.
    Error(Box<ApiError>),
    /// Go there, by this status.
    Redirect(u16, String),
    /// Done; there is nothing to say.
    Nothing,
}

/// What becomes of the session cookie.
#[derive(Debug, Default)]
pub enum SessionCookie {
    /// It stays as it is.
    #[default]
    Keep,
    /// It shows this session.
    Set {
        /// The sealed value.
        value: String,
        /// In seconds.
        max_age: i64,
    },
    /// It goes.
    Remove,
}

/// What becomes of the cookie that ties a change that waits to its browser.
#[derive(Debug, Default)]
pub enum ContinuityCookie {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is this one.
    Set {
        /// The token.
        value: String,
        /// In seconds.
        max_age: i64,
    },
    /// It goes.
    Remove,
}

impl Reply {
    /// An answer without cookies.
    pub fn new(body: ReplyBody) -> Self {
        Self {
            body,
            session_cookie: SessionCookie::Keep,
            csrf: None,
            device: None,
            continuity: ContinuityCookie::Keep,
            clear_browser_data: false,
        }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: Value) -> Self {
        Self::new(ReplyBody::Json(status, body))
    }

    /// A redirect by 303, which makes the browser ask with GET.
    pub fn see_other(url: impl Into<String>) -> Self {
        Self::new(ReplyBody::Redirect(303, url.into()))
    }

    /// An error in JSON, whoever asks.
    pub fn error(error: ApiError) -> Self {
        Self::new(ReplyBody::Error(Box::new(error)))
    }

    /// Changes the session cookie.
    #[must_use]
    pub fn with_session(mut self, cookie: SessionCookie) -> Self {
        self.session_cookie = cookie;
        self
    }

    /// Changes the cookie that ties a change that waits to its browser.
    #[must_use]
    pub fn with_continuity(mut self, cookie: ContinuityCookie) -> Self {
        self.continuity = cookie;
        self
    }

    /// Changes the cookie of known devices.
    #[must_use]
    pub fn with_device(mut self, device: Option<DeviceCookie>) -> Self {
        self.device = device;
        self
    }

    /// Changes the CSRF cookie.
    #[must_use]
    pub fn with_csrf(mut self, csrf: Option<CsrfSecret>) -> Self {
        self.csrf = csrf;
        self
    }
}
