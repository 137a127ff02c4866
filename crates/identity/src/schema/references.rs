//! References between documents. The compiler asks nobody for a document: all that it may read lies in [`Documents`],
//! and what is missing there is named, so that the caller can fetch it and try again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::{Retrieve, Uri};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::annotations::{Mark, Preparation};
use super::error::SchemaError;

/// Where documents inside `base64://` references are kept. Their text cannot be their address: a resolver may change
/// the letter case of a host.
const INLINE: &str = "urn:limen:inline:";
/// How many references in a row are followed.
const LONGEST_CHAIN: usize = 64;

/// What a schema may refer to.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// The address of the schema itself: what relative references start from when it has no `$id`.
    pub base: Option<Url>,
    /// Other documents by their address, without a fragment.
    pub texts: HashMap<String, String>,
}

/// A schema and what it refers to, prepared.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) root: Value,
    others: Arc<HashMap<String, Value>>,
    base: Option<Url>,
}

/// A subschema, and the document that it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) document: Option<&'a str>,
    pub(super) schema: &'a Value,
}

/// Documents that were found on the way and wait to be prepared.
struct Inline<'a> {
    id: &'a str,
    allow_remote_refs: bool,
    found: Vec<Value>,
}

impl Inline<'_> {
    /// What a reference is written as, when it is written anew.
    fn rewrite(&mut self, reference: &str) -> Result<Option<String>, SchemaError> {
        if reference.starts_with('#') {
            return Ok(None);
        }
        let Some(body) = reference.strip_prefix("base64://") else {
            if self.allow_remote_refs {
                return Ok(None);
            }
            return Err(SchemaError::ReferenceNotAllowed { id: self.id.to_owned(), reference: reference.to_owned() });
        };
        let (body, fragment) = body.split_once('#').unwrap_or((body, ""));
        let not_json = |reason: String| SchemaError::NotJson { id: self.id.to_owned(), reason };
        let text = STANDARD.decode(body).map_err(|error| not_json(error.to_string()))?;
        let document = serde_json::from_slice(&text).map_err(|error| not_json(error.to_string()))?;
        self.found.push(document);
        Ok(Some(format!("{INLINE}{}#{fragment}", self.found.len() - 1)))
    }
}

impl Library {
    /// Prepares `root` and all documents at hand, and numbers their annotations into `marks`.
    pub(super) fn prepare(
        id: &str,
        mut root: Value,
        allow_remote_refs: bool,
        documents: &Documents,
        marks: &mut Vec<Mark>,
    ) -> Result<Self, SchemaError> {
        let mut inline = Inline { id, allow_remote_refs, found: Vec::new() };
        let mut others = HashMap::new();
        Preparation { id, marks, reference: |text: &str| inline.rewrite(text) }.prepare(&mut root, "")?;
        let texts = if allow_remote_refs { Some(&documents.texts) } else { None };
        for (uri, text) in texts.into_iter().flatten() {
            let mut document = serde_json::from_str(text)
                .map_err(|error| SchemaError::NotJson { id: id.to_owned(), reason: format!("{uri}: {error}") })?;
            Preparation { id, marks, reference: |text: &str| inline.rewrite(text) }.prepare(&mut document, "")?;
            others.insert(uri.clone(), document);
        }
        let mut position = 0;
        while let Some(document) = inline.found.get_mut(position) {
            let mut document = std::mem::take(document);
            Preparation { id, marks, reference: |text: &str| inline.rewrite(text) }.prepare(&mut document, "")?;
            others.insert(format!("{INLINE}{position}"), document);
            position += 1;
        }
        let library = Self { root, others: Arc::new(others), base: documents.base.clone() };
        library.refuse_circles(id)?;
        Ok(library)
    }

    /// Answers the validator's questions for documents.
    pub(super) fn shelf(&self) -> Shelf {
        Shelf { documents: self.others.clone(), missing: Arc::default() }
    }

    /// The place where the schema starts.
    pub(super) fn start(&self) -> Place<'_> {
        Place { document: None, schema: &self.root }
    }

    /// What a reference at `place` leads to.
    pub(super) fn resolve<'a>(&'a self, place: Place<'a>, reference: &str) -> Option<Place<'a>> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let (document, root) = if uri.is_empty() {
            match place.document {
                None => (None, &self.root),
                Some(name) => self.others.get_key_value(name).map(|(name, root)| (Some(name.as_str()), root))?,
            }
        } else {
            let absolute = self.absolute(place, uri);
            self.others.get_key_value(absolute.as_ref()).map(|(name, root)| (Some(name.as_str()), root))?
        };
        let fragment = percent_decode_str(fragment).decode_utf8().ok()?;
        let schema = if fragment.is_empty() || fragment.starts_with('/') {
            root.pointer(&fragment)?
        } else {
            named(root, &fragment)?
        };
        Some(Place { document, schema })
    }

    fn absolute<'a>(&self, place: Place<'_>, uri: &'a str) -> Cow<'a, str> {
        if uri.starts_with(INLINE) {
            return Cow::Borrowed(uri);
        }
        let (root, address) = match place.document {
            None => (Some(&self.root), self.base.clone()),
            Some(name) => (self.others.get(name), Url::parse(name).ok()),
        };
        let own_name = root.and_then(|root| root.get("$id")).and_then(Value::as_str).and_then(|id| Url::parse(id).ok());
        match own_name.or(address).and_then(|base| base.join(uri).ok()) {
            Some(url) => Cow::Owned(url.into()),
            None => Cow::Borrowed(uri),
        }
    }

    /// A reference that leads back to itself, with nothing on the way, says nothing.
    fn refuse_circles(&self, id: &str) -> Result<(), SchemaError> {
        let others = self.others.iter().map(|(name, root)| Place { document: Some(name), schema: root });
        let mut waiting: Vec<Place<'_>> = std::iter::once(self.start()).chain(others).collect();
        while let Some(place) = waiting.pop() {
            if self.is_circle(place) {
                let reason = "a $ref leads back to itself".to_owned();
                return Err(SchemaError::Invalid { id: id.to_owned(), reason });
            }
            let below: Box<dyn Iterator<Item = &Value>> = match place.schema {
                Value::Object(object) => Box::new(object.values()),
                Value::Array(list) => Box::new(list.iter()),
                _ => continue,
            };
            waiting.extend(below.map(|schema| Place { document: place.document, schema }));
        }
        Ok(())
    }

    fn is_circle(&self, start: Place<'_>) -> bool {
        let mut place = start;
        for _ in 0..LONGEST_CHAIN {
            let next = place.schema.get("$ref").and_then(Value::as_str).and_then(|text| self.resolve(place, text));
            match next {
                None => return false,
                Some(next) => place = next,
            }
        }
        true
    }
}

/// The subschema that calls itself `name` (`$anchor`, or `$id: "#name"` in older drafts).
fn named<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    match schema {
        Value::Object(object) => {
            let is_it = |key: &str| object.get(key).and_then(Value::as_str).map(|text| text.trim_start_matches('#'));
            if is_it("$anchor") == Some(name) || is_it("$id") == Some(name) {
                return Some(schema);
            }
            object.values().find_map(|below| named(below, name))
        }
        Value::Array(list) => list.iter().find_map(|below| named(below, name)),
        _ => None,
    }
}

/// Hands documents to the validator, and remembers those that it asked for in vain.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    documents: Arc<HashMap<String, Value>>,
    missing: Arc<Mutex<Option<String>>>,
}

impl Shelf {
    /// The first document that was asked for in vain.
    pub(super) fn missing(&self) -> Option<String> {
        self.missing.lock().clone()
    }
}

impl Retrieve for Shelf {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let uri = uri.as_str().split('#').next().unwrap_or_default();
        if let Some(document) = self.documents.get(uri) {
            return Ok(document.clone());
        }
        self.missing.lock().get_or_insert_with(|| uri.to_owned());
        Err(format!("{uri} is not at hand").into())
    }
}
