//! Changing one's own account: profile, password, second factors. Only for who is signed in, well enough, and for what
//! matters, lately.

mod continuity;
mod new_address;

use std::sync::Arc;

use courier::{Composed, TemplateKind};
use database::{Tx, transact};
use foundation::ApiError;
use serde_json::Value;
use url::Url;
use web::body::Body;

use super::engine::{self, begun, pick, submitted_id};
use super::hooks::{self, Wanted};
use super::input::Input;
use super::login::{replaced, set_cookie};
use super::return_to;
use super::transitions::{self, Event};
use super::verification::SpawnedVerification;
use super::view::{Extras, flow_json};
use super::visit::{Audience, ContinuityCookie, Reply, Visit};
use super::web_hooks::{Asked, Moment};
use crate::context::Context;
use crate::error::Error;
use crate::model::derive;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::identity::{AddressStatus, CredentialKind, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::session::Session;
use crate::model::ui::Group;
use crate::schema::{IdentitySchema, Problem};
use crate::service::Identity;
use crate::sessions::current::step_up_url;
use crate::sessions::view::identity_json;
use crate::sessions::{Current, Proof, gate, require_aal};
use crate::settings::{FlowName, NotifyRecipients};
use crate::store::{credentials, flows, identities, sessions};
use crate::strategies::{self, CredentialChange, Draft, Outcome, Scene};

impl Identity {
    /// Begins a flow for who is signed in.
    ///
    /// # Errors
    /// 401 `session_inactive` without a session; 403 `session_aal2_required` below the level that settings need. A browser
    /// is sent to sign in, or to add its second factor.
    pub async fn settings_begin(&self, cx: &Context, visit: &Visit, transport: Transport) -> Result<Reply, Error> {
        let by_redirect = transport == Transport::Browser && !visit.prefers_json;
        let Some(current) = self.session_current(cx, visit.shown.as_ref()).await? else {
            if by_redirect {
                return Ok(Reply::see_other(login_url(cx, &[("return_to", visit.parameter("return_to"))])));
            }
            let reason = "No valid session was shown: sign in, and send the session cookie or token.";
            return Err(ApiError::unauthorized(reason).id("session_inactive").into());
        };
        if let Err(refusal) = self.settings_require_aal(cx, &current, visit.parameter("return_to")) {
            if by_redirect {
                return Ok(Reply::see_other(step_up_url(cx, visit.parameter("return_to"))));
            }
            return Err(refusal.into());
        }
        engine::check_return_to(cx, visit)?;
        let flow = self
            .settings_flow_for(cx, visit, &current.identity, &current.session, transport, &visit.url, Vec::new())
            .await?;
        self.flow_open(cx, visit, &flow, Some(&current.session)).await?;
        let reply = begun(cx, visit, &flow, Some(&current.identity));
        // Who opens the settings anew has given up what waited.
        let gives_up = transport == Transport::Browser && visit.continuity.is_some();
        Ok(if gives_up { reply.with_continuity(ContinuityCookie::Remove) } else { reply })
    }

    fn settings_require_aal(&self, cx: &Context, current: &Current, return_to: Option<&str>) -> Result<(), ApiError> {
        require_aal(cx, current, cx.settings().selfservice.flows.settings.required_aal, return_to)
    }

    /// A settings flow for an identity, with its form and these messages; not kept yet.
    ///
    /// # Errors
    /// The identity's schema cannot be used.
    #[expect(clippy::too_many_arguments, reason = "each says something else about a flow that begins after another")]
    pub(crate) async fn settings_flow_for(
        &self,
        cx: &Context,
        visit: &Visit,
        identity: &Person,
        session: &Session,
        transport: Transport,
        request_url: &str,
        messages: Vec<Message>,
    ) -> Result<Flow, Error> {
        let mut flow = engine::new_flow(cx, visit, FlowKind::Settings, transport);
        request_url.clone_into(&mut flow.request_url);
        flow.identity_id = Some(identity.id);
        self.settings_fill(cx, visit, &mut flow, identity, session).await?;
        flow.ui.messages = messages;
        Ok(flow)
    }

    async fn settings_fill(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &mut Flow,
        identity: &Person,
        session: &Session,
    ) -> Result<(), Error> {
        let schema = self.schema(cx, &identity.schema_id).await?;
        let scene =
            Scene { service: self, cx, visit, schema: &schema, identity: Some(identity), session: Some(session) };
        flow.ui.nodes.clear();
        flow.ui.reset_messages();
        strategies::populate_all(&scene, flow).await
    }

    /// Shows a flow to whose it is.
    ///
    /// # Errors
    /// 401 without a session, 404, 403 `security_identity_mismatch` for another's flow, 403 `session_aal2_required`, 410.
    pub async fn settings_fetch(&self, cx: &Context, visit: &Visit) -> Result<Reply, Error> {
        let current = self.session_required(cx, visit.shown.as_ref()).await?;
        let id = engine::fetched_id(visit);
        let flow = self.flow_load(cx, FlowKind::Settings, id).await.map_err(super::login::without_reason)?;
        check_owner(&flow, &current)?;
        self.settings_require_aal(cx, &current, Some(&engine::ui_url(cx.settings(), &flow)))?;
        if flow.is_expired(cx.now) {
            return Err(engine::ended_error(cx, &flow).into());
        }
        Ok(Reply::json(200, flow_json(cx, visit, &flow, with_identity(&current.identity))))
    }

    /// Takes a submission. A GET comes back from proving again who somebody is: it shows the form.
    ///
    /// # Errors
    /// What belongs in the form comes back in the form; errors are for requests without a usable flow.
    pub async fn settings_submit(&self, cx: &Context, visit: &Visit, body: Option<&Body>) -> Result<Reply, Error> {
        let id = submitted_id(visit)?;
        let Some(current) = self.session_current(cx, visit.shown.as_ref()).await? else {
            if !visit.wants_json {
                return Ok(Reply::see_other(login_url(cx, &[])));
            }
            let reason = "No valid session was shown: sign in, and send the session cookie or token.";
            return Err(ApiError::unauthorized(reason).into());
        };
        let flow = self.flow_load(cx, FlowKind::Settings, id).await?;
        check_owner(&flow, &current)?;
        if let Err(refusal) = self.settings_require_aal(cx, &current, None) {
            if visit.audience(&flow) == Audience::Browser {
                return self.settings_step_up(cx, visit, flow, body, &current).await;
            }
            return Err(refusal.into());
        }
        if flow.is_expired(cx.now) {
            return self.settings_replace(cx, visit, &flow, &current).await;
        }
        let Some(body) = body else { return self.settings_resume(cx, visit, flow, current).await };
        let schema = with_schema(self, cx, &current).await?;
        match engine::read_input(body, &schema) {
            Ok(input) => self.settings_with(cx, visit, flow, &input, &schema, current).await,
            Err(problems) => {
                let identity = Some(&current.identity);
                self.flow_invalid(cx, visit, flow, problems, Group::Default, identity).await
            }
        }
    }

    async fn settings_with(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        input: &Input,
        schema: &Arc<IdentitySchema>,
        current: Current,
    ) -> Result<Reply, Error> {
        if let Some(problem) = engine::check_csrf(visit, &flow, input)? {
            let identity = Some(&current.identity);
            return self.flow_invalid(cx, visit, flow, vec![problem], Group::Default, identity).await;
        }
        self.settings_apply(cx, visit, flow, input, schema, current).await
    }

    /// What was sent, by whom it may be sent.
    async fn settings_apply(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        input: &Input,
        schema: &Arc<IdentitySchema>,
        current: Current,
    ) -> Result<Reply, Error> {
        flow.transient_payload = super::challenges::transient_payload(input);
        let identity = Some(&current.identity);
        let scene = self.scene(cx, visit, schema, Some(&current));
        let Some(strategy) = pick(&scene, &flow, input)? else {
            let problems = vec![Problem { field: String::new(), message: engine::no_strategy(FlowKind::Settings) }];
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, identity).await;
        };
        if strategy.method() != "profile" && !engine::is_privileged(cx, current.session.authenticated_at) {
            return self.settings_refresh(cx, visit, flow, input).await;
        }
        if strategy.is_attempt(&flow, input)
            && self.flow_attempt(cx, &flow).await?
                > i64::from(cx.settings().selfservice.methods.code.config.max_submissions)
        {
            let problem = strategies::because("", "Too many tries with this form. Open the settings again.");
            return self.flow_invalid(cx, visit, flow, vec![problem], strategy.group(), identity).await;
        }
        match strategy.submit(&scene, &flow, input).await? {
            Outcome::Limited(wait) => self.flow_limited(cx, visit, flow, wait, identity).await,
            Outcome::Invalid(problems) => {
                engine::echo(&mut flow, input);
                self.flow_invalid(cx, visit, flow, problems, strategy.group(), identity).await
            }
            Outcome::Advance(step) => {
                let mut next = step.flow;
                next.state = transitions::next(FlowKind::Settings, flow.state, Event::Advance).unwrap_or(flow.state);
                self.flow_save(cx, &next, flow.state).await?;
                Ok(engine::shown_again(cx, visit, &next, 200, with_identity(&current.identity)))
            }
            Outcome::Proposed(draft) => {
                if draft.privileged && !engine::is_privileged(cx, current.session.authenticated_at) {
                    return self.settings_refresh(cx, visit, flow, input).await;
                }
                let wanted = hooks::wanted(cx.settings().after(FlowName::Settings, strategy.method()));
                if let Some(derived) = draft.traits.as_ref().filter(|_| wanted.verify_new_address)
                    && let Some(reply) =
                        self.settings_new_address(cx, visit, flow.clone(), input, derived, &current).await?
                {
                    return Ok(reply);
                }
                self.settings_finish(cx, visit, flow, input, *draft, current, strategy.method()).await
            }
            _ => Err(Error::Internal("a strategy gave an outcome that settings do not take".to_owned())),
        }
    }

    async fn settings_replace(
        &self,
        cx: &Context,
        visit: &Visit,
        expired: &Flow,
        current: &Current,
    ) -> Result<Reply, Error> {
        let messages = vec![engine::expired_message(FlowKind::Settings, expired.expires_at)];
        let (identity, session) = (&current.identity, &current.session);
        let flow = self
            .settings_flow_for(cx, visit, identity, session, expired.transport, &expired.request_url, messages)
            .await?;
        self.flow_open(cx, visit, &flow, Some(&current.session)).await?;
        Ok(replaced(cx, visit, expired, &flow))
    }

    /// The change is good: one transaction writes it, and what the hooks ask for.
    #[expect(clippy::too_many_arguments, reason = "the parts of a submission, each of another kind")]
    async fn settings_finish(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        input: &Input,
        draft: Draft,
        current: Current,
        method: &str,
    ) -> Result<Reply, Error> {
        let before = current.identity.clone();
        let mut identity = before.clone();
        let proof = draft.proof;
        let mut changed = apply(cx, &mut identity, draft);
        let list = cx.settings().after(FlowName::Settings, method);
        let asked = Moment::after(visit, &flow).session(&current.session);
        let traits = identity.traits.clone();
        let problems = self.hooks_ask(cx, list, Asked::Deciding, asked, &mut identity).await?;
        if !problems.is_empty() {
            engine::echo(&mut flow, input);
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, Some(&before)).await;
        }
        if identity.traits != traits {
            changed.saved.push(CredentialKind::Password);
        }
        let planned = match proof {
            Some((method, aal)) => {
                let proof = Proof { identity_id: identity.id, method, aal };
                gate::session_strengthened(cx, &current.session, proof)
            }
            None => current.session.clone(),
        };
        let told = Moment::after(visit, &flow).session(&planned).identity(&identity);
        let queued = self.hooks_prepare(cx, list, Asked::Deciding, told).await?;
        let wanted = hooks::wanted(cx.settings().after(FlowName::Settings, method));
        let verification = self.settings_verification(cx, visit, &flow, &identity).await?;
        let notices = self.settings_notices(cx, &before, &identity, wanted).await?;
        let from = flow.state;
        let mut fresh = flow.clone();
        fresh.context = crate::model::flow::FlowContext::default();
        fresh.state = transitions::next(FlowKind::Settings, from, Event::Proposed).unwrap_or(State::Success);
        self.settings_fill(cx, visit, &mut fresh, &identity, &current.session).await?;
        fresh.ui.messages = vec![Message::plain(ids::SETTINGS_SAVED)];
        let result = transact!(&self.db, |tx| -> Result<Session, Error> {
            let session = save(tx, cx, &before, &identity, &changed, &current, proof).await?;
            flows::flow_update(tx, cx, cx.vault(), &fresh, from).await?;
            if wanted.revoke_active_sessions {
                sessions::sessions_revoke_others(tx, cx, identity.id, Some(session.id)).await?;
            }
            if let Some(spawned) = &verification {
                spawned.insert(tx, cx).await?;
            }
            for notice in &notices {
                courier::enqueue(tx, cx, notice).await?;
            }
            queued.enqueue(tx, cx).await?;
            Ok(session)
        })
        .await;
        let session = match result {
            Err(Error::Database(error)) if error.is_unique_violation() => {
                engine::echo(&mut flow, input);
                let message = Message::plain(ids::DUPLICATE_CREDENTIALS);
                let problems = vec![Problem { field: String::new(), message }];
                return self.flow_invalid(cx, visit, flow, problems, Group::Profile, Some(&before)).await;
            }
            other => other?,
        };
        self.courier.nudge();
        self.hooks_deliver(cx, queued).await?;
        let identity = self.identity_with_credentials(cx, identity.id).await?.unwrap_or(identity);
        let current = Current { session, identity, shown: current.shown };
        settings_answer(cx, visit, &fresh, &current, wanted, verification.as_ref(), method)
    }

    async fn settings_verification(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
        identity: &Person,
    ) -> Result<Option<SpawnedVerification>, Error> {
        let pending = |address: &&crate::model::identity::VerifiableAddress| address.status == AddressStatus::Pending;
        let address = identity.verifiable_addresses.iter().find(pending);
        match address.filter(|_| cx.settings().selfservice.flows.verification.enabled) {
            Some(address) => {
                Ok(Some(super::verification::prepare_spawned(self, cx, visit, flow, identity, address).await?))
            }
            None => Ok(None),
        }
    }

    /// Mails to the addresses that were there before, when addresses change (`notify_previous_addresses`). A mail that
    /// cannot be composed does not keep the change from being saved.
    pub(super) async fn settings_notices(
        &self,
        cx: &Context,
        before: &Person,
        after: &Person,
        wanted: Wanted,
    ) -> Result<Vec<Composed>, Error> {
        let Some(recipients) = wanted.notify else { return Ok(Vec::new()) };
        let kept = |value: &str| after.verifiable_addresses.iter().any(|address| address.value == value);
        if before.verifiable_addresses.iter().all(|address| kept(&address.value)) {
            return Ok(Vec::new());
        }
        let told = before.verifiable_addresses.iter().filter(|address| match recipients {
            NotifyRecipients::Removed => !kept(&address.value),
            NotifyRecipients::AllVerified => address.verified,
            NotifyRecipients::All => true,
        });
        let mut notices = Vec::new();
        for address in told {
            let data = courier::TemplateData {
                identity: Some(identity_json(cx, after)),
                changed_at: Some(cx.now),
                ..courier::TemplateData::default()
            };
            match self.courier.compose(cx, TemplateKind::VerifiableAddressChanged, &address.value, data).await {
                Ok(composed) => notices.push(composed),
                Err(error) => tracing::error!(%error, "the notice of a changed address could not be composed"),
            }
        }
        Ok(notices)
    }
}

/// What a draft changed in the credentials.
struct Changed {
    saved: Vec<CredentialKind>,
    removed: Vec<CredentialKind>,
}

fn apply(cx: &Context, identity: &mut Person, draft: Draft) -> Changed {
    let mut changed = Changed { saved: Vec::new(), removed: Vec::new() };
    let identifiers = draft.traits.as_ref().map(|derived| derived.password_identifiers.clone());
    if let Some(derived) = draft.traits {
        derive::take_traits(identity, derived, cx.now, cx.rng.as_ref());
        changed.saved.push(CredentialKind::Password);
    }
    for change in draft.credentials {
        match change {
            CredentialChange::Set(kind, secret) => {
                let own = match kind {
                    CredentialKind::Password => identifiers.clone().unwrap_or_default(),
                    CredentialKind::Totp | CredentialKind::LookupSecret => vec![identity.id.to_string()],
                };
                derive::set_credential(identity, kind, own, secret, cx.now);
                changed.saved.push(kind);
            }
            CredentialChange::Remove(kind) => {
                derive::remove_credential(identity, kind);
                changed.removed.push(kind);
            }
        }
    }
    changed
}

async fn save(
    tx: &mut Tx,
    cx: &Context,
    before: &Person,
    identity: &Person,
    changed: &Changed,
    current: &Current,
    proof: Option<(crate::model::session::Method, crate::model::identity::Aal)>,
) -> Result<Session, Error> {
    // Somebody else changed the identity since it was read: what was checked is no longer what is there.
    let stored = identities::identity_find(tx, cx, identity.id).await?;
    if stored.is_none_or(|stored| stored.updated_at != before.updated_at) {
        let reason = "The account was changed by another request meanwhile. Open the settings again and look.";
        return Err(ApiError::conflict(reason).into());
    }
    identities::identity_update(tx, cx, identity).await?;
    identities::identity_set_available_aal(tx, cx, identity.id, identity.available_aal).await?;
    for kind in &changed.removed {
        credentials::credential_delete(tx, cx, identity.id, *kind).await?;
    }
    for credential in identity.credentials.iter().filter(|credential| changed.saved.contains(&credential.kind)) {
        credentials::credential_save(tx, cx, cx.vault(), identity.id, credential).await?;
    }
    match proof {
        Some((method, aal)) => {
            let cleared = gate::clear(identity, Proof { identity_id: identity.id, method, aal })?;
            gate::session_strengthen(tx, cx, &current.session, cleared).await
        }
        None => Ok(current.session.clone()),
    }
}

fn with_identity(identity: &Person) -> Extras<'_> {
    Extras { identity: Some(identity), ..Extras::default() }
}

fn check_owner(flow: &Flow, current: &Current) -> Result<(), ApiError> {
    if flow.identity_id == Some(current.identity.id) {
        return Ok(());
    }
    Err(ApiError::forbidden("This flow belongs to somebody else: begin one of your own.")
        .id("security_identity_mismatch"))
}

fn login_url(cx: &Context, parameters: &[(&str, Option<&str>)]) -> Url {
    let mut url = cx.settings().public_base_url();
    url.set_path(&format!("{}self-service/login/browser", url.path()));
    for (name, value) in parameters {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}

/// What matters needs somebody who signed in lately.
fn refresh_required(url: &Url) -> Reply {
    let reason = "You signed in too long ago for this change: sign in once more with refresh=true, then send it again.";
    Reply::error(ApiError::forbidden(reason).id("session_refresh_required").beside("redirect_browser_to", url.as_str()))
}

async fn with_schema(service: &Identity, cx: &Context, current: &Current) -> Result<Arc<IdentitySchema>, Error> {
    service.schema(cx, &current.identity.schema_id).await
}

fn settings_answer(
    cx: &Context,
    visit: &Visit,
    flow: &Flow,
    current: &Current,
    wanted: Wanted,
    verification: Option<&SpawnedVerification>,
    method: &str,
) -> Result<Reply, Error> {
    let own_page = engine::ui_url(cx.settings(), flow);
    let asked = flow.requested("return_to").filter(|_| !cx.settings().selfservice.allowed_return_urls.is_empty());
    let target = match asked {
        Some(asked) => return_to::check(cx.settings(), &asked)?.into(),
        None => cx.settings().configured_return_url_after(FlowName::Settings, method).map_or(own_page, String::from),
    };
    let mut items: Vec<Value> = Vec::new();
    let shown = verification.filter(|_| wanted.shows_verification(cx));
    items.extend(shown.map(|spawned| hooks::show_verification_item(cx, spawned)));
    let cookie = set_cookie(cx, &current.session, &current.shown);
    match visit.audience(flow) {
        Audience::Browser => Ok(Reply::see_other(target).with_session(cookie)),
        Audience::Page => {
            items.push(hooks::redirect_item(&target));
            let extras = Extras { continue_with: items, ..with_identity(&current.identity) };
            Ok(Reply::json(200, flow_json(cx, visit, flow, extras)).with_session(cookie))
        }
        Audience::Native => {
            let extras = Extras { continue_with: items, ..with_identity(&current.identity) };
            Ok(Reply::json(200, flow_json(cx, visit, flow, extras)))
        }
    }
}
