//! The hook `verify_new_address`: a changed address counts once it is proved, and whoever asked stays who they were.

use serde_json::{Value, json};
use testkit::{
    Answer, App, Browser, Member, PASSWORD, Server, address, another, flow_of, id, location, mailed_code, mailed_link,
    mails, messages, servers,
};

fn hooks(list: &Value) -> Value {
    json!({"selfservice": {"flows": {"settings": {"after": {"profile": {"hooks": list}}}}}})
}

fn proved() -> Value {
    hooks(&json!([{"hook": "verify_new_address"}, {"hook": "notify_previous_addresses"}]))
}

fn profile(name: &str) -> Value {
    json!({"method": "profile", "traits": {"email": address(name), "name": "Ada"}})
}

/// The verification that an answer shows.
fn verification(answer: &Answer) -> String {
    let items = answer.json["continue_with"].as_array().expect("what comes next");
    let item = items.iter().find(|item| item["action"] == "show_verification_ui").expect("the way");
    id(&item["flow"])
}

async fn email(server: &Server, person: &str) -> Value {
    let found = server.admin("GET", &format!("/admin/identities/{person}"), None).await;
    found.json["traits"]["email"].clone()
}

/// Ada, signed in, and the verification of the address she wants.
async fn asked<'a>(server: &'a Server, name: &str) -> (String, Member<'a>, String) {
    let person = server.person_with_password("ada").await;
    let (_, token) = server.session("ada").await;
    let member = Member { server, token };
    let sent = member.send_new("settings", "", profile(name)).await;
    assert_eq!((sent.status.as_u16(), &sent.json["state"]), (200, &json!("show_form")), "{}", sent.text);
    assert_eq!(sent.json["identity"]["traits"], json!({"email": address("ada")}));
    let flow = verification(&sent);
    (person, member, flow)
}

#[tokio::test]
async fn nothing_changes_until_the_address_is_proved() {
    for server in servers(proved()).await {
        let (person, member, flow) = asked(&server, "new").await;
        assert_eq!(email(&server, &person).await, address("ada"));
        assert_eq!(server.sign_in("new", PASSWORD).await.status, 400);
        let app = App(&server);
        let code = mailed_code(&server, "new").await;
        let wrong = app.try_code("verification", &flow, another(&code)).await;
        assert_eq!(messages(&wrong.json), [4_070_006], "{}", wrong.text);
        assert_eq!(email(&server, &person).await, address("ada"));
        assert_eq!(mails(&server, "ada").await.len(), 0);
        let done = app.try_code("verification", &flow, &code).await;
        assert_eq!(done.json["state"], "passed_challenge", "{}", done.text);
        let kept = server.admin("GET", &format!("/admin/identities/{person}"), None).await.json;
        assert_eq!(kept["traits"], json!({"email": address("new"), "name": "Ada"}));
        let addresses = kept["verifiable_addresses"].as_array().expect("addresses");
        assert_eq!(addresses.len(), 1);
        assert_eq!((&addresses[0]["value"], &addresses[0]["verified"]), (&json!(address("new")), &json!(true)));
        assert_eq!(server.sign_in("new", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 400);
        assert_eq!(member.level().await, 1);
        // The address of before is told once the change is made.
        let told = mails(&server, "ada").await;
        assert_eq!(told[0]["template_type"], "verifiable_address_changed");
        let again = app.try_code("verification", &flow, &code).await;
        assert_eq!(again.status, 410, "{}", again.text);
    }
}

#[tokio::test]
async fn a_browser_is_sent_to_the_proof() {
    for server in servers(proved()).await {
        let person = server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let settings = browser.begin(&server, "settings").await;
        let form = json!({"method": "profile", "traits.email": address("new"), "traits.name": "Ada"});
        let sent = browser.send(&server, "settings", &settings, form).await;
        assert!(location(&sent).contains("verification"), "{}", location(&sent));
        let code = mailed_code(&server, "new").await;
        browser.send(&server, "verification", &flow_of(&sent), json!({"method": "code", "code": code})).await;
        assert_eq!(email(&server, &person).await, address("new"));
    }
}

#[tokio::test]
async fn a_link_proves_it_too() {
    let mut more = proved();
    more["selfservice"]["flows"]["verification"] = json!({"use": "link"});
    for server in servers(more).await {
        let (person, _, _) = asked(&server, "new").await;
        let link = mailed_link(&server, "new").await;
        assert_eq!(email(&server, &person).await, address("ada"));
        let opened = Browser::default().open(&server, &link).await;
        assert!(opened.status.is_redirection(), "{}", opened.text);
        assert_eq!(email(&server, &person).await, address("new"));
    }
}

#[tokio::test]
async fn a_change_ends_with_the_session_that_asked_for_it() {
    for server in servers(proved()).await {
        let (person, member, flow) = asked(&server, "new").await;
        let out = json!({"session_token": member.token});
        assert_eq!(server.public("DELETE", "/self-service/logout/api", Some(out)).await.status, 204);
        let code = mailed_code(&server, "new").await;
        let refused = App(&server).try_code("verification", &flow, &code).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json["error"]["id"]),
            (410, &json!("self_service_flow_replaced"))
        );
        assert_eq!(email(&server, &person).await, address("ada"));
    }
}

#[tokio::test]
async fn a_change_of_what_it_was_asked_of_ends_it() {
    for server in servers(proved()).await {
        let (person, _, flow) = asked(&server, "new").await;
        let rename = json!([{"op": "add", "path": "/traits/name", "value": "Countess"}]);
        server.admin("PATCH", &format!("/admin/identities/{person}"), Some(rename)).await;
        let code = mailed_code(&server, "new").await;
        let refused = App(&server).try_code("verification", &flow, &code).await;
        assert_eq!(refused.status, 410, "{}", refused.text);
        let kept = server.admin("GET", &format!("/admin/identities/{person}"), None).await.json;
        assert_eq!(kept["traits"], json!({"email": address("ada"), "name": "Countess"}));
    }
}

#[tokio::test]
async fn a_later_change_takes_the_place_of_an_earlier_one() {
    for server in servers(proved()).await {
        let (person, member, first) = asked(&server, "new").await;
        let early = mailed_code(&server, "new").await;
        let second = verification(&member.send_new("settings", "", profile("other")).await);
        let code = mailed_code(&server, "other").await;
        let app = App(&server);
        let refused = app.try_code("verification", &first, &early).await;
        assert_eq!(messages(&refused.json), [4_070_006], "{}", refused.text);
        assert_eq!(app.try_code("verification", &second, &code).await.json["state"], "passed_challenge");
        assert_eq!(email(&server, &person).await, address("other"));
    }
}

#[tokio::test]
async fn anothers_address_is_refused_at_once_and_at_the_end() {
    for server in servers(proved()).await {
        server.person_with_password("eve").await;
        let (person, member, flow) = asked(&server, "new").await;
        let taken = member.send_new("settings", "", profile("eve")).await;
        assert_eq!((taken.status.as_u16(), messages(&taken.json)), (400, vec![4_000_007]), "{}", taken.text);
        assert_eq!(mails(&server, "eve").await.len(), 0);
        // Somebody else takes the address while the proof is on its way.
        server.person_with_password("new").await;
        let code = mailed_code(&server, "new").await;
        let app = App(&server);
        let resent = app.send("verification", &flow, json!({"method": "code", "email": address("new")})).await;
        assert_eq!((resent.status.as_u16(), messages(&resent.json)), (400, vec![4_000_007]), "{}", resent.text);
        let refused = app.try_code("verification", &flow, &code).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![4_000_007]), "{}", refused.text);
        assert_eq!(email(&server, &person).await, address("ada"));
        assert_eq!(server.sign_in("new", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn another_code_takes_the_place_of_the_first() {
    for server in servers(proved()).await {
        let (person, _, flow) = asked(&server, "new").await;
        let first = mailed_code(&server, "new").await;
        let app = App(&server);
        let sent = app.send("verification", &flow, json!({"method": "code", "email": address("new")})).await;
        assert_eq!((sent.status.as_u16(), &sent.json["state"]), (200, &json!("sent_email")), "{}", sent.text);
        let code = mailed_code(&server, "new").await;
        let refused = app.try_code("verification", &flow, &first).await;
        assert!(first == code || messages(&refused.json) == [4_070_006], "{}", refused.text);
        app.try_code("verification", &flow, &code).await;
        assert_eq!(email(&server, &person).await, address("new"));
    }
}

#[tokio::test]
async fn a_code_that_is_too_old_changes_nothing() {
    let mut more = proved();
    more["session"] = json!({"lifespan": "100h"});
    more["selfservice"]["flows"]["verification"] = json!({"lifespan": "5h"});
    for server in servers(more).await {
        let (person, _, flow) = asked(&server, "new").await;
        let code = mailed_code(&server, "new").await;
        server.wait(3601);
        let refused = App(&server).try_code("verification", &flow, &code).await;
        assert_eq!(messages(&refused.json), [4_070_006], "{}", refused.text);
        assert_eq!(email(&server, &person).await, address("ada"));
    }
}

/// An old session may not even ask: the mail would tell a stranger's secret to a thief's mailbox.
#[tokio::test]
async fn asking_needs_a_fresh_sign_in() {
    let mut more = proved();
    more["selfservice"]["flows"]["settings"]["privileged_session_max_age"] = json!("1m");
    for server in servers(more).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        server.wait(61);
        let refused = member.send_new("settings", "", profile("new")).await;
        assert_eq!(refused.json["error"]["id"], "session_refresh_required", "{}", refused.text);
        assert_eq!(mails(&server, "new").await.len(), 0);
    }
}

#[tokio::test]
async fn two_new_addresses_at_once_are_refused() {
    use base64::Engine;
    let way = json!({"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}});
    let second = json!({"verification": {"via": "email"}});
    let schema = json!({"type": "object", "properties": {"traits": {"type": "object", "properties": {
        "email": {"type": "string", "format": "email", "ory.sh/kratos": way},
        "work": {"type": "string", "format": "email", "ory.sh/kratos": second}
    }}}});
    let encoded = base64::engine::general_purpose::STANDARD.encode(schema.to_string());
    let mut more = proved();
    more["identity"] = json!({"schemas": [{"id": "default", "url": format!("base64://{encoded}")}]});
    for server in servers(more).await {
        let person = server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let both = json!({"method": "profile", "traits": {"email": address("new"), "work": address("work")}});
        let refused = member.send_new("settings", "", both).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (200, vec![4_050_002]), "{}", refused.text);
        assert_eq!(email(&server, &person).await, address("ada"));
        assert_eq!((mails(&server, "new").await.len(), mails(&server, "work").await.len()), (0, 0));
    }
}

#[tokio::test]
async fn what_is_no_address_is_saved_at_once() {
    for server in servers(proved()).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let saved = member.send_new("settings", "", profile("ada")).await;
        assert_eq!((saved.status.as_u16(), &saved.json["state"]), (200, &json!("success")), "{}", saved.text);
        assert_eq!(saved.json["identity"]["traits"]["name"], "Ada");
    }
}
