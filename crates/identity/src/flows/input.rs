//! What was filled in: bodies become one structure, whatever their type. A form's texts mean what the identity schema says.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use web::body::{Body, BodyKind};

use crate::schema::IdentitySchema;

/// What was filled in. Traits are nested below `traits`.
#[derive(Debug, Clone, Default)]
pub struct Input(Map<String, Value>);

/// How many parts a dotted name may have.
const DEEPEST: usize = 32;

/// Why a body cannot be read; the text says what to send instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Input {
    /// Reads a body.
    ///
    /// # Errors
    /// A content type that is neither JSON nor a form, or a body that is not what it says.
    pub fn read(body: &Body, schema: Option<&IdentitySchema>) -> Result<Self, Unreadable> {
        match &body.kind {
            BodyKind::Json => Self::from_json(&body.bytes),
            BodyKind::Form => Ok(Self::from_form(&body.bytes, schema)),
            // Its fields are not seen: what is required is then reported as missing.
            BodyKind::Multipart => Ok(Self::default()),
            BodyKind::Empty => Err(Unreadable("The body is empty: send a form or JSON.".to_owned())),
            BodyKind::Other(kind) => Err(Unreadable(format!(
                "The content type {kind:?} is not read here: send application/json or application/x-www-form-urlencoded."
            ))),
        }
    }

    fn from_json(bytes: &[u8]) -> Result<Self, Unreadable> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => {
                let mut input = Self::default();
                for (name, value) in fields {
                    input.set(&name, value);
                }
                Ok(input)
            }
            Ok(_) => Err(Unreadable("The JSON body is not an object.".to_owned())),
            Err(error) => Err(Unreadable(format!("The body is not JSON: {error}"))),
        }
    }

    fn from_form(bytes: &[u8], schema: Option<&IdentitySchema>) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(bytes) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        let mut input = Self::default();
        for (name, values) in fields {
            let value = match schema {
                Some(schema) if name.starts_with("traits.") => schema.coerce(&name, &values),
                _ => values.into_iter().next_back().filter(|value| !value.is_empty()).map(Value::String),
            };
            if let Some(value) = value {
                input.set(&name, value);
            }
        }
        input
    }

    /// Sets a field by its dotted name. Objects on the way are made; where something else stands there, nothing changes, and
    /// neither does a name with more parts than any schema needs: each part is a level that later code descends.
    pub fn set(&mut self, name: &str, value: Value) {
        if name.split('.').count() > DEEPEST {
            return;
        }
        let mut object = &mut self.0;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                match (object.get_mut(part), value) {
                    // `{"traits": {…}, "traits.email": …}`: both count
                    (Some(Value::Object(before)), Value::Object(after)) => before.extend(after),
                    (_, value) => {
                        object.insert(part.to_owned(), value);
                    }
                }
                return;
            }
            let inner = object.entry(part.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            match inner {
                Value::Object(inner) => object = inner,
                _ => return,
            }
        }
    }

    /// All fields but one, to be kept.
    pub fn without(&self, name: &str) -> Map<String, Value> {
        let mut fields = self.0.clone();
        fields.remove(name);
        fields
    }

    /// What was kept.
    pub fn restored(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A field's text; empty counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether a field says yes: `true`, as a truth value or as a text.
    pub fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true" || text == "on" || text == "1",
            _ => false,
        }
    }

    /// A field as it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The method that was chosen.
    pub fn method(&self) -> Option<&str> {
        self.text("method")
    }

    /// The traits; an empty object if none were sent.
    pub fn traits(&self) -> Value {
        self.0.get("traits").cloned().unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// Leaves of the traits by their dotted names, for filling them in again.
    pub fn trait_values(&self) -> Vec<(String, Value)> {
        let mut leaves = Vec::new();
        if let Some(traits) = self.0.get("traits") {
            collect("traits", traits, &mut leaves);
        }
        leaves
    }
}

/// The leaves of an object by their dotted names.
pub fn leaves(prefix: &str, value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect(prefix, value, &mut found);
    found
}

fn collect(name: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                collect(&format!("{name}.{key}"), value, leaves);
            }
        }
        value => leaves.push((name.to_owned(), value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn read(kind: BodyKind, bytes: &'static [u8]) -> Result<Input, Unreadable> {
        Input::read(&Body { kind, bytes: Bytes::from_static(bytes), announced_empty: false }, None)
    }

    #[test]
    fn dotted_names_nest_in_json_and_in_forms() {
        let json = read(BodyKind::Json, br#"{"traits.name.first":"Ada","traits":{"email":"a@b"},"method":"password"}"#);
        let json = json.unwrap();
        assert_eq!(json.traits(), json!({"name": {"first": "Ada"}, "email": "a@b"}));
        assert_eq!(json.method(), Some("password"));
        let form = read(BodyKind::Form, b"traits.name.first=Ada&method=a&method=b").unwrap();
        assert_eq!(form.traits(), json!({"name": {"first": "Ada"}}));
        assert_eq!(form.method(), Some("b"));
    }

    #[test]
    fn what_is_no_object_is_told() {
        assert!(read(BodyKind::Json, b"{not json").is_err());
        assert!(read(BodyKind::Json, b"[]").is_err());
        assert!(read(BodyKind::Other("text/plain".to_owned()), b"x").is_err());
    }

    #[test]
    fn names_as_deep_as_the_stack_are_passed_over() {
        let deep = vec!["a"; 500_000].join(".");
        let form = format!("{deep}=1&traits.email=a%40b");
        let body = Body { kind: BodyKind::Form, bytes: Bytes::from(form), announced_empty: false };
        let input = Input::read(&body, None).unwrap();
        assert_eq!(input.value("a"), None);
        assert_eq!(input.traits(), json!({"email": "a@b"}));
    }

    #[test]
    fn a_dotted_name_below_a_text_changes_nothing() {
        let input = read(BodyKind::Json, br#"{"traits":"x","traits.email":"a@b"}"#).unwrap();
        assert_eq!(input.traits(), json!("x"));
    }
}
