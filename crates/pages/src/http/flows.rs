//! The page of a flow, and what happens when there is none to show: it starts, starts again, or leads elsewhere.

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::api_problem;
use crate::flow::{Flow, FlowKind};
use crate::ports::ApiAnswer;
use crate::urls;
use crate::view::{FlowPage, Link, Situation};
use crate::visit::Visit;

/// Parameters of a page that go on to where a flow starts.
const PASSED_ON: [&str; 9] = [
    "refresh",
    "aal",
    "return_to",
    "via",
    "organization",
    "identity_schema",
    "login_challenge",
    "after_verification_return_to",
    "skip_settings",
];

/// Shows the flow that the query names, or starts one.
pub(crate) async fn flow(mut visit: Visit, kind: FlowKind) -> Response {
    let Some(id) = visit.parameter("flow").map(str::to_owned) else {
        let start = start(&visit, kind, None);
        return visit.redirect(&start);
    };
    let path = format!("/self-service/{}/flows", kind.word());
    let answer = match visit.ask(&urls::with_query(&path, [("id", id.as_str())])).await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    match Flow::read(&answer.body) {
        Some(flow) if answer.status == 200 => show(&mut visit, kind, &flow),
        _ => no_flow(&mut visit, kind, &answer),
    }
}

fn show(visit: &mut Visit, kind: FlowKind, flow: &Flow) -> Response {
    let frame = visit.frame("login.title");
    let settings = visit.settings.clone();
    let (page, needs) = FlowPage::of(flow, &Situation { kind, settings: &settings }, frame);
    visit.page(StatusCode::OK, &page, &needs)
}

/// Where a flow starts, with the page's parameters.
fn start(visit: &Visit, kind: FlowKind, return_to: Option<&str>) -> String {
    let address = visit.public_address(&format!("/self-service/{}/browser", kind.word()));
    let own = PASSED_ON.iter().filter_map(|name| Some((*name, visit.parameter(name)?)));
    let known = return_to.filter(|_| visit.parameter("return_to").is_none()).map(|address| ("return_to", address));
    urls::with_query(&address, own.chain(known))
}

/// The API gives no flow: it has ended, belongs to another browser, or something has to be done first.
fn no_flow(visit: &mut Visit, kind: FlowKind, answer: &ApiAnswer) -> Response {
    let text = |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(elsewhere) = text("/redirect_browser_to").filter(|address| urls::is_safe_link(address)) {
        return visit.redirect(elsewhere);
    }
    if let Some(replacement) = text("/use_flow_id").or_else(|| text("/error/details/use_flow_id")) {
        let page = visit.own_address(&format!("/{}", kind.word()));
        return visit.redirect(&urls::with_query(&page, [("flow", replacement)]));
    }
    match answer.status {
        401 if kind == FlowKind::Settings => {
            // The API allows its own self-service addresses always; those of the pages may not be listed.
            let settings = start(visit, kind, None);
            let login = visit.public_address("/self-service/login/browser");
            visit.redirect(&urls::with_query(&login, [("return_to", settings.as_str())]))
        }
        401 | 403 | 404 | 410 => restart(visit, kind, text("/error/details/return_to")),
        status => api_problem(visit, status, &answer.body),
    }
}

/// Starts the flow anew and lets the new page say so. A browser that keeps no cookies, or that has just been through
/// this, would go around in circles: it gets a page with a button.
fn restart(visit: &mut Visit, kind: FlowKind, return_to: Option<&str>) -> Response {
    let start = start(visit, kind, return_to);
    if visit.has_cookies() && !visit.was_restarted() {
        visit.leave_notice("restarted");
        return visit.redirect(&start);
    }
    let text = visit.texts.text("error.restart").to_owned();
    let action = Link { before: String::new(), href: start, text: visit.texts.text("error.restart.action").to_owned() };
    visit.problem(StatusCode::FORBIDDEN, "error.restart.title", text, Some(action))
}
