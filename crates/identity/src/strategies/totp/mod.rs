//! Codes of an authenticator app (RFC 6238): set up and removed in the settings, asked for as a second factor.

use async_trait::async_trait;
use crypto::totp::TotpSecret;
use serde_json::Value;

use super::{Authenticated, CredentialChange, Draft, Outcome, Scene, Strategy, because, required};
use crate::error::Error;
use crate::flows::input::Input;
use crate::limits::{Limit, Subject};
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Aal, CredentialKind, CredentialSecret, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::session::Method;
use crate::model::ui::{Group, InputKind, Node};
use crate::sessions::Proof;
use crate::settings::Settings;

/// The method `totp`.
pub struct Totp;

#[async_trait]
impl Strategy for Totp {
    fn method(&self) -> &'static str {
        "totp"
    }

    fn group(&self) -> Group {
        Group::Totp
    }

    fn serves(&self, flow: &Flow) -> bool {
        match flow.kind {
            FlowKind::Login => flow.requested_aal == Aal::Aal2,
            kind => kind == FlowKind::Settings,
        }
    }

    fn is_enabled(&self, settings: &Settings, _kind: FlowKind) -> bool {
        settings.selfservice.methods.totp.enabled
    }

    fn claims(&self, flow: &Flow, input: &Input) -> bool {
        let unlinks = flow.kind == FlowKind::Settings && input.method().is_none() && input.flag("totp_unlink");
        unlinks || input.method() == Some("totp")
    }

    fn is_attempt(&self, _flow: &Flow, input: &Input) -> bool {
        input.text("totp_code").is_some()
    }

    fn limit(&self, kind: FlowKind) -> Option<Limit> {
        // In the settings the secret is shown beside the field for its code.
        (kind == FlowKind::Login).then_some(Limit::SecondFactor)
    }

    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        let stored = scene.identity.and_then(stored);
        if flow.kind == FlowKind::Login {
            if stored.is_some() {
                let code = Node::input(Group::Totp, "totp_code", InputKind::Text)
                    .value("")
                    .required()
                    .label(Message::plain(ids::LOGIN_TOTP_LABEL));
                let submit = Node::submit(Group::Totp, "method", "totp", Message::plain(ids::LOGIN_TOTP));
                flow.ui.nodes.extend([code, submit]);
            }
            return Ok(());
        }
        if stored.is_some() {
            let unlink = Message::plain(ids::SETTINGS_UNLINK_TOTP);
            flow.ui.nodes.push(Node::submit(Group::Totp, "totp_unlink", "true", unlink).required());
            return Ok(());
        }
        populate_set_up(scene, flow)
    }

    async fn submit(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        let Some(identity) = scene.identity else { return Ok(Outcome::Invalid(Vec::new())) };
        if flow.kind == FlowKind::Login {
            return login(scene, identity, input).await;
        }
        if input.flag("totp_unlink") && stored(identity).is_some() {
            return Ok(Outcome::Proposed(Box::new(Draft {
                credentials: vec![CredentialChange::Remove(CredentialKind::Totp)],
                privileged: true,
                ..Draft::default()
            })));
        }
        set_up(scene, flow, identity, input)
    }
}

fn populate_set_up(scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
    let url = match flow.context.totp_url.clone() {
        Some(url) => url,
        None => {
            let account = scene.identity.map(|identity| account_name(scene, identity)).unwrap_or_default();
            let secret = TotpSecret::generate(scene.cx.rng.as_ref());
            secret.to_url(&scene.cx.settings().totp_issuer(), &account)
        }
    };
    let Some(secret) = TotpSecret::from_url(&url) else {
        return Err(Error::Internal("a pending TOTP secret cannot be read".to_owned()));
    };
    let too_long = || Error::Internal("the otpauth URL is too long for a QR code".to_owned());
    let qr = crypto::totp::qr_png_data_uri(&url).ok_or_else(too_long)?;
    flow.context.totp_url = Some(url);
    let text = secret.to_base32();
    let shown = Message::new(ids::SETTINGS_TOTP_SECRET, [("secret", Value::from(text))]);
    let picture = Node::img(Group::Totp, "totp_qr", qr, 256, 256).label(Message::plain(ids::SETTINGS_TOTP_QR));
    let key = Node::text(Group::Totp, "totp_secret_key", shown).label(Message::plain(ids::SETTINGS_TOTP_SECRET_LABEL));
    let code =
        Node::input(Group::Totp, "totp_code", InputKind::Text).required().label(Message::plain(ids::LABEL_VERIFY_CODE));
    let save = Node::submit(Group::Totp, "method", "totp", Message::plain(ids::LABEL_SAVE));
    flow.ui.nodes.extend([picture, key, code, save]);
    Ok(())
}

fn account_name(scene: &Scene<'_>, identity: &Person) -> String {
    let derived = scene.schema.validate(&identity.traits).ok();
    derived.and_then(|derived| derived.totp_account_name).unwrap_or_else(|| identity.id.to_string())
}

async fn login(scene: &Scene<'_>, identity: &Person, input: &Input) -> Result<Outcome, Error> {
    let Some(code) = input.text("totp_code") else {
        return Ok(Outcome::Invalid(vec![required("totp_code")]));
    };
    let Some((url, last_used_step, revision)) = stored(identity) else {
        return Ok(Outcome::invalid("", Message::plain(ids::NO_TOTP)));
    };
    let Some(secret) = TotpSecret::from_url(url) else {
        return Err(Error::Internal("a stored TOTP secret cannot be read".to_owned()));
    };
    let counted = match scene.attempt(Limit::SecondFactor, Subject::Account(identity.id)).await? {
        Ok(counted) => counted,
        Err(outcome) => return Ok(outcome),
    };
    let Some(step) = secret.check(code, scene.cx.now, last_used_step) else {
        return Ok(Outcome::invalid("", Message::plain(ids::TOTP_WRONG)));
    };
    let Some(mut used) = identity.credential(CredentialKind::Totp).cloned() else {
        return Ok(Outcome::invalid("", Message::plain(ids::NO_TOTP)));
    };
    used.secret = CredentialSecret::Totp { totp_url: url.to_owned(), last_used_step: Some(step) };
    Ok(Outcome::Authenticated(Box::new(Authenticated {
        proof: Proof { identity_id: identity.id, method: Method::Totp, aal: Aal::Aal2 },
        counted,
        used: Some((used, revision)),
        used_by_another: Some(Message::plain(ids::TOTP_WRONG)),
    })))
}

fn set_up(scene: &Scene<'_>, flow: &Flow, identity: &Person, input: &Input) -> Result<Outcome, Error> {
    if stored(identity).is_some() {
        return Ok(Outcome::Invalid(vec![because(
            "",
            "An authenticator app is set up already: remove it before you set up another.",
        )]));
    }
    let Some(code) = input.text("totp_code") else {
        return Ok(Outcome::Invalid(vec![required("totp_code")]));
    };
    let pending = flow.context.totp_url.as_deref().and_then(|url| Some((url, TotpSecret::from_url(url)?)));
    let Some((url, secret)) = pending else {
        return Ok(Outcome::Invalid(vec![because("", "The set-up was not begun: open the settings again.")]));
    };
    let Some(step) = secret.check(code, scene.cx.now, None) else {
        return Ok(Outcome::invalid("totp_code", Message::plain(ids::TOTP_WRONG)));
    };
    // The code that tried the app out counts as used: enrolling proves the factor once.
    let secret = CredentialSecret::Totp { totp_url: url.to_owned(), last_used_step: Some(step) };
    Ok(Outcome::Proposed(Box::new(Draft {
        credentials: vec![CredentialChange::Set(CredentialKind::Totp, secret)],
        proof: Some((Method::Totp, Aal::Aal2)),
        privileged: true,
        ..Draft::default()
    })))
}

fn stored(identity: &Person) -> Option<(&str, Option<i64>, i64)> {
    let credential = identity.credential(CredentialKind::Totp)?;
    match &credential.secret {
        CredentialSecret::Totp { totp_url, last_used_step } => Some((totp_url, *last_used_step, credential.version)),
        _ => None,
    }
}
