//! A browser's request as the pages see it, and how they answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use foundation::Texts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::form_urlencoded;
use web::negotiate;

use crate::Pages;
use crate::headers::{self, Needs};
use crate::ports::{ApiAnswer, ForwardedHeaders, PublicApiError};
use crate::settings::PagesSettings;
use crate::urls;
use crate::view::{Frame, Link, Notice, NoticePage};

/// The cookie that carries one word about what just happened to the page that says so.
const NOTICE_COOKIE: &str = "limen_pages_notice";

/// What the notice cookie may say: any other word shows nothing. The texts are `notice.<word>`.
const NOTICES: [(&str, &str); 3] = [("restarted", "info"), ("session_ended", "success"), ("sessions_ended", "success")];

/// Asks for a language, from now on.
const LANGUAGE_PARAMETER: &str = "lang";

/// How long a browser keeps the language that was asked for: a year.
const LANGUAGE_KEPT: u32 = 365 * 24 * 3600;

/// A request, with what every page needs to answer it.
pub(crate) struct Visit {
    pub(crate) pages: Arc<Pages>,
    pub(crate) settings: Arc<PagesSettings>,
    pub(crate) texts: Texts,
    method: Method,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    peer: Option<SocketAddr>,
    /// Cookies to set with the answer.
    set_cookies: Vec<HeaderValue>,
}

impl FromRequestParts<Arc<Pages>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, pages: &Arc<Pages>) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let settings = (pages.settings)();
        let asked = query.iter().find(|(name, _)| name == LANGUAGE_PARAMETER).map(|(_, tag)| tag.clone());
        let wanted: Vec<String> = asked.iter().cloned().chain(negotiate::languages(&parts.headers)).collect();
        let texts = pages.languages.choose(wanted.iter().map(String::as_str)).with_own(settings.texts.clone());
        let mut visit = Self {
            pages: pages.clone(),
            settings,
            texts,
            method: parts.method.clone(),
            query,
            headers: parts.headers.clone(),
            peer: web::Peer::of(&parts.extensions).address,
            set_cookies: Vec::new(),
        };
        if asked.is_some() {
            visit.remember_language();
        }
        Ok(visit)
    }
}

impl Visit {
    /// A query parameter; empty counts as absent.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A cookie of the browser.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether the browser sends any cookie at all.
    pub(crate) fn has_cookies(&self) -> bool {
        self.headers.contains_key(header::COOKIE)
    }

    fn forwarded(&self) -> ForwardedHeaders {
        ForwardedHeaders::of(&self.headers, self.peer)
    }

    /// Asks the public API.
    pub(crate) async fn ask(&mut self, path_and_query: &str) -> Result<ApiAnswer, PublicApiError> {
        let answer = self.pages.api.get(path_and_query, self.forwarded()).await;
        self.answered(answer)
    }

    /// Deletes at the public API.
    pub(crate) async fn delete(&mut self, path: &str) -> Result<ApiAnswer, PublicApiError> {
        let answer = self.pages.api.delete(path, self.forwarded()).await;
        self.answered(answer)
    }

    fn answered(&mut self, answer: Result<ApiAnswer, PublicApiError>) -> Result<ApiAnswer, PublicApiError> {
        let mut answer = answer?;
        self.set_cookies.append(&mut answer.set_cookies);
        Ok(answer)
    }

    /// The page that says that the public API does not answer.
    pub(crate) fn unavailable(&mut self, error: &PublicApiError) -> Response {
        tracing::error!(%error, "the pages got no answer from the public API");
        let text = self.texts.text("error.unavailable").to_owned();
        self.problem(StatusCode::BAD_GATEWAY, "error.title", text, None)
    }

    /// The frame of a page with that title. It shows what the notice cookie says, and clears it.
    pub(crate) fn frame(&mut self, title: &str) -> Frame {
        let title = self.texts.text(title).to_owned();
        let mut frame = Frame::new(&self.settings, self.texts.clone(), &self.pages.assets, title);
        let base = frame.base.clone();
        frame.offer(&self.pages.languages, |tag| self.in_language(&base, tag));
        let said = self.noticed();
        if self.cookie(NOTICE_COOKIE).is_some() {
            self.set_cookie(NOTICE_COOKIE, "", "Max-Age=0; SameSite=Lax");
        }
        frame
            .notices
            .extend(said.map(|(word, kind)| Notice::new(kind, self.texts.text(&format!("notice.{word}")).to_owned())));
        frame
    }

    fn noticed(&self) -> Option<(&'static str, &'static str)> {
        let word = self.cookie(NOTICE_COOKIE)?;
        NOTICES.into_iter().find(|(known, _)| *known == word)
    }

    /// Whether this request follows a restart that was to help already.
    pub(crate) fn was_restarted(&self) -> bool {
        self.noticed().is_some_and(|(word, _)| word == "restarted")
    }

    /// Lets the next page say something.
    pub(crate) fn leave_notice(&mut self, word: &'static str) {
        self.set_cookie(NOTICE_COOKIE, word, "Max-Age=60; SameSite=Lax");
    }

    /// Sets a cookie of the pages' own. `value` and `attributes` are plain words.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str, attributes: &str) {
        let path = urls::base_path(&self.settings.pages_base_url);
        let secure = if self.settings.pages_base_url.starts_with("https:") { "; Secure" } else { "" };
        let path = if path.is_empty() { "/" } else { &path };
        let cookie = format!("{name}={value}; Path={path}; HttpOnly; {attributes}{secure}");
        self.set_cookies.extend(HeaderValue::from_str(&cookie).ok());
    }

    /// Sends the browser to an address that we built or that the API named; a 303, so that it always arrives by GET.
    pub(crate) fn redirect(&mut self, address: &str) -> Response {
        let Ok(location) = HeaderValue::from_str(address) else {
            let text = self.texts.text("error.unknown").to_owned();
            return self.problem(StatusCode::BAD_GATEWAY, "error.title", text, None);
        };
        let mut response = StatusCode::SEE_OTHER.into_response();
        response.headers_mut().insert(header::LOCATION, location);
        self.finish(response, &Needs::default())
    }

    /// A page of the pages' own.
    pub(crate) fn own_address(&self, path: &str) -> String {
        urls::join(&self.settings.pages_base_url, path)
    }

    /// An address of the public API, for the browser.
    pub(crate) fn public_address(&self, path: &str) -> String {
        urls::join(&self.settings.public_base_url, path)
    }

    /// This page in another language. What answers a form has no address of its own, so the start page stands in.
    fn in_language(&self, base: &str, tag: &str) -> String {
        let own = self.query.iter().filter(|(name, _)| self.method == Method::GET && name != LANGUAGE_PARAMETER);
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let query = urls::with_query("", own.chain([(LANGUAGE_PARAMETER, tag)]));
        if self.method == Method::GET { query } else { format!("{base}/{query}") }
    }

    /// The public API reads the cookie as well, for the language of mails; so it is set for all that cookies reach.
    fn remember_language(&mut self) {
        let secure = if self.settings.pages_base_url.starts_with("https:") { "; Secure" } else { "" };
        let domain = self.settings.cookie_domain.as_deref().filter(|domain| !domain.is_empty());
        let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let cookie = format!(
            "{}={}; Path=/; Max-Age={LANGUAGE_KEPT}; SameSite=Lax{domain}{secure}",
            negotiate::LANGUAGE_COOKIE,
            self.texts.language()
        );
        self.set_cookies.extend(HeaderValue::from_str(&cookie).ok());
    }

    /// Renders a page.
    pub(crate) fn page(&mut self, status: StatusCode, page: &impl Template, needs: &Needs) -> Response {
        match page.render() {
            Ok(html) => {
                let response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
                self.finish(response, needs)
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                self.finish(StatusCode::INTERNAL_SERVER_ERROR.into_response(), needs)
            }
        }
    }

    /// A page that says what went wrong, with a way on.
    pub(crate) fn problem(&mut self, status: StatusCode, title: &str, text: String, action: Option<Link>) -> Response {
        let frame = self.frame(title);
        let home = || Link {
            before: String::new(),
            href: format!("{}/", frame.base),
            text: frame.texts.text("error.home").to_owned(),
        };
        let action = Some(action.unwrap_or_else(home));
        let page = NoticePage { frame, text, reference: None, details: None, action };
        self.page(status, &page, &Needs::default())
    }

    fn finish(&mut self, mut response: Response, needs: &Needs) -> Response {
        headers::protect(response.headers_mut(), &self.settings, needs);
        for cookie in self.set_cookies.drain(..) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}
