//! Keys of what this release does not have: some can be passed over with a word in the log, some must stop the start,
//! because ignoring them would take away a protection or mishandle what people entrust.

use serde_json::Value;

use crate::merge::Path;
use crate::schema::Schema;

/// What becomes of a key that this release does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaterKind {
    /// It is named in the log and has no effect.
    Accept,
    /// The server does not start.
    Refuse,
}

/// A key that is set, and that this release does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterKey {
    /// Its path as the operator knows it.
    pub key: String,
    /// What becomes of it.
    pub kind: LaterKind,
}

/// Finds such keys. A key that is set to what it is anyway says nothing.
pub(crate) fn later_keys(schema: &Schema, value: &Value) -> Vec<(Path, LaterKind)> {
    let mut found = Vec::new();
    visit(schema, &schema.document, value, &mut Vec::new(), &mut found);
    found.dedup();
    found
}

fn visit(schema: &Schema, node: &Value, value: &Value, path: &mut Path, found: &mut Vec<(Path, LaterKind)>) {
    let kind = match node.get("x-limen-later").and_then(Value::as_str) {
        Some("accept") => Some(LaterKind::Accept),
        Some(_) => Some(LaterKind::Refuse),
        None => None,
    };
    if let Some(kind) = kind {
        if says_something(node, value) {
            found.push((path.clone(), kind));
        }
        return;
    }
    let resolved = schema.resolve(node);
    if !std::ptr::eq(resolved, node) {
        visit(schema, resolved, value, path, found);
    }
    for part in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        visit(schema, part, value, path, found);
    }
    if let Some(condition) = node.get("if") {
        let branch = if jsonschema::is_valid(condition, value) { node.get("then") } else { node.get("else") };
        branch.into_iter().for_each(|branch| visit(schema, branch, value, path, found));
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(below) = node.get("properties").and_then(|properties| properties.get(key)) {
                    path.push(key.clone());
                    visit(schema, below, value, path, found);
                    path.pop();
                }
            }
        }
        Value::Array(entries) => {
            for (index, value) in entries.iter().enumerate() {
                if let Some(below) = node.get("items") {
                    path.push(index.to_string());
                    visit(schema, below, value, path, found);
                    path.pop();
                }
            }
        }
        _ => {}
    }
}

fn says_something(node: &Value, value: &Value) -> bool {
    let nothing = match value {
        Value::Bool(flag) => !flag,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Null => true,
        Value::Number(number) => number.as_i64() == Some(0),
    };
    !nothing && node.get("default") != Some(value)
}
