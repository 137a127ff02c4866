//! Backup codes: twelve codes that each stand in once for the second factor. Shown, confirmed, shown again and switched off
//! in the settings.

use async_trait::async_trait;
use serde_json::Value;

use super::{Authenticated, CredentialChange, Draft, Outcome, Scene, Step, Strategy, because, required};
use crate::error::Error;
use crate::flows::input::Input;
use crate::limits::{Limit, Subject};
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Aal, CredentialKind, CredentialSecret, Identity as Person, LookupCode};
use crate::model::message::{Message, ids};
use crate::model::session::Method;
use crate::model::ui::{Group, InputKind, Node};
use crate::sessions::Proof;
use crate::settings::Settings;

/// The method `lookup_secret`.
pub struct LookupSecret;

const REVEAL: &str = "lookup_secret_reveal";
const REGENERATE: &str = "lookup_secret_regenerate";
const CONFIRM: &str = "lookup_secret_confirm";
const DISABLE: &str = "lookup_secret_disable";

#[async_trait]
impl Strategy for LookupSecret {
    fn method(&self) -> &'static str {
        "lookup_secret"
    }

    fn group(&self) -> Group {
        Group::LookupSecret
    }

    fn serves(&self, flow: &Flow) -> bool {
        match flow.kind {
            FlowKind::Login => flow.requested_aal == Aal::Aal2,
            kind => kind == FlowKind::Settings,
        }
    }

    fn is_enabled(&self, settings: &Settings, _kind: FlowKind) -> bool {
        settings.selfservice.methods.lookup_secret.enabled
    }

    fn claims(&self, flow: &Flow, input: &Input) -> bool {
        let acts = [REVEAL, REGENERATE, CONFIRM, DISABLE].iter().any(|name| input.flag(name));
        input.method() == Some("lookup_secret") || flow.kind == FlowKind::Settings && input.method().is_none() && acts
    }

    fn is_attempt(&self, flow: &Flow, input: &Input) -> bool {
        flow.kind == FlowKind::Login && input.text("lookup_secret").is_some()
    }

    fn limit(&self, kind: FlowKind) -> Option<Limit> {
        // In the settings codes are made, and none is taken.
        (kind == FlowKind::Login).then_some(Limit::SecondFactor)
    }

    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        let stored = scene.identity.and_then(stored);
        if flow.kind == FlowKind::Login {
            if stored.is_some() {
                let code = Node::input(Group::LookupSecret, "lookup_secret", InputKind::Text)
                    .value("")
                    .required()
                    .label(Message::plain(ids::LOGIN_LOOKUP_LABEL));
                let submit = Message::plain(ids::LOGIN_LOOKUP);
                flow.ui.nodes.extend([code, Node::submit(Group::LookupSecret, "method", "lookup_secret", submit)]);
            }
            return Ok(());
        }
        flow.ui.nodes.extend(match stored {
            Some(_) => vec![button(REVEAL, ids::SETTINGS_REVEAL_LOOKUP), button(DISABLE, ids::SETTINGS_LOOKUP_DISABLE)],
            None => vec![button(REGENERATE, ids::SETTINGS_REGENERATE_LOOKUP)],
        });
        Ok(())
    }

    async fn submit(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        let Some(identity) = scene.identity else { return Ok(Outcome::Invalid(Vec::new())) };
        if flow.kind == FlowKind::Login {
            return login(scene, identity, input).await;
        }
        Ok(if input.flag(CONFIRM) {
            confirm(flow)
        } else if input.flag(REGENERATE) {
            regenerate(scene, flow)
        } else if input.flag(REVEAL) {
            reveal(identity, flow)
        } else if input.flag(DISABLE) {
            disable(identity)
        } else {
            Outcome::Invalid(vec![because(
                "",
                "Say what to do with the backup codes: one of the buttons' names is missing.",
            )])
        })
    }
}

fn button(name: &str, label: u32) -> Node {
    Node::submit(Group::LookupSecret, name, "true", Message::plain(label))
}

async fn login(scene: &Scene<'_>, identity: &Person, input: &Input) -> Result<Outcome, Error> {
    let Some(typed) = input.text("lookup_secret") else {
        return Ok(Outcome::Invalid(vec![required("lookup_secret")]));
    };
    let Some((codes, revision)) = stored(identity) else {
        return Ok(Outcome::invalid("", Message::plain(ids::NO_LOOKUP)));
    };
    let counted = match scene.attempt(Limit::SecondFactor, Subject::Account(identity.id)).await? {
        Ok(counted) => counted,
        Err(outcome) => return Ok(outcome),
    };
    // Each code is compared, whichever matches: how long it takes does not tell which one was nearly right.
    let found = codes.iter().enumerate().fold(None, |found, (index, code)| {
        let same = crypto::macs::same(code.code.as_bytes(), typed.trim().as_bytes());
        if same { Some(index) } else { found }
    });
    let Some(index) = found else {
        return Ok(Outcome::invalid("", Message::plain(ids::LOOKUP_WRONG)));
    };
    if codes[index].used_at.is_some() {
        return Ok(Outcome::invalid("", Message::plain(ids::LOOKUP_USED)));
    }
    let Some(mut used) = identity.credential(CredentialKind::LookupSecret).cloned() else {
        return Ok(Outcome::invalid("", Message::plain(ids::NO_LOOKUP)));
    };
    let mut codes = codes.to_vec();
    codes[index].used_at = Some(scene.cx.now);
    used.secret = CredentialSecret::LookupSecret { recovery_codes: codes };
    Ok(Outcome::Authenticated(Box::new(Authenticated {
        proof: Proof { identity_id: identity.id, method: Method::LookupSecret, aal: Aal::Aal2 },
        counted,
        used: Some((used, revision)),
        used_by_another: Some(Message::plain(ids::LOOKUP_USED)),
    })))
}

/// New codes are shown, and nothing is stored until they are confirmed.
fn regenerate(scene: &Scene<'_>, flow: &Flow) -> Outcome {
    let codes = crypto::tokens::lookup_codes(scene.cx.rng.as_ref());
    let shown = codes.iter().map(|code| code_message(code)).collect();
    let mut step = show(flow, shown, [button(CONFIRM, ids::SETTINGS_LOOKUP_CONFIRM)]);
    step.context.lookup_codes = codes;
    Outcome::Advance(Box::new(Step { flow: step, wants_input: false }))
}

fn reveal(identity: &Person, flow: &Flow) -> Outcome {
    let Some((codes, _)) = stored(identity) else {
        return Outcome::Invalid(vec![because("", "No backup codes are set up.")]);
    };
    let shown = codes.iter().map(|code| match code.used_at {
        None => code_message(&code.code),
        Some(used_at) => Message::new(
            ids::SETTINGS_LOOKUP_USED,
            [("used_at", Value::from(used_at.to_string())), ("used_at_unix", Value::from(used_at.as_second()))],
        ),
    });
    let buttons = [button(DISABLE, ids::SETTINGS_LOOKUP_DISABLE), button(REGENERATE, ids::SETTINGS_REGENERATE_LOOKUP)];
    let mut step = show(flow, shown.collect(), buttons);
    step.context.lookup_revealed = true;
    Outcome::Advance(Box::new(Step { flow: step, wants_input: false }))
}

fn code_message(code: &str) -> Message {
    Message::new(ids::SETTINGS_LOOKUP_SECRET, [("secret", Value::from(code))])
}

/// The form with the codes in place of this method's buttons.
fn show<const N: usize>(flow: &Flow, codes: Vec<Message>, buttons: [Node; N]) -> Flow {
    let mut next = flow.clone();
    next.ui.reset_messages();
    next.ui.nodes.retain(|node| node.group != Group::LookupSecret);
    let list = codes.iter().map(|code| code.text.as_str()).collect::<Vec<_>>().join(", ");
    let secrets = serde_json::to_value(&codes).unwrap_or_default();
    let mut text = Message::new(ids::SETTINGS_LOOKUP_LIST, [("secrets", secrets)]);
    text.text = list;
    let label = Message::plain(ids::SETTINGS_LOOKUP_LABEL);
    next.ui.nodes.push(Node::text(Group::LookupSecret, "lookup_secret_codes", text).label(label));
    next.ui.nodes.extend(buttons);
    next
}

fn confirm(flow: &Flow) -> Outcome {
    if flow.context.lookup_codes.is_empty() {
        return Outcome::Invalid(vec![because("", "There are no new backup codes to confirm: make some first.")]);
    }
    let codes = flow.context.lookup_codes.iter().map(|code| LookupCode { code: code.clone(), used_at: None });
    let secret = CredentialSecret::LookupSecret { recovery_codes: codes.collect() };
    Outcome::Proposed(Box::new(Draft {
        credentials: vec![CredentialChange::Set(CredentialKind::LookupSecret, secret)],
        proof: Some((Method::LookupSecret, Aal::Aal2)),
        privileged: true,
        ..Draft::default()
    }))
}

fn disable(identity: &Person) -> Outcome {
    if stored(identity).is_none() {
        return Outcome::Invalid(vec![because("", "No backup codes are set up.")]);
    }
    Outcome::Proposed(Box::new(Draft {
        credentials: vec![CredentialChange::Remove(CredentialKind::LookupSecret)],
        privileged: true,
        ..Draft::default()
    }))
}

fn stored(identity: &Person) -> Option<(&[LookupCode], i64)> {
    let credential = identity.credential(CredentialKind::LookupSecret)?;
    match &credential.secret {
        CredentialSecret::LookupSecret { recovery_codes } if !recovery_codes.is_empty() => {
            Some((recovery_codes, credential.version))
        }
        _ => None,
    }
}
