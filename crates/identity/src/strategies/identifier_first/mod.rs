//! Sign-in in two steps: who first, then how. On with `login.style: identifier_first` (identity-flows.md §4.4).

use async_trait::async_trait;

use super::{Outcome, Scene, Step, Strategy, enabled, identity_by_identifier, required};
use crate::error::Error;
use crate::flows::input::Input;
use crate::flows::nodes;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Aal, CredentialKind, CredentialSecret, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, InputKind, Node};
use crate::settings::{LoginStyle, Settings};

/// The method `identifier_first`.
pub struct IdentifierFirst;

/// Whether sign-in asks for the identifier first.
pub fn is_on(settings: &Settings) -> bool {
    settings.selfservice.flows.login.style == LoginStyle::IdentifierFirst
}

#[async_trait]
impl Strategy for IdentifierFirst {
    fn method(&self) -> &'static str {
        "identifier_first"
    }

    fn group(&self) -> Group {
        Group::IdentifierFirst
    }

    fn serves(&self, flow: &Flow) -> bool {
        flow.kind == FlowKind::Login && flow.requested_aal == Aal::Aal1 && !flow.refresh
    }

    fn is_enabled(&self, settings: &Settings, _kind: FlowKind) -> bool {
        is_on(settings)
    }

    fn claims(&self, _flow: &Flow, _input: &Input) -> bool {
        // Asked last, it takes whatever no other method took: a form with an identifier alone needs no `method`.
        true
    }

    fn limit(&self, _kind: FlowKind) -> Option<crate::limits::Limit> {
        None
    }

    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        if flow.context.identifier.is_some() {
            return Ok(());
        }
        let identifier = Node::input(Group::IdentifierFirst, "identifier", InputKind::Text)
            .value("")
            .required()
            .autocomplete("username webauthn")
            .label(scene.schema.password_identifier_label());
        let next = Message::plain(ids::LABEL_CONTINUE);
        flow.ui.nodes.extend([identifier, Node::submit(Group::IdentifierFirst, "method", "identifier_first", next)]);
        Ok(())
    }

    async fn submit(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        let Some(identifier) = input.text("identifier") else {
            return Ok(Outcome::Invalid(vec![required("identifier")]));
        };
        let mitigate = scene.cx.settings().security.account_enumeration.mitigate;
        let known = identity_by_identifier(scene, CredentialKind::Password, identifier).await?;
        if known.is_none() && !mitigate {
            return Ok(Outcome::invalid("identifier", Message::plain(ids::ACCOUNT_NOT_FOUND)));
        }
        let mut next = flow.clone();
        next.ui.nodes.clear();
        next.ui.reset_messages();
        next.active = Some("identifier_first".to_owned());
        next.context.identifier = Some(identifier.to_owned());
        let strategies: Vec<_> = enabled(scene.cx.settings(), &next).collect();
        for strategy in strategies {
            // With mitigation on, everybody is shown everything; off, only what they have.
            if mitigate || known.as_ref().is_some_and(|person| has(person, strategy.method())) {
                strategy.populate(scene, &mut next).await?;
            }
        }
        if next.ui.nodes.is_empty() {
            return Ok(Outcome::invalid("identifier", Message::plain(ids::ACCOUNT_NOT_FOUND)));
        }
        nodes::ensure_csrf_node(&mut next);
        nodes::sort(next.kind, &mut next.ui, scene.schema.trait_names());
        Ok(Outcome::Advance(Box::new(Step { flow: next, wants_input: true })))
    }
}

/// Whether a person can sign in by a method.
fn has(person: &Person, method: &str) -> bool {
    person.credentials.iter().any(|credential| match &credential.secret {
        CredentialSecret::Password { hashed_password } => method == "password" && hashed_password.is_some(),
        _ => credential.kind.as_str() == method,
    })
}
