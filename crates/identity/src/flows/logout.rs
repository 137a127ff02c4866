//! Signing out: in two steps for browsers, so that no link on another site can do it; in one for apps.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::tokens::SessionToken;
use database::transact;
use foundation::{ApiError, Uuid};
use serde_json::{Value, json};
use web::body::Body;
use web::csrf::CsrfSecret;

use super::input::Input;
use super::return_to;
use super::visit::{Reply, ReplyBody, SessionCookie, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::service::Identity;
use crate::store::sessions;

const PURPOSE: &str = "logout token";

/// The token that ends a session from its own browser: it follows from the session and our secret, and is stored nowhere.
fn logout_tokens(cx: &Context, session: Uuid) -> Vec<String> {
    let tags = cx.macs().tags(PURPOSE, session.as_bytes());
    let text = |tag: [u8; 32]| format!("ory_lo_{}", &URL_SAFE_NO_PAD.encode(tag).replace(['-', '_'], "x")[..32]);
    tags.into_iter().map(text).collect()
}

impl Identity {
    /// The first step: the URL that signs this browser out.
    ///
    /// # Errors
    /// 401 `session_inactive` without a session; 400 for an address to return to that is not allowed.
    pub async fn logout_begin(&self, cx: &Context, visit: &Visit) -> Result<Value, Error> {
        let current = self.session_shown(cx, visit.shown.as_ref()).await?.ok_or_else(inactive)?;
        return_to::check_asked(cx.settings(), visit.parameter("return_to"))?;
        let token = logout_tokens(cx, current.session.id).swap_remove(0);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(return_to) = visit.parameter("return_to") {
            query.append_pair("return_to", return_to);
        }
        let query = query.append_pair("token", &token).finish();
        let url = format!("{}self-service/logout?{query}", cx.settings().public_base_url());
        Ok(json!({"logout_url": url, "logout_token": token}))
    }

    /// The second step: ends the session whose token is shown.
    ///
    /// # Errors
    /// 400 without a token, 401 `session_inactive` without a session, 403 for another session's token.
    pub async fn logout_submit(&self, cx: &Context, visit: &Visit) -> Result<Reply, Error> {
        let token = visit.parameter("token").ok_or_else(|| {
            ApiError::bad_request("The query parameter \"token\" is missing: ask /self-service/logout/browser for it.")
        })?;
        let current = self.session_shown(cx, visit.shown.as_ref()).await?.ok_or_else(inactive)?;
        let known = logout_tokens(cx, current.session.id);
        if !known.iter().any(|known| crypto::macs::same(known.as_bytes(), token.as_bytes())) {
            return Err(ApiError::forbidden("This token does not end the session of this browser.").into());
        }
        let url = match visit.parameter("return_to") {
            Some(asked) if !cx.settings().selfservice.allowed_return_urls.is_empty() => {
                return_to::check(cx.settings(), asked)?
            }
            _ => cx.settings().logout_return_url(),
        };
        let id = current.session.id;
        transact!(&self.db, |tx| -> Result<bool, Error> { Ok(sessions::session_revoke(tx, cx, id).await?) }).await?;
        let body = if visit.wants_json { ReplyBody::Nothing } else { ReplyBody::Redirect(303, url.into()) };
        let mut reply =
            Reply::new(body).with_session(SessionCookie::Remove).with_csrf(Some(CsrfSecret::generate(cx.rng.as_ref())));
        let over_tls = cx.settings().public_base_url().scheme() == "https";
        reply.clear_browser_data = cx.settings().selfservice.flows.logout.clear_browser_data && over_tls;
        Ok(reply)
    }

    /// An app signs out. Doing it again is as good as once.
    ///
    /// # Errors
    /// 403 for a token that never was; 400 for a body that cannot be read.
    pub async fn logout_native(&self, cx: &Context, body: &Body) -> Result<(), Error> {
        let input = Input::read(body, None).map_err(|error| ApiError::bad_request(error.to_string()))?;
        let token = SessionToken::presented(input.text("session_token").unwrap_or_default());
        let digest = token.digest();
        transact!(&self.db, |tx| -> Result<(), Error> {
            let found = sessions::session_find_by_token(tx, cx, digest).await?;
            let session = found.ok_or_else(|| ApiError::forbidden("There is no session with this token."))?;
            sessions::session_revoke(tx, cx, session.id).await?;
            Ok(())
        })
        .await
    }
}

fn inactive() -> ApiError {
    ApiError::unauthorized("No valid session was shown: nobody is signed in here.").id("session_inactive")
}
