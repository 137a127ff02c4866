//! What the answer of a web hook means: nothing, a refusal with messages for the form, or changes of the identity
//! (identity-flows.md §11.7). Never credentials, never an id.

use courier::hooks::{HookAnswer, HookFailure};
use foundation::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::Error;
use crate::model::derive;
use crate::model::identity::{AddressStatus, Channel, Identity as Person, IdentityState};
use crate::model::message::{Message, MessageKind};
use crate::schema::Problem;
use crate::service::Identity;

/// What a hook said.
#[derive(Debug)]
pub(super) enum Heard {
    /// Go on.
    Nothing,
    /// Go on, with these changes.
    Changed(Box<Changes>),
    /// Stop, and show this in the form.
    Refused(Vec<Problem>),
}

/// What a hook changes: members that are empty change nothing, but for `external_id`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Changes {
    traits: Option<Value>,
    schema_id: String,
    state: String,
    verifiable_addresses: Vec<Address>,
    metadata_public: Option<Value>,
    metadata_admin: Option<Value>,
    #[serde(deserialize_with = "named")]
    external_id: Option<Option<String>>,
}

#[derive(Debug, Deserialize)]
struct Address {
    value: String,
    via: String,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    status: String,
}

/// A member that is there, whatever it says.
fn named<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// Reads an answer that counts; its identity only with `parse`.
///
/// # Errors
/// 500 for one that says neither yes nor no in the contract's way: status and body agree in that (known fault).
pub(super) fn read(answer: &HookAnswer, parse: bool) -> Result<Heard, Error> {
    #[derive(Deserialize)]
    struct Accepted {
        #[serde(default)]
        identity: Option<Changes>,
    }
    match answer.status {
        200 if parse => match serde_json::from_slice::<Accepted>(&answer.body) {
            Ok(Accepted { identity: Some(changes) }) => Ok(Heard::Changed(Box::new(changes))),
            Ok(Accepted { identity: None }) => Ok(Heard::Nothing),
            Err(error) => Err(Error::Internal(format!("a web hook answered what is not its JSON: {error}"))),
        },
        status if status >= 400 => refusal(answer),
        status if status >= 300 => Err(improper(status).into()),
        _ => Ok(Heard::Nothing),
    }
}

fn refusal(answer: &HookAnswer) -> Result<Heard, Error> {
    #[derive(Deserialize)]
    struct Refusal {
        messages: Vec<ForNode>,
    }
    #[derive(Deserialize)]
    struct ForNode {
        #[serde(default)]
        instance_ptr: String,
        messages: Vec<Told>,
    }
    #[derive(Deserialize)]
    struct Told {
        #[serde(default)]
        id: u32,
        #[serde(default)]
        text: String,
        #[serde(default, rename = "type")]
        kind: String,
        #[serde(default)]
        context: Option<Map<String, Value>>,
    }
    let unusable = || Error::Internal(format!("a web hook refused with {} and without messages", answer.status));
    let refusal: Refusal = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
    let mut problems = Vec::new();
    for node in refusal.messages {
        let field = field(&node.instance_ptr);
        for told in node.messages {
            let kind = if told.kind == "error" { MessageKind::Error } else { MessageKind::Info };
            let message = Message { id: told.id, text: told.text, kind, context: told.context.unwrap_or_default() };
            problems.push(Problem { field: field.clone(), message });
        }
    }
    if problems.is_empty() {
        return Err(unusable());
    }
    Ok(Heard::Refused(problems))
}

/// `#/traits/email` is the field `traits.email`; an empty pointer is the form.
fn field(pointer: &str) -> String {
    let path = pointer.trim_start_matches('#').trim_start_matches('/');
    path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect::<Vec<_>>().join(".")
}

impl Identity {
    /// Puts what a hook changes into an identity, checked as if it had been submitted.
    ///
    /// # Errors
    /// What the identity's schema says against it comes back as problems; errors are for what is none of its members'
    /// values.
    pub(super) async fn identity_take_changes(
        &self,
        cx: &Context,
        identity: &mut Person,
        changes: Changes,
    ) -> Result<Vec<Problem>, Error> {
        let Changes { traits, schema_id, state, verifiable_addresses, metadata_public, metadata_admin, external_id } =
            changes;
        let traits = traits.filter(|traits| !is_empty(traits));
        if traits.is_some() || !schema_id.is_empty() {
            let id = if schema_id.is_empty() { identity.schema_id.clone() } else { schema_id };
            let schema = self.schema(cx, &id).await?;
            match schema.validate_submitted(traits.as_ref().unwrap_or(&identity.traits)) {
                Ok(derived) => derive::take_traits(identity, derived, cx.now, cx.rng.as_ref()),
                Err(problems) => return Ok(problems),
            }
            identity.schema_id = id;
        }
        if !state.is_empty() {
            let state = IdentityState::parse(&state)
                .ok_or_else(|| Error::Internal(format!("a web hook gave the state {state:?}")))?;
            if identity.state != state {
                identity.state = state;
                identity.state_changed_at = Some(cx.now);
            }
        }
        for given in &verifiable_addresses {
            take_address(cx, identity, given);
        }
        if let Some(metadata) = metadata_public.filter(|metadata| !is_empty(metadata)) {
            identity.metadata_public = Some(metadata);
        }
        if let Some(metadata) = metadata_admin.filter(|metadata| !is_empty(metadata)) {
            identity.metadata_admin = Some(metadata);
        }
        if let Some(external_id) = external_id {
            let external_id = external_id.filter(|id| !id.is_empty());
            if external_id.as_ref().is_some_and(|id| id.chars().count() > 64) {
                return Err(Error::Internal("a web hook gave an external id of more than 64 characters".to_owned()));
            }
            identity.external_id = external_id;
        }
        Ok(Vec::new())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// A hook says of an address that the traits yield whether it is proved. Of others it can say nothing.
fn take_address(cx: &Context, identity: &mut Person, given: &Address) {
    let Some(via) = Channel::parse(&given.via) else { return };
    let same = |value: &str| value.eq_ignore_ascii_case(given.value.trim());
    for address in &mut identity.verifiable_addresses {
        if address.via == via && same(&address.value) {
            let named = AddressStatus::parse(&given.status).unwrap_or(address.status);
            if given.verified && !address.verified {
                address.verified_at = Some(cx.now);
            }
            if !given.verified {
                address.verified_at = None;
            }
            address.verified = given.verified;
            address.status = if given.verified { AddressStatus::Completed } else { named };
            address.updated_at = cx.now;
        }
    }
}

/// A receiver that answers what a hook must not be answered.
pub(super) fn improper(status: u16) -> ApiError {
    ApiError::new(502)
        .id("upstream_error")
        .reason(format!("A server that has to be told of this answered {status}. Try again later."))
}

/// A receiver that gave no answer.
pub(super) fn failed(failure: &HookFailure) -> Error {
    match failure {
        HookFailure::Timeout(cause) => {
            tracing::error!(cause, "a web hook was not answered in time");
            ApiError::new(504).reason("A server that has to be told of this did not answer in time.").into()
        }
        HookFailure::Unreachable(cause) | HookFailure::Refused(cause) => {
            Error::Internal(format!("a web hook cannot be sent: {cause}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HookAnswer {
        HookAnswer { status, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_refusal_needs_messages() {
        let told = r##"{"messages": [{"instance_ptr": "#/traits/name/first", "messages":
            [{"id": 7, "text": "no", "type": "warning", "context": {"a": 1}}, {"id": 8, "text": "no", "type": "error"}]},
            {"messages": [{"id": 9, "text": "all"}]}]}"##;
        let Ok(Heard::Refused(problems)) = read(&answer(403, told), false) else { panic!("a refusal") };
        let seen: Vec<_> =
            problems.iter().map(|problem| (problem.field.as_str(), problem.message.id, problem.message.kind)).collect();
        let (info, error) = (MessageKind::Info, MessageKind::Error);
        assert_eq!(seen, [("traits.name.first", 7, info), ("traits.name.first", 8, error), ("", 9, info)]);
        for body in ["", "text", "{}", r#"{"messages": []}"#, r#"{"messages": [{"messages": []}]}"#, "null"] {
            let refused = read(&answer(400, body), true).unwrap_err().into_api();
            assert_eq!((refused.status, refused.code), (500, None), "{body}");
        }
    }

    #[test]
    fn yes_is_said_in_several_ways() {
        for (status, body) in [(204, ""), (200, r#"{"other": 1}"#), (200, "{}"), (200, r#"{"identity": null}"#)] {
            assert!(matches!(read(&answer(status, body), true), Ok(Heard::Nothing)), "{status} {body}");
        }
        assert!(matches!(read(&answer(200, "whatever"), false), Ok(Heard::Nothing)), "can_interrupt reads no yes");
        for (status, body) in [(200, ""), (200, "text"), (302, ""), (200, r#"{"identity": 7}"#)] {
            assert!(read(&answer(status, body), true).is_err(), "{status} {body}");
        }
        assert!(matches!(read(&answer(200, r#"{"identity": {}}"#), true), Ok(Heard::Changed(_))));
    }

    #[test]
    fn an_external_id_that_is_named_counts_even_if_it_is_empty() {
        let changes = |text: &str| serde_json::from_str::<Changes>(text).unwrap().external_id;
        assert_eq!(changes("{}"), None);
        assert_eq!(changes(r#"{"external_id": ""}"#), Some(Some(String::new())));
        assert_eq!(changes(r#"{"external_id": null}"#), Some(None));
    }
}
