//! The order of nodes, and nodes that several methods have (identity-flows.md §3.4). The order is observable.

use std::collections::HashMap;

use serde_json::Value;

use crate::model::flow::{Flow, FlowKind, Transport};
use crate::model::ui::{Attributes, Container, Group, InputKind, Node};
use crate::schema::Problem;

/// Groups in the order of their places; groups that are not listed come first.
fn group_order(kind: FlowKind) -> &'static [Group] {
    use Group::{Code, Default, LookupSecret, Oidc, Passkey, Password, Profile, Totp, Webauthn};
    match kind {
        FlowKind::Login => &[Oidc, Default, Webauthn, Passkey, Code, Password, Totp, LookupSecret],
        FlowKind::Registration => &[Oidc, Default, Webauthn, Passkey, Code, Password, Profile],
        FlowKind::Settings => &[Default, Profile, Password, Oidc, LookupSecret, Webauthn, Passkey, Totp],
        FlowKind::Recovery | FlowKind::Verification => &[],
    }
}

/// Names in the order of their places inside a group. `traits` are the names of the schema's traits, in its order.
fn name_order<'a>(kind: FlowKind, traits: &[&'a str]) -> Vec<&'a str> {
    match kind {
        FlowKind::Login => vec!["csrf_token", "identifier", "password"],
        FlowKind::Registration => {
            let mut names = vec!["csrf_token"];
            names.extend(traits.first());
            names.push("password");
            names.extend(traits.iter().skip(1));
            names
        }
        FlowKind::Settings => {
            let mut names = traits.to_vec();
            names.extend([
                "lookup_secret_reveal",
                "lookup_secret_regenerate",
                "lookup_secret_codes",
                "lookup_secret_confirm",
                "totp_qr",
                "totp_secret_key",
                "totp_unlink",
                "totp_code",
            ]);
            names
        }
        FlowKind::Recovery | FlowKind::Verification => Vec::new(),
    }
}

/// Makes nodes for the fields that problems name and the form does not have, in their places.
pub fn make_room(flow: &mut Flow, problems: &[Problem], traits: &[String]) {
    for problem in problems.iter().filter(|problem| !problem.field.is_empty()) {
        if !flow.ui.nodes.iter().any(|node| node.id() == problem.field) {
            flow.ui.nodes.push(Node::input(Group::Default, problem.field.clone(), InputKind::Text));
        }
    }
    sort(flow.kind, &mut flow.ui, traits);
}

/// Puts the nodes of a flow in their order. Recovery and verification keep the order in which they were made.
pub fn sort(kind: FlowKind, form: &mut Container, traits: &[String]) {
    if matches!(kind, FlowKind::Recovery | FlowKind::Verification) {
        return;
    }
    let groups = group_order(kind);
    let group_place = |group: Group| groups.iter().position(|other| *other == group).map_or(-1, |place| place as i64);
    form.nodes.sort_by_key(|node| group_place(node.group));
    let traits: Vec<&str> = traits.iter().map(String::as_str).collect();
    let names = name_order(kind, &traits);
    // `default` and `password` are one group here: an identifier and a password stand together where they are neighbours.
    let joint = |group: Group| if group == Group::Password { Group::Default } else { group };
    let place = |node: &Node| {
        let id = node.id();
        if id == "method" {
            return usize::MAX;
        }
        names.iter().position(|name| id.starts_with(name)).unwrap_or(names.len())
    };
    let comes_before = |left: &Node, right: &Node| {
        let value =
            |node: &Node| node.as_input().and_then(|input| input.value.as_ref()).map(text_of).unwrap_or_default();
        let order = place(left).cmp(&place(right));
        let order = if left.id() == right.id() { order.then_with(|| value(left).cmp(&value(right))) } else { order };
        joint(left.group) == joint(right.group) && order.is_lt()
    };
    // Nodes of different groups are not compared, so a node never passes one of another group: the order is no total one,
    // and only sorting by insertion gives what clients know.
    for end in 1..form.nodes.len() {
        let mut at = end;
        while at > 0 && comes_before(&form.nodes[at], &form.nodes[at - 1]) {
            form.nodes.swap(at, at - 1);
            at -= 1;
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The node of the CSRF token. Its value is written when the flow is shown, never stored.
pub fn csrf_node() -> Node {
    Node::hidden(Group::Default, "csrf_token", "").required()
}

/// Adds the node of the CSRF token where a flow has none and needs it.
pub fn ensure_csrf_node(flow: &mut Flow) {
    let wanted = flow.transport == Transport::Browser || !flow.ui.nodes.is_empty();
    if wanted && !flow.ui.nodes.iter().any(|node| node.id() == "csrf_token") {
        flow.ui.nodes.insert(0, csrf_node());
    }
}

/// Writes the CSRF token into the form that is shown.
pub fn fill_csrf(form: &mut Container, token: &str) {
    for node in &mut form.nodes {
        if let Attributes::Input(input) = &mut node.attributes
            && input.name == "csrf_token"
        {
            input.value = Some(token.into());
        }
    }
}

/// Writes values into the fields of a form, by name; secrets and buttons stay as they are.
pub fn fill_values(form: &mut Container, values: impl IntoIterator<Item = (String, Value)>) {
    let values: HashMap<String, Value> = values.into_iter().collect();
    for node in &mut form.nodes {
        if let Attributes::Input(input) = &mut node.attributes
            && !matches!(input.kind, InputKind::Password | InputKind::Submit | InputKind::Button)
            && let Some(value) = values.get(&input.name)
        {
            input.value = Some(value.clone());
        }
    }
}
