//! Whose request this is: the session that it shows, and whether that session is good enough.

use crypto::tokens::SessionToken;
use database::{Tx, read};
use foundation::{ApiError, Timestamp};
use url::Url;

use crate::context::Context;
use crate::error::Error;
use crate::model::identity::{Identity as Person, IdentityState};
use crate::model::session::Session;
use crate::service::Identity;
use crate::settings::RequiredAal;
use crate::store::{credentials, identities, sessions};

/// The token that a request shows, and where.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The token.
    pub token: SessionToken,
    /// The expiry in the cookie, if it came in one.
    pub cookie_expires_at: Option<Timestamp>,
}

/// A session that counts, and whose it is.
#[derive(Debug, Clone)]
pub struct Current {
    /// The session.
    pub session: Session,
    /// Whose it is, with addresses; with credentials where the session was asked for with them.
    pub identity: Person,
    /// The token that showed it.
    pub shown: Shown,
}

impl Identity {
    /// The session that a request shows, if it counts: not ended, not expired, of an active identity. Without credentials.
    pub(crate) async fn session_shown(&self, cx: &Context, shown: Option<&Shown>) -> Result<Option<Current>, Error> {
        let Some(shown) = shown else { return Ok(None) };
        read!(&self.db, |tx| -> Result<Option<Current>, Error> { session_of(tx, cx, shown).await }).await
    }

    /// The session that a request shows, with its identity's credentials: for flows, which look at them.
    pub(crate) async fn session_current(&self, cx: &Context, shown: Option<&Shown>) -> Result<Option<Current>, Error> {
        let Some(shown) = shown else { return Ok(None) };
        read!(&self.db, |tx| -> Result<Option<Current>, Error> {
            let Some(mut current) = session_of(tx, cx, shown).await? else { return Ok(None) };
            let identity = &mut current.identity;
            identity.credentials = credentials::credentials_load(tx, cx, cx.vault(), identity.id).await?;
            Ok(Some(current))
        })
        .await
    }

    /// The session that a request shows, without credentials.
    ///
    /// # Errors
    /// 401 without one that counts.
    pub(crate) async fn session_required(&self, cx: &Context, shown: Option<&Shown>) -> Result<Current, Error> {
        self.session_shown(cx, shown).await?.ok_or_else(|| {
            ApiError::unauthorized("No valid session was shown: sign in, and send the session cookie or token.").into()
        })
    }
}

async fn session_of(tx: &mut Tx, cx: &Context, shown: &Shown) -> Result<Option<Current>, Error> {
    let Some(session) = sessions::session_find_by_token(tx, cx, shown.token.digest()).await? else { return Ok(None) };
    if !session.is_active(cx.now) {
        return Ok(None);
    }
    let Some(identity) = identities::identity_find(tx, cx, session.identity_id).await? else { return Ok(None) };
    if identity.state != IdentityState::Active {
        return Ok(None);
    }
    Ok(Some(Current { session, identity, shown: shown.clone() }))
}

/// Whether the session's level is what `required` asks for.
pub fn has_required_aal(current: &Current, required: RequiredAal) -> bool {
    required.is_met(current.session.aal, current.identity.available_aal)
}

/// Refuses a session whose level is lower than `required`, and says where to raise it.
///
/// # Errors
/// 403 `session_aal2_required`.
pub fn require_aal(
    cx: &Context,
    current: &Current,
    required: RequiredAal,
    return_to: Option<&str>,
) -> Result<(), ApiError> {
    if has_required_aal(current, required) { Ok(()) } else { Err(too_low(cx, return_to)) }
}

/// The refusal of a session whose level is too low: 403 `session_aal2_required`.
pub fn too_low(cx: &Context, return_to: Option<&str>) -> ApiError {
    let redirect = step_up_url(cx, return_to);
    ApiError::forbidden("This needs a second factor: sign in once more with it.")
        .id("session_aal2_required")
        .detail("redirect_browser_to", redirect.as_str())
        .beside("redirect_browser_to", redirect.as_str())
}

/// Where a browser goes to add the second factor to its session.
pub fn step_up_url(cx: &Context, return_to: Option<&str>) -> Url {
    let mut url = cx.settings().public_base_url();
    url.set_path(&format!("{}self-service/login/browser", url.path()));
    url.query_pairs_mut().append_pair("aal", "aal2");
    if let Some(return_to) = return_to {
        url.query_pairs_mut().append_pair("return_to", return_to);
    }
    url
}
