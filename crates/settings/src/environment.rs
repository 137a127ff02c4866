//! Environment variables: which key each one means, and the value in the key's type.
//!
//! The name is the path in capitals with underscores for dots. Names of keys have underscores as well, so a variable
//! is looked up among the paths that the schema knows, and means nothing when none fits.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::merge::Path;
use crate::schema::{Place, Schema};

/// One variable that means a key.
#[derive(Debug, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) variable: String,
    pub(crate) path: Path,
    pub(crate) value: Value,
}

/// What the environment says, in an order in which list entries can be set, and remarks on what it says in vain.
pub(crate) fn assignments(schema: &Schema, environment: &BTreeMap<String, String>) -> (Vec<Assignment>, Vec<String>) {
    let mut names = Vec::new();
    collect(schema, &schema.root(), &mut Vec::new(), &mut names);
    let names: HashMap<String, Path> = names.into_iter().collect();
    let mut found = Vec::new();
    let mut remarks = Vec::new();
    for (variable, text) in environment {
        // `NAME=` is how compose files and unit files write "not set".
        if text.is_empty() {
            continue;
        }
        let Some((pattern, indices)) = lookup(&names, variable) else { continue };
        let Some(place) = schema.find(pattern) else { continue };
        match coerce(schema, &place, text) {
            Some(value) => found.push(Assignment { variable: variable.clone(), path: fill(pattern, indices), value }),
            None => remarks.push(format!(
                "the environment variable {variable} is ignored: {} is written as JSON",
                pattern.join(".")
            )),
        }
    }
    found.sort_by_cached_key(|assignment| sort_key(&assignment.path));
    (found, remarks)
}

/// All names of variables that mean a key, each with its path; `#` stands for a list entry's number.
fn collect(schema: &Schema, place: &Place<'_>, path: &mut Path, names: &mut Vec<(String, Path)>) {
    match place.get("x-limen-env") {
        Some(Value::Bool(false)) => return,
        Some(Value::String(own)) => {
            names.push((own.to_lowercase(), path.clone()));
        }
        // A shell cannot set a variable with a dash.
        _ if !path.is_empty() && !path.iter().any(|segment| segment.contains('-')) => {
            names.push((path.join("_").to_lowercase(), path.clone()));
        }
        _ => {}
    }
    let mut below = place.properties();
    if place.has_items() {
        below.push("#");
    }
    for segment in below {
        if let Some(next) = schema.descend(place, segment) {
            path.push(segment.to_owned());
            collect(schema, &next, path, names);
            path.pop();
        }
    }
}

fn lookup<'a>(names: &'a HashMap<String, Path>, variable: &str) -> Option<(&'a Path, Vec<String>)> {
    // Only capitals: `http_proxy`-like names are never meant.
    if variable.chars().any(|c| c.is_ascii_lowercase()) {
        return None;
    }
    let mut indices = Vec::new();
    let segments: Vec<String> = variable
        .to_lowercase()
        .split('_')
        .map(|segment| {
            if segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_digit()) {
                return segment.to_owned();
            }
            indices.push(segment.to_owned());
            "#".to_owned()
        })
        .collect();
    names.get(&segments.join("_")).map(|pattern| (pattern, indices))
}

fn fill(pattern: &Path, indices: Vec<String>) -> Path {
    let mut indices = indices.into_iter();
    pattern
        .iter()
        .map(|segment| if segment == "#" { indices.next().unwrap_or_default() } else { segment.clone() })
        .collect()
}

/// Lists come before their entries, and entry 2 before entry 10.
fn sort_key(path: &Path) -> Vec<(usize, String)> {
    path.iter().map(|segment| (segment.parse().unwrap_or(0), segment.clone())).collect()
}

/// The text in the key's type. What does not fit stays a text, so that the check reports it with its key; an object
/// that is no JSON is nothing, because variables such as `SESSION` or `LOG` belong to others as a rule.
fn coerce(schema: &Schema, place: &Place<'_>, text: &str) -> Option<Value> {
    let parsed = || serde_json::from_str::<Value>(text).ok();
    if place.allows("object") {
        return parsed().filter(Value::is_object);
    }
    if place.allows("array") {
        if let Some(list) = parsed().filter(Value::is_array) {
            return Some(list);
        }
        let of_texts = schema.descend(place, "#").is_some_and(|entry| entry.allows("string"));
        return of_texts
            .then(|| text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(Value::from).collect());
    }
    if place.allows("boolean") {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => return Some(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => return Some(Value::Bool(false)),
            _ => {}
        }
    }
    let number = if place.allows("integer") {
        text.parse::<i64>().ok().map(Value::from)
    } else if place.allows("number") {
        text.parse::<f64>().ok().map(Value::from)
    } else {
        None
    };
    Some(number.unwrap_or_else(|| Value::from(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let text = json!({"properties": {
            "identity": {"type": "object", "properties": {"schemas": {"type": "array", "items": {"type": "object", "properties": {
                "id": {"type": "string"}, "selfservice_selectable": {"type": "boolean"}}}}}},
            "selfservice": {"type": "object", "properties": {
                "default_browser_return_url": {"type": "string"},
                "allowed_return_urls": {"type": "array", "items": {"type": "string"}}}},
            "session": {"type": "object", "properties": {"lifespan": {"type": "string"}}},
            "serve": {"type": "object", "properties": {"port": {"type": "integer"}}},
            "version": {"type": "string", "x-limen-env": false},
            "sqa-opt-out": {"type": "boolean", "x-limen-env": "SQA_OPT_OUT"},
            "watch-courier": {"type": "boolean"},
        }});
        Schema { document: text }
    }

    fn read(variables: &[(&str, &str)]) -> Vec<(String, Value)> {
        let environment = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let (found, _) = assignments(&schema(), &environment);
        found.into_iter().map(|assignment| (assignment.path.join("."), assignment.value)).collect()
    }

    #[test]
    fn underscores_in_names_of_keys_are_no_dots() {
        let found = read(&[("SELFSERVICE_DEFAULT_BROWSER_RETURN_URL", "https://a")]);
        assert_eq!(found, [("selfservice.default_browser_return_url".to_owned(), json!("https://a"))]);
    }

    #[test]
    fn lists_come_as_json_by_commas_or_by_number_in_order() {
        assert_eq!(read(&[("SELFSERVICE_ALLOWED_RETURN_URLS", "a, b")])[0].1, json!(["a", "b"]));
        assert_eq!(read(&[("SELFSERVICE_ALLOWED_RETURN_URLS", r#"["a"]"#)])[0].1, json!(["a"]));
        let found = read(&[
            ("IDENTITY_SCHEMAS_10_ID", "k"),
            ("IDENTITY_SCHEMAS_2_ID", "c"),
            ("IDENTITY_SCHEMAS_2_SELFSERVICE_SELECTABLE", "true"),
        ]);
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            ["identity.schemas.2.id", "identity.schemas.2.selfservice_selectable", "identity.schemas.10.id"]
        );
        assert_eq!(found[1].1, json!(true));
    }

    #[test]
    fn values_take_the_type_of_their_key_or_stay_texts_for_the_check() {
        assert_eq!(read(&[("SERVE_PORT", "44")])[0].1, json!(44));
        assert_eq!(read(&[("SERVE_PORT", "many")])[0].1, json!("many"));
        assert_eq!(read(&[("SESSION", r#"{"lifespan": "1h"}"#)])[0].1, json!({"lifespan": "1h"}));
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let others =
            [("SESSION", "gnome"), ("VERSION", "3"), ("PATH", "/bin"), ("session_lifespan", "1h"), ("SERVE_PORT", "")];
        assert_eq!(read(&others), []);
        let environment = BTreeMap::from([("SESSION".to_owned(), "gnome".to_owned())]);
        assert!(assignments(&schema(), &environment).1[0].contains("SESSION"));
    }

    /// Underscores stand for dots and for themselves: no two keys of the real schema may come out alike.
    #[test]
    fn every_name_of_a_variable_means_one_key() {
        let schema = Schema::parse(include_str!("../../../api/identity.config.schema.json")).unwrap();
        let mut names = Vec::new();
        collect(&schema, &schema.root(), &mut Vec::new(), &mut names);
        let count = names.len();
        assert!(count > 500, "{count}");
        assert_eq!(names.into_iter().collect::<HashMap<_, _>>().len(), count);
    }

    #[test]
    fn dashes_cannot_be_reached_except_by_a_name_of_their_own() {
        assert_eq!(
            read(&[("SQA_OPT_OUT", "true"), ("WATCH_COURIER", "true")]),
            [("sqa-opt-out".to_owned(), json!(true))]
        );
    }
}
