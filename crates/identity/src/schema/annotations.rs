//! The `ory.sh/kratos` annotation: what a trait means beyond its form (identity-admin.md §1.6).
//!
//! A document is prepared before it is compiled: each annotation is read, checked and numbered, and the number is put
//! beside it. The library reports such numbers for exactly those subschemas that accepted a value, which is how
//! annotations behind `$ref`, `allOf` and `anyOf` and in lists are found.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::SchemaError;
use crate::model::identity::Channel;

/// The key of the annotation.
const KEY: &str = "ory.sh/kratos";
/// The key under which its number is put.
pub(super) const MARK: &str = "limen:mark";
/// The formats that a verified trait may have.
const VERIFIABLE_FORMATS: [&str; 6] = ["email", "tel", "date", "time", "date-time", "no-validate"];

/// An annotation, and what stands beside it.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) annotation: Annotation,
    pub(super) format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Annotation {
    pub(super) credentials: Credentials,
    pub(super) verification: Option<Via>,
    pub(super) recovery: Option<Via>,
    #[serde(rename = "organizations")]
    _organizations: Option<Organizations>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) password: Identifier,
    pub(super) totp: AccountName,
    #[serde(rename = "webauthn")]
    _webauthn: Identifier,
    #[serde(rename = "passkey")]
    _passkey: DisplayName,
    #[serde(rename = "code")]
    _code: CodeIdentifier,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Identifier {
    pub(super) identifier: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AccountName {
    pub(super) account_name: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DisplayName {
    #[serde(rename = "display_name")]
    _display_name: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CodeIdentifier {
    #[serde(rename = "identifier")]
    _identifier: bool,
    #[serde(rename = "via")]
    _via: Option<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Via {
    pub(super) via: Channel,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Organizations {
    #[serde(rename = "matcher")]
    _matcher: Option<Matcher>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Matcher {
    EmailDomain,
}

/// Reads the annotation of a subschema.
fn read(subschema: &Map<String, Value>, id: &str, place: &str) -> Result<Option<Mark>, SchemaError> {
    let Some(value) = subschema.get(KEY) else { return Ok(None) };
    let wrong = |reason: String| SchemaError::Annotation { id: id.to_owned(), place: place.to_owned(), reason };
    let annotation = Annotation::deserialize(value).map_err(|error| wrong(error.to_string()))?;
    let format = subschema.get("format").and_then(Value::as_str).map(str::to_owned);
    if let Some(verification) = &annotation.verification {
        match format.as_deref() {
            Some(format) if VERIFIABLE_FORMATS.contains(&format) => {}
            // Without a format a verified trait is an e-mail address, whatever else it looks like.
            None if verification.via == Channel::Email => {}
            _ => {
                return Err(wrong(format!(
                    "a verified trait has one of the formats {}",
                    VERIFIABLE_FORMATS.join(", ")
                )));
            }
        }
    }
    Ok(Some(Mark { annotation, format }))
}

/// Keywords whose value is a map from names to schemas.
const MAPS: [&str; 6] = ["properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies"];
/// Keywords whose value is data, even where it looks like a schema.
const DATA: [&str; 5] = ["const", "enum", "default", "examples", KEY];

/// Numbers the annotations of a document and rewrites its references by `reference`.
pub(super) struct Preparation<'a, F> {
    pub(super) id: &'a str,
    pub(super) marks: &'a mut Vec<Mark>,
    pub(super) reference: F,
}

impl<F: FnMut(&str) -> Result<Option<String>, SchemaError>> Preparation<'_, F> {
    /// Prepares the schema at `place`, a JSON pointer, and all below it.
    pub(super) fn prepare(&mut self, schema: &mut Value, place: &str) -> Result<(), SchemaError> {
        match schema {
            Value::Array(list) => {
                for (position, item) in list.iter_mut().enumerate() {
                    self.prepare(item, &format!("{place}/{position}"))?;
                }
            }
            Value::Object(object) => self.prepare_object(object, place)?,
            _ => {}
        }
        Ok(())
    }

    fn prepare_object(&mut self, object: &mut Map<String, Value>, place: &str) -> Result<(), SchemaError> {
        object.shift_remove(MARK);
        if let Some(mark) = read(object, self.id, if place.is_empty() { "/" } else { place })? {
            object.insert(MARK.to_owned(), self.marks.len().into());
            self.marks.push(mark);
        }
        for (key, value) in object.iter_mut() {
            let below = format!("{place}/{key}");
            match (key.as_str(), &mut *value) {
                ("$ref" | "$dynamicRef", Value::String(text)) => {
                    if let Some(rewritten) = (self.reference)(text)? {
                        *text = rewritten;
                    }
                }
                (map, Value::Object(schemas)) if MAPS.contains(&map) => {
                    for (name, schema) in schemas.iter_mut() {
                        self.prepare(schema, &format!("{below}/{name}"))?;
                    }
                }
                (data, _) if DATA.contains(&data) => {}
                _ => self.prepare(value, &below)?,
            }
        }
        Ok(())
    }
}
