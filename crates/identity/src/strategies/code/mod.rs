//! One-time codes: six digits that were sent to an address, for recovery and verification. The forms, and what a submission
//! of them means; making, sending and redeeming codes is the flows' business.

use async_trait::async_trait;

use super::{Dispatch, Outcome, Redemption, Scene, Strategy, because, required};
use crate::error::Error;
use crate::flows::input::Input;
use crate::flows::nodes;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, InputKind, Node};
use crate::schema::normalise_email;
use crate::settings::{RecoveryUse, Settings};

/// The method `code`.
pub struct Code;

/// What keeps the stored form of a recovery code from being one of a verification code.
pub const RECOVERY_PURPOSE: &str = "recovery code";
/// What keeps the stored form of a verification code from being one of a recovery code.
pub const VERIFICATION_PURPOSE: &str = "verification code";

#[async_trait]
impl Strategy for Code {
    fn method(&self) -> &'static str {
        "code"
    }

    fn group(&self) -> Group {
        Group::Code
    }

    fn serves(&self, flow: &Flow) -> bool {
        matches!(flow.kind, FlowKind::Recovery | FlowKind::Verification)
    }

    fn is_enabled(&self, settings: &Settings, kind: FlowKind) -> bool {
        let flows = &settings.selfservice.flows;
        let used = match kind {
            FlowKind::Recovery => flows.recovery.use_ == RecoveryUse::Code,
            FlowKind::Verification => flows.verification.use_ == RecoveryUse::Code,
            _ => false,
        };
        used && settings.selfservice.methods.code.enabled
    }

    fn claims(&self, flow: &Flow, input: &Input) -> bool {
        match input.method() {
            Some("code") => true,
            // The code in a mailed link comes without a method.
            None => input.text("code").is_some(),
            // Verification says at the field that there is no such method; recovery says it at the form.
            Some(other) => flow.kind == FlowKind::Verification && !is_method(other),
        }
    }

    fn is_attempt(&self, flow: &Flow, input: &Input) -> bool {
        self.claims(flow, input) && matches!(meaning(flow, input), Meaning::Code(_))
    }

    fn limit(&self, _kind: FlowKind) -> Option<crate::limits::Limit> {
        Some(crate::limits::Limit::Code)
    }

    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        choose(scene.cx.settings(), flow);
        Ok(())
    }

    async fn submit(&self, _scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        Ok(match meaning(flow, input) {
            Meaning::UnknownMethod => {
                Outcome::Invalid(vec![because("method", "There is no such method here. Use the method \"code\".")])
            }
            Meaning::Code(code) => Outcome::Redeem(Redemption { code: code.to_owned() }),
            Meaning::Address(address) => match flow.kind {
                FlowKind::Recovery if normalise_email(address).is_none() => {
                    Outcome::invalid("email", Message::new(ids::INVALID_EMAIL, [("value", address.into())]))
                }
                _ => Outcome::Send(Dispatch { address: address.trim().to_owned(), code: true }),
            },
            Meaning::Missing(field) => Outcome::Invalid(vec![required(field)]),
        })
    }
}

fn is_method(name: &str) -> bool {
    super::ALL.iter().any(|strategy| strategy.method() == name)
}

enum Meaning<'a> {
    UnknownMethod,
    Code(&'a str),
    Address(&'a str),
    Missing(&'static str),
}

fn meaning<'a>(flow: &Flow, input: &'a Input) -> Meaning<'a> {
    if input.method().is_some_and(|method| method != "code") {
        return Meaning::UnknownMethod;
    }
    let code = input.text("code");
    // A flow that a hook began names the button for another code after the channel.
    let address = input.text("email").or_else(|| input.text("sms"));
    match (flow.kind, code, address) {
        (FlowKind::Verification, Some(code), _) => Meaning::Code(code),
        (_, _, Some(address)) => Meaning::Address(address),
        (FlowKind::Recovery, Some(code), None) if flow.state != State::ChooseMethod => Meaning::Code(code),
        (FlowKind::Recovery, None, None) if flow.state != State::ChooseMethod => Meaning::Missing("code"),
        _ => Meaning::Missing("email"),
    }
}

/// The form that asks where to send a code.
pub fn choose(settings: &Settings, flow: &mut Flow) {
    let next = Node::submit(Group::Code, "method", "code", Message::plain(ids::LABEL_CONTINUE));
    let texts = settings.courier.channels.iter().any(|channel| channel.id == "sms");
    flow.ui.nodes = match flow.kind {
        FlowKind::Verification if texts => vec![address_field(InputKind::Text, ids::LABEL_EMAIL_OR_PHONE), next],
        FlowKind::Verification => vec![address_field(InputKind::Email, ids::LABEL_EMAIL), next],
        _ => vec![nodes::csrf_node(), address_field(InputKind::Email, ids::LABEL_EMAIL), next],
    };
    if flow.kind == FlowKind::Verification && flow.transport == Transport::Browser {
        flow.ui.nodes.push(nodes::csrf_node());
    }
}

fn address_field(kind: InputKind, label: u32) -> Node {
    Node::input(Group::Code, "email", kind).required().label(Message::plain(label))
}

/// The form that asks for the code sent to `address`. The button for another one is named `resend`; without an address
/// there is none.
pub fn ask(flow: &mut Flow, resend: Option<(&str, &str)>) {
    let verification = flow.kind == FlowKind::Verification;
    let kept = Node::hidden(Group::Code, "method", "code");
    let next = Node::submit(Group::Code, "method", "code", Message::plain(ids::LABEL_CONTINUE));
    let again =
        resend.map(|(name, address)| Node::submit(Group::Code, name, address, Message::plain(ids::LABEL_RESEND)));
    let mut form = if verification {
        let mut form = vec![kept, code_field(verification), next];
        if flow.transport == Transport::Browser {
            form.push(nodes::csrf_node());
        }
        form
    } else if again.is_some() {
        vec![nodes::csrf_node(), code_field(verification), kept, next]
    } else {
        // Made by an administrator: no browser has a CSRF cookie for it, and no address is known.
        vec![code_field(verification), next]
    };
    form.extend(again);
    flow.ui.nodes = form;
}

fn code_field(verification: bool) -> Node {
    let label = if verification { ids::LABEL_VERIFICATION_CODE } else { ids::LABEL_RECOVERY_CODE };
    let field = Node::input(Group::Code, "code", InputKind::Text)
        .required()
        .autocomplete("one-time-code")
        .label(Message::plain(label));
    if verification {
        return field;
    }
    field.with(|input| {
        input.pattern = Some("[0-9]+".to_owned());
        input.maxlength = Some(6);
    })
}
