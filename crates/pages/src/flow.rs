//! A flow as the public API answers it, as far as a page needs it. Reading is lenient: an attribute that is missing or
//! of an unexpected shape is left out, because a page that shows most of a flow serves better than an error.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The five kinds of flows, each with a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowKind {
    Login,
    Registration,
    Recovery,
    Verification,
    Settings,
}

impl FlowKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Login, Self::Registration, Self::Recovery, Self::Verification, Self::Settings];

    /// The word in paths: of the page, and of `/self-service/<word>/browser`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Recovery => "recovery",
            Self::Verification => "verification",
            Self::Settings => "settings",
        }
    }
}

/// A flow, as in `GET /self-service/<kind>/flows`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Flow {
    pub(crate) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) state: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) return_to: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) requested_aal: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) refresh: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) identity_schema: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) oauth2_login_challenge: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) oauth2_login_request: Option<Value>,
    pub(crate) ui: Ui,
}

/// What to show.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ui {
    pub(crate) action: String,
    pub(crate) method: String,
    #[serde(deserialize_with = "items")]
    pub(crate) nodes: Vec<Node>,
    #[serde(deserialize_with = "items")]
    pub(crate) messages: Vec<Message>,
}

/// One thing in the form, of any type.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) group: String,
    pub(crate) attributes: Map<String, Value>,
    #[serde(deserialize_with = "items")]
    pub(crate) messages: Vec<Message>,
    pub(crate) meta: Meta,
}

/// What is said about a node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    #[serde(deserialize_with = "lenient")]
    pub(crate) label: Option<Message>,
}

/// A text with its number, from the catalogue of messages or from an operator's web hook.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) text: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) context: Option<Map<String, Value>>,
}

impl Flow {
    /// Reads a flow; `None` where the answer is none.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        body.get("ui")?;
        Self::deserialize(body).ok()
    }

    /// Whether a second factor is asked for.
    pub(crate) fn is_second_step(&self) -> bool {
        self.requested_aal.as_deref() == Some("aal2")
    }

    /// Whether somebody who is signed in is asked to prove who they are.
    pub(crate) fn is_refresh(&self) -> bool {
        self.refresh == Some(true)
    }

    /// Whether a code or link has been sent, and the person is to answer it.
    pub(crate) fn is_waiting_for_code(&self) -> bool {
        matches!(self.state.as_deref(), Some("sent_email" | "recovery_awaiting_code"))
    }

    /// Whether the flow serves another application's OAuth 2 sign-in; it then ends at an origin only that knows.
    pub(crate) fn is_for_another_application(&self) -> bool {
        self.oauth2_login_challenge.is_some() || self.oauth2_login_request.is_some()
    }
}

impl Node {
    /// An attribute that is a text and not empty.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// An attribute that is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.attributes.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.attributes.get(name).and_then(Value::as_u64)
    }

    /// The name of an input, or the id of anything else.
    pub(crate) fn key(&self) -> &str {
        self.attribute("name").or_else(|| self.attribute("id")).unwrap_or_default()
    }

    /// The `type` of an input; empty for other nodes.
    pub(crate) fn input_type(&self) -> &str {
        if self.kind == "input" { self.attribute("type").unwrap_or("text") } else { "" }
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.input_type() == "hidden"
    }

    pub(crate) fn is_submit(&self) -> bool {
        self.input_type() == "submit"
    }

    /// A button that does something only with its script.
    pub(crate) fn is_trigger(&self) -> bool {
        self.input_type() == "button"
    }

    /// An input that a person fills in.
    pub(crate) fn is_field(&self) -> bool {
        self.kind == "input" && !self.is_hidden() && !self.is_submit() && !self.is_trigger()
    }

    /// The value as a form sends it: texts as they are, anything else as JSON.
    pub(crate) fn value(&self) -> Option<String> {
        self.attributes.get("value").and_then(plain)
    }
}

impl Message {
    /// A number or text of the context, as text.
    pub(crate) fn context_text(&self, key: &str) -> Option<String> {
        self.context.as_ref().and_then(|context| context.get(key)).and_then(plain)
    }
}

/// A JSON value as the value of a form field.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What does not have the expected shape counts as absent.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// A list, in which items of an unexpected shape are left out; `null` is the empty list (seen for `nodes`).
fn items<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    match Value::deserialize(deserializer)? {
        Value::Array(items) => Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_flow_is_not_read() {
        assert!(Flow::read(&json!({"error": {"code": 404}})).is_none());
        assert!(Flow::read(&json!(null)).is_none());
    }

    #[test]
    fn null_nodes_are_none_and_strange_ones_are_left_out() {
        let flow = Flow::read(&json!({"ui": {"action": "a", "nodes": null}})).unwrap();
        assert!(flow.ui.nodes.is_empty());
        let flow = Flow::read(&json!({"ui": {"nodes": [7, {"type": "input", "attributes": {"name": "a"}}]}})).unwrap();
        assert_eq!(flow.ui.nodes.len(), 1);
        assert_eq!(flow.ui.nodes[0].key(), "a");
    }

    #[test]
    fn values_are_written_as_a_form_sends_them() {
        let node: Node = serde_json::from_value(json!({"attributes": {"value": {"a": 1}}})).unwrap();
        assert_eq!(node.value().as_deref(), Some(r#"{"a":1}"#));
        let node: Node = serde_json::from_value(json!({"attributes": {"value": true}})).unwrap();
        assert_eq!(node.value().as_deref(), Some("true"));
        let node: Node = serde_json::from_value(json!({"attributes": {}})).unwrap();
        assert_eq!(node.value(), None);
    }
}
