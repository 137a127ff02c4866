//! The wire shape of flows (identity-flows.md §2.2).

use serde_json::{Map, Value, json};

use super::nodes;
use super::visit::Visit;
use crate::context::Context;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::Identity;
use crate::sessions::view::identity_json;

/// What is said beside the flow itself, in one answer only.
#[derive(Debug, Default)]
pub struct Extras<'a> {
    /// Settings: whose it is.
    pub identity: Option<&'a Identity>,
    /// What the client does next.
    pub continue_with: Vec<Value>,
    /// What the client sent along, told back to it.
    pub transient_payload: Option<Value>,
}

/// A flow as its owner sees it, with a fresh CSRF token in its form.
pub fn flow_json(cx: &Context, visit: &Visit, flow: &Flow, extras: Extras<'_>) -> Value {
    let mut ui = flow.ui.clone();
    nodes::fill_csrf(&mut ui, &visit.csrf_token(flow, &cx.rng));
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    set("id", json!(flow.id));
    set("type", json!(flow.transport));
    set("expires_at", json!(flow.expires_at));
    set("issued_at", json!(flow.issued_at));
    set("request_url", json!(flow.request_url));
    if let Some(return_to) = flow.requested("return_to") {
        set("return_to", json!(return_to));
    }
    if let Some(active) = &flow.active {
        set("active", json!(active));
    }
    set("ui", json!(ui));
    set("state", json!(flow.state));
    let own = (!flow.transient_payload.is_empty()).then(|| Value::Object(flow.transient_payload.clone()));
    if let Some(payload) = extras.transient_payload.or(own) {
        set("transient_payload", payload);
    }
    if !extras.continue_with.is_empty() {
        set("continue_with", extras.continue_with.into());
    }
    match flow.kind {
        FlowKind::Login => {
            set("organization_id", json!(flow.organization_id()));
            set("created_at", json!(flow.issued_at));
            set("updated_at", json!(flow.updated_at));
            set("refresh", json!(flow.refresh));
            set("requested_aal", json!(flow.requested_aal));
        }
        FlowKind::Registration => {
            set("organization_id", json!(flow.organization_id()));
        }
        FlowKind::Settings => {
            set("organization_id", Value::Null);
            set("identity", extras.identity.map(|identity| identity_json(cx, identity)).unwrap_or_default());
        }
        FlowKind::Recovery | FlowKind::Verification => {}
    }
    if let Some(schema) = flow.schema_id.as_ref().filter(|_| flow.requested("identity_schema").is_some()) {
        set("identity_schema", json!(schema));
    }
    object.into()
}
