//! A compiled schema: checks traits and says what follows from them.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::annotations::{MARK, Mark};
use super::error::SchemaError;
use super::fields::{Fields, title_label};
use super::formats::with_formats;
use super::normalise::{normalise_email, normalise_identifier, normalise_phone};
use super::problems::{Problem, dotted, translate, wrong_format};
use super::references::{Documents, Library};
use crate::model::identity::Channel;
use crate::model::message::{Message, ids};
use crate::model::ui::{Group, Node};

/// What a schema may do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether it may refer to other documents. References within it and to `base64://` documents are always fine.
    pub allow_remote_refs: bool,
}

/// What follows from valid traits. Lists are in the order of the schema and have no duplicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The traits, with phone numbers in E.164.
    pub traits: Value,
    /// What a password goes with, in normal form.
    pub password_identifiers: Vec<String>,
    /// Addresses to verify, in normal form.
    pub verifiable: Vec<(Channel, String)>,
    /// Addresses to recover by, in normal form.
    pub recovery: Vec<(Channel, String)>,
    /// What an authenticator app shows beside the code.
    pub totp_account_name: Option<String>,
}

/// An identity schema, ready for use. Compiling takes milliseconds: share it.
pub struct IdentitySchema {
    id: String,
    document: Box<RawValue>,
    validator: Validator,
    marks: Vec<Mark>,
    fields: Fields,
    identifier_label: Message,
}

impl std::fmt::Debug for IdentitySchema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("IdentitySchema").field("id", &self.id).finish_non_exhaustive()
    }
}

impl IdentitySchema {
    /// Compiles the schema in `text`. All that it refers to has to be in `documents`; [`SchemaError::Missing`] names
    /// what is not.
    ///
    /// # Errors
    /// When the text is no schema, or breaks the rules that identity schemas have on top.
    pub fn compile(id: &str, text: &str, rules: Rules, documents: &Documents) -> Result<Self, SchemaError> {
        let not_json = |error: serde_json::Error| SchemaError::NotJson { id: id.to_owned(), reason: error.to_string() };
        let document: Box<RawValue> = serde_json::from_str(text).map_err(not_json)?;
        let root: Value = serde_json::from_str(text).map_err(not_json)?;
        let invalid = |reason: String| SchemaError::Invalid { id: id.to_owned(), reason };
        let draft = draft_of(&root).map_err(invalid)?;
        let mut marks = Vec::new();
        let library = Library::prepare(id, root, rules.allow_remote_refs, documents, &mut marks)?;
        check_traits(&library.root).map_err(|reason| invalid(reason.to_owned()))?;
        let validator = validator(&library, draft, documents).map_err(|failure| match failure {
            Failure::Missing(uri) => SchemaError::Missing { id: id.to_owned(), uri },
            Failure::Invalid(reason) => invalid(reason),
        })?;
        let fields = Fields::read(&library, &marks);
        let identifier_label = identifier_label(&fields);
        Ok(Self { id: id.to_owned(), document, validator, marks, fields, identifier_label })
    }

    /// Its name in the configuration.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The document as it was read.
    pub fn document(&self) -> &RawValue {
        &self.document
    }

    /// The fields of a form for all traits, in the order of the document.
    pub fn trait_nodes(&self, group: Group) -> Vec<Node> {
        self.fields.nodes(group)
    }

    /// The names of these fields: `traits.email`, … in the order of the document.
    pub fn trait_names(&self) -> &[String] {
        self.fields.names()
    }

    /// The label of the field for what somebody signs in with: the title of the trait, if there is but one.
    pub fn password_identifier_label(&self) -> Message {
        self.identifier_label.clone()
    }

    /// Reads what a form sent under a dotted name, by the type that the schema has for it. What cannot be read that way
    /// stays a text, for [`Self::validate`] to refuse. `None`: nothing was filled in.
    pub fn coerce(&self, name: &str, values: &[String]) -> Option<Value> {
        self.fields.coerce(name, values)
    }

    /// Checks traits as they are: what an administrator sends, or what is stored.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn validate(&self, traits: &Value) -> Result<Derived, Vec<Problem>> {
        self.check(traits)?;
        self.derive(traits.clone())
    }

    /// Checks traits that somebody filled into a form, in whatever encoding: every object of the form counts as sent, so
    /// that what is required inside it is missing if it is not filled in. Objects that nobody filled in are not kept.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn validate_submitted(&self, traits: &Value) -> Result<Derived, Vec<Problem>> {
        let filled = self.fields.with_parents(traits);
        self.check(&filled)?;
        let kept = if self.check(traits).is_ok() { traits.clone() } else { filled };
        self.derive(kept)
    }

    fn check(&self, traits: &Value) -> Result<(), Vec<Problem>> {
        let instance = json!({ "traits": traits });
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(&instance) {
            translate(&error, &mut problems);
        }
        for problem in &mut problems {
            problem.field = self.fields.nearest(&problem.field).to_owned();
        }
        // Alternatives can fail in the same way.
        let mut distinct: Vec<Problem> = Vec::with_capacity(problems.len());
        for problem in problems {
            if !distinct.contains(&problem) {
                distinct.push(problem);
            }
        }
        if distinct.is_empty() { Ok(()) } else { Err(distinct) }
    }

    /// What the annotations say of valid traits.
    fn derive(&self, traits: Value) -> Result<Derived, Vec<Problem>> {
        let instance = json!({ "traits": traits });
        let mut found = Vec::new();
        for entry in self.validator.evaluate(&instance).iter_annotations() {
            let number = entry.annotations.value().get(MARK).and_then(Value::as_u64);
            let number = number.and_then(|number| usize::try_from(number).ok());
            if let Some((number, mark)) = number.and_then(|number| Some((number, self.marks.get(number)?))) {
                let pointer = entry.instance_location.as_str().to_owned();
                let position = self.fields.position(&dotted(&pointer)).unwrap_or(usize::MAX);
                found.push((position, path_order(&pointer), number, pointer, mark));
            }
        }
        found.sort_by(|one, other| (one.0, &one.1, one.2).cmp(&(other.0, &other.1, other.2)));
        let mut reading = Reading::new(traits);
        for (.., pointer, mark) in found {
            reading.read(&pointer, mark);
        }
        for problem in &mut reading.problems {
            problem.field = self.fields.nearest(&problem.field).to_owned();
        }
        if reading.problems.is_empty() { Ok(reading.derived) } else { Err(reading.problems) }
    }
}

/// Items of lists in the order of their numbers.
fn path_order(pointer: &str) -> Vec<(usize, String)> {
    let order = |segment: &str| match segment.parse() {
        Ok(number) => (number, String::new()),
        Err(_) => (usize::MAX, segment.to_owned()),
    };
    pointer.split('/').skip(1).map(order).collect()
}

/// Collects what annotated values mean.
struct Reading {
    derived: Derived,
    problems: Vec<Problem>,
}

impl Reading {
    fn new(traits: Value) -> Self {
        let derived = Derived {
            traits,
            password_identifiers: Vec::new(),
            verifiable: Vec::new(),
            recovery: Vec::new(),
            totp_account_name: None,
        };
        Self { derived, problems: Vec::new() }
    }

    /// Reads the value at `pointer`, which starts with `/traits`. Of a list, each item counts.
    fn read(&mut self, pointer: &str, mark: &Mark) {
        let Some(below) = pointer.strip_prefix("/traits") else { return };
        match self.derived.traits.pointer(below) {
            Some(Value::Array(list)) => {
                for position in 0..list.len() {
                    self.read_one(&format!("{below}/{position}"), mark);
                }
            }
            _ => self.read_one(below, mark),
        }
    }

    fn read_one(&mut self, below: &str, mark: &Mark) {
        let text = match self.derived.traits.pointer(below) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return,
        };
        let field = dotted(&format!("/traits{below}"));
        let format = mark.format.as_deref();
        let annotation = &mark.annotation;
        if annotation.credentials.password.identifier {
            let identifier = normalise_identifier(&text);
            // Nothing is left of a text that cannot be seen.
            if !identifier.is_empty() {
                add(&mut self.derived.password_identifiers, identifier);
            }
        }
        if annotation.credentials.totp.account_name && self.derived.totp_account_name.is_none() {
            self.derived.totp_account_name = Some(text.clone());
        }
        if let Some(via) = annotation.verification.as_ref().map(|verification| verification.via) {
            // A format that is no address is how operators say that the value is one all the same.
            let strict = matches!(format, None | Some("email" | "tel"));
            if let Some(value) = self.address(&field, via, strict, &text) {
                add(&mut self.derived.verifiable, (via, value));
            }
        }
        if let Some(via) = annotation.recovery.as_ref().map(|recovery| recovery.via) {
            let strict = via == Channel::Sms || matches!(format, None | Some("email"));
            if let Some(value) = self.address(&field, via, strict, &text) {
                add(&mut self.derived.recovery, (via, value));
            }
        }
        let channels = [annotation.verification.as_ref(), annotation.recovery.as_ref()];
        let is_phone = format == Some("tel") || channels.into_iter().flatten().any(|via| via.via == Channel::Sms);
        if is_phone
            && let Some(number) = normalise_phone(&text)
            && let Some(place) = self.derived.traits.pointer_mut(below)
        {
            *place = number.into();
        }
    }

    fn address(&mut self, field: &str, via: Channel, strict: bool, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        let (normal, format) = match via {
            Channel::Email => (normalise_email(text), "email"),
            Channel::Sms => (normalise_phone(text), "tel"),
        };
        if normal.is_none() && !strict {
            return Some(normalise_identifier(text)).filter(|value| !value.is_empty());
        }
        if normal.is_none() {
            let problem = Problem { field: field.to_owned(), message: wrong_format(format, &text.into()) };
            add(&mut self.problems, problem);
        }
        normal
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// The draft that `$schema` names.
fn draft_of(root: &Value) -> Result<Draft, String> {
    let Some(name) = root.get("$schema") else { return Ok(Draft::Draft7) };
    let name = name.as_str().unwrap_or_default();
    let bare = name.trim_end_matches('#').trim_start_matches("https://").trim_start_matches("http://");
    match bare {
        "json-schema.org/draft-04/schema" => Ok(Draft::Draft4),
        "json-schema.org/draft-06/schema" => Ok(Draft::Draft6),
        "json-schema.org/draft-07/schema" | "json-schema.org/schema" => Ok(Draft::Draft7),
        "json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        _ => Err(format!("$schema names {name:?}; use draft-04, draft-06, draft-07 or 2020-12")),
    }
}

/// The rules that identity schemas have on top of those of their draft.
fn check_traits(root: &Value) -> Result<(), &'static str> {
    let traits = root.pointer("/properties/traits").ok_or("it needs properties.traits")?;
    if traits.get("type").and_then(Value::as_str) != Some("object") {
        return Err("properties.traits needs type \"object\"");
    }
    match traits.get("properties").and_then(Value::as_object) {
        Some(properties) if !properties.is_empty() => Ok(()),
        _ => Err("properties.traits.properties needs at least one trait"),
    }
}

enum Failure {
    Missing(String),
    Invalid(String),
}

fn validator(library: &Library, draft: Draft, documents: &Documents) -> Result<Validator, Failure> {
    let shelf = library.shelf();
    let mut options = with_formats(jsonschema::options())
        .with_draft(draft)
        .with_retriever(shelf.clone())
        // Linear time, whatever a stranger sends; look-around is refused.
        .with_pattern_options(PatternOptions::regex());
    if let Some(base) = &documents.base {
        options = options.with_base_uri(base.as_str());
    }
    options.build(&library.root).map_err(|error| match shelf.missing() {
        Some(uri) => Failure::Missing(uri),
        None => Failure::Invalid(match error.instance_path().as_str() {
            "" => error.to_string(),
            place => format!("{error} (at {place})"),
        }),
    })
}

fn identifier_label(fields: &Fields) -> Message {
    match fields.identifiers().as_slice() {
        [(name, Some(title))] => title_label(title, name),
        _ => Message::plain(ids::LABEL_IDENTIFIER),
    }
}
