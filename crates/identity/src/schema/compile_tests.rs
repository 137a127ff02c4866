//! Which documents are schemas, and what they may refer to.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Documents, IdentitySchema, Rules, SchemaError};

const OPEN: Rules = Rules { allow_remote_refs: true };
const CLOSED: Rules = Rules { allow_remote_refs: false };

fn compile(document: &Value) -> Result<IdentitySchema, SchemaError> {
    IdentitySchema::compile("person", &document.to_string(), OPEN, &Documents::default())
}

fn with_traits(traits: Value) -> Value {
    json!({"type": "object", "properties": {"traits": {"type": "object", "properties": traits}}})
}

fn reason(document: &Value) -> String {
    compile(document).expect_err("not a schema").to_string()
}

#[test]
fn the_document_is_served_as_it_was_written() {
    let text = "{ \"properties\": {\"traits\": {\"type\": \"object\", \"properties\": {\"z\": {}, \"a\": {\"maximum\": 1.0}}}} }";
    let schema = IdentitySchema::compile("person", text, OPEN, &Documents::default()).expect("schema");
    assert_eq!(schema.document().get(), text);
    assert_eq!(schema.id(), "person");
    assert_eq!(schema.trait_names(), ["traits.z", "traits.a"]);
}

#[test]
fn traits_have_to_be_an_object_with_a_property() {
    assert!(reason(&json!({})).contains("properties.traits"));
    assert!(reason(&json!({"properties": {"traits": {"properties": {"a": {}}}}})).contains("type \"object\""));
    let untyped = json!({"properties": {"traits": {"type": ["object"], "properties": {"a": {}}}}});
    assert!(reason(&untyped).contains("type \"object\""));
    assert!(reason(&with_traits(json!({}))).contains("at least one trait"));
    for document in ["[]", "1", "null", "true"] {
        let outcome = IdentitySchema::compile("person", document, OPEN, &Documents::default());
        assert!(matches!(outcome, Err(SchemaError::Invalid { .. })), "{document}");
    }
    let outcome = IdentitySchema::compile("person", "{", OPEN, &Documents::default());
    assert!(matches!(outcome, Err(SchemaError::NotJson { .. })));
}

#[test]
fn the_document_has_to_be_valid_in_its_draft() {
    assert!(compile(&with_traits(json!({"a": {"type": "text"}}))).is_err());
    assert!(compile(&with_traits(json!({"a": {"minLength": -1}}))).is_err());
    for (draft, accepted) in [
        ("http://json-schema.org/draft-04/schema#", true),
        ("http://json-schema.org/draft-06/schema#", true),
        ("http://json-schema.org/draft-07/schema#", true),
        ("http://json-schema.org/draft-07/schema", true),
        ("https://json-schema.org/draft/2020-12/schema", true),
        ("https://json-schema.org/draft/2019-09/schema", false),
        ("https://example.org/own", false),
    ] {
        let mut document = with_traits(json!({"a": {"type": "string"}}));
        document["$schema"] = draft.into();
        assert_eq!(compile(&document).is_ok(), accepted, "{draft}");
    }
}

#[test]
fn without_a_draft_it_is_draft_7() {
    // A number in draft 6 and later, a truth value in draft 4.
    assert!(compile(&with_traits(json!({"a": {"exclusiveMinimum": 3}}))).is_ok());
    assert!(compile(&with_traits(json!({"a": {"minimum": 3, "exclusiveMinimum": true}}))).is_err());
}

#[test]
fn patterns_that_need_to_look_around_or_back_are_refused() {
    for pattern in ["^(?=a)", "(?!a)", "(?<=a)b", "(a)\\1", "("] {
        assert!(compile(&with_traits(json!({"a": {"type": "string", "pattern": pattern}}))).is_err(), "{pattern}");
    }
    assert!(compile(&with_traits(json!({"a": {"type": "string", "pattern": "^\\d{3}$"}}))).is_ok());
}

#[test]
fn unknown_annotations_are_refused_by_name_and_place() {
    for (annotation, word) in [
        (json!({"credential": {}}), "credential"),
        (json!({"credentials": {"pasword": {}}}), "pasword"),
        (json!({"credentials": {"password": {"identifer": true}}}), "identifer"),
        (json!({"credentials": {"password": {"identifier": "yes"}}}), "yes"),
        (json!({"credentials": {"totp": {"name": true}}}), "name"),
        (json!({"verification": {"via": "fax"}}), "fax"),
        (json!({"verification": {}}), "via"),
        (json!({"recovery": {"via": "email", "at": 1}}), "at"),
        (json!({"organizations": {"matcher": "name"}}), "name"),
    ] {
        let document = with_traits(json!({"nested": {"type": "object", "properties": {"list": {"type": "array",
            "items": {"type": "string", "format": "email", "ory.sh/kratos": annotation}}}}}));
        let error = compile(&document).expect_err("unknown key");
        assert!(matches!(error, SchemaError::Annotation { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(word) && text.contains("/properties/nested/properties/list/items"), "{text}");
    }
}

#[test]
fn all_known_annotations_are_accepted() {
    let annotation = json!({
        "credentials": {
            "password": {"identifier": true}, "webauthn": {"identifier": true}, "passkey": {"display_name": true},
            "totp": {"account_name": true}, "code": {"identifier": true, "via": "email"},
        },
        "verification": {"via": "email"}, "recovery": {"via": "email"}, "organizations": {"matcher": "email_domain"},
    });
    compile(&with_traits(json!({"email": {"type": "string", "format": "email", "ory.sh/kratos": annotation}})))
        .expect("schema");
}

#[test]
fn data_and_names_that_look_like_annotations_are_left_alone() {
    let document = with_traits(json!({
        "ory.sh/kratos": {"type": "string"},
        "$ref": {"type": "string"},
        "a": {"default": {"ory.sh/kratos": {"x": 1}}, "enum": [{"ory.sh/kratos": 1}, {"$ref": "https://example.org/a.json"}]},
    }));
    let schema = compile(&document).expect("schema");
    assert_eq!(schema.trait_names(), ["traits.ory.sh/kratos", "traits.$ref", "traits.a"]);
}

#[test]
fn what_is_verified_has_a_format_of_addresses() {
    let verified = |format: Option<&str>, via: &str| {
        let mut property = json!({"type": "string", "ory.sh/kratos": {"verification": {"via": via}}});
        if let Some(format) = format {
            property["format"] = format.into();
        }
        compile(&with_traits(json!({"a": property}))).is_ok()
    };
    for format in ["email", "tel", "date", "time", "date-time", "no-validate"] {
        assert!(verified(Some(format), "email"), "{format}");
    }
    assert!(!verified(Some("uri"), "email"));
    assert!(verified(None, "email"));
    assert!(!verified(None, "sms"));
}

#[test]
fn references_to_other_documents_are_asked_for_and_can_be_forbidden() {
    let document = with_traits(json!({"email": {"$ref": "https://example.org/parts.json#/definitions/email"}}));
    let text = document.to_string();
    let missing = IdentitySchema::compile("person", &text, OPEN, &Documents::default()).expect_err("not at hand");
    assert!(
        matches!(&missing, SchemaError::Missing { uri, .. } if uri == "https://example.org/parts.json"),
        "{missing}"
    );
    let mut documents = Documents::default();
    let parts = json!({"definitions": {"email": {"type": "string", "format": "email", "title": "E-Mail",
        "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}}});
    documents.texts.insert("https://example.org/parts.json".to_owned(), parts.to_string());
    let schema = IdentitySchema::compile("person", &text, OPEN, &documents).expect("schema");
    assert!(schema.validate(&json!({"email": "none"})).is_err());
    let derived = schema.validate(&json!({"email": "Ada@example.org"})).expect("valid");
    assert_eq!(derived.password_identifiers, ["ada@example.org"]);
    assert_eq!(schema.password_identifier_label().context["title"], "E-Mail");
    let refused = IdentitySchema::compile("person", &text, CLOSED, &documents).expect_err("forbidden");
    assert!(matches!(refused, SchemaError::ReferenceNotAllowed { .. }), "{refused}");
}

#[test]
fn relative_references_start_from_the_own_address() {
    let text = with_traits(json!({"email": {"$ref": "parts.json#/email"}})).to_string();
    let base = Some("file:///etc/limen/person.json".parse().expect("address"));
    let documents = Documents { base, ..Documents::default() };
    let missing = IdentitySchema::compile("person", &text, OPEN, &documents).expect_err("not at hand");
    assert!(matches!(&missing, SchemaError::Missing { uri, .. } if uri == "file:///etc/limen/parts.json"), "{missing}");
    for reference in ["parts.json#/email", "file:///etc/passwd", "//example.org/a", "/a"] {
        let text = with_traits(json!({"a": {"allOf": [{"$ref": reference}]}})).to_string();
        let refused = IdentitySchema::compile("person", &text, CLOSED, &documents).expect_err("forbidden");
        assert!(matches!(refused, SchemaError::ReferenceNotAllowed { .. }), "{reference}: {refused}");
    }
}

#[test]
fn references_within_the_document_and_to_inline_documents_are_always_allowed() {
    use base64::Engine as _;
    let inline = json!({"b": {"type": "integer"}, "again": {"$ref": "#/b"}}).to_string();
    let inline = base64::engine::general_purpose::STANDARD.encode(inline);
    let document = json!({
        "definitions": {"a": {"type": "integer"}},
        "properties": {"traits": {"type": "object", "properties": {
            "a": {"$ref": "#/definitions/a"}, "b": {"$ref": format!("base64://{inline}#/again")}}}},
    });
    let schema =
        IdentitySchema::compile("person", &document.to_string(), CLOSED, &Documents::default()).expect("schema");
    assert!(schema.validate(&json!({"a": 1, "b": 2})).is_ok());
    assert!(schema.validate(&json!({"a": "x"})).is_err());
    assert!(schema.validate(&json!({"b": "x"})).is_err());
    let broken = with_traits(json!({"a": {"$ref": "base64://%%"}}));
    assert!(matches!(compile(&broken), Err(SchemaError::NotJson { .. })));
}

#[test]
fn references_that_lead_nowhere_or_in_a_circle_are_refused() {
    assert!(compile(&with_traits(json!({"a": {"$ref": "#/definitions/none"}}))).is_err());
    let circle = json!({
        "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
        "properties": {"traits": {"type": "object", "properties": {"a": {"$ref": "#/definitions/a"}}}},
    });
    assert!(reason(&circle).contains("back to itself"));
    assert!(
        reason(&with_traits(json!({"a": {"$ref": "#/properties/traits/properties/a"}}))).contains("back to itself")
    );
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let tree = with_traits(json!({
        "name": {"type": "string"},
        "child": {"$ref": "#/properties/traits"},
        "odd": {"allOf": [{"$ref": "#/properties/traits/properties/odd"}]},
    }));
    let schema = compile(&tree).expect("schema");
    assert_eq!(schema.trait_names()[0], "traits.name");
    assert!(schema.validate(&json!({"name": "a", "child": {"name": "b", "child": {}}})).is_ok());
    assert!(schema.validate(&json!({"child": {"name": 1}})).is_err());
    let _ = schema.validate_submitted(&json!({"odd": 1}));
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("type"),
        Just("object"),
        Just("string"),
        Just("array"),
        Just("properties"),
        Just("traits"),
        Just("items"),
        Just("$ref"),
        Just("#"),
        Just("#/properties/traits"),
        Just("anyOf"),
        Just("allOf"),
        Just("format"),
        Just("email"),
        Just("tel"),
        Just("ory.sh/kratos"),
        Just("credentials"),
        Just("password"),
        Just("identifier"),
        Just("verification"),
        Just("via"),
        Just("required"),
        Just("enum"),
        Just("const"),
        Just("pattern"),
        Just("minimum"),
        Just("$schema"),
        Just("$id"),
        Just("a"),
    ];
    let key = words.clone();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_document_and_no_traits_make_it_panic(property in any_json(), more in any_json(), traits in any_json()) {
        let document = json!({"properties": {"traits": {"type": "object", "properties": {"a": property}, "allOf": more}}});
        for document in [&document, &traits] {
            if let Ok(schema) = compile(document) {
                let _ = schema.validate(&traits);
                let _ = schema.validate_submitted(&json!({"a": traits}));
                let _ = schema.trait_nodes(crate::model::ui::Group::Default);
                let _ = schema.coerce("traits.a", &["x".to_owned()]);
            }
        }
    }
}
