//! Keys of what this release does not have.

use settings::LaterKind;

use crate::{load, load_with};

fn keys(kind: LaterKind) -> Vec<String> {
    let found = load("everything_later.yml").unwrap().later_keys();
    let mut keys: Vec<String> = found.into_iter().filter(|found| found.kind == kind).map(|found| found.key).collect();
    keys.sort();
    keys
}

#[test]
fn what_protects_people_is_refused() {
    let expected = [
        "courier.channels",
        "courier.delivery_strategy",
        "oauth2_provider.url",
        "selfservice.methods.code.passwordless_enabled",
        "selfservice.methods.oidc",
        "selfservice.methods.passkey",
        "selfservice.methods.password.config.migrate_hook",
        "selfservice.methods.webauthn",
    ];
    assert_eq!(keys(LaterKind::Refuse), expected);
    let error = load("everything_later.yml").unwrap().refuse_unavailable().unwrap_err();
    assert_eq!(error.problems.len(), expected.len());
}

#[test]
fn what_only_adds_is_passed_over_by_name() {
    let expected = [
        "feature_flags.cacheable_sessions",
        "feature_flags.cacheable_sessions_max_age",
        "selfservice.flows.settings.after.profile.hooks.1",
        "session.whoami.tokenizer.templates",
        "tracing",
    ];
    assert_eq!(keys(LaterKind::Accept), expected);
}

#[test]
fn what_is_switched_off_asks_for_nothing() {
    let loaded = load_with(
        "selfservice: {methods: {oidc: {enabled: false, config: {providers: []}}, code: {mfa_enabled: false}}}",
        &[],
    )
    .unwrap();
    assert_eq!(loaded.later_keys(), []);
    assert_eq!(loaded.refuse_unavailable(), Ok(Vec::new()));
}
