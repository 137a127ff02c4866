//! From an answer to a response: bodies, redirects, cookies. Errors of browsers become the error page; this is the one edge
//! at which that happens.

use std::time::Duration;

use axum::response::Response;
use foundation::ApiError;
use http::header::{HeaderName, HeaderValue, SET_COOKIE, VARY};
use web::cookies::{SameSite, SetCookie};
use web::csrf::CsrfSecret;
use web::reply;

use super::request::{CONTINUITY_COOKIE, DEVICE_COOKIE, csrf_cookie_name};
use crate::context::Context;
use crate::error::Error;
use crate::flows::visit::{ContinuityCookie, Reply, ReplyBody, SessionCookie};
use crate::limits::DeviceCookie;
use crate::service::Identity;
use crate::settings;
use crate::settings::CookieAttributes;

const CSRF_COOKIE_LIFE: Duration = Duration::from_secs(31_536_000);

/// Renders what a use case answered. `to_error_page` says that whoever asks is a browser that follows redirects.
pub async fn answer(identity: &Identity, cx: &Context, result: Result<Reply, Error>, to_error_page: bool) -> Response {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => refusal(identity, cx, error.into_api(), to_error_page).await,
    };
    render(cx, reply)
}

/// The answer that refuses: the error itself, or for a browser the way to the error page.
async fn refusal(identity: &Identity, cx: &Context, error: ApiError, to_error_page: bool) -> Reply {
    if !to_error_page {
        return Reply::error(error);
    }
    match identity.error_keep(cx, &error).await {
        Ok(url) => Reply::see_other(url),
        // Without a database there is no error page either.
        Err(_) => Reply::error(error),
    }
}

/// Renders an answer.
pub fn render(cx: &Context, reply: Reply) -> Response {
    let mut response = match reply.body {
        ReplyBody::Json(status, value) => reply::json(status, &value),
        ReplyBody::Error(error) => reply::error(&error, None),
        ReplyBody::Redirect(status, url) => reply::redirect(status, &url),
        ReplyBody::Nothing => reply::no_content(),
    };
    let headers = response.headers_mut();
    if let Some(secret) = &reply.csrf {
        headers.append(SET_COOKIE, csrf_cookie(cx, secret));
    }
    if let Some(device) = &reply.device {
        headers.append(SET_COOKIE, device_cookie(cx, device));
    }
    match reply.session_cookie {
        SessionCookie::Keep => {}
        SessionCookie::Set { value, max_age } => {
            headers.append(SET_COOKIE, session_cookie(cx, value, max_age));
        }
        SessionCookie::Remove => {
            let attributes = cx.settings().session_cookie();
            let cookie = with_attributes(SetCookie::removal(cx.settings().session.cookie.name.clone()), &attributes);
            headers.append(SET_COOKIE, cookie.header());
        }
    }
    if let Some(cookie) = continuity_cookie(cx, reply.continuity) {
        headers.append(SET_COOKIE, cookie);
    }
    if reply.clear_browser_data {
        const NAME: HeaderName = HeaderName::from_static("clear-site-data");
        headers.insert(NAME, HeaderValue::from_static("\"cookies\", \"storage\", \"cache\""));
    }
    headers.insert(VARY, HeaderValue::from_static("Cookie"));
    response
}

/// The cookie that shows a session.
pub fn session_cookie(cx: &Context, value: String, max_age: i64) -> HeaderValue {
    let own = &cx.settings().session.cookie;
    let lasting = own.persistent.then(|| Duration::from_secs(u64::try_from(max_age).unwrap_or(0)));
    let cookie = SetCookie::new(own.name.clone(), value).http_only(true).max_age(lasting);
    with_attributes(cookie, &cx.settings().session_cookie()).header()
}

/// The cookie that ties a change that waits to its browser: it comes back with a redirect from a sign-in, so that it is
/// always SameSite=Lax.
fn continuity_cookie(cx: &Context, cookie: ContinuityCookie) -> Option<HeaderValue> {
    let mut attributes = cx.settings().other_cookies();
    attributes.same_site = settings::SameSite::Lax;
    let cookie = match cookie {
        ContinuityCookie::Keep => return None,
        ContinuityCookie::Remove => SetCookie::removal(CONTINUITY_COOKIE),
        ContinuityCookie::Set { value, max_age } => {
            let life = Duration::from_secs(u64::try_from(max_age).unwrap_or(0));
            SetCookie::new(CONTINUITY_COOKIE, value).max_age(Some(life))
        }
    };
    Some(with_attributes(cookie, &attributes).header())
}

/// The cookie that ties forms to their browser.
pub fn csrf_cookie(cx: &Context, secret: &CsrfSecret) -> HeaderValue {
    let mut attributes = cx.settings().other_cookies();
    if !attributes.secure {
        // Browsers take SameSite=None from Secure cookies only.
        attributes.same_site = settings::SameSite::Lax;
    }
    let cookie = SetCookie::new(csrf_cookie_name(cx), secret.to_cookie()).http_only(true);
    with_attributes(cookie.max_age(Some(CSRF_COOKIE_LIFE)), &attributes).header()
}

/// The cookie that shows in which browsers somebody signed in before. Pages of other sites send forms of ours too, where
/// the configuration lets them: it travels as the CSRF cookie does.
fn device_cookie(cx: &Context, device: &DeviceCookie) -> HeaderValue {
    let mut attributes = cx.settings().other_cookies();
    if !attributes.secure {
        attributes.same_site = settings::SameSite::Lax;
    }
    let life = Duration::from_secs(u64::try_from(device.max_age).unwrap_or(0));
    let cookie = SetCookie::new(DEVICE_COOKIE, device.value.clone()).max_age(Some(life));
    with_attributes(cookie, &attributes).header()
}

fn with_attributes(cookie: SetCookie, attributes: &CookieAttributes) -> SetCookie {
    let same_site = match attributes.same_site {
        settings::SameSite::Strict => SameSite::Strict,
        settings::SameSite::Lax => SameSite::Lax,
        settings::SameSite::None => SameSite::None,
    };
    cookie
        .http_only(true)
        .path(attributes.path.clone())
        .domain(attributes.domain.clone())
        .same_site(same_site)
        .secure(attributes.secure)
}
