//! The mails of recovery and verification. Composing may fetch templates: it happens before any transaction.

use courier::{Composed, CourierError, TemplateData, TemplateKind};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::secret::{Secret, SecretKind};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Aal, Identity as Person, IdentityState};
use crate::service::Identity;
use crate::sessions::view::identity_json;

/// Why a mail is written, and to whom.
#[derive(Debug)]
pub(in crate::flows) struct Occasion<'a> {
    /// The flow that asks for a proof.
    pub(in crate::flows) flow: &'a Flow,
    /// Whose address it is.
    pub(in crate::flows) identity: &'a Person,
    /// The address.
    pub(in crate::flows) recipient: &'a str,
    /// What the client sent along.
    pub(in crate::flows) payload: &'a Map<String, Value>,
}

/// The mail that carries a code or a link.
///
/// # Errors
/// A template cannot be read or rendered.
pub(in crate::flows) async fn compose(
    service: &Identity,
    cx: &Context,
    secret: &Secret,
    occasion: Occasion<'_>,
) -> Result<Composed, Error> {
    let flow = occasion.flow;
    let mut data = TemplateData {
        request_url: flow.request_url.clone(),
        transient_payload: occasion.payload.clone(),
        identity: Some(identity_json(cx, occasion.identity)),
        expires_in_minutes: Some(secret.minutes(cx.now)),
        ..TemplateData::default()
    };
    let kind = match (flow.kind, &secret.kind) {
        (FlowKind::Recovery, SecretKind::Code(code)) => {
            data.recovery_code = Some(code.expose().to_owned());
            TemplateKind::RecoveryCodeValid
        }
        (FlowKind::Recovery, SecretKind::Link(token)) => {
            data.recovery_url = Some(link_url(cx, flow, "token", token.expose()));
            TemplateKind::RecoveryValid
        }
        (_, SecretKind::Code(code)) => {
            data.verification_url = Some(link_url(cx, flow, "code", code.expose()));
            data.verification_code = Some(code.expose().to_owned());
            TemplateKind::VerificationCodeValid
        }
        (_, SecretKind::Link(token)) => {
            data.verification_url = Some(link_url(cx, flow, "token", token.expose()));
            TemplateKind::VerificationValid
        }
    };
    Ok(service.courier.compose(cx, kind, occasion.recipient, data).await?)
}

/// The mail to an address that nobody has here, where the configuration wants it told.
///
/// # Errors
/// A template cannot be read or rendered.
pub(in crate::flows) async fn compose_notice(
    service: &Identity,
    cx: &Context,
    flow: &Flow,
    recipient: &str,
    payload: &Map<String, Value>,
) -> Result<Composed, Error> {
    let data = TemplateData {
        request_url: flow.request_url.clone(),
        transient_payload: payload.clone(),
        ..TemplateData::default()
    };
    let kind = match (flow.kind, flow.active.as_deref()) {
        (FlowKind::Recovery, Some("link")) => TemplateKind::RecoveryInvalid,
        (FlowKind::Recovery, _) => TemplateKind::RecoveryCodeInvalid,
        (_, Some("link")) => TemplateKind::VerificationInvalid,
        _ => TemplateKind::VerificationCodeInvalid,
    };
    Ok(service.courier.compose(cx, kind, recipient, data).await?)
}

/// The mail to somebody who has an account already, when the address is used to sign up.
///
/// # Errors
/// A template cannot be read or rendered.
pub(in crate::flows) async fn compose_known(
    service: &Identity,
    cx: &Context,
    flow: &Flow,
    recipient: &str,
    payload: &Map<String, Value>,
) -> Result<Composed, Error> {
    let data = TemplateData {
        request_url: flow.request_url.clone(),
        transient_payload: payload.clone(),
        login_url: Some(format!("{}self-service/login/browser", cx.settings().public_base_url())),
        ..TemplateData::default()
    };
    Ok(service.courier.compose(cx, TemplateKind::RegistrationKnown, recipient, data).await?)
}

/// Composes the mail that nobody gets, so that an address that nobody has costs what others cost. A template that fails
/// for want of somebody's traits is no error then.
pub(in crate::flows) async fn compose_for_nobody(
    service: &Identity,
    cx: &Context,
    secret: &Secret,
    flow: &Flow,
    payload: &Map<String, Value>,
) {
    let identity = nobody(cx);
    let occasion = Occasion { flow, identity: &identity, recipient: "nobody@example.invalid", payload };
    if let Err(error) = compose(service, cx, secret, occasion).await {
        tracing::debug!(%error, "a mail to nobody cannot be composed");
    }
}

fn nobody(cx: &Context) -> Person {
    Person {
        id: cx.rng.uuid(),
        external_id: None,
        schema_id: cx.settings().identity.default_schema_id.clone(),
        state: IdentityState::Active,
        state_changed_at: None,
        traits: Value::Object(Map::new()),
        metadata_public: None,
        metadata_admin: None,
        organization_id: None,
        available_aal: Aal::Aal0,
        verifiable_addresses: Vec::new(),
        recovery_addresses: Vec::new(),
        credentials: Vec::new(),
        created_at: cx.now,
        updated_at: cx.now,
    }
}

/// A typed address that no mail can be written to gets none; that is no error, as nobody has it.
///
/// # Errors
/// All others.
pub(in crate::flows) fn unless_unwritable(mail: Result<Composed, Error>) -> Result<Option<Composed>, Error> {
    match mail {
        Err(Error::Courier(CourierError::Recipient)) => Ok(None),
        other => other.map(Some),
    }
}

/// Where a mailed link leads.
pub(in crate::flows) fn link_url(cx: &Context, flow: &Flow, name: &str, secret: &str) -> String {
    let settings = cx.settings();
    let base = if name == "token" { settings.link_base_url() } else { settings.public_base_url() };
    let query =
        Serializer::new(String::new()).append_pair("flow", &flow.id.to_string()).append_pair(name, secret).finish();
    format!("{base}self-service/{}?{query}", flow.kind.as_str())
}
