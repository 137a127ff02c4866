//! Nodes → what the template draws for each: fields, texts, pictures, links, boxes and buttons.

use foundation::Texts;
use serde_json::Value;

use super::{Moment, Notice};
use crate::flow::{Message, Node, plain};
use crate::texts::message as say;
use crate::urls;

/// One thing between the opening of a form and its buttons.
#[derive(Debug)]
pub(crate) struct Field {
    /// The id of the control in the page, which is not the id of the node: several forms may have the same field.
    pub(crate) id: String,
    pub(crate) label: String,
    /// What helps to fill it in.
    pub(crate) hint: Option<String>,
    pub(crate) messages: Vec<Notice>,
    /// Messages elsewhere on the page that are about this field too.
    pub(crate) also_described_by: &'static str,
    pub(crate) widget: Widget,
}

/// The ways to draw a node.
#[derive(Debug)]
pub(crate) enum Widget {
    Input(Input),
    Checkbox(Input),
    Select {
        input: Input,
        options: Vec<String>,
    },
    /// A list of texts: a field for each, and an empty one.
    List {
        input: Input,
        values: Vec<String>,
    },
    /// A button that does something only with its script.
    Trigger(Trigger),
    Text(String),
    /// A secret to copy, in parts that are easy to type.
    Secret(Vec<String>),
    /// Codes to keep.
    Codes(Vec<Code>),
    Image {
        src: String,
        width: u64,
        height: u64,
    },
    Link {
        href: String,
        primary: bool,
    },
    Box {
        id: String,
        class: String,
        data: Vec<(String, String)>,
    },
}

/// The attributes of an input.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) required: bool,
    pub(crate) disabled: bool,
    pub(crate) checked: bool,
    pub(crate) autofocus: bool,
    pub(crate) autocomplete: String,
    pub(crate) inputmode: &'static str,
    pub(crate) pattern: String,
    pub(crate) maxlength: Option<u64>,
    pub(crate) placeholder: &'static str,
    pub(crate) onload_trigger: String,
}

/// The attributes of a button with a script behind it.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) disabled: bool,
    pub(crate) function: String,
    pub(crate) primary: bool,
}

/// One backup code.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) text: String,
    /// When it was used up.
    pub(crate) used: Option<Moment>,
}

/// A button that sends the form.
#[derive(Debug)]
pub(crate) struct Button {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) class: &'static str,
    pub(crate) disabled: bool,
    /// Sends also what is not filled in: the button does not need the fields.
    pub(crate) skips_validation: bool,
    /// Sends a message again; the script makes people wait a little.
    pub(crate) sends_again: bool,
    pub(crate) messages: Vec<Notice>,
}

/// An input that nobody sees.
#[derive(Debug)]
pub(crate) struct Hidden {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) onload_trigger: String,
}

/// Names of the buttons that send a code again: to the same place or by channel.
const AGAIN: [&str; 3] = ["resend", "email", "sms"];

/// Keys of an error's context that tell how long to wait, and how many seconds one is.
const WAITS: [(&str, u64); 2] = [("seconds", 1), ("minutes", 60)];

/// The script functions that nodes may name. A name from outside this list is not passed to the page.
const TRIGGERS: [&str; 6] = [
    "oryWebAuthnRegistration",
    "oryWebAuthnLogin",
    "oryPasskeyLogin",
    "oryPasskeyLoginAutocompleteInit",
    "oryPasskeyRegistration",
    "oryPasskeySettingsRegistration",
];

impl Field {
    /// Draws a node; `None` for what cannot be drawn safely. `place` is a number that no other field of the page has.
    /// An alternative method's fields are not required, or they would block the main one.
    pub(crate) fn of(node: &Node, texts: &Texts, place: usize, is_alternative: bool) -> Option<Self> {
        let widget = match node.kind.as_str() {
            "input" if node.is_trigger() => Widget::Trigger(Trigger {
                name: node.key().to_owned(),
                value: node.value().unwrap_or_default(),
                disabled: node.flag("disabled"),
                function: trigger(node, "onclickTrigger"),
                primary: false,
            }),
            "input" => input_widget(node, is_alternative),
            "text" => text_widget(node, texts)?,
            "img" => image(node)?,
            "a" => Widget::Link {
                href: node.attribute("href").filter(|href| urls::is_safe_link(href))?.to_owned(),
                primary: true,
            },
            "div" => boxed(node),
            _ => return None,
        };
        let id = format!("field-{place}");
        Some(Self {
            id,
            label: label(node, texts),
            hint: None,
            messages: messages(&node.messages, texts),
            also_described_by: "",
            widget,
        })
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.messages.iter().any(|message| message.kind == "error")
    }

    /// The ids of what is said about it, for `aria-describedby`: what is wrong first.
    pub(crate) fn described_by(&self) -> String {
        let mut ids: Vec<String> = (1..=self.messages.len()).map(|number| format!("{}-{number}", self.id)).collect();
        ids.extend(Some(self.also_described_by.to_owned()).filter(|id| !id.is_empty()));
        ids.extend(self.hint.as_ref().map(|_| format!("{}-hint", self.id)));
        ids.join(" ")
    }

    /// The input of a field that can have the focus.
    pub(crate) fn input_mut(&mut self) -> Option<&mut Input> {
        match &mut self.widget {
            Widget::Input(input) | Widget::Select { input, .. } | Widget::List { input, .. } => Some(input),
            _ => None,
        }
    }
}

impl Button {
    pub(crate) fn of(node: &Node, texts: &Texts, class: &'static str, skips_validation: bool) -> Self {
        Self {
            name: node.key().to_owned(),
            value: node.value().unwrap_or_default(),
            label: label(node, texts),
            class,
            disabled: node.flag("disabled"),
            skips_validation,
            sends_again: AGAIN.contains(&node.key()),
            messages: messages(&node.messages, texts),
        }
    }
}

impl Hidden {
    /// `None` for a trait without a value: an empty text would be read as one.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let value = node.value();
        if value.is_none() && node.key().starts_with("traits.") {
            return None;
        }
        let onload_trigger = trigger(node, "onloadTrigger");
        Some(Self { name: node.key().to_owned(), value: value.unwrap_or_default(), onload_trigger })
    }
}

/// The messages of a node, in the reader's language.
pub(crate) fn messages(messages: &[Message], texts: &Texts) -> Vec<Notice> {
    let notice = |message: &Message| {
        let wait = WAITS.iter().find_map(|(key, seconds)| {
            let count: u64 = message.context_text(key)?.parse().ok()?;
            Some(count.saturating_mul(*seconds))
        });
        Notice { wait: wait.filter(|_| message.kind == "error"), ..Notice::new(&message.kind, say(texts, message)) }
    };
    messages.iter().map(notice).collect()
}

fn label(node: &Node, texts: &Texts) -> String {
    let written = node.attributes.get("label").or_else(|| node.attributes.get("title")).cloned();
    let written = written.and_then(|message| serde_json::from_value::<Message>(message).ok());
    let said = node.meta.label.as_ref().or(written.as_ref()).map(|message| say(texts, message));
    // A field without a label still needs a name.
    said.filter(|text| !text.is_empty()).unwrap_or_else(|| node.key().rsplit('.').next().unwrap_or_default().to_owned())
}

fn input_widget(node: &Node, is_alternative: bool) -> Widget {
    let is_code = node.attribute("autocomplete") == Some("one-time-code") || node.key() == "totp_code";
    let kind = match node.input_type() {
        // What browsers offer for this has no time zone, which RFC 3339 demands; so people type it.
        "datetime-local" => "text",
        known @ ("text" | "password" | "number" | "checkbox" | "email" | "tel" | "date" | "url") => known,
        _ => "text",
    };
    let mut input = Input {
        name: node.key().to_owned(),
        kind: kind.to_owned(),
        value: node.value().unwrap_or_default(),
        required: node.flag("required") && !is_alternative,
        disabled: node.flag("disabled"),
        checked: node.attributes.get("value").is_some_and(|value| plain(value).as_deref() == Some("true")),
        autofocus: false,
        autocomplete: node.attribute("autocomplete").unwrap_or(usual_autocomplete(node, is_code)).to_owned(),
        inputmode: "",
        // The pattern of a schema is searched for anywhere in the text, the one of a page has to match it whole; so a
        // page checks only codes, and leaves the rest to the server, which also says what is wrong.
        pattern: node.attribute("pattern").filter(|_| is_code).unwrap_or_default().to_owned(),
        maxlength: node.number("maxlength").filter(|length| *length > 0),
        placeholder: if node.input_type() == "datetime-local" { "2026-01-31T12:00:00Z" } else { "" },
        onload_trigger: trigger(node, "onloadTrigger"),
    };
    if is_code && node.attribute("pattern").is_none_or(|pattern| pattern == "[0-9]+") {
        input.inputmode = "numeric";
    }
    if let Some(options) = node.attributes.get("options").and_then(Value::as_array) {
        let options = options.iter().filter_map(|option| option.get("value").and_then(plain)).collect();
        return Widget::Select { input, options };
    }
    if let Some(values) = node.attributes.get("value").and_then(Value::as_array) {
        return Widget::List { input, values: values.iter().filter_map(plain).collect() };
    }
    if kind == "checkbox" { Widget::Checkbox(input) } else { Widget::Input(input) }
}

/// What browsers may fill in where the server does not say.
fn usual_autocomplete(node: &Node, is_code: bool) -> &'static str {
    match node.key() {
        _ if is_code => "one-time-code",
        "identifier" => "username",
        _ => "",
    }
}

fn text_widget(node: &Node, texts: &Texts) -> Option<Widget> {
    let message: Message = serde_json::from_value(node.attributes.get("text")?.clone()).ok()?;
    let context = message.context.as_ref();
    if let Some(secrets) = context.and_then(|context| context.get("secrets")).and_then(Value::as_array) {
        let codes = secrets.iter().filter_map(|secret| serde_json::from_value::<Message>(secret.clone()).ok());
        return Some(Widget::Codes(codes.map(|message| code(&message, texts)).collect()));
    }
    Some(match message.context_text("secret") {
        Some(secret) => Widget::Secret(in_fours(&secret)),
        None => Widget::Text(say(texts, &message)),
    })
}

/// Four characters at a time.
fn in_fours(secret: &str) -> Vec<String> {
    let characters: Vec<char> = secret.chars().collect();
    characters.chunks(4).map(|part| part.iter().collect()).collect()
}

fn code(message: &Message, texts: &Texts) -> Code {
    let used = message.context_text("used_at").map(|moment| Moment::of(&moment, texts));
    let text = message.context_text("secret").unwrap_or_else(|| say(texts, message));
    Code { text, used }
}

fn image(node: &Node) -> Option<Widget> {
    let src = node.attribute("src").filter(|src| urls::is_safe_image(src))?.to_owned();
    let side = |name| node.number(name).filter(|pixels| (1..=2048).contains(pixels)).unwrap_or(256);
    Some(Widget::Image { src, width: side("width"), height: side("height") })
}

/// A box for a script such as a captcha's.
fn boxed(node: &Node) -> Widget {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let data = node.attributes.get("data").and_then(Value::as_object);
    let data = data.into_iter().flatten().filter(|(name, _)| is_name(name));
    Widget::Box {
        id: node.attribute("id").unwrap_or_default().to_owned(),
        class: node.attribute("class").unwrap_or_default().to_owned(),
        data: data.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), plain(value)?))).collect(),
    }
}

fn trigger(node: &Node, attribute: &str) -> String {
    node.attribute(attribute).filter(|name| TRIGGERS.contains(name)).unwrap_or_default().to_owned()
}
