//! `/self-service/settings`: whose they are, what needs a fresh sign-in, and what the hooks do.

use serde_json::{Value, json};
use testkit::{Browser, Member, PASSWORD, Server, address, configuration, id, level, mails, messages, node, password};

const NEW: &str = "a-new-password-7";

fn profile(email: &str, name: &str) -> Value {
    json!({"method": "profile", "traits": {"email": email, "name": name}})
}

fn new_password() -> Value {
    json!({"method": "password", "password": NEW})
}

fn hooks(place: &str, list: &Value) -> Value {
    let mut more = configuration();
    more["selfservice"]["flows"] = json!({"settings": {"after": {place: {"hooks": list}}}});
    more
}

#[tokio::test]
async fn another_persons_form_is_nobody_elses() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person_with_password("eve").await;
        let ada = Member::sign_in(&server, "ada").await;
        let eve = Member::sign_in(&server, "eve").await;
        let flow = id(&ada.begin("settings", "").await);
        let read = eve.ask("GET", &format!("/self-service/settings/flows?id={flow}"), None).await;
        let sent = eve.send("settings", &flow, profile("eve2@example.org", "Eve")).await;
        for refused in [&read, &sent] {
            assert_eq!(refused.status, 403, "{}", refused.text);
            assert_eq!(refused.json["error"]["id"], "security_identity_mismatch");
            assert!(!refused.text.contains("ada@"), "{}", refused.text);
        }
        // And without a session there is nothing to see at all.
        let stranger = server.public("GET", &format!("/self-service/settings/flows?id={flow}"), None).await;
        assert_eq!(stranger.status, 401, "{}", stranger.text);
        assert!(!stranger.text.contains("ada@"), "{}", stranger.text);
        for person in [&ada, &eve] {
            let traits = server.whoami(&person.token).await.json["identity"]["traits"].clone();
            assert_eq!(traits.get("name"), None, "{traits}");
        }
    }
}

#[tokio::test]
async fn what_matters_needs_a_fresh_sign_in() {
    let mut more = json!({"session": {"lifespan": "100h"}});
    more["selfservice"] = json!({"flows": {"settings": {"privileged_session_max_age": "10m", "lifespan": "50h"}}});
    for server in Server::all_with(more).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("settings", "").await);
        server.wait(601);
        let forms = [
            new_password(),
            json!({"method": "totp", "totp_code": "123456"}),
            json!({"method": "lookup_secret", "lookup_secret_regenerate": true}),
            profile("new@example.org", "Ada"),
        ];
        for form in forms {
            let refused = member.send("settings", &flow, form.clone()).await;
            assert_eq!(refused.status, 403, "{form}: {}", refused.text);
            assert_eq!(refused.json["error"]["id"], "session_refresh_required", "{form}: {}", refused.text);
            let next = refused.json["redirect_browser_to"].as_str().expect("where to go");
            assert!(next.contains("refresh=true"), "{next}");
        }
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        // What identifies nobody can be changed all the same.
        let saved = member.send("settings", &flow, profile(&address("ada"), "Ada")).await;
        assert_eq!((saved.status.as_u16(), &saved.json["state"]), (200, &json!("success")), "{}", saved.text);
        member.send_new("login", "?refresh=true", password("ada")).await;
        let saved = member.send("settings", &flow, new_password()).await;
        assert_eq!((saved.status.as_u16(), &saved.json["state"]), (200, &json!("success")), "{}", saved.text);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 400);
        assert_eq!(server.sign_in("ada", NEW).await.status, 200);
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let flow = browser.begin(&server, "settings").await;
        let page = browser.fetch(&server, "settings", &flow).await;
        let token = node(&page.json, "csrf_token")["attributes"]["value"].as_str().expect("a token").to_owned();
        let path = format!("/self-service/settings?flow={flow}");
        let reversed: String = token.chars().rev().collect();
        for token in [Value::Null, json!(""), json!("x"), json!(reversed), json!(7), json!([token])] {
            let mut form = new_password();
            form["csrf_token"] = token;
            let sent = browser.ask(&server, "POST", &path, "application/json", Some(form)).await;
            assert_eq!((sent.status.as_u16(), &sent.json["error"]["id"]), (403, &json!("security_csrf_violation")));
        }
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn the_password_of_now_is_no_new_one() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let same = member.send_new("settings", "", json!({"method": "password", "password": PASSWORD})).await;
        assert_eq!((same.status.as_u16(), messages(&same.json)), (400, vec![4_000_039]), "{}", same.text);
    }
}

#[tokio::test]
async fn anothers_address_cannot_be_taken() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person_with_password("eve").await;
        let eve = Member::sign_in(&server, "eve").await;
        for email in ["ada@example.org", "ADA@example.org"] {
            let taken = eve.send_new("settings", "", profile(email, "Eve")).await;
            assert_eq!((taken.status.as_u16(), messages(&taken.json)), (400, vec![4_000_007]), "{}", taken.text);
        }
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("eve", PASSWORD).await.status, 200);
    }
}

/// CVE-2026-27946 and its kin: only traits are a person's own to write.
#[tokio::test]
async fn nobody_writes_more_than_their_traits() {
    for server in Server::all().await {
        let person = server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let mut form = profile(&address("ada"), "Ada");
        form["verifiable_addresses"] = json!([{"value": address("ada"), "verified": true}]);
        form["metadata_public"] = json!({"role": "admin"});
        form["metadata_admin"] = json!({"role": "admin"});
        form["schema_id"] = json!("bare");
        form["state"] = json!("inactive");
        form["external_id"] = json!("x");
        assert_eq!(member.send_new("settings", "", form).await.status, 200);
        let mut extra = profile(&address("ada"), "Ada");
        extra["traits"]["role"] = json!("admin");
        assert_eq!(member.send_new("settings", "", extra).await.status, 400);
        let kept = server.admin("GET", &format!("/admin/identities/{person}"), None).await.json;
        assert_eq!(kept["verifiable_addresses"][0]["verified"], false);
        assert_eq!((&kept["metadata_public"], &kept["metadata_admin"]), (&Value::Null, &Value::Null));
        assert_eq!((&kept["schema_id"], &kept["state"]), (&json!("default"), &json!("active")));
        assert!(kept["external_id"].is_null());
        assert_eq!(kept["traits"], json!({"email": address("ada"), "name": "Ada"}));
    }
}

#[tokio::test]
async fn the_hook_ends_the_other_sessions() {
    for server in Server::all_with(hooks("password", &json!([{"hook": "revoke_active_sessions"}]))).await {
        server.person_with_password("ada").await;
        let (member, other) = (Member::sign_in(&server, "ada").await, Member::sign_in(&server, "ada").await);
        // A refusal ends nothing.
        member.send_new("settings", "", json!({"method": "password", "password": "short"})).await;
        assert_eq!((member.level().await, other.level().await), (1, 1));
        assert_eq!(member.send_new("settings", "", new_password()).await.status, 200);
        assert_eq!((member.level().await, other.level().await), (1, 0));
    }
}

#[tokio::test]
async fn without_the_hook_other_sessions_go_on() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let (member, other) = (Member::sign_in(&server, "ada").await, Member::sign_in(&server, "ada").await);
        assert_eq!(member.send_new("settings", "", new_password()).await.status, 200);
        assert_eq!((member.level().await, other.level().await), (1, 1));
    }
}

#[tokio::test]
async fn the_address_of_before_is_told_of_its_end() {
    for server in Server::all_with(hooks("profile", &json!([{"hook": "notify_previous_addresses"}]))).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        assert_eq!(member.send_new("settings", "", profile(&address("ada"), "Ada")).await.status, 200);
        let notices = async |name: &str| {
            let mails = mails(&server, name).await;
            mails.iter().filter(|mail| mail["template_type"] == "verifiable_address_changed").count()
        };
        assert_eq!(notices("ada").await, 0);
        assert_eq!(member.send_new("settings", "", profile(&address("new"), "Ada")).await.status, 200);
        assert_eq!((notices("ada").await, notices("new").await), (1, 0));
        assert_eq!(server.sign_in("new", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 400);
    }
}

#[tokio::test]
async fn the_hook_shows_the_way_to_the_proof_of_a_new_address() {
    for server in Server::all_with(hooks("profile", &json!([{"hook": "show_verification_ui"}]))).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let done = member.send_new("settings", "", profile(&address("new"), "Ada")).await;
        let items = done.json["continue_with"].as_array().expect("what comes next");
        let item = items.iter().find(|item| item["action"] == "show_verification_ui").expect("the way");
        assert_eq!(item["flow"]["verifiable_address"], json!(address("new")), "{}", done.text);
    }
}

#[tokio::test]
async fn an_ended_form_names_the_one_that_takes_its_place() {
    let long = json!({"session": {"lifespan": "100h"}, "selfservice": {"flows": {"settings": {"privileged_session_max_age": "100h"}}}});
    for server in Server::all_with(long).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("settings", "").await);
        server.wait(3601);
        let ended = member.send("settings", &flow, new_password()).await;
        assert_eq!((ended.status.as_u16(), &ended.json["error"]["id"]), (410, &json!("self_service_flow_expired")));
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        let next = ended.json["use_flow_id"].as_str().expect("a flow");
        assert_eq!(member.send("settings", next, new_password()).await.status, 200);
        assert_eq!(level(&server.whoami(&member.token).await), 1);
    }
}

/// A save that was checked against what is no longer there writes nothing over it, and is no fault of ours.
#[tokio::test]
async fn a_change_in_between_is_not_written_over() {
    for server in Server::all().await {
        let person = server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("settings", "").await);
        let operator = async {
            for number in 0..20 {
                server.wait(1);
                let change = json!([{"op": "add", "path": "/traits/name", "value": format!("Ada {number}")}]);
                let changed = server.admin("PATCH", &format!("/admin/identities/{person}"), Some(change)).await;
                assert_eq!(changed.status, 200, "{}", changed.text);
            }
        };
        // Hashing gives the operator time.
        let (saved, ()) = tokio::join!(member.send("settings", &flow, new_password()), operator);
        assert!(matches!(saved.status.as_u16(), 200 | 409), "{}", saved.text);
        let password = if saved.status == 200 { NEW } else { PASSWORD };
        assert_eq!(server.sign_in("ada", password).await.status, 200, "{}", saved.text);
        let kept = server.admin("GET", &format!("/admin/identities/{person}"), None).await;
        assert_eq!(kept.json["traits"]["name"], "Ada 19", "{}", kept.text);
    }
}
