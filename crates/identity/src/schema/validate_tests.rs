//! What is wrong with traits, and what follows from them.

use serde_json::{Value, json};

use super::{Derived, Documents, IdentitySchema, Problem, Rules};
use crate::model::identity::Channel::{Email, Sms};

fn schema_of(traits: Value) -> IdentitySchema {
    let document = json!({"properties": {"traits": traits}});
    let rules = Rules { allow_remote_refs: false };
    IdentitySchema::compile("person", &document.to_string(), rules, &Documents::default()).expect("schema")
}

fn schema(properties: Value) -> IdentitySchema {
    schema_of(json!({"type": "object", "properties": properties, "additionalProperties": false}))
}

fn outline(problems: Vec<Problem>) -> Vec<(String, u32, Value)> {
    problems.into_iter().map(|problem| (problem.field, problem.message.id, problem.message.context.into())).collect()
}

fn refused(schema: &IdentitySchema, traits: Value) -> Vec<(String, u32, Value)> {
    outline(schema.validate(&traits).expect_err("refused"))
}

/// The one problem of a property `a` with this value.
fn problem(property: Value, value: Value) -> (u32, Value) {
    let mut problems = refused(&schema(json!({ "a": property })), json!({ "a": value }));
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (field, id, context) = problems.remove(0);
    assert_eq!(field, "traits.a");
    (id, context)
}

#[test]
fn each_keyword_has_its_message_with_the_values_in_it() {
    let cases = [
        (json!({"minLength": 3}), json!("ü"), 4000003, json!({"min_length": 3, "actual_length": 1})),
        (json!({"maxLength": 2}), json!("üüü"), 4000017, json!({"max_length": 2, "actual_length": 3})),
        (json!({"pattern": "^[a-z]+$"}), json!("A"), 4000004, json!({"pattern": "^[a-z]+$"})),
        (json!({"minimum": 0}), json!(-1), 4000018, json!({"minimum": 0, "actual": -1})),
        (json!({"exclusiveMinimum": 0}), json!(0), 4000019, json!({"minimum": 0, "actual": 0})),
        (json!({"maximum": 5}), json!(9), 4000020, json!({"maximum": 5, "actual": 9})),
        (json!({"exclusiveMaximum": 10}), json!(10), 4000021, json!({"maximum": 10, "actual": 10})),
        (json!({"multipleOf": 0.5}), json!(0.3), 4000022, json!({"base": 0.5, "actual": 0.3})),
        (json!({"multipleOf": 2}), json!(3), 4000022, json!({"base": 2, "actual": 3})),
        (json!({"maxItems": 1}), json!(["a", "b"]), 4000023, json!({"max_items": 1, "actual_items": 2})),
        (json!({"minItems": 1}), json!([]), 4000024, json!({"min_items": 1, "actual_items": 0})),
        (json!({"uniqueItems": true}), json!(["b", "a", "a"]), 4000025, json!({"index_a": 1, "index_b": 2})),
        (
            json!({"type": "integer"}),
            json!(1.5),
            4000026,
            json!({"allowed_types": ["integer"], "actual_type": "number"}),
        ),
        (json!({"type": "string"}), json!(7), 4000026, json!({"allowed_types": ["string"], "actual_type": "number"})),
        (json!({"const": true}), json!(false), 4000029, json!({"expected": "true"})),
        (json!({"const": "fixed"}), json!("other"), 4000029, json!({"expected": "\"fixed\""})),
        (json!({"const": {"a": 1}}), json!("other"), 4000030, json!({})),
        (json!({"format": "email"}), json!("none"), 4000040, json!({"value": "none"})),
        (json!({"format": "tel"}), json!("+1"), 4000041, json!({"value": "+1"})),
    ];
    for (property, value, id, context) in cases {
        assert_eq!(problem(property.clone(), value), (id, context), "{property}");
    }
}

#[test]
fn all_else_is_told_in_words() {
    for (property, value, word) in [
        (json!({"enum": ["red", "blue"]}), json!("mauve"), "red, blue"),
        (json!({"format": "uri"}), json!("no url"), "uri"),
        (json!({"format": "date"}), json!("yesterday"), "date"),
        (json!({"format": "date-time"}), json!("now"), "date time"),
        (json!({"not": {"const": 1}}), json!(1), "1"),
    ] {
        let (id, context) = problem(property, value);
        assert_eq!(id, 4000001);
        assert!(context["reason"].as_str().expect("reason").contains(word), "{context}");
    }
    let unknown = refused(&schema(json!({"a": {}})), json!({"extra": 1}));
    assert_eq!((unknown[0].0.as_str(), unknown[0].1), ("traits", 4000001));
    assert!(unknown[0].2["reason"].as_str().expect("reason").contains("extra"));
}

#[test]
fn a_reason_does_not_repeat_all_that_was_sent() {
    let (_, context) = problem(json!({"not": {"type": "string"}}), json!("ü".repeat(10_000)));
    assert!(context["reason"].as_str().expect("reason").chars().count() <= 301);
}

#[test]
fn what_is_missing_is_told_at_its_own_field() {
    let schema = schema_of(json!({"type": "object", "required": ["email", "address"], "properties": {
        "email": {"type": "string"},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }}));
    let missing = |field: &str, name: &str| (field.to_owned(), 4000002, json!({ "property": name }));
    assert_eq!(refused(&schema, json!({})), [missing("traits.email", "email"), missing("traits.address", "address")]);
    assert_eq!(refused(&schema, json!({"email": "a", "address": {}})), [missing("traits.address.city", "city")]);
}

#[test]
fn all_problems_are_told_at_once() {
    let schema = schema(json!({"a": {"type": "string", "minLength": 3, "pattern": "^x"}, "b": {"type": "integer"}}));
    let mut found: Vec<_> =
        refused(&schema, json!({"a": "y", "b": "z"})).into_iter().map(|one| (one.0, one.1)).collect();
    found.sort();
    let expected = [("traits.a", 4000003), ("traits.a", 4000004), ("traits.b", 4000026)];
    assert_eq!(found, expected.map(|(field, id)| (field.to_owned(), id)));
}

#[test]
fn an_item_of_a_list_is_told_at_the_list() {
    let schema = schema(json!({"tags": {"type": "array", "items": {"type": "string"}}}));
    let problems = refused(&schema, json!({"tags": [1, "a", 2]}));
    let context = json!({"allowed_types": ["string"], "actual_type": "number"});
    assert_eq!(problems, [("traits.tags".to_owned(), 4000026, context)]);
}

#[test]
fn of_alternatives_it_is_told_what_each_lacks() {
    let schema = schema_of(json!({"type": "object", "properties": {"email": {}, "phone": {}},
        "anyOf": [{"required": ["email"]}, {"required": ["phone"]}]}));
    let fields: Vec<_> = refused(&schema, json!({})).into_iter().map(|one| (one.0, one.1)).collect();
    assert_eq!(fields, [("traits.email".to_owned(), 4000002), ("traits.phone".to_owned(), 4000002)]);
    assert!(schema.validate(&json!({"phone": "1"})).is_ok());
}

#[test]
fn objects_of_a_form_count_as_sent_but_are_not_kept_empty() {
    let schema = schema(json!({
        "user": {"type": "string"},
        "name": {"type": "object", "properties": {"first": {"type": "string"}}},
        "address": {"type": "object", "properties": {
            "city": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}},
    }));
    assert!(schema.validate(&json!({"user": "a"})).is_ok());
    let problems = outline(schema.validate_submitted(&json!({"user": "a"})).expect_err("refused"));
    assert_eq!(problems, [("traits.address.city.name".to_owned(), 4000002, json!({"property": "name"}))]);
    let full = json!({"user": "a", "address": {"city": {"name": "Oslo"}}});
    assert_eq!(schema.validate_submitted(&full).expect("valid").traits, full);
    let wrong = outline(schema.validate_submitted(&json!({"address": "x"})).expect_err("refused"));
    assert_eq!(wrong[0].0, "traits.address");
}

#[test]
fn an_object_that_has_to_be_there_is_kept_even_if_nothing_is_in_it() {
    let schema = schema_of(json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "object", "properties": {"first": {"type": "string"}}}}}));
    assert!(schema.validate(&json!({})).is_err());
    assert_eq!(schema.validate_submitted(&json!({})).expect("valid").traits, json!({"name": {}}));
}

#[test]
fn traits_that_are_no_object_are_refused() {
    let schema = schema(json!({"a": {}}));
    for traits in [json!(null), json!([]), json!("a"), json!(1)] {
        assert_eq!(refused(&schema, traits.clone())[0].1, 4000026);
        assert!(schema.validate_submitted(&traits).is_err());
    }
}

#[test]
fn formats_of_the_contract_are_checked_in_every_draft_and_others_ignored() {
    for draft in ["draft-04/schema#", "draft-07/schema#"] {
        for (format, right, wrong) in [
            ("date-time", "2020-01-02T03:04:05Z", "now"),
            ("date", "2020-02-29", "2021-02-29"),
            ("time", "03:04:05Z", "25:00:00Z"),
            ("hostname", "example.org", "-x-"),
            ("email", "a@example.org", "a"),
            ("email_loose", "a..b@example.org", "a"),
            ("tel", "+4915112345678", "015112345678"),
            ("ip-address", "127.0.0.1", "::1"),
            ("ipv4", "127.0.0.1", "256.0.0.1"),
            ("ipv6", "::1", "127.0.0.1"),
            ("uri", "https://example.org/a", "no url"),
            ("iri", "https://example.org/ü", "no url"),
            ("uri-reference", "/a", "\\"),
            ("uriref", "/a", "\\"),
            ("iri-reference", "/ü", "\\"),
            ("uri-template", "/a/{b}", "/a/{b"),
            ("regex", "^a+$", "(?=a)"),
            ("json-pointer", "/a/0", "a"),
            ("relative-json-pointer", "0/a", "/a"),
        ] {
            let document = json!({"$schema": format!("http://json-schema.org/{draft}"), "properties": {
                "traits": {"type": "object", "properties": {"a": {"type": "string", "format": format}}}}});
            let rules = Rules { allow_remote_refs: false };
            let schema =
                IdentitySchema::compile("person", &document.to_string(), rules, &Documents::default()).expect("schema");
            assert!(schema.validate(&json!({ "a": right })).is_ok(), "{draft} {format} {right}");
            assert!(schema.validate(&json!({ "a": wrong })).is_err(), "{draft} {format} {wrong}");
        }
    }
    for format in ["no-validate", "no-such-format"] {
        assert!(schema(json!({"a": {"format": format}})).validate(&json!({"a": "anything"})).is_ok());
    }
}

#[test]
fn formats_are_checked_in_the_newest_draft_too() {
    let document = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {
        "traits": {"type": "object", "properties": {"a": {"format": "email"}}}}});
    let rules = Rules { allow_remote_refs: false };
    let schema =
        IdentitySchema::compile("person", &document.to_string(), rules, &Documents::default()).expect("schema");
    assert!(schema.validate(&json!({"a": "none"})).is_err());
}

fn identifier() -> Value {
    json!({"credentials": {"password": {"identifier": true}}})
}

fn derived(schema: &IdentitySchema, traits: Value) -> Derived {
    schema.validate(&traits).expect("valid")
}

#[test]
fn addresses_are_lower_case_and_traits_stay_as_written() {
    let annotation = json!({"credentials": {"password": {"identifier": true}, "totp": {"account_name": true}},
        "verification": {"via": "email"}, "recovery": {"via": "email"}});
    let schema = schema(json!({"email": {"type": "string", "format": "email", "ory.sh/kratos": annotation}}));
    let traits = json!({"email": "Ada@Example.ORG"});
    let derived = derived(&schema, traits.clone());
    assert_eq!(derived.traits, traits);
    assert_eq!(derived.password_identifiers, ["ada@example.org"]);
    assert_eq!(derived.verifiable, [(Email, "ada@example.org".to_owned())]);
    assert_eq!(derived.recovery, [(Email, "ada@example.org".to_owned())]);
    assert_eq!(derived.totp_account_name.as_deref(), Some("Ada@Example.ORG"));
}

#[test]
fn phone_numbers_are_rewritten_to_e164() {
    let annotation = json!({"credentials": {"password": {"identifier": true}},
        "verification": {"via": "sms"}, "recovery": {"via": "sms"}});
    let schema = schema(json!({"phones": {"type": "array", "items":
        {"type": "string", "format": "tel", "ory.sh/kratos": annotation}}}));
    let derived = derived(&schema, json!({"phones": ["+49 1511 2345678", "+49-1511-2345678"]}));
    assert_eq!(derived.traits, json!({"phones": ["+4915112345678", "+4915112345678"]}));
    assert_eq!(derived.password_identifiers, ["+4915112345678"]);
    assert_eq!(derived.verifiable, [(Sms, "+4915112345678".to_owned())]);
    assert_eq!(derived.recovery, [(Sms, "+4915112345678".to_owned())]);
}

#[test]
fn annotations_are_found_in_lists_and_behind_references_and_branches_that_apply() {
    let document = json!({
        "definitions": {"mail": {"type": "string", "format": "email", "ory.sh/kratos": identifier()}},
        "properties": {"traits": {"type": "object", "properties": {
            "nick": {"allOf": [{"type": "string", "ory.sh/kratos": identifier()}]},
            "list": {"type": "array", "items": {"type": "object", "properties": {"mail": {"$ref": "#/definitions/mail"}}}},
            "either": {"anyOf": [
                {"type": "integer", "ory.sh/kratos": identifier()},
                {"type": "string", "pattern": "^s", "ory.sh/kratos": {"recovery": {"via": "email"}}, "format": "no-validate"},
                {"type": "string", "maxLength": 2},
            ]},
            "main": {"$ref": "#/definitions/mail"},
        }}},
    });
    let rules = Rules { allow_remote_refs: false };
    let schema =
        IdentitySchema::compile("person", &document.to_string(), rules, &Documents::default()).expect("schema");
    let all = derived(
        &schema,
        json!({
            "main": "m@example.org", "either": "secret", "list": [{"mail": "B@example.org"}, {"mail": "a@example.org"}], "nick": "Nick",
        }),
    );
    assert_eq!(all.password_identifiers, ["nick", "m@example.org", "b@example.org", "a@example.org"]);
    assert_eq!(all.recovery, [(Email, "secret".to_owned())]);
    assert_eq!(derived(&schema, json!({"either": 7})).password_identifiers, ["7"]);
    assert_eq!(
        derived(&schema, json!({"either": "x"})),
        Derived {
            traits: json!({"either": "x"}),
            password_identifiers: vec![],
            verifiable: vec![],
            recovery: vec![],
            totp_account_name: None,
        }
    );
}

#[test]
fn the_order_is_that_of_the_schema_and_of_lists_by_number() {
    let schema = schema(json!({
        "z": {"type": "string", "ory.sh/kratos": identifier()},
        "list": {"type": "array", "items": {"type": "string", "ory.sh/kratos": identifier()}},
        "a": {"type": "string", "ory.sh/kratos": identifier()},
    }));
    let list: Vec<String> = (0..12).map(|number| format!("item{number}")).collect();
    let derived = derived(&schema, json!({"a": "last", "list": list, "z": "first"}));
    let expected: Vec<String> = [vec!["first".to_owned()], list, vec!["last".to_owned()]].concat();
    assert_eq!(derived.password_identifiers, expected);
}

#[test]
fn identifiers_that_cannot_be_seen_are_none() {
    let schema = schema(json!({"a": {"type": "string", "ory.sh/kratos": identifier()}}));
    assert_eq!(derived(&schema, json!({"a": " \u{200b}"})).password_identifiers, [""; 0]);
    assert_eq!(derived(&schema, json!({"a": ""})).password_identifiers, [""; 0]);
}

#[test]
fn what_is_to_be_verified_without_a_format_has_to_be_an_address() {
    let open = schema(json!({"a": {"type": "string", "ory.sh/kratos": {"verification": {"via": "email"}}}}));
    assert_eq!(refused(&open, json!({"a": "none"})), [("traits.a".to_owned(), 4000040, json!({"value": "none"}))]);
    let phone = schema(json!({"a": {"type": "string", "ory.sh/kratos": {"recovery": {"via": "sms"}}}}));
    assert_eq!(refused(&phone, json!({"a": "12"})), [("traits.a".to_owned(), 4000041, json!({"value": "12"}))]);
    let own = schema(json!({"a": {"format": "no-validate", "ory.sh/kratos": {"verification": {"via": "email"}}}}));
    assert_eq!(derived(&own, json!({"a": " Room 7 "})).verifiable, [(Email, "room 7".to_owned())]);
}
