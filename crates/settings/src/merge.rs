//! Putting one document over another, and remembering who set what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: the schema's default.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The program itself, for example by a flag.
    Override,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => formatter.write_str("by default"),
            Self::File(file) => write!(formatter, "in {}", file.display()),
            Self::Environment(name) => write!(formatter, "by the environment variable {name}"),
            Self::Override => formatter.write_str("by the command line"),
        }
    }
}

/// The path of a key: names, and numbers of list entries.
pub(crate) type Path = Vec<String>;

/// A document, and who set each of its values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merged {
    pub(crate) value: Value,
    origins: BTreeMap<Path, Origin>,
}

impl Merged {
    pub(crate) fn new() -> Self {
        Self { value: Value::Object(Map::new()), origins: BTreeMap::new() }
    }

    /// Puts a document on top: objects merge, everything else replaces, and a null takes away.
    pub(crate) fn put(&mut self, overlay: Value, origin: &Origin) {
        let mut value = std::mem::take(&mut self.value);
        self.merge(&mut value, overlay, &mut Vec::new(), origin);
        self.value = value;
    }

    fn merge(&mut self, base: &mut Value, overlay: Value, path: &mut Path, origin: &Origin) {
        match (base, overlay) {
            (Value::Object(base), Value::Object(overlay)) => {
                for (key, value) in overlay {
                    path.push(key.clone());
                    if value.is_null() {
                        base.shift_remove(&key);
                        self.forget(path);
                    } else if let Some(existing) = base.get_mut(&key) {
                        self.merge(existing, value, path, origin);
                    } else {
                        let mut fresh = value;
                        prune(&mut fresh);
                        self.remember(path, &fresh, origin);
                        base.insert(key, fresh);
                    }
                    path.pop();
                }
            }
            (base, mut overlay) => {
                prune(&mut overlay);
                self.forget(path);
                self.remember(path, &overlay, origin);
                *base = overlay;
            }
        }
    }

    /// Sets one value; makes the objects and the next list entry on the way.
    ///
    /// # Errors
    /// A list entry whose predecessors nobody has set.
    pub(crate) fn set(&mut self, path: &[String], value: Value, origin: &Origin) -> Result<(), String> {
        place(&mut self.value, path, value.clone())?;
        self.forget(path);
        self.remember(&mut path.to_vec(), &value, origin);
        Ok(())
    }

    /// Who set a value: the entry itself, else what it is part of, else what is part of it.
    pub(crate) fn origin(&self, path: &[String]) -> Option<&Origin> {
        let own_or_above = (0..=path.len()).rev().find_map(|length| self.origins.get(&path[..length]));
        own_or_above.or_else(|| self.below(path).and_then(|below| self.origins.get(&below)))
    }

    /// The first value below a path.
    fn below(&self, path: &[String]) -> Option<Path> {
        let (first, _) = self.origins.range(path.to_vec()..).next()?;
        first.starts_with(path).then(|| first.clone())
    }

    fn forget(&mut self, path: &[String]) {
        while let Some(gone) = self.below(path) {
            self.origins.remove(&gone);
        }
    }

    fn remember(&mut self, path: &mut Path, value: &Value, origin: &Origin) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    path.push(key.clone());
                    self.remember(path, value, origin);
                    path.pop();
                }
            }
            _ => {
                self.origins.insert(path.clone(), origin.clone());
            }
        }
    }
}

/// Puts a value at a path, and makes objects, lists and the next entry of a list on the way.
fn place(base: &mut Value, path: &[String], value: Value) -> Result<(), String> {
    let Some((segment, rest)) = path.split_first() else {
        *base = value;
        return Ok(());
    };
    let index = segment.parse::<usize>().ok();
    if let Some(index) = index.filter(|_| !base.is_object()) {
        if !base.is_array() {
            *base = Value::Array(Vec::new());
        }
        let Value::Array(entries) = base else { return Ok(()) };
        if index > entries.len() {
            return Err(format!(
                "has entry {index}, but only {} before it: start at 0 and leave no gap",
                entries.len()
            ));
        }
        if index == entries.len() {
            entries.push(Value::Null);
        }
        return place(&mut entries[index], rest, value);
    }
    if !base.is_object() {
        *base = Value::Object(Map::new());
    }
    let Value::Object(map) = base else { return Ok(()) };
    place(map.entry(segment.clone()).or_insert(Value::Null), rest, value)
}

/// Takes keys without a value out: they say the same as no key. Requested claims are the exception, where a null is
/// what OpenID Connect asks for.
fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut().filter(|(key, _)| *key != "requested_claims").for_each(|(_, value)| prune(value));
        }
        Value::Array(entries) => entries.iter_mut().for_each(prune),
        _ => {}
    }
}

/// The value at a path.
pub(crate) fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match value {
        Value::Object(map) => map.get(segment),
        Value::Array(entries) => entries.get(segment.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Path {
        text.split('.').map(str::to_owned).collect()
    }

    fn file(name: &str) -> Origin {
        Origin::File(name.into())
    }

    #[test]
    fn objects_merge_lists_are_replaced_and_a_null_takes_away() {
        let mut merged = Merged::new();
        merged.put(json!({"a": {"x": 1, "y": 2}, "list": [1, 2], "gone": {"z": 1}}), &file("one"));
        merged.put(json!({"a": {"y": 3}, "list": [9], "gone": null}), &file("two"));
        assert_eq!(merged.value, json!({"a": {"x": 1, "y": 3}, "list": [9]}));
        assert_eq!(merged.origin(&path("a.x")), Some(&file("one")));
        assert_eq!(merged.origin(&path("a.y")), Some(&file("two")));
        assert_eq!(merged.origin(&path("list.0")), Some(&file("two")));
        assert_eq!(merged.origin(&path("gone.z")), None);
    }

    #[test]
    fn keys_without_a_value_are_no_keys_except_in_requested_claims() {
        let mut merged = Merged::new();
        merged.put(json!({"a": {"b": null}, "l": [{"c": null, "requested_claims": {"email": null}}]}), &file("one"));
        assert_eq!(merged.value, json!({"a": {}, "l": [{"requested_claims": {"email": null}}]}));
    }

    #[test]
    fn single_values_make_their_way_and_lists_have_no_gaps() {
        let mut merged = Merged::new();
        let variable = Origin::Environment("X".to_owned());
        merged.set(&path("identity.schemas.0.id"), json!("default"), &variable).unwrap();
        merged.set(&path("identity.schemas.0.url"), json!("file://x"), &variable).unwrap();
        assert_eq!(merged.value, json!({"identity": {"schemas": [{"id": "default", "url": "file://x"}]}}));
        assert_eq!(merged.origin(&path("identity.schemas.0.id")), Some(&variable));
        assert!(merged.set(&path("identity.schemas.2.id"), json!("x"), &variable).is_err());
    }

    #[test]
    fn one_entry_of_a_files_list_can_be_changed() {
        let mut merged = Merged::new();
        merged.put(json!({"l": [{"id": "a", "url": "x"}]}), &file("one"));
        merged.set(&path("l.0.url"), json!("y"), &Origin::Override).unwrap();
        assert_eq!(merged.value, json!({"l": [{"id": "a", "url": "y"}]}));
        assert_eq!(merged.origin(&path("l.0.url")), Some(&Origin::Override));
        assert_eq!(merged.origin(&path("l.0.id")), Some(&file("one")));
    }
}
