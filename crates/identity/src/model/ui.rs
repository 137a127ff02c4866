//! The form of a flow: what a client draws (identity-flows.md §3). Any client can draw any flow from this alone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::Message;

/// The form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Where it is sent: an absolute URL with the flow's id.
    pub action: String,
    /// `POST`, and `GET` once a verification is done.
    pub method: String,
    /// The fields, in the order to draw them.
    pub nodes: Vec<Node>,
    /// What concerns the form as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
}

/// Which method a node belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are the contract's group names")]
pub enum Group {
    Default,
    Password,
    Oidc,
    Profile,
    Link,
    Code,
    Totp,
    LookupSecret,
    Webauthn,
    Passkey,
    IdentifierFirst,
}

/// One field, text, picture or link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Repeats the kind of the attributes.
    #[serde(rename = "type")]
    pub kind: NodeKind,
    /// The method it belongs to.
    pub group: Group,
    /// What it is.
    pub attributes: Attributes,
    /// What concerns this field.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// Its label.
    #[serde(default)]
    pub meta: Meta,
}

/// The kinds of nodes in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are the contract's node types")]
pub enum NodeKind {
    Input,
    Text,
    Img,
    A,
}

/// What is said about a node beside its attributes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The text beside or on the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Message>,
}

/// The attributes of a node; `node_type` tells them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "node_type", rename_all = "lowercase")]
pub enum Attributes {
    /// A field or a button.
    Input(Input),
    /// Text to read or copy.
    Text {
        /// The node's id.
        id: String,
        /// The text.
        text: Message,
    },
    /// A picture.
    Img {
        /// The node's id.
        id: String,
        /// A URL, often with the data in it.
        src: String,
        /// In CSS pixels.
        width: u32,
        /// In CSS pixels.
        height: u32,
    },
    /// A link.
    A {
        /// The node's id.
        id: String,
        /// Where it leads.
        href: String,
        /// Its text.
        title: Message,
    },
}

/// A field or a button.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The name under which its value is sent.
    pub name: String,
    /// As in HTML.
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// What it holds at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Whether the form cannot be sent without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The hint for password managers, as in HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autocomplete: Option<String>,
    /// A regular expression for the value, as in HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Whether it is shown but not sent.
    pub disabled: bool,
    /// The longest value, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maxlength: Option<u32>,
    /// The values to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<InputOption>,
}

/// A value to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputOption {
    /// The value.
    pub value: Value,
}

/// The types of inputs, as in HTML.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the variants are HTML's input types")]
pub enum InputKind {
    #[default]
    Text,
    Password,
    Number,
    Checkbox,
    Hidden,
    Email,
    Tel,
    Submit,
    Button,
    DatetimeLocal,
    Date,
    Url,
}

impl Node {
    /// An input node of `group`.
    pub fn input(group: Group, name: impl Into<String>, kind: InputKind) -> Self {
        let attributes = Attributes::Input(Input { name: name.into(), kind, ..Input::default() });
        Self { kind: NodeKind::Input, group, attributes, messages: Vec::new(), meta: Meta::default() }
    }

    /// A button that submits `name=value`.
    pub fn submit(group: Group, name: &str, value: impl Into<Value>, label: Message) -> Self {
        Self::input(group, name, InputKind::Submit).value(value).label(label)
    }

    /// A field that nobody sees.
    pub fn hidden(group: Group, name: &str, value: impl Into<Value>) -> Self {
        Self::input(group, name, InputKind::Hidden).value(value)
    }

    /// A text node.
    pub fn text(group: Group, id: &str, text: Message) -> Self {
        let attributes = Attributes::Text { id: id.to_owned(), text };
        Self { kind: NodeKind::Text, group, attributes, messages: Vec::new(), meta: Meta::default() }
    }

    /// A picture.
    pub fn img(group: Group, id: &str, src: String, width: u32, height: u32) -> Self {
        let attributes = Attributes::Img { id: id.to_owned(), src, width, height };
        Self { kind: NodeKind::Img, group, attributes, messages: Vec::new(), meta: Meta::default() }
    }

    /// A link.
    pub fn anchor(group: Group, id: &str, href: String, title: Message) -> Self {
        let meta = Meta { label: Some(title.clone()) };
        let attributes = Attributes::A { id: id.to_owned(), href, title };
        Self { kind: NodeKind::A, group, attributes, messages: Vec::new(), meta }
    }

    /// Sets the label.
    #[must_use]
    pub fn label(mut self, label: Message) -> Self {
        self.meta.label = Some(label);
        self
    }

    /// Sets the value of an input.
    #[must_use]
    pub fn value(self, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.with(|input| input.value = Some(value))
    }

    /// Makes an input required.
    #[must_use]
    pub fn required(self) -> Self {
        self.with(|input| input.required = true)
    }

    /// Sets the hint for password managers of an input.
    #[must_use]
    pub fn autocomplete(self, hint: &str) -> Self {
        self.with(|input| input.autocomplete = Some(hint.to_owned()))
    }

    /// Changes the attributes of an input; other nodes stay as they are.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Input)) -> Self {
        if let Attributes::Input(input) = &mut self.attributes {
            change(input);
        }
        self
    }

    /// What the node is looked up and sorted by: the name of an input, the id of the others.
    pub fn id(&self) -> &str {
        match &self.attributes {
            Attributes::Input(input) => &input.name,
            Attributes::Text { id, .. } | Attributes::Img { id, .. } | Attributes::A { id, .. } => id,
        }
    }

    /// The attributes of an input.
    pub fn as_input(&self) -> Option<&Input> {
        match &self.attributes {
            Attributes::Input(input) => Some(input),
            _ => None,
        }
    }
}

impl Container {
    /// An empty form that is sent to `action`.
    pub fn new(action: String) -> Self {
        Self { action, method: "POST".to_owned(), nodes: Vec::new(), messages: Vec::new() }
    }

    /// Whether anything in the form is an error.
    pub fn has_errors(&self) -> bool {
        use super::message::MessageKind::Error;
        self.messages
            .iter()
            .chain(self.nodes.iter().flat_map(|node| &node.messages))
            .any(|message| message.kind == Error)
    }

    /// Forgets all messages.
    pub fn reset_messages(&mut self) {
        self.messages.clear();
        for node in &mut self.nodes {
            node.messages.clear();
        }
    }

    /// Puts a message on the node of this name, or, where there is none, on a new text input of `group`.
    pub fn add_message(&mut self, name: &str, group: Group, message: Message) {
        if name.is_empty() {
            self.messages.push(message);
            return;
        }
        if let Some(node) = self.nodes.iter_mut().find(|node| node.id() == name) {
            node.messages.push(message);
            return;
        }
        let mut node = Node::input(group, name, InputKind::Text);
        node.messages.push(message);
        self.nodes.push(node);
    }

    /// Sets the value of the inputs of this name; buttons keep theirs.
    pub fn set_value(&mut self, name: &str, value: Value) {
        for node in &mut self.nodes {
            if let Attributes::Input(input) = &mut node.attributes
                && input.name == name
                && !matches!(input.kind, InputKind::Submit | InputKind::Button)
            {
                input.value = Some(value.clone());
            }
        }
    }
}
