//! What operators read when something is wrong.

use settings::{Loader, Problem};

use crate::{SCHEMA, fixture, load_with};

fn refused(lines: &str) -> String {
    load_with(lines, &[]).unwrap_err().to_string()
}

#[test]
fn a_misspelt_key_is_named_with_the_nearest_one() {
    let error = refused("selfservice: {flows: {login: {lifepsan: 1h}}}");
    for part in ["selfservice.flows.login.lifepsan", "Did you mean lifespan?", "extra.yml"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn a_strange_key_is_answered_with_the_known_ones() {
    let error = refused("cookies: {colour: red}");
    assert!(error.contains("Known here: domain, path, same_site, secure"), "{error}");
    assert!(!error.contains("red"), "{error}");
}

#[test]
fn a_misspelt_choice_is_named_with_the_nearest_one() {
    let error = refused("ciphers: {algorithm: xchacha20poly1305}");
    assert!(error.contains("Did you mean xchacha20-poly1305?"), "{error}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let error =
        load_with("session: {lifespan: 1d}\ncookies: {same_site: lax}\nserve: {public: {port: 0}}\nnonsense: 1", &[])
            .unwrap_err();
    assert_eq!(error.problems.len(), 4, "{error}");
}

#[test]
fn secrets_are_never_shown() {
    let lines = "dsn: 77\nsecrets: {cookie: [hunter2], cipher: hunter2, cokie: [hunter2]}\n\
        courier: {smtp: {connection_uri: 'http://u:hunter2@mail'}}\n\
        serve: {public: {base_url: 'not a url hunter2://x:hunter2@y'}}\noauth2_provider: {headers: {Authorization: [hunter2]}}";
    let error = refused(lines);
    assert!(error.contains("secrets.cookie.0") && error.contains("courier.smtp.connection_uri"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains("77"), "{error}");
}

#[test]
fn a_value_of_the_wrong_type_is_named_once() {
    let error = load_with("log: {level: 3}", &[]).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert!(error.to_string().starts_with("log.level must be a value of type string, not 3 (in "), "{error}");
}

#[test]
fn rules_between_keys_give_their_reason() {
    for (lines, part) in [
        ("selfservice: {methods: {code: {passwordless_enabled: true, mfa_enabled: true}}}", "not both"),
        ("courier: ~", "Recovery and verification send messages"),
        ("secrets: {cipher: ~}", "needs a key of 32 characters"),
        ("courier: {delivery_strategy: http}", "needs the request"),
    ] {
        let error = refused(lines);
        assert!(error.contains(part), "{lines}: {error}");
    }
}

#[test]
fn hooks_stand_only_where_they_can_run() {
    for lines in [
        "selfservice: {flows: {login: {after: {hooks: [{hook: session}]}}}}",
        "selfservice: {flows: {registration: {after: {hooks: [{hook: session}]}}}}",
        "selfservice: {flows: {recovery: {after: {hooks: [{hook: show_verification_ui}]}}}}",
        "selfservice: {flows: {settings: {after: {password: {hooks: [{hook: verify_new_address}]}}}}}",
        "selfservice: {flows: {login: {before: {hooks: [{hook: revoke_active_sessions}]}}}}",
        "selfservice: {flows: {login: {after: {hooks: [{hook: web_hook}]}}}}",
        "selfservice: {flows: {login: {after: {hooks: [{hook: web_hook, config: {url: 'https://a.example', method: POST, \
         can_interrupt: true, response: {ignore: true}}}]}}}}",
    ] {
        assert!(load_with(lines, &[]).is_err(), "{lines}");
    }
}

#[test]
fn required_keys_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yml");
    std::fs::write(&file, "selfservice: {}\nidentity: {schemas: []}").unwrap();
    let error = Loader::new(SCHEMA).files([file]).load().unwrap_err().to_string();
    for part in
        ["dsn is missing", "selfservice.default_browser_return_url is missing", "identity.schemas must have at least 1"]
    {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named_all() {
    let missing = fixture("missing.yml");
    let toml = fixture("missing.toml");
    let error = Loader::new(SCHEMA).files([missing.clone(), toml]).load().unwrap_err();
    assert_eq!(error.problems.len(), 2);
    assert!(matches!(&error.problems[0], Problem::Unreadable { file, .. } if *file == missing));
}

#[test]
fn keys_are_named_as_the_own_format_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limen.yml");
    std::fs::write(&file, "identity: {session: {lifespan: 1d}, selfservice: {}}\nlog: {level: loud}").unwrap();
    let error = Loader::new(SCHEMA).files([fixture("limen.yml"), file]).load().unwrap_err().to_string();
    assert!(error.contains("identity.session.lifespan"), "{error}");
    assert!(error.contains("- log.level"), "{error}");
}
