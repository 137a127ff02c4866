//! Passwords: signing up, signing in, changing it. The hash is made by `crypto`, the rules are in `policy`.

pub mod policy;

use async_trait::async_trait;
use crypto::passwords::{Caller, HashError};

use super::{CredentialChange, Draft, Outcome, Scene, Strategy, add_trait_nodes, identity_by_identifier, required};
use crate::error::Error;
use crate::flows::input::Input;
use crate::limits::{Limit, Subject};
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Aal, CredentialKind, CredentialSecret, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::session::Method;
use crate::model::ui::{Group, InputKind, Node};
use crate::schema::Derived;
use crate::sessions::Proof;
use crate::settings::{RegistrationStyle, Settings};

/// The method `password`.
pub struct Password;

#[async_trait]
impl Strategy for Password {
    fn method(&self) -> &'static str {
        "password"
    }

    fn group(&self) -> Group {
        Group::Password
    }

    fn serves(&self, flow: &Flow) -> bool {
        match flow.kind {
            FlowKind::Login => flow.requested_aal == Aal::Aal1,
            FlowKind::Registration | FlowKind::Settings => true,
            FlowKind::Recovery | FlowKind::Verification => false,
        }
    }

    fn is_enabled(&self, settings: &Settings, _kind: FlowKind) -> bool {
        settings.selfservice.methods.password.enabled
    }

    fn limit(&self, kind: FlowKind) -> Option<Limit> {
        // Changing a password tells whether it is the old one; signing up proves nothing.
        (kind != FlowKind::Registration).then_some(Limit::Password)
    }

    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
        match flow.kind {
            FlowKind::Login => populate_login(scene, flow),
            FlowKind::Registration => populate_registration(scene, flow),
            _ => {
                let password = new_password_field();
                let save = Message::plain(ids::LABEL_SAVE);
                flow.ui.nodes.extend([password, Node::submit(Group::Password, "method", "password", save)]);
            }
        }
        Ok(())
    }

    async fn submit(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error> {
        match flow.kind {
            FlowKind::Login => login(scene, input).await,
            FlowKind::Registration => register(scene, input).await,
            _ => change(scene, input).await,
        }
    }
}

fn populate_login(scene: &Scene<'_>, flow: &mut Flow) {
    let password = Node::input(Group::Password, "password", InputKind::Password)
        .required()
        .autocomplete("current-password")
        .label(Message::plain(ids::LABEL_PASSWORD));
    let known = scene.identity.filter(|_| flow.refresh);
    let (identifier, label) = match known {
        Some(identity) => {
            // Only what this person can use is shown.
            let Some(identifier) = first_identifier(identity) else { return };
            (Node::hidden(Group::Default, "identifier", identifier), ids::LOGIN_SIGN_IN)
        }
        None if flow.context.identifier.is_some() => {
            let typed = flow.context.identifier.clone().unwrap_or_default();
            (Node::hidden(Group::Default, "identifier", typed), ids::LOGIN_PASSWORD)
        }
        None if super::identifier_first::is_on(scene.cx.settings()) => return,
        None => (identifier_field(scene), ids::LOGIN_PASSWORD),
    };
    let submit = Node::submit(Group::Password, "method", "password", Message::plain(label));
    if !flow.ui.nodes.iter().any(|node| node.id() == "identifier") {
        flow.ui.nodes.push(identifier);
    }
    flow.ui.nodes.extend([password, submit]);
}

/// The field for the identifier, labelled as the schema calls it.
pub fn identifier_field(scene: &Scene<'_>) -> Node {
    Node::input(Group::Default, "identifier", InputKind::Text)
        .value("")
        .required()
        .label(scene.schema.password_identifier_label())
}

fn populate_registration(scene: &Scene<'_>, flow: &mut Flow) {
    let two_steps = scene.cx.settings().registration_style() == RegistrationStyle::ProfileFirst;
    if two_steps && flow.context.accepted_traits.is_none() {
        // The first step asks for the profile alone.
        return;
    }
    if !two_steps {
        add_trait_nodes(&mut flow.ui, scene.schema, Group::Default, &serde_json::Value::Null);
    }
    let sign_up = Message::plain(ids::REGISTRATION_SIGN_UP);
    flow.ui.nodes.extend([new_password_field(), Node::submit(Group::Password, "method", "password", sign_up)]);
}

fn new_password_field() -> Node {
    Node::input(Group::Password, "password", InputKind::Password)
        .required()
        .autocomplete("new-password")
        .label(Message::plain(ids::LABEL_PASSWORD))
}

fn first_identifier(identity: &Person) -> Option<String> {
    identity.credential(CredentialKind::Password)?.identifiers.first().cloned()
}

async fn login(scene: &Scene<'_>, input: &Input) -> Result<Outcome, Error> {
    let identifier = input.text("identifier").or_else(|| input.text("password_identifier"));
    let (Some(identifier), Some(password)) = (identifier, input.text("password")) else {
        let missing = [("identifier", identifier.is_none()), ("password", input.text("password").is_none())];
        let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
        return Ok(Outcome::Invalid(missing.map(|(field, _)| required(field)).collect()));
    };
    let wrong = || Outcome::invalid("", Message::plain(ids::INVALID_CREDENTIALS));
    let identity = identity_by_identifier(scene, CredentialKind::Password, identifier).await?;
    let subject = identity.as_ref().map_or(Subject::Nobody(identifier), |identity| Subject::Account(identity.id));
    let counted = match scene.attempt(Limit::Password, subject).await? {
        Ok(counted) => counted,
        Err(outcome) => return Ok(outcome),
    };
    let stored = identity.as_ref().and_then(|identity| identity.credential(CredentialKind::Password));
    let (Some(identity), Some(credential), Some(hash)) = (&identity, stored, stored.and_then(hash_of)) else {
        // Nobody of this name, or somebody without a password: it takes as long and reads the same.
        scene.service.passwords.verify_nobody(caller(scene), password).await?;
        return Ok(wrong());
    };
    let verified = scene.service.passwords.verify(caller(scene), password, hash).await?;
    if !verified.matches {
        return Ok(wrong());
    }
    let used = if verified.outdated { rehash(scene, credential, password).await } else { None };
    let proof = Proof { identity_id: identity.id, method: Method::Password, aal: Aal::Aal1 };
    Ok(Outcome::Authenticated(Box::new(super::Authenticated { proof, counted, used, used_by_another: None })))
}

/// The credential with its hash made anew by the configured parameters. That it fails, or is no longer current, keeps
/// nobody from signing in: the next time does it.
async fn rehash(
    scene: &Scene<'_>,
    credential: &crate::model::identity::Credential,
    password: &str,
) -> Option<(crate::model::identity::Credential, i64)> {
    match scene.service.passwords.hash(caller(scene), &scene.cx.rng, password).await {
        Ok(hash) => {
            let mut changed = credential.clone();
            changed.secret = CredentialSecret::Password { hashed_password: Some(hash) };
            Some((changed, credential.version))
        }
        Err(error) => {
            tracing::info!(%error, "a password could not be hashed anew");
            None
        }
    }
}

fn hash_of(credential: &crate::model::identity::Credential) -> Option<&str> {
    match &credential.secret {
        CredentialSecret::Password { hashed_password } => hashed_password.as_deref(),
        _ => None,
    }
}

async fn register(scene: &Scene<'_>, input: &Input) -> Result<Outcome, Error> {
    let mut problems = Vec::new();
    let derived = match scene.schema.validate_submitted(&input.traits()) {
        Ok(derived) => Some(derived),
        Err(found) => {
            problems = found;
            None
        }
    };
    let Some(password) = input.text("password") else {
        problems.push(required("password"));
        return Ok(Outcome::Invalid(problems));
    };
    let Some(derived) = derived else { return Ok(Outcome::Invalid(problems)) };
    if derived.password_identifiers.is_empty() {
        return Ok(Outcome::invalid("", Message::plain(ids::IDENTIFIER_MISSING)));
    }
    if let Some(message) = policy::check(scene, password, &derived.password_identifiers).await? {
        return Ok(Outcome::invalid("password", message));
    }
    let change = match set_password(scene, password).await? {
        Ok(change) => change,
        Err(message) => return Ok(Outcome::invalid("password", message)),
    };
    Ok(Outcome::Proposed(Box::new(Draft {
        traits: Some(derived),
        credentials: vec![change],
        proof: Some((Method::Password, Aal::Aal1)),
        privileged: true,
    })))
}

async fn change(scene: &Scene<'_>, input: &Input) -> Result<Outcome, Error> {
    let Some(password) = input.text("password") else {
        return Ok(Outcome::Invalid(vec![required("password")]));
    };
    let Some(identity) = scene.identity else { return Ok(Outcome::Invalid(Vec::new())) };
    let derived: Derived = match scene.schema.validate(&identity.traits) {
        Ok(derived) => derived,
        Err(problems) => return Ok(Outcome::Invalid(problems)),
    };
    if let Some(message) = policy::check(scene, password, &derived.password_identifiers).await? {
        return Ok(Outcome::invalid("password", message));
    }
    if let Err(outcome) = scene.attempt(Limit::Password, Subject::Account(identity.id)).await? {
        return Ok(outcome);
    }
    if let Some(hash) = identity.credential(CredentialKind::Password).and_then(hash_of)
        && scene.service.passwords.verify(caller(scene), password, hash).await?.matches
    {
        return Ok(Outcome::invalid("password", Message::plain(ids::PASSWORD_SAME_AS_OLD)));
    }
    let change = match set_password(scene, password).await? {
        Ok(change) => change,
        Err(message) => return Ok(Outcome::invalid("password", message)),
    };
    Ok(Outcome::Proposed(Box::new(Draft {
        traits: Some(derived),
        credentials: vec![change],
        privileged: true,
        ..Draft::default()
    })))
}

/// Whose turn it is in the hashing pool: clients come by their network.
fn caller(scene: &Scene<'_>) -> Caller {
    scene.cx.client.address.map_or(Caller::ANYBODY, |address| Caller::new(web::client::network(address)))
}

async fn set_password(scene: &Scene<'_>, password: &str) -> Result<Result<CredentialChange, Message>, Error> {
    match scene.service.passwords.hash(caller(scene), &scene.cx.rng, password).await {
        Ok(hash) => {
            let secret = CredentialSecret::Password { hashed_password: Some(hash) };
            Ok(Ok(CredentialChange::Set(CredentialKind::Password, secret)))
        }
        Err(HashError::TooLong { .. }) => Ok(Err(policy::too_long(password))),
        Err(error) => Err(error.into()),
    }
}
