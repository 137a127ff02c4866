//! One file: its syntax, and the shape that all files are brought into.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Dialect, Problem, SettingsError};

/// Reads a file and brings it into the flat shape.
pub(crate) fn read(file: &Path, known_top: &[&str], service: &str) -> Result<(Value, Dialect), Problem> {
    match parse(file)? {
        Value::Null => Ok((Value::Object(Map::new()), Dialect::Kratos)),
        Value::Object(map) => Ok(flatten(map, known_top, service)),
        _ => Err(Problem::Syntax { file: file.to_owned(), reason: "the file must hold keys and values".to_owned() }),
    }
}

/// The services whose keys a file of limen's own format may hold.
const SERVICES: [&str; 4] = ["identity", "permissions", "oauth2", "gateway"];

/// The services that some of the files have a section of their own for.
///
/// # Errors
/// Files that cannot be read.
pub fn sections(files: &[std::path::PathBuf]) -> Result<Vec<&'static str>, SettingsError> {
    let mut found = Vec::new();
    for file in files {
        let value = parse(file)?;
        let has = |name: &&'static str| value.get(*name).is_some_and(Value::is_object) && !found.contains(name);
        let here: Vec<_> = SERVICES.into_iter().filter(has).collect();
        found.extend(here);
    }
    Ok(found)
}

/// The content of a file, whatever its format.
fn parse(file: &Path) -> Result<Value, Problem> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Problem::Unreadable { file: file.to_owned(), reason: error.to_string() })?;
    let syntax = |reason: String| Problem::Syntax { file: file.to_owned(), reason };
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("toml") => Err(syntax("TOML is not read; write the same keys as YAML or JSON".to_owned())),
        Some("json") => serde_json::from_str(&text).map_err(|error| syntax(error.to_string())),
        _ => yaml(&text).map_err(syntax),
    }
}

/// A document as YAML, for people to read.
///
/// # Errors
/// What YAML cannot express; documents that were loaded can be.
pub fn to_yaml(value: &Value) -> Result<String, SettingsError> {
    yaml_serde::to_string(value).map_err(|error| Problem::Schema(error.to_string()).into())
}

fn yaml(text: &str) -> Result<Value, String> {
    let mut document: yaml_serde::Value = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
    document.apply_merge().map_err(|error| error.to_string())?;
    json(document)
}

fn json(value: yaml_serde::Value) -> Result<Value, String> {
    Ok(match value {
        yaml_serde::Value::Null => Value::Null,
        yaml_serde::Value::Bool(flag) => Value::Bool(flag),
        yaml_serde::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Value::from(whole),
            (_, Some(whole), _) => Value::from(whole),
            (_, _, fraction) => fraction.map_or(Value::Null, Value::from),
        },
        yaml_serde::Value::String(text) => Value::String(text),
        yaml_serde::Value::Sequence(entries) => Value::Array(entries.into_iter().map(json).collect::<Result<_, _>>()?),
        yaml_serde::Value::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Ok::<_, String>((key_text(key)?, json(value)?)));
            Value::Object(entries.collect::<Result<_, _>>()?)
        }
        yaml_serde::Value::Tagged(tagged) => return Err(format!("the tag {} is not read", tagged.tag)),
    })
}

/// Names of schemas, headers and templates may look like numbers or truth values.
fn key_text(key: yaml_serde::Value) -> Result<String, String> {
    match key {
        yaml_serde::Value::String(text) => Ok(text),
        yaml_serde::Value::Bool(flag) => Ok(flag.to_string()),
        yaml_serde::Value::Number(number) => Ok(number.to_string()),
        _ => Err("a key must be a text".to_owned()),
    }
}

/// In limen's own file the keys of each service stand under its name, and what all share (`dsn`, `log`, `dev`) beside them.
/// A file of the compatible identity server has a key `identity` too, but with the schemas alone.
fn flatten(mut map: Map<String, Value>, known_top: &[&str], service: &str) -> (Value, Dialect) {
    let section = map.get(service).and_then(Value::as_object);
    let own = section.is_some_and(|section| {
        let schemas_alone = |key: &String| matches!(key.as_str(), "schemas" | "default_schema_id");
        service != "identity" || section.keys().any(|key| !schemas_alone(key) && known_top.contains(&key.as_str()))
    });
    if !own {
        return (Value::Object(map), Dialect::Kratos);
    }
    let Some(Value::Object(mut flat)) = map.remove(service) else {
        return (Value::Object(map), Dialect::Kratos);
    };
    for (key, value) in map {
        if !SERVICES.contains(&key.as_str()) {
            // What the service says itself stands above what is shared.
            flat.entry(key).or_insert(value);
        }
    }
    (Value::Object(flat), Dialect::Limen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<(Value, Dialect), Problem> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        read(&file, &["identity", "selfservice", "dsn"], "identity")
    }

    #[test]
    fn each_service_finds_its_own_section_of_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("limen.yml");
        std::fs::write(&file, "dsn: memory\nidentity: {selfservice: {a: 1}}\npermissions: {limit: {b: 2}}\n").unwrap();
        let known = ["selfservice", "limit", "dsn"];
        let (identity, _) = read(&file, &known, "identity").unwrap();
        assert_eq!(identity, serde_json::json!({"selfservice": {"a": 1}, "dsn": "memory"}));
        let (permissions, dialect) = read(&file, &known, "permissions").unwrap();
        assert_eq!(permissions, serde_json::json!({"limit": {"b": 2}, "dsn": "memory"}));
        assert_eq!(dialect, Dialect::Limen);
        assert_eq!(sections(&[file]).unwrap(), ["identity", "permissions"]);
    }

    #[test]
    fn yaml_and_json_are_read_and_toml_is_refused_with_a_way_out() {
        let expected = serde_json::json!({"dsn": "memory", "list": [1, true, null], "1": "a"});
        assert_eq!(read_text("a.yml", "dsn: memory\nlist: [1, yes, ~]\n1: a\n").unwrap().0["dsn"], expected["dsn"]);
        assert_eq!(read_text("a.json", &expected.to_string()).unwrap().0, expected);
        let refused = read_text("a.toml", "dsn = 'memory'").unwrap_err().to_string();
        assert!(refused.contains("YAML or JSON"), "{refused}");
    }

    #[test]
    fn broken_files_are_refused() {
        for (name, text) in
            [("a.yml", "a: b: c"), ("a.json", "{"), ("a.yml", "- list"), ("a.yml", "a: 1\na: 2"), ("a.yml", "a: !x y")]
        {
            assert!(matches!(read_text(name, text), Err(Problem::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(read_text("a.yml", "# nothing\n").unwrap().0, serde_json::json!({}));
    }

    #[test]
    fn yaml_anchors_and_merges_are_followed() {
        let value = read_text("a.yml", "base: &b {x: 1}\nown: {<<: *b, y: 2}\n").unwrap().0;
        assert_eq!(value["own"], serde_json::json!({"x": 1, "y": 2}));
    }

    #[test]
    fn the_own_format_is_flattened_and_the_other_is_kept() {
        let own = "dsn: memory\nidentity:\n  selfservice: {a: 1}\n  identity: {schemas: []}\n";
        let (value, dialect) = read_text("limen.yml", own).unwrap();
        assert_eq!(dialect, Dialect::Limen);
        assert_eq!(value, serde_json::json!({"selfservice": {"a": 1}, "identity": {"schemas": []}, "dsn": "memory"}));
        let (value, dialect) = read_text("kratos.yml", "identity: {schemas: [], default_schema_id: x}\n").unwrap();
        assert_eq!(dialect, Dialect::Kratos);
        assert_eq!(value["identity"]["default_schema_id"], "x");
    }
}
