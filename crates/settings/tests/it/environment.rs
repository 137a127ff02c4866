//! Variables with the real schema.

use serde_json::json;
use settings::{Loader, Origin};

use crate::{SCHEMA, fixture, load_with};

#[test]
fn variables_stand_above_files() {
    let loaded = load_with(
        "",
        &[
            ("SELFSERVICE_FLOWS_LOGIN_UI_URL", "https://a.example.org/login"),
            ("SELFSERVICE_METHODS_PASSWORD_CONFIG_MIN_PASSWORD_LENGTH", "12"),
            ("SELFSERVICE_METHODS_TOTP_ENABLED", "false"),
            ("SELFSERVICE_ALLOWED_RETURN_URLS", "https://a.example.org,https://b.example.org"),
            ("SECRETS_COOKIE_0", "another-cookie-secret"),
            ("IDENTITY_SCHEMAS_0_ID", "person"),
            ("SERVE_PUBLIC_CORS_ALLOWED_ORIGINS", r#"["https://c.example.org"]"#),
            ("SQA_OPT_OUT", "true"),
            ("SESSION_COOKIE_SECURE", "true"),
        ],
    )
    .unwrap();
    let value = loaded.value();
    assert_eq!(value["selfservice"]["flows"]["login"]["ui_url"], "https://a.example.org/login");
    assert_eq!(value["selfservice"]["methods"]["password"]["config"]["min_password_length"], 12);
    assert_eq!(value["selfservice"]["methods"]["totp"]["enabled"], false);
    assert_eq!(value["selfservice"]["allowed_return_urls"], json!(["https://a.example.org", "https://b.example.org"]));
    assert_eq!(value["secrets"]["cookie"], json!(["another-cookie-secret"]));
    assert_eq!(value["identity"]["schemas"][0]["id"], "person");
    assert_eq!(value["identity"]["schemas"][0]["url"], "file:///etc/limen/person.schema.json");
    assert_eq!(value["serve"]["public"]["cors"]["allowed_origins"], json!(["https://c.example.org"]));
    assert_eq!(value["sqa-opt-out"], true);
    assert_eq!(value["session"]["cookie"]["secure"], true);
    let origin = loaded.origin("selfservice.flows.login.ui_url");
    assert_eq!(origin, Some(&Origin::Environment("SELFSERVICE_FLOWS_LOGIN_UI_URL".to_owned())));
}

#[test]
fn hooks_can_be_set_by_number() {
    let loaded = load_with("", &[("SELFSERVICE_FLOWS_RECOVERY_AFTER_HOOKS_0_HOOK", "revoke_active_sessions")]).unwrap();
    let hooks = &loaded.value()["selfservice"]["flows"]["recovery"]["after"]["hooks"];
    assert_eq!(*hooks, json!([{"hook": "revoke_active_sessions"}]));
}

#[test]
fn a_list_with_a_gap_is_refused() {
    let error = load_with("", &[("IDENTITY_SCHEMAS_5_ID", "x")]).unwrap_err().to_string();
    assert!(error.contains("IDENTITY_SCHEMAS_5_ID") && error.contains("gap"), "{error}");
}

#[test]
fn a_bad_value_names_its_variable() {
    let error =
        load_with("", &[("SESSION_LIFESPAN", "two days"), ("SERVE_PUBLIC_PORT", "http")]).unwrap_err().to_string();
    for part in ["SESSION_LIFESPAN", "session.lifespan", "two days", "SERVE_PUBLIC_PORT", "serve.public.port"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn what_the_program_forces_stands_above_variables() {
    let loader = Loader::new(SCHEMA)
        .files([fixture("password.yml")])
        .environment([("DEV".to_owned(), "false".to_owned())].into())
        .overrides([("dev".to_owned(), json!(true))]);
    let loaded = loader.load().unwrap();
    assert_eq!(loaded.value()["dev"], true);
    assert_eq!(loaded.origin("dev"), Some(&Origin::Override));
}
