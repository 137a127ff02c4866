use serde_json::{Value, json};

use super::*;

fn settings(document: Value) -> Settings {
    Settings::from_value(document).unwrap()
}

fn names(hooks: &[Hook]) -> Vec<String> {
    hooks.iter().map(|hook| format!("{hook:?}")).collect()
}

#[test]
fn an_empty_document_has_the_defaults_of_the_contract() {
    let settings = settings(json!({}));
    assert_eq!(settings.session.lifespan.to_string(), "24h");
    assert_eq!(settings.session.cookie.name, "ory_kratos_session");
    assert_eq!(settings.flow(FlowName::Recovery).lifespan.to_string(), "1h");
    assert!(settings.flow(FlowName::Registration).enabled);
    assert!(!settings.flow(FlowName::Recovery).enabled);
    assert!(settings.selfservice.methods.password.config.haveibeenpwned_enabled);
    assert_eq!(settings.selfservice.methods.code.config.max_submissions, 5);
    assert_eq!(settings.registration_style(), RegistrationStyle::ProfileFirst);
    assert_eq!(settings.public_base_url().as_str(), "https://localhost:4433/");
    assert_eq!(settings.admin_base_url().as_str(), "https://localhost:4434/");
    assert_eq!(settings.clients.web_hook.header_allowlist.len(), 17);
}

#[test]
fn a_listener_with_other_keys_keeps_its_default_port() {
    let settings = settings(json!({"serve": {"public": {"host": "127.0.0.1"}, "admin": {"host": "unix:/run/limen"}}}));
    assert_eq!((settings.public_port(), settings.admin_port()), (4433, 4434));
    assert_eq!(settings.public_base_url().as_str(), "https://127.0.0.1:4433/");
}

#[test]
fn a_methods_hooks_replace_those_of_the_flow_and_session_is_last() {
    let settings = settings(json!({"selfservice": {"flows": {"registration": {"after": {
        "default_browser_return_url": "https://a.example/flow",
        "hooks": [{"hook": "revoke_active_sessions"}],
        "password": {"hooks": [{"hook": "session"}, {"hook": "show_verification_ui"}]},
        "code": {"default_browser_return_url": "https://a.example/code"},
    }}}}}));
    assert_eq!(names(settings.after(FlowName::Registration, "password")), ["ShowVerificationUi", "Session"]);
    assert_eq!(names(settings.after(FlowName::Registration, "code")), ["RevokeActiveSessions"]);
    assert!(settings.after(FlowName::Login, "password").is_empty());
    assert_eq!(settings.return_url_after(FlowName::Registration, "code").as_str(), "https://a.example/code");
    assert_eq!(settings.return_url_after(FlowName::Registration, "password").as_str(), "https://a.example/flow");
    assert_eq!(settings.return_url_after(FlowName::Login, "password"), settings.default_return_url());
}

#[test]
fn the_session_cookie_follows_the_others_except_in_secure() {
    let settings = settings(json!({
        "cookies": {"domain": "example.org", "same_site": "Strict", "secure": "false"},
        "session": {"cookie": {"path": "/auth"}},
    }));
    let session = settings.session_cookie();
    assert_eq!(session.domain.as_deref(), Some("example.org"));
    assert_eq!((session.path.as_str(), session.same_site, session.secure), ("/auth", SameSite::Strict, true));
    assert!(!settings.other_cookies().secure);
}

#[test]
fn cookies_are_secure_unless_in_development() {
    assert!(settings(json!({})).session_cookie().secure);
    assert!(settings(json!({})).other_cookies().secure);
    assert!(!settings(json!({"dev": true})).session_cookie().secure);
    assert!(settings(json!({"dev": true, "session": {"cookie": {"secure": true}}})).session_cookie().secure);
}

#[test]
fn plain_http_on_this_machine_alone_needs_no_secure_cookies() {
    let secure = |base: &str| settings(json!({"serve": {"public": {"base_url": base}}})).session_cookie().secure;
    for local in ["http://localhost:4433/", "http://127.0.0.1:4433/", "http://[::1]/", "http://app.localhost/"] {
        assert!(!secure(local), "{local}");
    }
    for other in ["https://localhost/", "http://auth.example.org/", "http://10.0.0.1/", "http://localhost.example.org/"]
    {
        assert!(secure(other), "{other}");
    }
}

#[test]
fn cheap_password_hashes_need_development() {
    assert_eq!(settings(json!({"hashers": {"bcrypt": {"cost": 4}}})).bcrypt_cost(), 12);
    assert_eq!(settings(json!({"dev": true, "hashers": {"bcrypt": {"cost": 4}}})).bcrypt_cost(), 4);
    assert_eq!(settings(json!({"hashers": {"bcrypt": {"cost": 31}}})).bcrypt_cost(), 15);
}

#[test]
fn pages_that_listen_are_the_default_of_ui_urls() {
    let own = settings(json!({"serve": {"pages": {"port": 4455}}}));
    assert_eq!(own.ui_url(FlowName::Login).as_str(), "http://localhost:4455/login");
    assert_eq!(own.error_ui_url().as_str(), "http://localhost:4455/error");
    assert_eq!(own.inbox_base_url(), None);
    let inbox = settings(json!({"serve": {"inbox": {}}}));
    assert_eq!(inbox.inbox_base_url().unwrap().as_str(), "http://localhost:4436/");
    let none = settings(json!({}));
    assert_eq!(none.ui_url(FlowName::Login).as_str(), "https://www.ory.com/kratos/docs/fallback/login");
}

#[test]
fn the_older_switch_means_one_step() {
    let settings = settings(json!({"selfservice": {"flows": {"registration": {"enable_legacy_one_step": true}}}}));
    assert_eq!(settings.registration_style(), RegistrationStyle::Unified);
}

#[test]
fn secrets_do_not_show() {
    let settings =
        settings(json!({"dsn": "postgres://u:hunter2@db/x", "secrets": {"cookie": ["hunter2-hunter2-hunter2"]},
        "courier": {"smtp": {"connection_uri": "smtp://u:hunter2@mail"}}}));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn hooks_carry_their_configuration() {
    let hooks: Vec<Hook> = serde_json::from_value(json!([
        {"hook": "notify_previous_addresses", "config": {"recipients": "all_verified"}},
        {"hook": "notify_previous_addresses"},
        {"hook": "web_hook", "config": {"url": "https://a.example", "method": "PUT", "response": {"parse": true},
            "auth": {"type": "api_key", "config": {"name": "X-Key", "value": "k", "in": "header"}}}},
    ]))
    .unwrap();
    assert!(matches!(
        hooks[0],
        Hook::NotifyPreviousAddresses { recipients: super::super::NotifyRecipients::AllVerified }
    ));
    assert!(matches!(hooks[1], Hook::NotifyPreviousAddresses { recipients: super::super::NotifyRecipients::Removed }));
    let Hook::WebHook(call) = &hooks[2] else { panic!("a web hook") };
    assert!(call.response.parse && call.auth.is_some() && call.method == "PUT");
}
