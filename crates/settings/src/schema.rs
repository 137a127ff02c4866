//! Questions to the schema: what may stand where, what it means, what is a secret. Checking is in `check`.

use serde_json::{Map, Value};

/// A schema of configuration, with local references (`#/definitions/…`) only.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) document: Value,
}

/// All schemas that apply at one place. Conditions are not looked at: what holds in one case counts.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    nodes: Vec<&'a Value>,
}

impl Schema {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(|document| Self { document }).map_err(|error| error.to_string())
    }

    /// Follows a local reference.
    pub(crate) fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        let target = node.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        target.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(node)
    }

    pub(crate) fn root(&self) -> Place<'_> {
        self.place(vec![&self.document])
    }

    /// The place of a key, if the schema knows it.
    pub(crate) fn find(&self, path: &[String]) -> Option<Place<'_>> {
        let mut place = self.root();
        for segment in path {
            place = self.descend(&place, segment)?;
        }
        Some(place)
    }

    /// One step down: a property, or any entry of a list.
    pub(crate) fn descend<'a>(&'a self, place: &Place<'a>, segment: &str) -> Option<Place<'a>> {
        let mut nodes = Vec::new();
        for node in &place.nodes {
            nodes.extend(node.get("properties").and_then(|properties| properties.get(segment)));
            if segment == "#" || segment.parse::<usize>().is_ok() {
                nodes.extend(node.get("items"));
            }
        }
        if nodes.is_empty() {
            // The names of free-form entries are not known; their schema is.
            for node in &place.nodes {
                let patterns = node.get("patternProperties").and_then(Value::as_object);
                nodes.extend(patterns.into_iter().flat_map(Map::values));
                nodes.extend(
                    node.get("additionalProperties")
                        .filter(|schema| schema.is_object() || **schema == Value::Bool(true)),
                );
            }
        }
        if nodes.is_empty() { None } else { Some(self.place(nodes)) }
    }

    fn place<'a>(&'a self, nodes: Vec<&'a Value>) -> Place<'a> {
        let mut place = Place { nodes: Vec::new() };
        for node in nodes {
            self.expand(node, &mut place.nodes);
        }
        place
    }

    fn expand<'a>(&'a self, node: &'a Value, nodes: &mut Vec<&'a Value>) {
        nodes.push(node);
        let resolved = self.resolve(node);
        if !std::ptr::eq(resolved, node) {
            self.expand(resolved, nodes);
        }
        let parts = node.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for part in parts.chain(node.get("then")).chain(node.get("else")) {
            self.expand(part, nodes);
        }
    }

    /// The defaults of all keys, in the shape of a document. Entries of lists have none.
    pub(crate) fn defaults(&self) -> Value {
        self.defaults_of(&self.root()).unwrap_or_else(|| Value::Object(Map::new()))
    }

    fn defaults_of(&self, place: &Place<'_>) -> Option<Value> {
        if let Some(default) = place.get("default") {
            return Some(default.clone());
        }
        let mut map = Map::new();
        for name in place.properties() {
            if let Some(default) = self.descend(place, name).and_then(|below| self.defaults_of(&below)) {
                map.insert(name.to_owned(), default);
            }
        }
        if map.is_empty() { None } else { Some(Value::Object(map)) }
    }

    /// Whether the value of a key must not be shown. A name that sounds like a secret counts as well, because keys that
    /// the schema does not know can be misspelt secrets.
    pub(crate) fn is_secret(&self, path: &[String]) -> bool {
        let mut place = Some(self.root());
        for segment in path {
            place = place.and_then(|place| self.descend(&place, segment));
            if place.as_ref().is_some_and(|place| place.is("x-limen-secret"))
                || sounds_secret(segment) && place.is_none()
            {
                return true;
            }
        }
        // An entry of a list of secrets, or the list itself.
        place.and_then(|place| self.descend(&place, "#")).is_some_and(|entry| entry.is("x-limen-secret"))
    }

    /// A value as it may be shown.
    pub(crate) fn masked(&self, path: &mut Vec<String>, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| {
                    path.push(key.clone());
                    let shown = self.masked(path, value);
                    path.pop();
                    (key.clone(), shown)
                });
                Value::Object(entries.collect())
            }
            Value::Array(entries) => {
                let entries = entries.iter().enumerate().map(|(index, value)| {
                    path.push(index.to_string());
                    let shown = self.masked(path, value);
                    path.pop();
                    shown
                });
                Value::Array(entries.collect())
            }
            scalar if self.is_secret(path) || carries_secret(scalar) => Value::from(MASK),
            scalar => scalar.clone(),
        }
    }
}

/// Stands where a secret would.
pub(crate) const MASK: &str = "[secret]";

fn sounds_secret(segment: &str) -> bool {
    let name = segment.to_lowercase();
    ["secret", "password", "token", "private_key", "connection_uri", "dsn", "authorization", "api_key", "apikey"]
        .iter()
        .any(|part| name.contains(part))
}

/// A URL with a user in it has most likely a password as well.
pub(crate) fn carries_secret(value: &Value) -> bool {
    let rest = value.as_str().and_then(|text| text.split_once("://")).map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')))
}

impl<'a> Place<'a> {
    /// The first value of a keyword.
    pub(crate) fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.nodes.iter().find_map(|node| node.get(keyword))
    }

    /// Whether a keyword is true somewhere.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.nodes.iter().any(|node| node.get(keyword) == Some(&Value::Bool(true)))
    }

    /// What the key is for.
    pub(crate) fn description(&self) -> Option<&'a str> {
        self.get("description").and_then(Value::as_str)
    }

    /// Whether a value of this type may stand here.
    pub(crate) fn allows(&self, kind: &str) -> bool {
        match self.get("type") {
            Some(Value::String(only)) => only == kind,
            Some(Value::Array(several)) => several.iter().any(|one| one == kind),
            _ => false,
        }
    }

    /// The names that may stand below.
    pub(crate) fn properties(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for node in &self.nodes {
            let properties = node.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
            for name in properties {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Whether entries of a list stand below.
    pub(crate) fn has_items(&self) -> bool {
        self.get("items").is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema {
            document: json!({
                "properties": {
                    "dsn": {"type": "string", "x-limen-secret": true},
                    "keys": {"type": "array", "items": {"type": "string", "x-limen-secret": true}},
                    "hooks": {"$ref": "#/definitions/hooks"},
                    "port": {"type": "integer", "default": 1, "description": "A port."},
                    "headers": {"type": "object", "additionalProperties": {"type": "string", "x-limen-secret": true}},
                    "link": {"type": "string"},
                },
                "definitions": {"hooks": {"type": "array", "items": {
                    "properties": {"hook": {"type": "string"}, "config": {"type": "object"}},
                    "allOf": [{"if": {}, "then": {"properties": {"config": {"properties": {"value": {"x-limen-secret": true}}}}}}],
                }}},
            }),
        }
    }

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn secrets_are_known_through_references_conditions_lists_and_free_names() {
        let schema = schema();
        for secret in ["dsn", "keys", "keys.0", "hooks.3.config.value", "headers.X-Any", "secert.cookie_secret"] {
            assert!(schema.is_secret(&path(secret)), "{secret}");
        }
        for open in ["port", "hooks.0.hook", "link"] {
            assert!(!schema.is_secret(&path(open)), "{open}");
        }
    }

    #[test]
    fn masking_leaves_the_rest_readable() {
        let value = json!({"dsn": "memory", "keys": ["k"], "port": 5, "link": "https://user:word@host/"});
        let shown = schema().masked(&mut Vec::new(), &value);
        assert_eq!(shown, json!({"dsn": "[secret]", "keys": ["[secret]"], "port": 5, "link": "[secret]"}));
    }

    #[test]
    fn defaults_have_the_shape_of_a_document() {
        assert_eq!(schema().defaults(), json!({"port": 1}));
    }

    #[test]
    fn an_at_sign_in_a_path_is_no_password() {
        assert!(!carries_secret(&json!("https://host/@user")));
        assert!(carries_secret(&json!("smtp://u:p@host")));
    }
}
