//! What recovery and verification share: an address is named, a code or a link goes there, and comes back. Their beginning,
//! their refusals, and the flow that takes the place of one that has ended or was given up.

mod mail;
mod secret;

pub(super) use mail::{
    Occasion, compose, compose_for_nobody, compose_known, compose_notice, link_url, unless_unwritable,
};
pub(super) use secret::{Presented, Secret, SecretKind};

use foundation::ApiError;
use serde_json::{Map, Value, json};
use url::Url;
use web::csrf::CsrfSecret;

use super::engine::{self, begun, ui_url};
use super::input::Input;
use super::nodes;
use super::transitions::{self, Event};
use super::view::{Extras, flow_json};
use super::visit::{Audience, Reply, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, InputKind, Node};
use crate::schema::Problem;
use crate::service::Identity;
use crate::settings::{RecoveryUse, Settings};
use crate::strategies::{self, Strategy, code, link};

/// Refuses where the configuration has switched the kind off.
///
/// # Errors
/// 400, without an id.
pub(super) fn check_enabled(settings: &Settings, kind: FlowKind) -> Result<(), ApiError> {
    if settings.flow(kind).enabled {
        return Ok(());
    }
    let name = if kind == FlowKind::Recovery { "Recovery" } else { "Verification" };
    Err(ApiError::bad_request(format!(
        "{name} is switched off here: it has to be enabled in the configuration (selfservice.flows.{}.enabled).",
        kind.as_str()
    )))
}

/// Makes the form that asks for an address, by the method that the configuration uses.
pub(super) fn fill(settings: &Settings, flow: &mut Flow) {
    let flows = &settings.selfservice.flows;
    let used = if flow.kind == FlowKind::Recovery { flows.recovery.use_ } else { flows.verification.use_ };
    let methods = &settings.selfservice.methods;
    flow.ui.nodes.clear();
    match used {
        RecoveryUse::Code => {
            flow.active = Some("code".to_owned());
            if methods.code.enabled {
                code::choose(settings, flow);
            }
        }
        RecoveryUse::Link => {
            flow.active = Some("link".to_owned());
            if methods.link.enabled {
                link::form(flow, None);
            }
        }
    }
}

/// The method that a flow was made for, if it is still enabled and takes this input. A flow keeps its method when the
/// configuration changes, and an administrator may have chosen the other one.
pub(super) fn pick(settings: &Settings, flow: &Flow, input: &Input) -> Option<&'static dyn Strategy> {
    let methods = &settings.selfservice.methods;
    let strategy: &'static dyn Strategy = match flow.active.as_deref() {
        Some("code") if methods.code.enabled => &code::Code,
        Some("link") if methods.link.enabled => &link::Link,
        _ => return None,
    };
    strategy.claims(flow, input).then_some(strategy)
}

/// The group of a flow's nodes.
pub(super) fn group(flow: &Flow) -> Group {
    if flow.active.as_deref() == Some("link") { Group::Link } else { Group::Code }
}

/// Who reads the answer. What a native flow mails is opened in a browser, which wants to be sent to a page.
pub(super) fn audience(visit: &Visit, flow: &Flow, opened: bool) -> Audience {
    let in_browser = opened || visit.has_cookies || visit.has_origin;
    match visit.audience(flow) {
        Audience::Native if in_browser && !visit.wants_json => Audience::Browser,
        audience => audience,
    }
}

/// The flow for who reads the answer: itself, or the way to its page.
pub(super) fn shown(cx: &Context, visit: &Visit, flow: &Flow, by: Audience, status: u16, extras: Extras<'_>) -> Reply {
    if by == Audience::Browser {
        return Reply::see_other(ui_url(cx.settings(), flow));
    }
    Reply::json(status, flow_json(cx, visit, flow, extras))
}

/// The visit with a new CSRF secret, which the answer has to set.
pub(super) fn with_new_csrf(cx: &Context, visit: &Visit) -> (Visit, CsrfSecret) {
    let secret = CsrfSecret::generate(cx.rng.as_ref());
    (Visit { csrf: Some(secret.clone()), ..visit.clone() }, secret)
}

/// The URL of a request that goes on with another flow, with the address to return to that `flow` began with.
pub(super) fn continued_url(url: &str, flow: &Flow) -> String {
    let Some(return_to) = flow.requested("return_to") else { return url.to_owned() };
    let Ok(mut continued) = Url::parse(url) else { return url.to_owned() };
    if continued.query_pairs().all(|(name, _)| name != "return_to") {
        continued.query_pairs_mut().append_pair("return_to", &return_to);
    }
    continued.into()
}

/// What the client sent along for mails and hooks, if it is an object that holds anything.
pub(super) fn transient_payload(input: &Input) -> Map<String, Value> {
    input.value("transient_payload").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// What is told back of it.
pub(super) fn echoed(payload: Map<String, Value>) -> Extras<'static> {
    Extras { transient_payload: (!payload.is_empty()).then_some(Value::Object(payload)), ..Extras::default() }
}

/// How often one flow may try.
pub(super) fn most_attempts(cx: &Context) -> i64 {
    i64::from(cx.settings().selfservice.methods.code.config.max_submissions)
}

/// That links are not in use.
pub(super) fn links_are_off() -> ApiError {
    ApiError::not_found("The method \"link\" is switched off here: it has to be enabled in the configuration.")
}

/// That a flow's codes were tried too often.
pub(super) fn too_often() -> Message {
    strategies::because("", "The code was tried too often. Ask for a new one.").message
}

impl Identity {
    /// Begins a flow and answers with it.
    pub(super) async fn challenge_begin(
        &self,
        cx: &Context,
        visit: &Visit,
        kind: FlowKind,
        transport: Transport,
    ) -> Result<Reply, Error> {
        engine::check_return_to(cx, visit)?;
        let mut flow = engine::new_flow(cx, visit, kind, transport);
        fill(cx.settings(), &mut flow);
        self.flow_open(cx, visit, &flow, None).await?;
        Ok(begun(cx, visit, &flow, None))
    }

    /// Shows a flow to who may see it.
    ///
    /// # Errors
    /// 400 where the kind is switched off, 404, 403 `security_csrf_violation` for strangers, 410 once it has ended.
    pub(super) async fn challenge_fetch(&self, cx: &Context, visit: &Visit, kind: FlowKind) -> Result<Reply, Error> {
        check_enabled(cx.settings(), kind)?;
        let id = engine::fetched_id(visit);
        let mut flow = self.flow_load(cx, kind, id).await.map_err(super::login::without_reason)?;
        engine::check_reader(visit, &flow)?;
        if flow.is_expired(cx.now) {
            return Err(engine::ended_error(cx, &flow).into());
        }
        if let Some(code) = flow.context.code.clone() {
            flow.ui.set_value("code", code.into());
        }
        Ok(Reply::json(200, flow_json(cx, visit, &flow, Extras::default())))
    }

    /// The form again, with what is wrong with it. The method of the flow stays what it was, so that a correct submission
    /// works afterwards.
    pub(super) async fn challenge_refused(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        by: Audience,
        problems: Vec<Problem>,
    ) -> Result<Reply, Error> {
        let from = flow.state;
        flow.state = transitions::next(flow.kind, from, Event::Invalid)
            .ok_or_else(|| Error::Internal("a flow that takes no input was shown again".to_owned()))?;
        if flow.kind == FlowKind::Recovery {
            flow.ui.reset_messages();
        }
        for problem in problems {
            show_problem(&mut flow, problem);
        }
        self.flow_save(cx, &flow, from).await?;
        Ok(shown(cx, visit, &flow, by, 400, Extras::default()))
    }

    /// The form again after a code that is wrong, used up or too old: not told apart, and no error by its status.
    pub(super) async fn challenge_wrong(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        by: Audience,
        message: Message,
    ) -> Result<Reply, Error> {
        let from = flow.state;
        flow.ui.reset_messages();
        flow.ui.messages.push(message);
        flow.context.code = None;
        self.flow_save(cx, &flow, from).await?;
        Ok(shown(cx, visit, &flow, by, 200, Extras::default()))
    }

    /// A new flow in the place of one that has ended: of the same kind of client, unless a browser opened a native one's.
    pub(super) async fn challenge_replace(
        &self,
        cx: &Context,
        visit: &Visit,
        ended: &Flow,
        by: Audience,
    ) -> Result<Reply, Error> {
        let transport = transport_for(ended, by);
        // An administrator's flow began without a browser: the new one needs a cookie to be read by.
        let (visit, csrf) = match (&visit.csrf, transport) {
            (None, Transport::Browser) => {
                let (visit, csrf) = with_new_csrf(cx, visit);
                (visit, Some(csrf))
            }
            _ => (visit.clone(), None),
        };
        let mut flow = engine::new_flow(cx, &visit, ended.kind, transport);
        flow.request_url.clone_from(&ended.request_url);
        fill(cx.settings(), &mut flow);
        flow.ui.messages.push(engine::expired_message(ended.kind, ended.expires_at));
        self.flow_keep(cx, &flow).await?;
        let names_it = ended.kind == FlowKind::Recovery && cx.settings().feature_flags.use_continue_with_transitions;
        let reply = match by {
            Audience::Browser => Reply::see_other(ui_url(cx.settings(), &flow)),
            Audience::Native if names_it => {
                let error = engine::expired_error(cx, ended, flow.id);
                Reply::error(error.detail("continue_with", show_recovery(&flow)))
            }
            _ => Reply::see_other(fetch_url(cx, &flow)),
        };
        Ok(reply.with_csrf(csrf))
    }

    /// A new flow in the place of one that is given up, with the reason in it.
    pub(super) async fn challenge_again(
        &self,
        cx: &Context,
        visit: &Visit,
        given_up: &Flow,
        by: Audience,
        reason: Message,
    ) -> Result<Reply, Error> {
        let transport = transport_for(given_up, by);
        let (renewed, csrf) = with_new_csrf(cx, visit);
        let mut flow = engine::new_flow(cx, &renewed, given_up.kind, transport);
        flow.request_url = continued_url(&visit.url, given_up);
        fill(cx.settings(), &mut flow);
        let told = reason.text.clone();
        flow.ui.messages.push(reason);
        self.flow_keep(cx, &flow).await?;
        let names_it = cx.settings().feature_flags.use_continue_with_transitions;
        let reply = match (by, given_up.kind) {
            (Audience::Browser, _) => Reply::see_other(ui_url(cx.settings(), &flow)),
            (_, FlowKind::Recovery) if names_it => {
                Reply::error(ApiError::bad_request(told).detail("continue_with", show_recovery(&flow)))
            }
            (_, FlowKind::Recovery) => Reply::see_other(fetch_url(cx, &flow)),
            _ => Reply::error(replaced(told, &flow)),
        };
        Ok(reply.with_csrf((transport == Transport::Browser).then_some(csrf)))
    }
}

fn transport_for(flow: &Flow, by: Audience) -> Transport {
    if by == Audience::Browser { Transport::Browser } else { flow.transport }
}

fn show_recovery(flow: &Flow) -> Value {
    json!([{"action": "show_recovery_ui", "flow": {"id": flow.id}}])
}

fn fetch_url(cx: &Context, flow: &Flow) -> String {
    format!("{}self-service/{}/flows?id={}", cx.settings().public_base_url(), flow.kind.as_str(), flow.id)
}

fn replaced(reason: String, flow: &Flow) -> ApiError {
    ApiError::new(410)
        .id("self_service_flow_replaced")
        .reason(format!("{reason} Go on with the flow named in use_flow_id."))
        .beside("use_flow_id", flow.id.to_string())
}

/// Puts a problem into the form, in the place of the one that was told there before.
fn show_problem(flow: &mut Flow, problem: Problem) {
    let group = group(flow);
    if flow.kind == FlowKind::Verification && problem.field == "email" && problem.message.id == ids::INVALID_REQUIRED {
        ask_for_address(flow, group);
    }
    match problem.field.as_str() {
        "" => flow.ui.messages.clear(),
        name => flow.ui.nodes.iter_mut().filter(|node| node.id() == name).for_each(|node| node.messages.clear()),
    }
    flow.ui.add_message(&problem.field, group, problem.message);
}

/// In a verification whose code was sent, the button for another code becomes the field for the address again.
fn ask_for_address(flow: &mut Flow, group: Group) {
    let field =
        Node::input(group, "email", InputKind::Email).value("").required().label(Message::plain(ids::LABEL_EMAIL));
    match flow.ui.nodes.iter_mut().find(|node| node.id() == "email") {
        Some(node) => *node = field,
        None => flow.ui.nodes.push(field),
    }
    if !flow.ui.nodes.iter().any(|node| node.id() == "csrf_token") {
        flow.ui.nodes.push(nodes::csrf_node());
    }
}

/// Where `event` leads a flow.
pub(super) fn next_state(flow: &Flow, event: Event) -> Result<State, Error> {
    transitions::next(flow.kind, flow.state, event)
        .ok_or_else(|| Error::Internal("a flow took an event that it has no place for".to_owned()))
}
