//! The profile: the first of two registration steps, and changes of traits in the settings.

use async_trait::async_trait;

use super::{Draft, Outcome, Scene, Step, Strategy, add_trait_nodes, enabled};
use crate::error::Error;
use crate::flows::input::Input;
use crate::flows::{input, nodes};
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{CredentialKind, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, Node};
use crate::schema::Derived;
use crate::settings::{RegistrationStyle, Settings};

/// The method `profile`.
pub struct Profile;

#[async_trait]
impl Strategy for Profile {
    fn method(&self) -> &'static str {
        "profile"
    }

    fn group(&self) -> Group {
        Group::Profile
    }

    fn serves(&self, flow: &Flow) -> bool {
        matches!(flow.kind, FlowKind::Registration | FlowKind::Settings)
    }

    fn is_enabled(&self, settings: &Settings, kind: FlowKind) -> bool {
        match kind {
            FlowKind::Registration => settings.registration_style() == RegistrationStyle::ProfileFirst,
            _ => settings.selfservice.methods.profile.enabled,
        }
    }

    fn claims(&self, flow: &Flow, input: &Input) -> bool {
        if flow.kind == FlowKind::Settings {
            return input.method() == Some("profile");
        }
        let navigates = matches!(input.text("screen"), Some("credential-selection" | "previous"));
        let known = |method: &str| super::ALL.iter().any(|strategy| strategy.method() == method && method != "profile");
        // In two steps, whatever names no other method is taken for the first one.
        navigates || !input.method().is_some_and(known)
    }

    fn limit(&self, _kind: FlowKind) -> Option<crate::limits::Limit> {
        None
    }

    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        match (flow.kind, scene.identity) {
            (FlowKind::Settings, Some(identity)) => {
                add_trait_nodes(&mut flow.ui, scene.schema, Group::Profile, &identity.traits);
                let save = Message::plain(ids::LABEL_SAVE);
                flow.ui.nodes.push(Node::submit(Group::Profile, "method", "profile", save));
            }
            _ => match flow.context.accepted_traits.clone() {
                None => {
                    add_trait_nodes(&mut flow.ui, scene.schema, Group::Default, &serde_json::Value::Null);
                    let next = Message::plain(ids::REGISTRATION_SIGN_UP);
                    flow.ui.nodes.push(Node::submit(Group::Profile, "method", "profile", next));
                }
                Some(traits) => {
                    let values = input::leaves("traits", &traits);
                    flow.ui
                        .nodes
                        .extend(values.into_iter().map(|(name, value)| Node::hidden(Group::Default, &name, value)));
                    let back = Message::plain(ids::REGISTRATION_BACK);
                    flow.ui.nodes.push(Node::submit(Group::Profile, "screen", "previous", back));
                }
            },
        }
        Ok(())
    }

    async fn submit(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        if flow.kind == FlowKind::Registration {
            return self.step(scene, flow, input).await;
        }
        let Some(identity) = scene.identity else { return Ok(Outcome::Invalid(Vec::new())) };
        Ok(match scene.schema.validate_submitted(&input.traits()) {
            Err(problems) => Outcome::Invalid(problems),
            Ok(derived) => {
                let privileged = touches_identifiers(identity, &derived);
                Outcome::Proposed(Box::new(Draft { traits: Some(derived), privileged, ..Draft::default() }))
            }
        })
    }
}

impl Profile {
    /// From the profile to the choice of credentials, and back.
    async fn step(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        let back = input.text("screen") == Some("previous") || input.method() == Some("profile:back");
        let mut next = flow.clone();
        next.ui.nodes.clear();
        next.ui.reset_messages();
        if back {
            let typed = flow.context.accepted_traits.clone().unwrap_or_else(|| input.traits());
            next.context.accepted_traits = None;
            super::populate_all(scene, &mut next).await?;
            nodes::fill_values(&mut next.ui, input::leaves("traits", &typed));
        } else {
            let derived = match scene.schema.validate_submitted(&input.traits()) {
                Ok(derived) => derived,
                Err(problems) => return Ok(Outcome::Invalid(problems)),
            };
            next.context.accepted_traits = Some(derived.traits);
            let strategies: Vec<_> = enabled(scene.cx.settings(), &next).collect();
            for strategy in strategies {
                strategy.populate(scene, &mut next).await?;
            }
            nodes::ensure_csrf_node(&mut next);
            nodes::sort(next.kind, &mut next.ui, scene.schema.trait_names());
            next.ui.messages.push(Message::plain(ids::REGISTRATION_CHOOSE_CREDENTIALS));
        }
        Ok(Outcome::Advance(Box::new(Step { flow: next, wants_input: true })))
    }
}

/// Whether new traits change what somebody signs in with or is reached at.
fn touches_identifiers(identity: &Person, derived: &Derived) -> bool {
    let identifiers = identity.credential(CredentialKind::Password).map(|credential| {
        let mut before = credential.identifiers.clone();
        let mut after = derived.password_identifiers.clone();
        before.sort();
        after.sort();
        before != after
    });
    let verifiable = identity.verifiable_addresses.iter().map(|address| (address.via, &address.value));
    let recovery = identity.recovery_addresses.iter().map(|address| (address.via, &address.value));
    identifiers.unwrap_or(false)
        || !verifiable.eq(derived.verifiable.iter().map(|(via, value)| (*via, value)))
        || !recovery.eq(derived.recovery.iter().map(|(via, value)| (*via, value)))
}
