//! The form fields of traits.

use serde_json::{Value, json};

use super::{Documents, IdentitySchema, Rules};
use crate::model::ui::{Group, Node};

fn schema_of(document: Value) -> IdentitySchema {
    let rules = Rules { allow_remote_refs: false };
    IdentitySchema::compile("person", &document.to_string(), rules, &Documents::default()).expect("schema")
}

fn schema(traits: Value) -> IdentitySchema {
    schema_of(json!({"properties": {"traits": traits}}))
}

fn everything() -> IdentitySchema {
    schema(json!({"type": "object", "required": ["username"], "properties": {
        "username": {"type": "string", "title": "Username", "pattern": "^[a-z]+$", "maxLength": 30},
        "colour": {"type": "string", "enum": ["red", "green"]},
        "terms": {"type": "boolean", "title": "Terms"},
        "homepage": {"type": "string", "format": "uri"},
        "born": {"type": "string", "format": "date"},
        "seen": {"type": "string", "format": "date-time"},
        "phone": {"type": "string", "format": "tel"},
        "email": {"type": ["null", "string"], "format": "email"},
        "score": {"type": "number"},
        "level": {"type": "integer", "disableFormField": true},
        "tags": {"type": "array", "title": "Tags", "items": {"type": "string"}},
        "levels": {"type": "array", "items": {"type": "integer"}},
        "people": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "free": {"type": "object"},
        "address": {"type": "object", "properties": {
            "street": {"type": "string"},
            "city": {"type": "object", "properties": {"zip": {"type": "string"}, "name": {"type": "string"}}, "required": ["name"]},
        }},
        "password": {"type": "string"},
    }}))
}

fn node<'a>(nodes: &'a [Node], name: &str) -> &'a Node {
    nodes.iter().find(|node| node.id() == name).expect("node")
}

fn attributes(name: &str) -> Value {
    let nodes = everything().trait_nodes(Group::Profile);
    serde_json::to_value(&node(&nodes, name).attributes).expect("JSON")
}

#[test]
fn fields_come_in_the_order_of_the_document_and_only_what_an_input_can_show() {
    let names = [
        "username",
        "colour",
        "terms",
        "homepage",
        "born",
        "seen",
        "phone",
        "email",
        "score",
        "level",
        "tags",
        "levels",
        "address.street",
        "address.city.zip",
        "address.city.name",
        "password",
    ];
    let names: Vec<String> = names.iter().map(|name| format!("traits.{name}")).collect();
    let schema = everything();
    assert_eq!(schema.trait_names(), names);
    let nodes = schema.trait_nodes(Group::Profile);
    assert!(nodes.iter().all(|node| node.group == Group::Profile));
    assert_eq!(nodes.iter().map(|node| node.id().to_owned()).collect::<Vec<_>>(), names);
}

#[test]
fn types_and_hints_follow_from_type_and_format() {
    for (name, kind, autocomplete) in [
        ("username", "text", None),
        ("colour", "text", None),
        ("terms", "checkbox", None),
        ("homepage", "url", Some("url")),
        ("born", "date", None),
        ("seen", "datetime-local", None),
        ("phone", "tel", Some("tel")),
        ("email", "email", Some("email")),
        ("score", "number", None),
        ("level", "number", None),
        ("tags", "text", None),
        ("password", "password", None),
    ] {
        let attributes = attributes(&format!("traits.{name}"));
        assert_eq!(attributes["type"], kind, "{name}");
        assert_eq!(attributes.get("autocomplete").and_then(Value::as_str), autocomplete, "{name}");
    }
}

#[test]
fn what_the_schema_says_of_a_field_is_on_its_node() {
    let username = json!({"name": "traits.username", "type": "text", "required": true, "pattern": "^[a-z]+$",
        "disabled": false, "node_type": "input"});
    assert_eq!(attributes("traits.username"), username);
    assert_eq!(attributes("traits.colour")["options"], json!([{"value": "red"}, {"value": "green"}]));
    assert_eq!(attributes("traits.colour").get("required"), None);
    assert_eq!(attributes("traits.level")["disabled"], true);
    assert_eq!(attributes("traits.address.city.name")["required"], true);
    assert_eq!(attributes("traits.address.city.zip").get("required"), None);
    let nodes = everything().trait_nodes(Group::Default);
    let label = node(&nodes, "traits.tags").meta.label.clone().expect("label");
    assert_eq!((label.id, Value::from(label.context)), (1070002, json!({"title": "Tags", "name": "traits.tags"})));
    assert_eq!(label.text, "Tags");
    assert_eq!(node(&nodes, "traits.colour").meta.label, None);
}

#[test]
fn choices_are_shown_up_to_a_number() {
    let many: Vec<u32> = (0..600).collect();
    let schema = schema(json!({"type": "object", "properties": {"a": {"enum": many}}}));
    assert_eq!(schema.trait_nodes(Group::Default)[0].as_input().expect("input").options.len(), 500);
}

#[test]
fn fields_behind_references_and_branches_are_shown_once() {
    let schema = schema_of(json!({
        "definitions": {"mail": {"type": "string", "format": "email", "title": "Mail"}},
        "properties": {"traits": {"type": "object",
            "properties": {"mail": {"$ref": "#/definitions/mail"}, "alt": {"title": "Own", "allOf": [{"$ref": "#/definitions/mail"}]}},
            "allOf": [{"required": ["mail"]}],
            "anyOf": [{"properties": {"mail": {}, "more": {"type": "integer"}}, "required": ["more"]}],
        }},
    }));
    assert_eq!(schema.trait_names(), ["traits.mail", "traits.alt", "traits.more"]);
    let nodes = schema.trait_nodes(Group::Default);
    let shown = |name: &str| {
        let node = node(&nodes, name);
        let input = node.as_input().expect("input");
        (input.autocomplete.clone(), node.meta.label.as_ref().map(|label| label.text.clone()), input.required)
    };
    assert_eq!(shown("traits.mail"), (Some("email".to_owned()), Some("Mail".to_owned()), true));
    assert_eq!(shown("traits.alt"), (Some("email".to_owned()), Some("Own".to_owned()), false));
    // A branch that may not apply makes nothing required.
    assert_eq!(shown("traits.more"), (None, None, false));
}

#[test]
fn small_documents_cannot_make_forms_without_end() {
    let branches: Vec<Value> = (0..20).map(|_| json!({"$ref": "#/properties/traits"})).collect();
    let document = json!({"properties": {"traits": {"type": "object", "properties": {
        "a": {"type": "string"}, "b": {"$ref": "#/properties/traits"}, "c": {"$ref": "#/properties/traits"},
        "d": {"type": "object", "anyOf": branches}}}}});
    let schema = schema_of(document);
    assert!(schema.trait_names().len() < 5_000);
    assert_eq!(schema.trait_names()[0], "traits.a");
}

#[test]
fn the_label_of_the_identifier_is_the_title_of_the_one_trait_that_is_it() {
    let mark = json!({"credentials": {"password": {"identifier": true}}});
    let label =
        |properties: Value| schema(json!({"type": "object", "properties": properties})).password_identifier_label();
    let one = label(json!({"email": {"title": "E-Mail", "ory.sh/kratos": mark}, "name": {"title": "Name"}}));
    assert_eq!((one.id, Value::from(one.context)), (1070002, json!({"title": "E-Mail", "name": "traits.email"})));
    let list = label(json!({"emails": {"title": "E-Mails", "type": "array", "items": {"ory.sh/kratos": mark}}}));
    assert_eq!(list.context["name"], "traits.emails");
    assert_eq!(label(json!({"email": {"ory.sh/kratos": mark}})).id, 1070004);
    assert_eq!(label(json!({"email": {"title": "E-Mail"}})).id, 1070004);
    let two = json!({"a": {"title": "A", "ory.sh/kratos": mark}, "b": {"title": "B", "ory.sh/kratos": mark}});
    assert_eq!(label(two).id, 1070004);
    let off = json!({"credentials": {"password": {"identifier": false}}});
    assert_eq!(label(json!({"a": {"title": "A", "ory.sh/kratos": off}})).id, 1070004);
}

#[test]
fn form_values_are_read_by_the_type_of_the_trait() {
    let schema = everything();
    let read = |name: &str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        schema.coerce(name, &values)
    };
    assert_eq!(read("traits.level", &["3"]), Some(json!(3)));
    assert_eq!(read("traits.score", &["2.5"]), Some(json!(2.5)));
    assert_eq!(read("traits.score", &["2"]), Some(json!(2)));
    assert_eq!(read("traits.terms", &["false", "true"]), Some(json!(true)));
    assert_eq!(read("traits.terms", &["true", "false"]), Some(json!(false)));
    assert_eq!(read("traits.username", &["42"]), Some(json!("42")));
    assert_eq!(read("traits.tags", &["a", "", "b"]), Some(json!(["a", "b"])));
    assert_eq!(read("traits.levels", &["1", "x"]), Some(json!([1, "x"])));
    assert_eq!(read("traits.levels.0", &["1"]), Some(json!(1)));
    assert_eq!(read("traits.unknown", &["1"]), Some(json!("1")));
}

#[test]
fn form_values_that_do_not_fit_stay_texts() {
    let schema = everything();
    for (name, value) in [
        ("traits.level", "many"),
        ("traits.level", "1.5"),
        ("traits.level", "99999999999999999999"),
        ("traits.score", "NaN"),
        ("traits.score", "inf"),
        ("traits.terms", "perhaps"),
    ] {
        assert_eq!(schema.coerce(name, &[value.to_owned()]), Some(json!(value)), "{name} {value}");
    }
}

#[test]
fn empty_form_values_are_absent() {
    let schema = everything();
    for name in ["traits.level", "traits.username", "traits.tags", "traits.terms", "traits.unknown"] {
        assert_eq!(schema.coerce(name, &[String::new()]), None, "{name}");
        assert_eq!(schema.coerce(name, &[]), None, "{name}");
    }
}
