//! Signing up: in one form, or with the profile first and the credentials second.

mod quiet;

use std::sync::Arc;

use crypto::tokens::SessionToken;
use database::transact;
use foundation::ApiError;
use serde_json::{Value, json};
use web::body::Body;
use web::csrf::CsrfSecret;

use super::engine::{self, begun, pick, shown_again, submitted_id};
use super::hooks::{self, Wanted};
use super::input::Input;
use super::login::{completed, replaced, set_cookie, without_reason};
use super::transitions::{self, Event};
use super::verification::SpawnedVerification;
use super::view::{Extras, flow_json};
use super::visit::{Audience, Reply, ReplyBody, Visit};
use super::web_hooks::{Asked, Moment};
use super::{nodes, return_to};
use crate::context::Context;
use crate::error::Error;
use crate::model::derive;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::identity::{Aal, CredentialKind, Identity as Person, IdentityState};
use crate::model::message::{Message, ids};
use crate::model::session::Session;
use crate::model::ui::Group;
use crate::schema::{IdentitySchema, Problem};
use crate::service::Identity;
use crate::sessions::current::Shown;
use crate::sessions::view::{identity_json, session_json};
use crate::sessions::{Proof, gate};
use crate::settings::FlowName;
use crate::store::{credentials, flows, identities};
use crate::strategies::{self, CredentialChange, Draft, Outcome};

impl Identity {
    /// Begins a flow.
    ///
    /// # Errors
    /// 400 `self_service_flow_disabled` where signing up is switched off; 400 for parameters that cannot be used;
    /// 400 `session_already_available` for an app or a page of somebody who is signed in.
    pub async fn registration_begin(&self, cx: &Context, visit: &Visit, transport: Transport) -> Result<Reply, Error> {
        check_enabled(cx)?;
        engine::check_return_to(cx, visit)?;
        let schema = engine::chosen_schema(cx, visit)?;
        if self.session_shown(cx, visit.shown.as_ref()).await?.is_some() {
            if transport == Transport::Api || visit.prefers_json {
                return Err(hooks::already_signed_in().into());
            }
            return Ok(Reply::see_other(return_to::signed_in(cx.settings(), FlowName::Registration, visit)?));
        }
        let mut flow = engine::new_flow(cx, visit, FlowKind::Registration, transport);
        flow.schema_id = schema;
        self.registration_fill(cx, visit, &mut flow).await?;
        self.flow_open(cx, visit, &flow, None).await?;
        Ok(begun(cx, visit, &flow, None))
    }

    async fn registration_fill(&self, cx: &Context, visit: &Visit, flow: &mut Flow) -> Result<(), Error> {
        let schema = self.flow_schema(cx, flow, None).await?;
        let scene = self.scene(cx, visit, &schema, None);
        strategies::populate_all(&scene, flow).await
    }

    /// Shows a flow to who began it.
    ///
    /// # Errors
    /// 400 where signing up is switched off, whether there is such a flow or not; 404, 403, 410 as for sign-in.
    pub async fn registration_fetch(&self, cx: &Context, visit: &Visit) -> Result<Reply, Error> {
        check_enabled(cx)?;
        let id = engine::fetched_id(visit);
        let flow = self.flow_load(cx, FlowKind::Registration, id).await.map_err(without_reason)?;
        engine::check_reader(visit, &flow)?;
        if flow.is_expired(cx.now) {
            return Err(engine::ended_error(cx, &flow).into());
        }
        Ok(Reply::json(200, flow_json(cx, visit, &flow, Extras::default())))
    }

    /// Takes a submission.
    ///
    /// # Errors
    /// What belongs in the form comes back in the form; errors are for requests without a usable flow.
    pub async fn registration_submit(&self, cx: &Context, visit: &Visit, body: Option<&Body>) -> Result<Reply, Error> {
        let flow = self.flow_load(cx, FlowKind::Registration, submitted_id(visit)?).await.map_err(without_reason)?;
        check_enabled(cx)?;
        if self.session_shown(cx, visit.shown.as_ref()).await?.is_some() {
            if visit.audience(&flow) == Audience::Browser {
                return Ok(Reply::new(ReplyBody::Redirect(302, cx.settings().default_return_url().into())));
            }
            return Err(hooks::already_signed_in().into());
        }
        if flow.is_expired(cx.now) {
            return self.registration_replace(cx, visit, &flow).await;
        }
        if flow.state == State::PassedChallenge {
            return completed(cx, visit, flow, ids::REGISTRATION_COMPLETED);
        }
        let schema = self.flow_schema(cx, &flow, None).await?;
        let input = match body.map(|body| engine::read_input(body, &schema)) {
            Some(Ok(input)) => input,
            Some(Err(problems)) => {
                return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
            }
            None => {
                let message = engine::no_strategy(FlowKind::Registration);
                let problems = vec![Problem { field: String::new(), message }];
                return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
            }
        };
        self.registration_with(cx, visit, flow, input, &schema).await
    }

    async fn registration_with(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        mut input: Input,
        schema: &Arc<IdentitySchema>,
    ) -> Result<Reply, Error> {
        flow.transient_payload = super::challenges::transient_payload(&input);
        if let Some(problem) = engine::check_csrf(visit, &flow, &input)? {
            engine::echo(&mut flow, &input);
            return self.flow_invalid(cx, visit, flow, vec![problem], Group::Default, None).await;
        }
        if let Some(accepted) = &flow.context.accepted_traits
            && input.value("traits").is_none()
        {
            // The second step's form carries the traits in hidden fields; who sends credentials alone means the same.
            input.set("traits", accepted.clone());
        }
        let scene = self.scene(cx, visit, schema, None);
        let Some(strategy) = pick(&scene, &flow, &input)? else {
            let message = engine::no_strategy(FlowKind::Registration);
            let problems = vec![Problem { field: String::new(), message }];
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        };
        match strategy.submit(&scene, &flow, &input).await? {
            Outcome::Invalid(problems) => {
                engine::echo(&mut flow, &input);
                self.flow_invalid(cx, visit, flow, problems, group_of(strategy.group()), None).await
            }
            Outcome::Advance(step) => {
                self.flow_save(cx, &step.flow, flow.state).await?;
                let status = if step.wants_input { 400 } else { 200 };
                Ok(shown_again(cx, visit, &step.flow, status, Extras::default()))
            }
            Outcome::Proposed(draft) => {
                self.registration_finish(cx, visit, flow, &input, *draft, strategy.method()).await
            }
            _ => Err(Error::Internal("a strategy gave an outcome that sign-up does not take".to_owned())),
        }
    }

    async fn registration_replace(&self, cx: &Context, visit: &Visit, expired: &Flow) -> Result<Reply, Error> {
        let mut flow = engine::new_flow(cx, visit, FlowKind::Registration, expired.transport);
        flow.request_url.clone_from(&expired.request_url);
        flow.schema_id.clone_from(&expired.schema_id);
        self.registration_fill(cx, visit, &mut flow).await?;
        flow.ui.messages.push(engine::expired_message(FlowKind::Registration, expired.expires_at));
        self.flow_open(cx, visit, &flow, None).await?;
        Ok(replaced(cx, visit, expired, &flow))
    }

    /// The draft is good: one transaction makes the identity, its session and what the hooks ask for.
    async fn registration_finish(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        input: &Input,
        draft: Draft,
        method: &str,
    ) -> Result<Reply, Error> {
        let mut identity = new_identity(cx, &flow, &draft)?;
        let list = cx.settings().after(FlowName::Registration, method);
        let unsaved = Moment { unsaved: true, ..Moment::after(visit, &flow) };
        let problems = self.hooks_ask(cx, list, Asked::Deciding, unsaved, &mut identity).await?;
        if !problems.is_empty() {
            engine::echo(&mut flow, input);
            let schema = self.flow_schema(cx, &flow, None).await?;
            nodes::make_room(&mut flow, &problems, schema.trait_names());
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        }
        if quiet::confirms_by(cx, &identity).is_some() {
            if identity.state != IdentityState::Active {
                let message = Message::plain(ids::LOGIN_IDENTITY_DISABLED);
                let problems = vec![Problem { field: String::new(), message }];
                return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
            }
            return self.registration_promise(cx, visit, flow, input, identity, method).await;
        }
        let told = Moment::after(visit, &flow).identity(&identity);
        let queued = self.hooks_prepare(cx, list, Asked::Deciding, told).await?;
        let wanted = hooks::wanted(cx.settings().after(FlowName::Registration, method));
        let verification = self.registration_verification(cx, visit, &flow, &identity).await?;
        let Some((proof_method, aal)) = draft.proof else {
            return Err(Error::Internal("a sign-up without a proof".to_owned()));
        };
        let proof = Proof { identity_id: identity.id, method: proof_method, aal };
        let from = flow.state;
        // An account that a hook made inactive gets no session, and its person stays in the form.
        let disabled = (identity.state != IdentityState::Active).then(|| {
            let mut told = flow.clone();
            told.ui.reset_messages();
            told.ui.messages.push(Message::plain(ids::LOGIN_IDENTITY_DISABLED));
            told
        });
        flow.active = Some(method.to_owned());
        flow.state = transitions::next(FlowKind::Registration, from, Event::Proposed)
            .ok_or_else(|| Error::Internal("a flow that takes no input was completed".to_owned()))?;
        let made = transact!(&self.db, |tx| -> Result<Option<Option<(Session, SessionToken)>>, Error> {
            if !flows::flow_update(tx, cx, cx.vault(), disabled.as_ref().unwrap_or(&flow), from).await? {
                return Ok(None);
            }
            identities::identity_insert(tx, cx, &identity).await?;
            for credential in &identity.credentials {
                credentials::credential_save(tx, cx, cx.vault(), identity.id, credential).await?;
            }
            if let Some(spawned) = &verification {
                spawned.insert(tx, cx).await?;
            }
            queued.enqueue(tx, cx).await?;
            if disabled.is_some() {
                return Ok(Some(None));
            }
            // A session is made in any case; the hook `session` decides whether the client gets it.
            let cleared = gate::clear(&identity, proof)?;
            Ok(Some(Some(gate::session_issue(tx, cx, cleared).await?)))
        })
        .await;
        let made = match made {
            Err(Error::Database(error)) if error.is_unique_violation() => {
                flow.state = from;
                flow.active = None;
                engine::echo(&mut flow, input);
                let message = duplicate_message(cx, &identity);
                let problems = vec![Problem { field: String::new(), message }];
                return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
            }
            other => other?,
        };
        let Some(made) = made else { return completed(cx, visit, flow, ids::REGISTRATION_COMPLETED) };
        if verification.is_some() {
            self.courier.nudge();
        }
        self.hooks_deliver(cx, queued).await?;
        let Some((session, token)) = made else {
            return Ok(shown_again(cx, visit, &disabled.unwrap_or(flow), 400, Extras::default()));
        };
        let identity = self.identity_with_credentials(cx, identity.id).await?.unwrap_or(identity);
        let shown = Shown { token, cookie_expires_at: None };
        let done = Done { flow: &flow, identity: &identity, session, shown, method };
        registration_answer(cx, visit, done, wanted, verification.as_ref())
    }

    async fn registration_verification(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
        identity: &Person,
    ) -> Result<Option<SpawnedVerification>, Error> {
        let address = hooks::unverified(identity);
        match address.filter(|_| cx.settings().selfservice.flows.verification.enabled) {
            Some(address) => {
                Ok(Some(super::verification::prepare_spawned(self, cx, visit, flow, identity, address).await?))
            }
            None => Ok(None),
        }
    }
}

fn check_enabled(cx: &Context) -> Result<(), ApiError> {
    if cx.settings().selfservice.flows.registration.enabled {
        return Ok(());
    }
    Err(ApiError::bad_request("Signing up is switched off here.").id("self_service_flow_disabled"))
}

/// New fields for problems with traits stand among the traits.
fn group_of(group: Group) -> Group {
    if group == Group::Profile { Group::Default } else { group }
}

fn new_identity(cx: &Context, flow: &Flow, draft: &Draft) -> Result<Person, Error> {
    let Some(derived) = draft.traits.clone() else {
        return Err(Error::Internal("a sign-up without traits".to_owned()));
    };
    let schema_id = flow.schema_id.clone().unwrap_or_else(|| cx.settings().identity.default_schema_id.clone());
    let mut identity = Person {
        id: cx.rng.uuid(),
        external_id: None,
        schema_id,
        state: IdentityState::Active,
        state_changed_at: Some(cx.now),
        traits: Value::Null,
        metadata_public: None,
        metadata_admin: None,
        organization_id: None,
        available_aal: Aal::Aal0,
        verifiable_addresses: Vec::new(),
        recovery_addresses: Vec::new(),
        credentials: Vec::new(),
        created_at: cx.now,
        updated_at: cx.now,
    };
    let identifiers = derived.password_identifiers.clone();
    derive::take_traits(&mut identity, derived, cx.now, cx.rng.as_ref());
    for change in &draft.credentials {
        if let CredentialChange::Set(kind, secret) = change {
            let own =
                if *kind == CredentialKind::Password { identifiers.clone() } else { vec![identity.id.to_string()] };
            derive::set_credential(&mut identity, *kind, own, secret.clone(), cx.now);
        }
    }
    Ok(identity)
}

/// That somebody has this account; with `login_hints`, also how they sign in.
fn duplicate_message(cx: &Context, identity: &Person) -> Message {
    if !cx.settings().selfservice.flows.registration.login_hints {
        return Message::plain(ids::DUPLICATE_CREDENTIALS);
    }
    let identifier =
        identity.credential(CredentialKind::Password).and_then(|credential| credential.identifiers.first());
    Message::new(
        ids::DUPLICATE_WITH_HINTS,
        [
            ("available_credential_types", json!(["password"])),
            ("available_oidc_providers", json!([])),
            ("credential_identifier_hint", json!(identifier)),
        ],
    )
}

struct Done<'a> {
    flow: &'a Flow,
    identity: &'a Person,
    session: Session,
    shown: Shown,
    method: &'a str,
}

fn registration_answer(
    cx: &Context,
    visit: &Visit,
    done: Done<'_>,
    wanted: Wanted,
    verification: Option<&SpawnedVerification>,
) -> Result<Reply, Error> {
    let audience = visit.audience(done.flow);
    let asked = done.flow.requested("return_to");
    let target = return_to::resolve(cx.settings(), FlowName::Registration, done.method, asked.as_deref())?;
    let shown_verification = verification.filter(|_| wanted.shows_verification(cx));
    let mut items: Vec<Value> = Vec::new();
    if audience == Audience::Page {
        items.push(hooks::redirect_item(target.as_str()));
    }
    items.extend(shown_verification.map(|spawned| hooks::show_verification_item(cx, spawned)));
    if audience == Audience::Native && wanted.session {
        items.push(hooks::token_item(done.shown.token.expose()));
    }
    let body = if audience == Audience::Browser {
        // Earlier releases named the verification, and left the browser where it was going.
        let page = shown_verification
            .filter(|_| wanted.show_verification_ui)
            .map(|spawned| engine::page_url(cx.settings(), FlowKind::Verification, spawned.flow.id));
        ReplyBody::Redirect(303, page.unwrap_or_else(|| target.into()))
    } else {
        let mut answer = json!({"identity": identity_json(cx, done.identity)});
        if wanted.session {
            answer["session"] = session_json(cx, &done.session, Some(done.identity));
        }
        if wanted.session && audience == Audience::Native {
            answer["session_token"] = done.shown.token.expose().into();
        }
        answer["continue_with"] = if items.is_empty() { Value::Null } else { items.into() };
        ReplyBody::Json(200, answer)
    };
    let reply = Reply::new(body);
    if audience == Audience::Native {
        return Ok(reply);
    }
    let csrf = match verification {
        Some(spawned) => spawned.csrf.clone(),
        None => wanted.session.then(|| CsrfSecret::generate(cx.rng.as_ref())),
    };
    let reply = reply.with_csrf(csrf);
    Ok(if wanted.session { reply.with_session(set_cookie(cx, &done.session, &done.shown)) } else { reply })
}
