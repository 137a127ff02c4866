//! The formats of strings that schemas may name (identity-admin.md §1.7), beyond those that the library brings for the
//! draft at hand. A format that nobody knows constrains nothing.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use jsonschema::{Draft, ValidationOptions, Validator};
use serde_json::{Value, json};

use super::normalise::{is_email, is_loose_email, normalise_phone};

/// Formats that the library knows from draft 7 on, while the contract has them in every draft. The second name is the
/// library's.
const IN_EVERY_DRAFT: [(&str, &str); 8] = [
    ("uriref", "uri-reference"),
    ("uri-reference", "uri-reference"),
    ("uri-template", "uri-template"),
    ("iri", "iri"),
    ("iri-reference", "iri-reference"),
    ("json-pointer", "json-pointer"),
    ("relative-json-pointer", "relative-json-pointer"),
    ("hostname", "hostname"),
];

static LIBRARY: LazyLock<Vec<(&'static str, Option<Validator>)>> = LazyLock::new(|| {
    let check = |format: &str| {
        let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
        options.build(&json!({ "format": format })).ok()
    };
    IN_EVERY_DRAFT.iter().map(|(name, format)| (*name, check(format))).collect()
});

/// Adds the formats.
pub(super) fn with_formats(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    let mut options = options
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_format("email", is_email)
        .with_format("email_loose", is_loose_email)
        .with_format("tel", |text: &str| normalise_phone(text).is_some())
        .with_format("no-validate", |_: &str| true)
        .with_format("ip-address", |text: &str| text.parse::<Ipv4Addr>().is_ok())
        .with_format("regex", |text: &str| regex::Regex::new(text).is_ok());
    for (position, (name, _)) in IN_EVERY_DRAFT.iter().enumerate() {
        options = options.with_format(*name, move |text: &str| by_the_library(position, text));
    }
    options
}

fn by_the_library(position: usize, text: &str) -> bool {
    let validator = LIBRARY.get(position).and_then(|(_, validator)| validator.as_ref());
    validator.is_none_or(|validator| validator.is_valid(&Value::from(text)))
}
