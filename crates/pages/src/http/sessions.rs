//! The pages' own two forms: sign out another device, or all others. They prove that they come from our page twice:
//! by what the browser says about the request's origin, and by a token that only our page and its cookie hold.

use axum::extract::Path;
use axum::response::Response;
use foundation::Uuid;
use http::{StatusCode, header};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::api_problem;
use crate::urls;
use crate::visit::Visit;

/// Holds the token that the forms repeat.
const TOKEN_COOKIE: &str = "limen_pages_token";

/// 32 letters and digits hold 190 bits.
const TOKEN_LENGTH: usize = 32;

/// Signs one other device out.
pub(crate) async fn revoke(Path(id): Path<String>, visit: Visit, body: String) -> Response {
    let Ok(id) = id.parse::<Uuid>() else {
        return refused(visit);
    };
    end(visit, &body, &format!("/sessions/{id}"), "session_ended").await
}

/// Signs all other devices out.
pub(crate) async fn revoke_others(visit: Visit, body: String) -> Response {
    end(visit, &body, "/sessions", "sessions_ended").await
}

/// The browser's token, made where it has none.
pub(crate) fn token(visit: &mut Visit) -> String {
    if let Some(token) = visit.cookie(TOKEN_COOKIE).filter(|token| is_token(token)) {
        return token.to_owned();
    }
    let token = visit.pages.rng.alphanumeric(TOKEN_LENGTH);
    visit.set_cookie(TOKEN_COOKIE, &token, "SameSite=Strict");
    token
}

async fn end(mut visit: Visit, body: &str, path: &str, notice: &'static str) -> Response {
    if !is_from_our_page(&visit) || !repeats_the_token(&visit, body) {
        return refused(visit);
    }
    let answer = match visit.delete(path).await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    match answer.status {
        200..=299 => visit.leave_notice(notice),
        // Signed out meanwhile, or the other session has ended by itself: the overview shows how things are.
        401 | 404 => {}
        status => return api_problem(&mut visit, status, &answer.body),
    }
    let overview = visit.own_address("/");
    visit.redirect(&overview)
}

/// Browsers state with each form where it comes from (Fetch Metadata, or the `Origin` of RFC 6454); one that states
/// neither is refused.
fn is_from_our_page(visit: &Visit) -> bool {
    let header = |name: &str| visit.headers.get(name).and_then(|value| value.to_str().ok());
    match (header("sec-fetch-site"), header(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => urls::origin_of(&visit.settings.pages_base_url).as_deref() == Some(origin),
        (None, None) => false,
    }
}

fn repeats_the_token(visit: &Visit, body: &str) -> bool {
    let sent = form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "token");
    match (visit.cookie(TOKEN_COOKIE), sent) {
        (Some(kept), Some((_, sent))) => is_token(kept) && kept.as_bytes().ct_eq(sent.as_bytes()).into(),
        _ => false,
    }
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn refused(mut visit: Visit) -> Response {
    let text = visit.texts.text("error.refused").to_owned();
    visit.problem(StatusCode::FORBIDDEN, "error.title", text, None)
}
