//! The one gate: every session that is made or strengthened passes here. A [`Cleared`] value cannot be made elsewhere, and
//! nothing writes a session without one.

use crypto::tokens::SessionToken;
use database::Tx;
use foundation::{ApiError, Uuid};

use crate::context::Context;
use crate::error::Error;
use crate::model::identity::{Aal, Identity, IdentityState};
use crate::model::session::{AuthenticationMethod, Device, Method, Session, assurance};
use crate::store::sessions;

/// That somebody proved to be an identity, by one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Who.
    pub identity_id: Uuid,
    /// How.
    pub method: Method,
    /// What level the method proves on its own.
    pub aal: Aal,
}

/// A proof that passed the gate: the identity is active, and the method fits what it is used for.
#[derive(Debug)]
pub struct Cleared {
    proof: Proof,
    // INVARIANT: made by `clear` only.
    _private: (),
}

/// The refusal of an identity that may not sign in. Flows show it as message 4010011.
pub const IDENTITY_DISABLED: &str = "identity_disabled";

/// Checks that `proof` may give or strengthen a session of `identity`.
///
/// # Errors
/// 400 `identity_disabled` for an inactive identity; 500 if the proof is somebody else's.
pub fn clear(identity: &Identity, proof: Proof) -> Result<Cleared, Error> {
    if identity.id != proof.identity_id {
        return Err(Error::Internal("a proof of one identity was used for another".to_owned()));
    }
    if identity.state != IdentityState::Active {
        return Err(ApiError::bad_request("This account is disabled. Ask the people who run this service.")
            .id(IDENTITY_DISABLED)
            .detail("identity_id", identity.id.to_string())
            .into());
    }
    Ok(Cleared { proof, _private: () })
}

/// The session that a first proof would begin. It is worth nothing until [`session_issue_as`] keeps it.
pub fn session_draft(cx: &Context, proof: Proof) -> Session {
    let methods = vec![method_entry(cx, proof)];
    Session {
        id: cx.rng.uuid(),
        identity_id: proof.identity_id,
        active: true,
        expires_at: cx.now + cx.settings().session.lifespan,
        authenticated_at: cx.now,
        issued_at: cx.now,
        aal: assurance(&methods),
        methods,
        devices: vec![device(cx)],
    }
}

/// Makes a session out of a first proof. Gives the token that shows it, which exists nowhere else.
///
/// # Errors
/// A second factor alone begins no session; the database.
pub async fn session_issue(tx: &mut Tx, cx: &Context, cleared: Cleared) -> Result<(Session, SessionToken), Error> {
    let draft = session_draft(cx, cleared.proof);
    session_issue_as(tx, cx, cleared, draft).await
}

/// As [`session_issue`], with a draft that was shown to others before.
///
/// # Errors
/// A second factor alone begins no session, nor does a draft of another proof; the database.
pub async fn session_issue_as(
    tx: &mut Tx,
    cx: &Context,
    cleared: Cleared,
    session: Session,
) -> Result<(Session, SessionToken), Error> {
    if cleared.proof.aal != Aal::Aal1 {
        return Err(Error::Internal("a second factor alone does not begin a session".to_owned()));
    }
    // INVARIANT: what is kept follows from the cleared proof and nothing else.
    if session.identity_id != cleared.proof.identity_id || session.methods != [method_entry(cx, cleared.proof)] {
        return Err(Error::Internal("a session was drafted for another proof".to_owned()));
    }
    let token = SessionToken::generate(cx.rng.as_ref());
    sessions::session_insert(tx, cx, &session, token.digest()).await?;
    Ok((session, token))
}

/// Adds a further proof to a session of the same identity: it lives on from now, and its level follows from all proofs.
///
/// # Errors
/// 401 if the session has ended meanwhile; the database.
pub async fn session_strengthen(
    tx: &mut Tx,
    cx: &Context,
    session: &Session,
    cleared: Cleared,
) -> Result<Session, Error> {
    if session.identity_id != cleared.proof.identity_id {
        return Err(Error::Internal("a proof of one identity was added to another's session".to_owned()));
    }
    let session = session_strengthened(cx, session, cleared.proof);
    if !sessions::session_update(tx, cx, &session).await? {
        return Err(ApiError::unauthorized("The session has ended. Sign in again.").into());
    }
    Ok(session)
}

/// The session with a further proof; kept by [`session_strengthen`] only.
pub fn session_strengthened(cx: &Context, session: &Session, proof: Proof) -> Session {
    let mut session = session.clone();
    session.methods.push(method_entry(cx, proof));
    session.aal = assurance(&session.methods);
    session.authenticated_at = cx.now;
    session.expires_at = cx.now + cx.settings().session.lifespan;
    session
}

fn method_entry(cx: &Context, proof: Proof) -> AuthenticationMethod {
    AuthenticationMethod { method: proof.method, aal: proof.aal, completed_at: cx.now }
}

fn device(cx: &Context) -> Device {
    Device {
        id: cx.rng.uuid(),
        ip_address: cx.client.address.map(|address| address.to_string()),
        user_agent: cx.client.user_agent.clone(),
        location: Some(cx.client.location.clone().unwrap_or_default()),
    }
}
