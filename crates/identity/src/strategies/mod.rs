//! What people prove themselves with, or change: a folder for each method, a row for each in [`ALL`].
//!
//! A strategy adds its nodes to a form and says what a submission means. It never writes HTTP, never persists and never
//! runs hooks: the engine does, by the [`Outcome`] it gives. See docs/guides/add-a-strategy.md.

pub mod code;
mod identifier_first;
pub mod link;
mod lookup_secret;
pub mod password;
mod profile;
mod totp;

use std::sync::Arc;

use async_trait::async_trait;
use foundation::Uuid;
use serde_json::Value;

use crate::context::Context;
use crate::error::Error;
use crate::flows::input::Input;
use crate::flows::visit::Visit;
use crate::limits::{Counted, Limit, Subject, Wait};
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Aal, Credential, CredentialKind, CredentialSecret, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::session::Session;
use crate::model::ui::{Container, Group};
use crate::schema::{Derived, IdentitySchema, Problem};
use crate::service::Identity;
use crate::sessions::Proof;
use crate::settings::Settings;

/// All methods, in the order in which they are asked whether a submission is theirs.
pub const ALL: &[&dyn Strategy] = &[
    &profile::Profile,
    &password::Password,
    &code::Code,
    &link::Link,
    &totp::Totp,
    &lookup_secret::LookupSecret,
    &identifier_first::IdentifierFirst,
];

/// Whether `method` is one of the contract that this release does not have, in flows of this kind: it counts as switched
/// off. The configuration cannot switch it on.
pub fn comes_later(kind: FlowKind, method: &str) -> bool {
    let kinds = [FlowKind::Login, FlowKind::Registration, FlowKind::Settings];
    kinds.contains(&kind) && ["oidc", "webauthn", "passkey"].contains(&method)
}

/// A method.
#[async_trait]
pub trait Strategy: Send + Sync {
    /// Its name on the wire and in the configuration.
    fn method(&self) -> &'static str;

    /// The group of its nodes.
    fn group(&self) -> Group;

    /// Whether it has a part in flows like this one at all.
    fn serves(&self, flow: &Flow) -> bool;

    /// Whether the configuration offers it in flows of this kind.
    fn is_enabled(&self, settings: &Settings, kind: FlowKind) -> bool;

    /// Whether a submission is for it. Most go by the name in `method`.
    fn claims(&self, _flow: &Flow, input: &Input) -> bool {
        input.method() == Some(self.method())
    }

    /// Whether a submission is a try of a secret short enough to be guessed: then it is counted before it is looked at.
    fn is_attempt(&self, _flow: &Flow, _input: &Input) -> bool {
        false
    }

    /// What limits tries of what it takes in flows of this kind; `None` where it takes no proof that could be guessed.
    fn limit(&self, kind: FlowKind) -> Option<Limit>;

    /// Adds its nodes to the form of a flow that begins, or is shown anew.
    async fn populate(&self, scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error>;

    /// Says what a submission means.
    async fn submit(&self, scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Outcome, Error>;
}

/// What a strategy can look at.
pub struct Scene<'a> {
    /// The service.
    pub service: &'a Identity,
    /// Who asks, and the settings.
    pub cx: &'a Context,
    /// What the request brought.
    pub visit: &'a Visit,
    /// The schema of the traits.
    pub schema: &'a Arc<IdentitySchema>,
    /// Who is signed in, with credentials; in recovery and verification nobody.
    pub identity: Option<&'a Person>,
    /// The session of who is signed in.
    pub session: Option<&'a Session>,
}

impl Scene<'_> {
    /// Counts a try of a secret, before it is looked at.
    ///
    /// # Errors
    /// The database. The inner error is the outcome of who tried too often.
    pub async fn attempt(&self, limit: Limit, subject: Subject<'_>) -> Result<Result<Counted, Outcome>, Error> {
        let counted = self.service.attempt(self.cx, self.visit, limit, subject).await?;
        Ok(counted.map_err(Outcome::Limited))
    }
}

/// What a submission means.
#[derive(Debug)]
pub enum Outcome {
    /// Something is wrong; the flow stays, with these messages.
    Invalid(Vec<Problem>),
    /// The flow takes a further step in the same form: what is shown and remembered changes, nothing else.
    Advance(Box<Step>),
    /// Somebody proved who they are.
    Authenticated(Box<Authenticated>),
    /// Traits and credentials to save.
    Proposed(Box<Draft>),
    /// A code or a link was asked for: it is made and sent, if there is anybody to send it to.
    Send(Dispatch),
    /// A code was presented, well-formed or not: the engine redeems it.
    Redeem(Redemption),
    /// It was tried too often: nothing was looked at.
    Limited(Wait),
}

/// The next step of a flow.
#[derive(Debug)]
pub struct Step {
    /// The flow as it is then.
    pub flow: Flow,
    /// Whether it asks for more input (400) rather than showing what was asked for (200).
    pub wants_input: bool,
}

/// A proof, and what it used up.
#[derive(Debug)]
pub struct Authenticated {
    /// The proof.
    pub proof: Proof,
    /// That the try was counted before it was made.
    pub counted: Counted,
    /// The credential as it is after the use, and the revision that was looked at: one of two at once wins.
    pub used: Option<(Credential, i64)>,
    /// What to say to the one who comes second.
    pub used_by_another: Option<Message>,
}

/// Changes to an identity.
#[derive(Debug, Default)]
pub struct Draft {
    /// New traits, checked.
    pub traits: Option<Derived>,
    /// New credentials.
    pub credentials: Vec<CredentialChange>,
    /// The proof that the change is: signing up, or a second factor that was tried out.
    pub proof: Option<(crate::model::session::Method, Aal)>,
    /// Whether it touches what only somebody who signed in lately may touch.
    pub privileged: bool,
}

/// A change to one credential.
#[derive(Debug)]
pub enum CredentialChange {
    /// It has this secret from now on.
    Set(CredentialKind, CredentialSecret),
    /// It goes.
    Remove(CredentialKind),
}

/// A request for a code or a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Where to, as it was typed.
    pub address: String,
    /// A code, rather than a link.
    pub code: bool,
}

/// A code to redeem.
#[derive(Debug, Clone)]
pub struct Redemption {
    /// As it was typed.
    pub code: String,
}

impl Outcome {
    /// One problem with one field.
    pub fn invalid(field: &str, message: Message) -> Self {
        Self::Invalid(vec![Problem { field: field.to_owned(), message }])
    }
}

/// A field is missing.
pub fn required(field: &str) -> Problem {
    let property = field.rsplit('.').next().unwrap_or(field);
    let message = Message::new(ids::INVALID_REQUIRED, [("property", Value::from(property))]);
    Problem { field: field.to_owned(), message }
}

/// Something is wrong for a reason of its own.
pub fn because(field: &str, reason: &str) -> Problem {
    let message = Message::new(ids::INVALID_GENERIC, [("reason", Value::from(reason))]);
    Problem { field: field.to_owned(), message }
}

/// The methods that the configuration offers in flows like this one. None of them signs anybody in for an organization:
/// a flow that was begun for one stays empty (identity-flows.md §2.6).
pub fn enabled<'a>(settings: &'a Settings, flow: &'a Flow) -> impl Iterator<Item = &'static dyn Strategy> + 'a {
    let for_everybody = match flow.kind {
        FlowKind::Login => flow.requested_aal == Aal::Aal2 || flow.organization_id().is_none(),
        FlowKind::Registration => flow.organization_id().is_none(),
        _ => true,
    };
    ALL.iter()
        .copied()
        .filter(move |strategy| for_everybody && strategy.serves(flow) && strategy.is_enabled(settings, flow.kind))
}

/// Has the enabled methods add their nodes to a form.
pub async fn populate_all(scene: &Scene<'_>, flow: &mut Flow) -> Result<(), Error> {
    let strategies: Vec<_> = enabled(scene.cx.settings(), flow).collect();
    for strategy in strategies {
        strategy.populate(scene, flow).await?;
    }
    crate::flows::nodes::ensure_csrf_node(flow);
    crate::flows::nodes::sort(flow.kind, &mut flow.ui, scene.schema.trait_names());
    Ok(())
}

/// Adds trait nodes to a form, filled from `values`.
pub fn add_trait_nodes(form: &mut Container, schema: &IdentitySchema, group: Group, values: &Value) {
    form.nodes.extend(schema.trait_nodes(group));
    crate::flows::nodes::fill_values(form, crate::flows::input::leaves("traits", values));
}

/// The id of whom `identifier` names for a method, if anybody.
pub async fn identity_by_identifier(
    scene: &Scene<'_>,
    kind: CredentialKind,
    identifier: &str,
) -> Result<Option<Person>, Error> {
    use crate::store::{credentials, identities};
    let normalised = crate::schema::normalise_identifier(identifier);
    let cx = scene.cx;
    database::read!(&scene.service.db, |tx| -> Result<Option<Person>, Error> {
        let id: Option<Uuid> =
            identities::identity_id_by_identifier(tx, cx, kind, &normalised, identifier.trim()).await?;
        let Some(id) = id else { return Ok(None) };
        let Some(mut identity) = identities::identity_find(tx, cx, id).await? else { return Ok(None) };
        identity.credentials = credentials::credentials_load(tx, cx, cx.vault(), id).await?;
        Ok(Some(identity))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every method in every kind of flow, and what limits the tries of its proofs. CVE-2024-32868, CVE-2025-64102: limits
    /// that one way in had and another had not. A new method fails here until it has a line.
    const LIMITED: &[(&str, FlowKind, Option<Limit>)] = &[
        ("profile", FlowKind::Registration, None),
        ("profile", FlowKind::Settings, None),
        ("password", FlowKind::Login, Some(Limit::Password)),
        // Nobody's password is looked at.
        ("password", FlowKind::Registration, None),
        // It says whether the new password is the old one.
        ("password", FlowKind::Settings, Some(Limit::Password)),
        ("code", FlowKind::Recovery, Some(Limit::Code)),
        ("code", FlowKind::Verification, Some(Limit::Code)),
        // 190 random bits are not guessed.
        ("link", FlowKind::Recovery, None),
        ("link", FlowKind::Verification, None),
        ("totp", FlowKind::Login, Some(Limit::SecondFactor)),
        // The secret stands beside the field.
        ("totp", FlowKind::Settings, None),
        ("lookup_secret", FlowKind::Login, Some(Limit::SecondFactor)),
        // Codes are made there, and none is taken.
        ("lookup_secret", FlowKind::Settings, None),
        ("identifier_first", FlowKind::Login, None),
    ];

    fn example(kind: FlowKind, requested_aal: Aal) -> Flow {
        let now = foundation::Timestamp::UNIX_EPOCH;
        Flow {
            id: Uuid::nil(),
            kind,
            transport: crate::model::flow::Transport::Api,
            state: crate::model::flow::State::ChooseMethod,
            active: None,
            request_url: String::new(),
            csrf: None,
            identity_id: None,
            requested_aal,
            refresh: false,
            schema_id: None,
            ui: Container::new(String::new()),
            context: crate::model::flow::FlowContext::default(),
            transient_payload: serde_json::Map::new(),
            submit_count: 0,
            issued_at: now,
            expires_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn every_method_declares_its_limiter_for_every_kind_of_flow() {
        let mut found = Vec::new();
        for strategy in ALL {
            for kind in FlowKind::ALL {
                let serves = [Aal::Aal1, Aal::Aal2].iter().any(|aal| strategy.serves(&example(kind, *aal)));
                if serves {
                    found.push((strategy.method(), kind, strategy.limit(kind)));
                }
            }
        }
        assert_eq!(found.len(), LIMITED.len(), "{found:?}");
        for row in found {
            assert!(LIMITED.contains(&row), "{row:?} has no line in the table");
        }
    }
}
