//! Signing in: with a first factor, with a second one, and once more to prove that it is still the same person.

use database::transact;
use foundation::ApiError;
use serde_json::{Value, json};
use web::body::Body;
use web::csrf::CsrfSecret;

use super::engine::{self, begun, pick, shown_again, submitted_id};
use super::hooks::{self, Wanted};
use super::input::Input;
use super::return_to;
use super::transitions::{self, Event};
use super::verification::SpawnedVerification;
use super::view::{Extras, flow_json};
use super::visit::{Audience, Reply, ReplyBody, SessionCookie, Visit};
use super::web_hooks::{Asked, Moment};
use crate::context::Context;
use crate::error::Error;
use crate::limits::{self, DeviceCookie};
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::identity::{Aal, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::session::Session;
use crate::model::ui::Group;
use crate::schema::Problem;
use crate::service::Identity;
use crate::sessions::current::{Shown, has_required_aal, step_up_url};
use crate::sessions::view::session_json;
use crate::sessions::{Current, cookie, gate};
use crate::settings::FlowName;
use crate::store::{credentials, flows, identities, sessions};
use crate::strategies::{self, Authenticated, Outcome, Scene};

impl Identity {
    /// Begins a flow (identity-flows.md §2.6).
    ///
    /// # Errors
    /// 400 for parameters that cannot be used; 401 `session_aal1_required` for a second factor without a first;
    /// 400 `session_already_available` for an app or a page of somebody who is signed in.
    pub async fn login_begin(&self, cx: &Context, visit: &Visit, transport: Transport) -> Result<Reply, Error> {
        let asked = requested_aal(visit)?;
        engine::check_return_to(cx, visit)?;
        let schema = engine::chosen_schema(cx, visit)?;
        let current = self.session_current(cx, visit.shown.as_ref()).await?;
        let mut flow = engine::new_flow(cx, visit, FlowKind::Login, transport);
        flow.requested_aal = asked;
        flow.refresh = current.is_some() && visit.flag("refresh");
        flow.schema_id = schema;
        match &current {
            None if asked == Aal::Aal2 => {
                let reason = "A second factor adds to a session: sign in with the first one before.";
                return Err(ApiError::unauthorized(reason).id("session_aal1_required").into());
            }
            Some(current) if !flow.refresh && asked <= current.session.aal => {
                return signed_in_already(cx, visit, transport);
            }
            _ => {}
        }
        self.login_fill(cx, visit, &mut flow, current.as_ref()).await?;
        self.flow_open(cx, visit, &flow, None).await?;
        Ok(begun(cx, visit, &flow, None))
    }

    async fn login_fill(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &mut Flow,
        current: Option<&Current>,
    ) -> Result<(), Error> {
        let schema = self.flow_schema(cx, flow, None).await?;
        let scene = self.scene(cx, visit, &schema, current);
        strategies::populate_all(&scene, flow).await?;
        if flow.refresh {
            flow.ui.messages.push(Message::plain(ids::LOGIN_REAUTHENTICATE));
        } else if flow.requested_aal == Aal::Aal2 {
            flow.ui.messages.push(Message::plain(ids::LOGIN_SECOND_FACTOR));
        }
        Ok(())
    }

    pub(crate) fn scene<'a>(
        &'a self,
        cx: &'a Context,
        visit: &'a Visit,
        schema: &'a std::sync::Arc<crate::schema::IdentitySchema>,
        current: Option<&'a Current>,
    ) -> Scene<'a> {
        Scene {
            service: self,
            cx,
            visit,
            schema,
            identity: current.map(|current| &current.identity),
            session: current.map(|current| &current.session),
        }
    }

    /// Shows a flow to who began it.
    ///
    /// # Errors
    /// 404 for an unknown flow, 403 in another browser, 410 for one that has ended.
    pub async fn login_fetch(&self, cx: &Context, visit: &Visit) -> Result<Reply, Error> {
        let flow = self.flow_load(cx, FlowKind::Login, engine::fetched_id(visit)).await.map_err(without_reason)?;
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
    pub async fn login_submit(&self, cx: &Context, visit: &Visit, body: Option<&Body>) -> Result<Reply, Error> {
        let flow = self.flow_load(cx, FlowKind::Login, submitted_id(visit)?).await.map_err(without_reason)?;
        let current = self.session_current(cx, visit.shown.as_ref()).await?;
        if let Some(current) = &current
            && !flow.refresh
            && flow.requested_aal <= current.session.aal
        {
            return self.login_needless(cx, visit, flow).await;
        }
        if flow.is_expired(cx.now) {
            return self.login_replace(cx, visit, &flow, current.as_ref()).await;
        }
        if flow.state == State::PassedChallenge {
            return completed(cx, visit, flow, ids::LOGIN_COMPLETED);
        }
        if flow.requested_aal == Aal::Aal2 && current.is_none() {
            let reason = "The session that this second factor adds to has ended: sign in again.";
            return Err(ApiError::unauthorized(reason).id("session_aal1_required").into());
        }
        let schema = self.flow_schema(cx, &flow, None).await?;
        let Some(body) = body else {
            let problems = vec![Problem { field: String::new(), message: engine::no_strategy(FlowKind::Login) }];
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        };
        let input = match engine::read_input(body, &schema) {
            Ok(input) => input,
            Err(problems) => return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await,
        };
        self.login_with(cx, visit, flow, &input, &schema, current).await
    }

    async fn login_with(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        input: &Input,
        schema: &std::sync::Arc<crate::schema::IdentitySchema>,
        current: Option<Current>,
    ) -> Result<Reply, Error> {
        flow.transient_payload = super::challenges::transient_payload(input);
        if let Some(problem) = engine::check_csrf(visit, &flow, input)? {
            engine::echo(&mut flow, input);
            return self.flow_invalid(cx, visit, flow, vec![problem], Group::Default, None).await;
        }
        let scene = self.scene(cx, visit, schema, current.as_ref());
        let Some(strategy) = pick(&scene, &flow, input)? else {
            let problems = vec![Problem { field: String::new(), message: engine::no_strategy(FlowKind::Login) }];
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        };
        if strategy.is_attempt(&flow, input)
            && self.flow_attempt(cx, &flow).await?
                > i64::from(cx.settings().selfservice.methods.code.config.max_submissions)
        {
            let problem = strategies::because("", "Too many tries with this form. Begin again.");
            return self.flow_invalid(cx, visit, flow, vec![problem], strategy.group(), None).await;
        }
        match strategy.submit(&scene, &flow, input).await? {
            Outcome::Limited(wait) => {
                forget_answers(&mut flow, input);
                self.flow_limited(cx, visit, flow, wait, None).await
            }
            Outcome::Invalid(problems) => {
                forget_answers(&mut flow, input);
                self.flow_invalid(cx, visit, flow, problems, strategy.group(), None).await
            }
            Outcome::Advance(step) => {
                self.flow_save(cx, &step.flow, flow.state).await?;
                let status = if step.wants_input { 400 } else { 200 };
                Ok(shown_again(cx, visit, &step.flow, status, Extras::default()))
            }
            Outcome::Authenticated(authenticated) => {
                flow.active = Some(strategy.method().to_owned());
                self.login_finish(cx, visit, flow, *authenticated, current, strategy.method()).await
            }
            _ => Err(Error::Internal("a strategy gave an outcome that sign-in does not take".to_owned())),
        }
    }

    /// Somebody who is signed in sent a form that asks for no more than that.
    async fn login_needless(&self, cx: &Context, visit: &Visit, mut flow: Flow) -> Result<Reply, Error> {
        if visit.audience(&flow) == Audience::Browser {
            return Ok(Reply::see_other(cx.settings().default_return_url()));
        }
        flow.ui.reset_messages();
        let problem = strategies::because("", "You are signed in already. Sign out first to sign in as somebody else.");
        flow.ui.messages.push(problem.message);
        Ok(Reply::json(400, flow_json(cx, visit, &flow, Extras::default())))
    }

    async fn login_replace(
        &self,
        cx: &Context,
        visit: &Visit,
        expired: &Flow,
        current: Option<&Current>,
    ) -> Result<Reply, Error> {
        let mut flow = engine::new_flow(cx, visit, FlowKind::Login, expired.transport);
        flow.request_url.clone_from(&expired.request_url);
        flow.requested_aal = expired.requested_aal;
        flow.refresh = expired.refresh && current.is_some();
        flow.schema_id.clone_from(&expired.schema_id);
        self.login_fill(cx, visit, &mut flow, current).await?;
        flow.ui.messages.push(engine::expired_message(FlowKind::Login, expired.expires_at));
        self.flow_open(cx, visit, &flow, None).await?;
        Ok(replaced(cx, visit, expired, &flow))
    }

    /// A factor was proved: gate, hooks, one transaction, answer.
    async fn login_finish(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        authenticated: Authenticated,
        current: Option<Current>,
        method: &str,
    ) -> Result<Reply, Error> {
        let Some(mut identity) = self.identity_with_credentials(cx, authenticated.proof.identity_id).await? else {
            return Err(Error::Internal("the identity that signed in is gone".to_owned()));
        };
        if let Err(error) = gate::clear(&identity, authenticated.proof) {
            return self.login_refused(cx, visit, flow, error).await;
        }
        let wanted = hooks::wanted(cx.settings().after(FlowName::Login, method));
        let verification = self.login_verification(cx, visit, &flow, &identity, wanted).await?;
        if wanted.require_verified_address && !has_verified_address(&identity)? {
            return self.login_unverified(cx, visit, flow, verification, method).await;
        }
        let joins = current.as_ref().filter(|current| current.identity.id == identity.id);
        let planned = match joins {
            Some(current) => gate::session_strengthened(cx, &current.session, authenticated.proof),
            None => gate::session_draft(cx, authenticated.proof),
        };
        let list = cx.settings().after(FlowName::Login, method);
        let moment = Moment::after(visit, &flow).session(&planned);
        let asked = Moment { unsaved: joins.is_none(), ..moment };
        let problems = self.hooks_ask(cx, list, Asked::All, asked, &mut identity).await?;
        if !problems.is_empty() {
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        }
        // What a hook changes at a sign-in is told to the client and not kept; that it disables the account counts.
        if let Err(error) = gate::clear(&identity, authenticated.proof) {
            return self.login_refused(cx, visit, flow, error).await;
        }
        let queued = self.hooks_prepare(cx, list, Asked::All, moment.identity(&identity)).await?;
        let from = flow.state;
        flow.state = transitions::next(FlowKind::Login, from, Event::Authenticated)
            .ok_or_else(|| Error::Internal("a flow that takes no input was completed".to_owned()))?;
        let result = transact!(&self.db, |tx| -> Result<Option<Made>, Error> {
            if !flows::flow_update(tx, cx, cx.vault(), &flow, from).await? {
                return Ok(None);
            }
            if let Some((credential, revision)) = &authenticated.used {
                let changed =
                    credentials::credential_change(tx, cx, cx.vault(), identity.id, credential, *revision).await?;
                if !changed && authenticated.used_by_another.is_some() {
                    return Err(Error::Refused(Box::new(used_by_another())));
                }
            }
            let cleared = gate::clear(&identity, authenticated.proof)?;
            let (session, shown) = match joins {
                Some(current) => {
                    let session = gate::session_strengthen(tx, cx, &current.session, cleared).await?;
                    (session, current.shown.clone())
                }
                None => {
                    let (session, token) = gate::session_issue_as(tx, cx, cleared, planned.clone()).await?;
                    (session, Shown { token, cookie_expires_at: None })
                }
            };
            authenticated.counted.clear(tx, cx).await?;
            let device = match visit.audience(&flow) {
                Audience::Native => None,
                _ => limits::remember_device(tx, cx, visit, &identity, &session).await?,
            };
            if wanted.revoke_active_sessions {
                sessions::sessions_revoke_others(tx, cx, identity.id, Some(session.id)).await?;
            }
            if let Some(spawned) = &verification {
                spawned.insert(tx, cx).await?;
            }
            queued.enqueue(tx, cx).await?;
            Ok(Some(Made { session, shown, device }))
        })
        .await;
        let made = match result {
            Err(Error::Refused(refusal)) if refusal.id == Some(USED_BY_ANOTHER) => {
                flow.state = from;
                let message = authenticated.used_by_another.unwrap_or_else(|| Message::plain(ids::INVALID_CREDENTIALS));
                let problems = vec![Problem { field: String::new(), message }];
                return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
            }
            other => other?,
        };
        let Some(Made { session, shown, device }) = made else {
            return completed(cx, visit, flow, ids::LOGIN_COMPLETED);
        };
        if verification.is_some() {
            self.courier.nudge();
        }
        self.hooks_deliver(cx, queued).await?;
        let done = Done { flow: &flow, identity: &identity, session, shown, joined: joins.is_some(), method };
        Ok(login_answer(cx, visit, done, wanted, verification.as_ref())?.with_device(device))
    }

    /// An inactive identity: told in the form, and only to who proved to be it.
    async fn login_refused(&self, cx: &Context, visit: &Visit, flow: Flow, error: Error) -> Result<Reply, Error> {
        match error {
            Error::Refused(refusal) if refusal.id == Some(gate::IDENTITY_DISABLED) => {
                let message = Message::plain(ids::LOGIN_IDENTITY_DISABLED);
                let problems = vec![Problem { field: String::new(), message }];
                self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await
            }
            error => Err(error),
        }
    }

    async fn login_verification(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
        identity: &Person,
        wanted: Wanted,
    ) -> Result<Option<SpawnedVerification>, Error> {
        let refuses = wanted.require_verified_address && !has_verified_address(identity)?;
        let asks = wanted.verification && flow.requested_aal == Aal::Aal1;
        if !refuses && !asks || !cx.settings().selfservice.flows.verification.enabled {
            return Ok(None);
        }
        let address = if refuses { identity.verifiable_addresses.first() } else { hooks::unverified(identity) };
        let Some(address) = address else { return Ok(None) };
        let spawned = super::verification::prepare_spawned(self, cx, visit, flow, identity, address).await?;
        Ok(Some(spawned))
    }

    /// Nobody without a proved address: a proof is begun, and no session is made.
    async fn login_unverified(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        verification: Option<SpawnedVerification>,
        method: &str,
    ) -> Result<Reply, Error> {
        if cx.settings().feature_flags.legacy_require_verified_login_error && method == "password" {
            let message = Message::plain(ids::ADDRESS_NOT_VERIFIED);
            let problems = vec![Problem { field: String::new(), message }];
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        }
        let Some(spawned) = verification else {
            return Err(ApiError::internal()
                .id("invalid_configuration")
                .reason("Signing in needs a proved address, and verification is switched off.")
                .into());
        };
        transact!(&self.db, |tx| -> Result<(), Error> { spawned.insert(tx, cx).await }).await?;
        self.courier.nudge();
        let reply = if visit.audience(&flow) == Audience::Browser {
            Reply::see_other(engine::page_url(cx.settings(), FlowKind::Verification, spawned.flow.id))
        } else {
            Reply::error(hooks::verified_address_required(cx, &spawned))
        };
        Ok(reply.with_csrf(spawned.csrf.clone()))
    }

    /// The identity of this id with its credentials.
    pub(crate) async fn identity_with_credentials(
        &self,
        cx: &Context,
        id: foundation::Uuid,
    ) -> Result<Option<Person>, Error> {
        database::read!(&self.db, |tx| -> Result<Option<Person>, Error> {
            let Some(mut identity) = identities::identity_find(tx, cx, id).await? else { return Ok(None) };
            identity.credentials = credentials::credentials_load(tx, cx, cx.vault(), id).await?;
            Ok(Some(identity))
        })
        .await
    }
}

const USED_BY_ANOTHER: &str = "used_by_another";

/// Takes the whole transaction back: of two who use one code at once, the second one gets no session.
fn used_by_another() -> ApiError {
    ApiError::bad_request("The code was used a moment ago.").id(USED_BY_ANOTHER)
}

fn has_verified_address(identity: &Person) -> Result<bool, Error> {
    if identity.verifiable_addresses.is_empty() {
        let reason = "Signing in needs a proved address, and this identity's schema has none.";
        return Err(ApiError::internal().id("invalid_configuration").reason(reason).into());
    }
    Ok(identity.verifiable_addresses.iter().any(|address| address.verified))
}

fn requested_aal(visit: &Visit) -> Result<Aal, ApiError> {
    match visit.parameter("aal").map(str::to_lowercase).as_deref() {
        None | Some("aal1") => Ok(Aal::Aal1),
        Some("aal2") => Ok(Aal::Aal2),
        Some(_) => Err(ApiError::bad_request("The query parameter \"aal\" is aal1 or aal2.")),
    }
}

fn signed_in_already(cx: &Context, visit: &Visit, transport: Transport) -> Result<Reply, Error> {
    if transport == Transport::Api || visit.prefers_json {
        return Err(hooks::already_signed_in().into());
    }
    Ok(Reply::see_other(return_to::signed_in(cx.settings(), FlowName::Login, visit)?))
}

/// One-time answers are not filled in again, and the identifier is.
fn forget_answers(flow: &mut Flow, input: &Input) {
    let identifier = input.text("identifier").or_else(|| input.text("password_identifier")).unwrap_or_default();
    for node in &mut flow.ui.nodes {
        let hidden = node.as_input().is_some_and(|field| field.kind == crate::model::ui::InputKind::Hidden);
        if let crate::model::ui::Attributes::Input(field) = &mut node.attributes {
            match field.name.as_str() {
                "identifier" if !hidden => field.value = Some(identifier.into()),
                "totp_code" | "lookup_secret" => field.value = None,
                _ => {}
            }
        }
    }
}

/// 404 says the same whether a flow never was or is somebody else's.
pub(super) fn without_reason(error: Error) -> Error {
    match error {
        Error::Refused(refusal) if refusal.status == 404 => ApiError::new(404).into(),
        error => error,
    }
}

/// The answer to a submission of a flow that was completed before.
pub(super) fn completed(cx: &Context, visit: &Visit, mut flow: Flow, message: u32) -> Result<Reply, Error> {
    flow.ui.reset_messages();
    flow.ui.messages.push(Message::plain(message));
    Ok(shown_again(cx, visit, &flow, 400, Extras::default()))
}

/// The answer to a submission of a flow that has ended: the way to the one that takes its place.
pub(super) fn replaced(cx: &Context, visit: &Visit, expired: &Flow, replacement: &Flow) -> Reply {
    match visit.audience(expired) {
        Audience::Browser => Reply::see_other(engine::ui_url(cx.settings(), replacement)),
        _ => Reply::error(engine::expired_error(cx, expired, replacement.id)),
    }
}

/// What signing in wrote.
struct Made {
    session: Session,
    shown: Shown,
    device: Option<DeviceCookie>,
}

struct Done<'a> {
    flow: &'a Flow,
    identity: &'a Person,
    session: Session,
    shown: Shown,
    /// Whether it added to the session that was there.
    joined: bool,
    method: &'a str,
}

fn login_answer(
    cx: &Context,
    visit: &Visit,
    done: Done<'_>,
    wanted: Wanted,
    verification: Option<&SpawnedVerification>,
) -> Result<Reply, Error> {
    let audience = visit.audience(done.flow);
    let return_to = done.flow.requested("return_to");
    let current = Current { session: done.session, identity: done.identity.clone(), shown: done.shown };
    let enough = has_required_aal(&current, cx.settings().session.whoami.required_aal);
    let shown_verification = verification.filter(|_| wanted.shows_verification(cx));
    let mut items: Vec<Value> = Vec::new();
    let target = return_to::resolve(cx.settings(), FlowName::Login, done.method, return_to.as_deref())?;
    if audience == Audience::Page {
        items.push(hooks::redirect_item(target.as_str()));
    }
    items.extend(shown_verification.map(|spawned| hooks::show_verification_item(cx, spawned)));
    let body = match audience {
        Audience::Native => {
            // Below the level that is asked for, an app gets its token to go on with, and does not learn whose it is.
            let identity = enough.then_some(&current.identity);
            let continue_with = if items.is_empty() { Value::Null } else { items.into() };
            return Ok(Reply::json(
                200,
                json!({
                    "session_token": current.shown.token.expose(),
                    "session": session_json(cx, &current.session, identity),
                    "continue_with": continue_with,
                }),
            ));
        }
        Audience::Page if !enough => {
            let url = step_up_url(cx, return_to.as_deref());
            ReplyBody::Error(Box::new(hooks::browser_location_change(url.as_str())))
        }
        Audience::Page => ReplyBody::Json(
            200,
            json!({"session": session_json(cx, &current.session, Some(&current.identity)), "continue_with": items}),
        ),
        Audience::Browser if !enough => ReplyBody::Redirect(303, step_up_url(cx, return_to.as_deref()).into()),
        Audience::Browser => {
            let shown = shown_verification
                .filter(|_| wanted.show_verification_ui)
                .map(|spawned| engine::page_url(cx.settings(), FlowKind::Verification, spawned.flow.id));
            ReplyBody::Redirect(303, shown.unwrap_or_else(|| target.into()))
        }
    };
    let csrf = match verification {
        Some(spawned) => spawned.csrf.clone(),
        None => (!done.joined).then(|| CsrfSecret::generate(cx.rng.as_ref())),
    };
    Ok(Reply::new(body).with_session(set_cookie(cx, &current.session, &current.shown)).with_csrf(csrf))
}

/// The cookie that shows a session.
pub(super) fn set_cookie(cx: &Context, session: &Session, shown: &Shown) -> SessionCookie {
    let value = cookie::seal(cx, &shown.token, session.expires_at);
    SessionCookie::Set { value, max_age: session.expires_at.as_second() - cx.now.as_second() }
}
