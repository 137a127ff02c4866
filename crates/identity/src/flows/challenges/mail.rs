//! The mails of recovery and verification. Composing may fetch templates: it happens before any transaction.

use courier::{Composed, TemplateData, TemplateKind};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::secret::{Secret, SecretKind};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::Identity as Person;
use crate::service::Identity;
use crate::sessions::view::identity_json;

/// Why a mail is written, and to whom.
#[derive(Debug)]
pub struct Occasion<'a> {
    /// The flow that asks for a proof.
    pub flow: &'a Flow,
    /// Whose address it is.
    pub identity: &'a Person,
    /// The address.
    pub recipient: &'a str,
    /// What the client sent along.
    pub payload: &'a Map<String, Value>,
}

/// The mail that carries a code or a link.
///
/// # Errors
/// A template cannot be read or rendered.
pub async fn compose(
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
pub async fn compose_notice(
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

/// Where a mailed link leads.
pub fn link_url(cx: &Context, flow: &Flow, name: &str, secret: &str) -> String {
    let settings = cx.settings();
    let base = if name == "token" { settings.link_base_url() } else { settings.public_base_url() };
    let query = Serializer::new(String::new()).append_pair("flow", &flow.id.to_string()).append_pair(name, secret).finish();
    format!("{base}self-service/{}?{query}", flow.kind.as_str())
}
