//! What is wrong with traits, as messages at fields (identity-flows.md §3.5 and §8.4).

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::{Value, json};

use crate::model::message::{Message, ids};

/// Messages of this length say enough; more would only repeat what was sent.
const LONGEST_REASON: usize = 300;

/// The numbers of messages that only schemas cause.
mod rules {
    pub(super) const MIN_LENGTH: u32 = 4_000_003;
    pub(super) const PATTERN: u32 = 4_000_004;
    pub(super) const MAX_LENGTH: u32 = 4_000_017;
    pub(super) const MINIMUM: u32 = 4_000_018;
    pub(super) const EXCLUSIVE_MINIMUM: u32 = 4_000_019;
    pub(super) const MAXIMUM: u32 = 4_000_020;
    pub(super) const EXCLUSIVE_MAXIMUM: u32 = 4_000_021;
    pub(super) const MULTIPLE_OF: u32 = 4_000_022;
    pub(super) const MAX_ITEMS: u32 = 4_000_023;
    pub(super) const MIN_ITEMS: u32 = 4_000_024;
    pub(super) const UNIQUE_ITEMS: u32 = 4_000_025;
    pub(super) const TYPE: u32 = 4_000_026;
    pub(super) const CONST: u32 = 4_000_029;
    pub(super) const CONST_GENERIC: u32 = 4_000_030;
    pub(super) const EMAIL: u32 = 4_000_040;
    pub(super) const PHONE: u32 = 4_000_041;
}

/// Something wrong with traits.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The dotted name of the value: `traits.email`. Empty: the form as a whole.
    pub field: String,
    /// What is wrong.
    pub message: Message,
}

/// Translates an error of the validator and adds it to `problems`. Where alternatives failed, what failed in each
/// of them is what a person can do something about.
pub(super) fn translate(error: &ValidationError<'_>, problems: &mut Vec<Problem>) {
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context }
            if context.iter().any(|branch| !branch.is_empty()) =>
        {
            context.iter().flatten().for_each(|error| translate(error, problems));
        }
        kind => {
            let mut field = dotted(error.instance_path().as_str());
            if let Kind::Required { property } = kind {
                let property = property.as_str().unwrap_or_default();
                field = if field.is_empty() { property.to_owned() } else { format!("{field}.{property}") };
            }
            problems.push(Problem { field, message: message(error) });
        }
    }
}

/// The dotted form of a JSON pointer.
pub(super) fn dotted(pointer: &str) -> String {
    let segments = pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"));
    segments.collect::<Vec<_>>().join(".")
}

/// The message for a value that is no address of this format.
pub(super) fn wrong_format(format: &str, value: &Value) -> Message {
    match format {
        "email" | "email_loose" | "idn-email" => Message::new(rules::EMAIL, [("value", value.clone())]),
        "tel" => Message::new(rules::PHONE, [("value", value.clone())]),
        _ => generic(format!("This is not a valid {}.", format.replace('-', " "))),
    }
}

fn generic(reason: String) -> Message {
    let mut reason = reason;
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    Message::new(ids::INVALID_GENERIC, [("reason", reason.into())])
}

fn message(error: &ValidationError<'_>) -> Message {
    let actual: &Value = error.instance();
    let length = || json!(actual.as_str().map_or(0, |text| text.chars().count()));
    let items = || json!(actual.as_array().map_or(0, Vec::len));
    let compared =
        |id: u32, bound: &'static str, limit: Value| Message::new(id, [(bound, limit), ("actual", actual.clone())]);
    match error.kind() {
        Kind::Required { property } => Message::new(ids::INVALID_REQUIRED, [("property", property.clone())]),
        Kind::MinLength { limit } => {
            Message::new(rules::MIN_LENGTH, [("min_length", json!(limit)), ("actual_length", length())])
        }
        Kind::MaxLength { limit } => {
            Message::new(rules::MAX_LENGTH, [("max_length", json!(limit)), ("actual_length", length())])
        }
        Kind::Pattern { pattern } => Message::new(rules::PATTERN, [("pattern", json!(pattern))]),
        Kind::Minimum { limit } => compared(rules::MINIMUM, "minimum", limit.clone()),
        Kind::ExclusiveMinimum { limit } => compared(rules::EXCLUSIVE_MINIMUM, "minimum", limit.clone()),
        Kind::Maximum { limit } => compared(rules::MAXIMUM, "maximum", limit.clone()),
        Kind::ExclusiveMaximum { limit } => compared(rules::EXCLUSIVE_MAXIMUM, "maximum", limit.clone()),
        Kind::MultipleOf { multiple_of } => compared(rules::MULTIPLE_OF, "base", number(*multiple_of)),
        Kind::MinItems { limit } => {
            Message::new(rules::MIN_ITEMS, [("min_items", json!(limit)), ("actual_items", items())])
        }
        Kind::MaxItems { limit } => {
            Message::new(rules::MAX_ITEMS, [("max_items", json!(limit)), ("actual_items", items())])
        }
        Kind::UniqueItems => {
            let (first, second) = twins(actual);
            Message::new(rules::UNIQUE_ITEMS, [("index_a", json!(first)), ("index_b", json!(second))])
        }
        Kind::Type { kind } => {
            let allowed = allowed_types(kind);
            Message::new(rules::TYPE, [("allowed_types", json!(allowed)), ("actual_type", json!(type_of(actual)))])
        }
        Kind::Constant { expected_value } => match expected_value.as_ref() {
            Value::Object(_) | Value::Array(_) => Message::plain(rules::CONST_GENERIC),
            expected => Message::new(rules::CONST, [("expected", json!(expected.to_string()))]),
        },
        Kind::Format { format } => wrong_format(format, actual),
        kind => generic(in_our_words(kind).unwrap_or_else(|| error.to_string())),
    }
}

fn in_our_words(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Enum { options } => {
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            format!("Please choose one of: {}.", options.join(", "))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("These are not known here: {}.", unexpected.join(", "))
        }
        Kind::FalseSchema => "No value is allowed here.".to_owned(),
        _ => return None,
    })
}

fn number(value: f64) -> Value {
    // 2 and not 2.0, as the schema has it.
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

fn allowed_types(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(types) => types.iter().map(|one| one.to_string()).collect(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The first two equal items.
fn twins(list: &Value) -> (usize, usize) {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |(second, item): (usize, &Value)| {
        items.iter().take(second).position(|earlier| earlier == item).map(|first| (first, second))
    };
    items.iter().enumerate().find_map(of).unwrap_or_default()
}
