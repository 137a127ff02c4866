//! `explain` and `defaults`.

use serde_json::{Value, json};
use settings::{Loader, Origin};

use crate::{SCHEMA, fixture, load, load_with};

#[test]
fn a_key_tells_its_value_who_set_it_and_what_it_is_for() {
    let loaded = load_with("", &[("SESSION_LIFESPAN", "2h")]).unwrap();
    let explanation = loaded.explain("session.lifespan").unwrap();
    assert_eq!(explanation.value, Some(json!("2h")));
    assert_eq!(explanation.origin, Some(Origin::Environment("SESSION_LIFESPAN".to_owned())));
    assert_eq!(explanation.default, Some(json!("24h")));
    assert!(explanation.to_string().contains("How long a session lasts"), "{explanation}");
    let explanation = loaded.explain("selfservice.flows.login.style").unwrap();
    assert_eq!(explanation.origin, Some(Origin::File(fixture("password.yml"))));
    assert_eq!(explanation.allowed, ["unified", "identifier_first"]);
    let explanation = loaded.explain("cookies.path").unwrap();
    assert_eq!((explanation.value, explanation.origin), (Some(json!("/")), Some(Origin::Default)));
    assert_eq!(loaded.explain("cookies.domain").unwrap().value, None);
}

#[test]
fn secrets_are_masked_in_single_keys_and_in_what_holds_them() {
    let loaded = load("password.yml").unwrap();
    for key in ["dsn", "secrets", "secrets.cookie", "secrets.cookie.0", "courier.smtp.connection_uri", "courier"] {
        let text = loaded.explain(key).unwrap().to_string();
        assert!(text.contains("[secret]"), "{text}");
        assert!(!text.contains("-secret-for") && !text.contains("127.0.0.1:1025"), "{text}");
    }
    assert!(!loaded.masked().to_string().contains("-secret-for"));
    let later = load("everything_later.yml").unwrap().masked().to_string();
    for secret in ["key-of-the-old-system", "secret-of-the-client", "password-of-the-hook"] {
        assert!(!later.contains(secret), "{secret}");
    }
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    let error = load("password.yml").unwrap().explain("session.cokie.name").unwrap_err().to_string();
    assert!(error.contains("Did you mean cookie?"), "{error}");
}

#[test]
fn both_formats_words_are_understood() {
    let loaded = load("limen.yml").unwrap();
    for key in ["identity.selfservice.default_browser_return_url", "selfservice.default_browser_return_url"] {
        assert_eq!(loaded.explain(key).unwrap().key, "identity.selfservice.default_browser_return_url");
    }
    assert_eq!(loaded.explain("dsn").unwrap().key, "dsn");
}

#[test]
fn defaults_are_those_of_the_contract() {
    let defaults = Loader::new(SCHEMA).defaults().unwrap();
    assert_eq!(defaults["session"]["cookie"]["name"], "ory_kratos_session");
    assert_eq!(defaults["hashers"]["bcrypt"]["cost"], 12);
    assert_eq!(defaults["selfservice"]["flows"]["registration"]["style"], "profile_first");
    assert!(defaults.get("secrets").is_none());
}

/// Every key says what it is for, in a sentence.
#[test]
fn every_key_has_a_description() {
    fn visit(node: &Value, path: &str, silent: &mut Vec<String>) {
        for (name, below) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{path}.{name}");
            if !below["description"].as_str().is_some_and(|text| text.ends_with('.')) {
                silent.push(path.clone());
            }
            visit(below, &path, silent);
        }
        if let Some(items) = node.get("items") {
            visit(items, path, silent);
        }
    }
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut silent = Vec::new();
    visit(&schema, "", &mut silent);
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        visit(definition, name, &mut silent);
    }
    assert_eq!(silent, Vec::<String>::new());
}
