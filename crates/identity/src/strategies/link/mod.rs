//! Links by mail, for recovery and verification. The form, and what a submission of it means; making, sending and following
//! links is the flows' business.

use async_trait::async_trait;

use super::{Dispatch, Outcome, Scene, Strategy, required};
use crate::error::Error;
use crate::flows::input::Input;
use crate::flows::nodes;
use crate::model::flow::{Flow, FlowKind};
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, InputKind, Node};
use crate::schema::normalise_email;
use crate::settings::{RecoveryUse, Settings};

/// The method `link`.
pub struct Link;

#[async_trait]
impl Strategy for Link {
    fn method(&self) -> &'static str {
        "link"
    }

    fn group(&self) -> Group {
        Group::Link
    }

    fn serves(&self, flow: &Flow) -> bool {
        matches!(flow.kind, FlowKind::Recovery | FlowKind::Verification)
    }

    fn is_enabled(&self, settings: &Settings, kind: FlowKind) -> bool {
        let flows = &settings.selfservice.flows;
        let used = match kind {
            FlowKind::Recovery => flows.recovery.use_ == RecoveryUse::Link,
            FlowKind::Verification => flows.verification.use_ == RecoveryUse::Link,
            _ => false,
        };
        used && settings.selfservice.methods.link.enabled
    }

    fn limit(&self, _kind: FlowKind) -> Option<crate::limits::Limit> {
        // A token of 190 bits is not guessed.
        None
    }

    async fn populate(&self, _scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        form(flow, None);
        Ok(())
    }

    async fn submit(&self, _scene: &Scene<'_>, _flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        Ok(match input.text("email") {
            None => Outcome::Invalid(vec![required("email")]),
            Some(address) if normalise_email(address).is_none() => {
                Outcome::invalid("email", Message::new(ids::INVALID_EMAIL, [("value", address.into())]))
            }
            Some(address) => Outcome::Send(Dispatch { address: address.trim().to_owned(), code: false }),
        })
    }
}

/// The form that asks where to send a link; filled in once that was done.
pub fn form(flow: &mut Flow, address: Option<&str>) {
    let field = Node::input(Group::Link, "email", InputKind::Email).required().label(Message::plain(ids::LABEL_EMAIL));
    let field = match address {
        Some(address) => field.value(address),
        None => field,
    };
    let next = Node::submit(Group::Link, "method", "link", Message::plain(ids::LABEL_CONTINUE));
    flow.ui.nodes = vec![nodes::csrf_node(), field, next];
}
