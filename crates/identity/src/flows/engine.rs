//! What all kinds of flows share: beginning, loading, guarding, picking a strategy, and going back to the form.

use std::sync::Arc;

use database::{read, transact};
use foundation::{ApiError, Timestamp, Uuid};
use serde_json::Value;
use web::body::Body;

use super::input::Input;
use super::transitions::{self, Event};
use super::view::{Extras, flow_json};
use super::visit::{Audience, Reply, Visit};
use super::{nodes, return_to};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowContext, FlowKind, State, Transport};
use crate::model::identity::{Aal, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::ui::{Container, Group};
use crate::schema::{IdentitySchema, Problem};
use crate::service::Identity;
use crate::settings::Settings;
use crate::store::flows;
use crate::strategies::{self, Scene, Strategy};

/// A new flow without nodes.
pub fn new_flow(cx: &Context, visit: &Visit, kind: FlowKind, transport: Transport) -> Flow {
    let id = cx.rng.uuid();
    let state = if kind == FlowKind::Settings { State::ShowForm } else { State::ChooseMethod };
    let browser = transport == Transport::Browser;
    Flow {
        id,
        kind,
        transport,
        state,
        active: None,
        request_url: visit.url.clone(),
        csrf: visit.csrf.as_ref().filter(|_| browser).map(|secret| secret.fingerprint()),
        identity_id: None,
        requested_aal: Aal::Aal1,
        refresh: false,
        schema_id: None,
        ui: Container::new(action(cx.settings(), kind, id)),
        context: FlowContext::default(),
        transient_payload: serde_json::Map::new(),
        submit_count: 0,
        issued_at: cx.now,
        expires_at: cx.now + cx.settings().flow(kind).lifespan,
        updated_at: cx.now,
    }
}

/// Where the form of a flow is sent.
pub fn action(settings: &Settings, kind: FlowKind, id: Uuid) -> String {
    format!("{}self-service/{}?flow={id}", settings.public_base_url(), kind.as_str())
}

/// The page that shows a flow.
pub fn ui_url(settings: &Settings, flow: &Flow) -> String {
    page_url(settings, flow.kind, flow.id)
}

/// The page that shows the flow of this kind and id.
pub fn page_url(settings: &Settings, kind: FlowKind, id: Uuid) -> String {
    let mut url = settings.flow(kind).ui_url;
    url.query_pairs_mut().append_pair("flow", &id.to_string());
    url.into()
}

/// The id of the flow that is submitted.
///
/// # Errors
/// 400 where the parameter `flow` is missing or no UUID.
pub fn submitted_id(visit: &Visit) -> Result<Uuid, ApiError> {
    let id = visit.parameter("flow").and_then(|text| Uuid::parse_str(text).ok());
    id.ok_or_else(|| ApiError::bad_request("The query parameter \"flow\" must be the id of a flow."))
}

/// The id of the flow that is asked for; what is no id is the id of nothing.
pub fn fetched_id(visit: &Visit) -> Uuid {
    visit.parameter("id").and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_default()
}

/// The answer to a flow that begins: itself, or the way to its page.
pub fn begun(cx: &Context, visit: &Visit, flow: &Flow, identity: Option<&Person>) -> Reply {
    if flow.transport == Transport::Api || visit.prefers_json {
        return Reply::json(200, flow_json(cx, visit, flow, Extras { identity, ..Extras::default() }));
    }
    Reply::see_other(ui_url(cx.settings(), flow))
}

/// The answer to a submission that stays in its form: with the form for those who read JSON, else the way to its page.
pub fn shown_again(cx: &Context, visit: &Visit, flow: &Flow, status: u16, extras: Extras<'_>) -> Reply {
    if visit.audience(flow) == Audience::Browser {
        let redirect = if flow.kind == FlowKind::Registration && status >= 400 { 302 } else { 303 };
        return Reply::new(super::visit::ReplyBody::Redirect(redirect, ui_url(cx.settings(), flow)));
    }
    Reply::json(status, flow_json(cx, visit, flow, extras))
}

/// Checks that a form comes from the browser that began the flow, or that a native flow is not used by one
/// (identity-flows.md §5.2).
///
/// # Errors
/// For browser flows 403 `security_csrf_violation`; for native ones a problem to show in the flow.
pub fn check_csrf(visit: &Visit, flow: &Flow, input: &Input) -> Result<Option<Problem>, ApiError> {
    if flow.transport == Transport::Api {
        let used_by_browser = visit.has_origin || visit.has_cookies;
        return Ok(used_by_browser.then(|| {
            strategies::because("", "This flow is for native apps: send no Origin header and no cookies with it.")
        }));
    }
    if flow.context.csrf_exempt {
        return Ok(None);
    }
    let token = input.text("csrf_token").unwrap_or_default();
    let Some(secret) = &visit.csrf else { return Err(csrf_violation("No CSRF cookie came with the request.")) };
    if flow.csrf.is_some_and(|fingerprint| fingerprint != secret.fingerprint()) {
        return Err(csrf_violation("The flow was begun in another browser, or before the last sign-in or sign-out."));
    }
    if token.is_empty() {
        return Err(csrf_violation("The field csrf_token is missing."));
    }
    if !secret.accepts(token) {
        return Err(csrf_violation("The field csrf_token does not belong to the CSRF cookie."));
    }
    Ok(None)
}

/// Checks that a browser's flow is read by the browser that began it.
///
/// # Errors
/// 403 `security_csrf_violation`.
pub fn check_reader(visit: &Visit, flow: &Flow) -> Result<(), ApiError> {
    if flow.transport == Transport::Api || flow.context.csrf_exempt {
        return Ok(());
    }
    match (&visit.csrf, flow.csrf) {
        (Some(secret), Some(fingerprint)) if secret.fingerprint() == fingerprint => Ok(()),
        (None, _) => Err(csrf_violation("No CSRF cookie came with the request.")),
        _ => Err(csrf_violation("The flow was begun in another browser, or before the last sign-in or sign-out.")),
    }
}

fn csrf_violation(hint: &str) -> ApiError {
    ApiError::forbidden(
        "The request could not be tied to the browser that began the flow. Allow cookies, keep to one tab, and begin again.",
    )
    .id("security_csrf_violation")
    .detail("hint", hint)
}

impl Identity {
    /// The flow of this kind and id.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(crate) async fn flow_load(&self, cx: &Context, kind: FlowKind, id: Uuid) -> Result<Flow, Error> {
        let found = read!(&self.db, |tx| -> Result<Option<Flow>, Error> {
            Ok(flows::flow_find(tx, cx, cx.vault(), kind, id).await?)
        })
        .await?;
        found.ok_or_else(|| ApiError::not_found("There is no such flow: it may have ended. Begin a new one.").into())
    }

    /// Keeps a new flow.
    pub(crate) async fn flow_keep(&self, cx: &Context, flow: &Flow) -> Result<(), Error> {
        transact!(&self.db, |tx| -> Result<(), Error> { Ok(flows::flow_insert(tx, cx, cx.vault(), flow).await?) }).await
    }

    /// Keeps what a submission changed in a flow that does not end by it.
    pub(crate) async fn flow_save(&self, cx: &Context, flow: &Flow, from: State) -> Result<(), Error> {
        transact!(&self.db, |tx| -> Result<(), Error> {
            flows::flow_update(tx, cx, cx.vault(), flow, from).await?;
            Ok(())
        })
        .await
    }

    /// Counts an attempt, in a transaction of its own and before it is looked at.
    pub(crate) async fn flow_attempt(&self, cx: &Context, flow: &Flow) -> Result<i64, Error> {
        transact!(&self.db, |tx| -> Result<i64, Error> { Ok(flows::flow_count_attempt(tx, cx, flow.id).await?) }).await
    }

    /// The schema that a flow's traits follow: of who is signed in, of the choice at its beginning, or the default one.
    pub(crate) async fn flow_schema(
        &self,
        cx: &Context,
        flow: &Flow,
        identity: Option<&Person>,
    ) -> Result<Arc<IdentitySchema>, Error> {
        let own = identity.filter(|_| flow.kind == FlowKind::Settings).map(|identity| identity.schema_id.as_str());
        let id = own.or(flow.schema_id.as_deref()).unwrap_or(&cx.settings().identity.default_schema_id);
        self.schema(cx, id).await
    }

    /// The form again, with what is wrong with it: kept, so that a page that fetches it shows the same.
    pub(crate) async fn flow_invalid(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        problems: Vec<Problem>,
        group: Group,
        identity: Option<&Person>,
    ) -> Result<Reply, Error> {
        let from = flow.state;
        flow.state = transitions::next(flow.kind, from, Event::Invalid)
            .ok_or_else(|| Error::Internal("a flow that takes no input was shown again".to_owned()))?;
        flow.ui.reset_messages();
        for problem in problems {
            flow.ui.add_message(&problem.field, group, problem.message);
        }
        self.flow_save(cx, &flow, from).await?;
        Ok(shown_again(cx, visit, &flow, 400, Extras { identity, ..Extras::default() }))
    }
}

/// Reads the schema that a beginning asks for.
///
/// # Errors
/// 400 for a schema that cannot be chosen.
pub fn chosen_schema(cx: &Context, visit: &Visit) -> Result<Option<String>, ApiError> {
    let Some(asked) = visit.parameter("identity_schema") else { return Ok(None) };
    let section = &cx.settings().identity;
    let selectable = |id: &str| section.schemas.iter().any(|schema| schema.id == id && schema.selfservice_selectable);
    if asked == section.default_schema_id || selectable(asked) {
        return Ok(Some(asked.to_owned()));
    }
    Err(ApiError::bad_request(format!("The identity schema {asked:?} cannot be chosen here.")))
}

/// Refuses a beginning that asks to return where nobody may be sent.
///
/// # Errors
/// 400 `self_service_flow_return_to_forbidden`.
pub fn check_return_to(cx: &Context, visit: &Visit) -> Result<(), ApiError> {
    return_to::check_asked(cx.settings(), visit.parameter("return_to"))
}

/// Reads the body of a submission by the schema of its flow. What cannot be read is a problem to show in the flow.
pub fn read_input(body: &Body, schema: &IdentitySchema) -> Result<Input, Vec<Problem>> {
    Input::read(body, Some(schema)).map_err(|error| vec![strategies::because("", &error.to_string())])
}

/// The strategy that a submission is for; `None` if nobody claims it.
///
/// # Errors
/// 404 if the configuration has switched it off.
pub fn pick(scene: &Scene<'_>, flow: &Flow, input: &Input) -> Result<Option<&'static dyn Strategy>, ApiError> {
    let settings = scene.cx.settings();
    let mut switched_off = None;
    for strategy in strategies::ALL.iter().copied().filter(|strategy| strategy.serves(flow)) {
        if strategy.is_enabled(settings, flow.kind) {
            if strategy.claims(flow, input) {
                return Ok(Some(strategy));
            }
        } else if input.method() == Some(strategy.method()) {
            switched_off = Some(strategy);
        }
    }
    let later = input.method().filter(|method| strategies::comes_later(flow.kind, method));
    match switched_off.map(Strategy::method).or(later) {
        Some(method) => Err(ApiError::not_found(format!(
            "The method {method:?} is switched off here: it has to be enabled in the configuration."
        ))),
        None => Ok(None),
    }
}

/// The number of the message that no method took the submission.
pub fn no_strategy(kind: FlowKind) -> Message {
    Message::plain(match kind {
        FlowKind::Login => ids::LOGIN_NO_STRATEGY,
        FlowKind::Registration => ids::REGISTRATION_NO_STRATEGY,
        FlowKind::Settings => ids::SETTINGS_NO_STRATEGY,
        FlowKind::Recovery => ids::RECOVERY_NO_STRATEGY,
        FlowKind::Verification => ids::VERIFICATION_NO_STRATEGY,
    })
}

/// The message that a flow has ended.
pub fn expired_message(kind: FlowKind, expired_at: Timestamp) -> Message {
    let id = match kind {
        FlowKind::Login => ids::LOGIN_EXPIRED,
        FlowKind::Registration => ids::REGISTRATION_EXPIRED,
        FlowKind::Settings => ids::SETTINGS_EXPIRED,
        FlowKind::Recovery => ids::RECOVERY_EXPIRED,
        FlowKind::Verification => ids::VERIFICATION_EXPIRED,
    };
    let context =
        [("expired_at", Value::from(expired_at.to_string())), ("expired_at_unix", Value::from(expired_at.as_second()))];
    Message::new(id, context)
}

/// The refusal of a submission to a flow that has ended, which names the flow that takes its place.
pub fn expired_error(cx: &Context, expired: &Flow, replacement: Uuid) -> ApiError {
    let since = cx.now.as_nanosecond() - expired.expires_at.as_nanosecond();
    ApiError::new(410)
        .id("self_service_flow_expired")
        .reason("The flow has ended. Go on with the flow named in use_flow_id.")
        .beside("expired_at", expired.expires_at.to_string())
        .beside("since", i64::try_from(since).unwrap_or(i64::MAX))
        .beside("use_flow_id", replacement.to_string())
}

/// The refusal to show a flow that has ended, with the way to a new one (identity-flows.md §6.3).
pub fn ended_error(cx: &Context, flow: &Flow) -> ApiError {
    let base = format!("{}self-service/{}", cx.settings().public_base_url(), flow.kind.as_str());
    let error = ApiError::new(410).reason("The flow has ended: begin a new one.");
    let with_id = match flow.kind {
        FlowKind::Login | FlowKind::Registration => true,
        FlowKind::Recovery => flow.transport == Transport::Api,
        FlowKind::Settings | FlowKind::Verification => false,
    };
    let error = if with_id { error.id("self_service_flow_expired") } else { error };
    match flow.transport {
        Transport::Api => error.detail("api", format!("{base}/api")),
        Transport::Browser => {
            let return_to = flow.requested("return_to").unwrap_or_default();
            let mut again = format!("{base}/browser");
            if !return_to.is_empty() {
                let query =
                    url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &return_to).finish();
                again = format!("{again}?{query}");
            }
            error.detail("redirect_to", again).detail("return_to", return_to)
        }
    }
}

/// Whether somebody who is signed in signed in lately enough for what matters.
pub fn is_privileged(cx: &Context, authenticated_at: Timestamp) -> bool {
    let limit = cx.settings().selfservice.flows.settings.privileged_session_max_age;
    limit.as_nanos() <= 0 || authenticated_at + limit > cx.now
}

/// Adds the messages that a flow begins with.
pub fn add_messages(flow: &mut Flow, messages: impl IntoIterator<Item = Message>) {
    flow.ui.messages.extend(messages);
}

/// Fills in again what was sent, so that nobody types it twice. Secrets are not filled in.
pub fn echo(flow: &mut Flow, input: &Input) {
    let mut values = input.trait_values();
    for name in ["identifier", "email"] {
        if let Some(text) = input.text(name) {
            values.push((name.to_owned(), text.into()));
        }
    }
    nodes::fill_values(&mut flow.ui, values);
}
