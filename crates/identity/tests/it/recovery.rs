//! `/self-service/recovery`: who is let back in, and who is not.

use serde_json::{Value, json};
use testkit::{
    App, Browser, PASSWORD, Server, address, another, flow_of, location, mailed_code, mailed_link, mails, messages,
    node, servers, told,
};

const WRONG: u64 = 4_060_006;

fn token_of(done: &Value) -> String {
    let items = done["continue_with"].as_array().expect("what comes next");
    let item = items.iter().find(|item| item["action"] == "set_ory_session_token").expect("a token");
    item["ory_session_token"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn a_code_gives_one_session_and_proves_the_address() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let code = mailed_code(&server, "ada").await;
        let done = app.try_code("recovery", &flow, &code).await;
        assert_eq!((done.status.as_u16(), &done.json["state"]), (200, &json!("passed_challenge")), "{}", done.text);
        let session = server.whoami(&token_of(&done.json)).await;
        assert_eq!(session.json["authentication_methods"][0]["method"], "code_recovery", "{}", session.text);
        assert_eq!(session.json["authenticator_assurance_level"], "aal1");
        assert_eq!(session.json["identity"]["id"], json!(id));
        assert_eq!(session.json["identity"]["verifiable_addresses"][0]["verified"], true);

        let again = app.try_code("recovery", &flow, &code).await;
        assert_eq!(again.status, 400, "{}", again.text);
        let next = &again.json["error"]["details"]["continue_with"][0];
        assert_eq!(next["action"], "show_recovery_ui");
        assert_ne!(next["flow"]["id"], json!(flow));
    }
}

#[tokio::test]
async fn of_two_who_present_a_code_at_once_one_gets_a_session() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let code = mailed_code(&server, "ada").await;
        let (first, second) =
            tokio::join!(app.try_code("recovery", &flow, &code), app.try_code("recovery", &flow, &code));
        let sessions = [&first, &second].iter().filter(|done| done.text.contains("set_ory_session_token")).count();
        assert_eq!(sessions, 1, "{}\n{}", first.text, second.text);
    }
}

#[tokio::test]
async fn a_code_works_in_its_own_flow_alone() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let code = mailed_code(&server, "ada").await;
        let foreign = app.ask("recovery", "nobody").await;
        let refused = app.try_code("recovery", &foreign, &code).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (200, vec![WRONG]), "{}", refused.text);
        // A proof of the address is no way in either.
        let verification = app.ask("verification", "ada").await;
        let verifies = mailed_code(&server, "ada").await;
        assert_ne!(verification, flow);
        let refused = app.try_code("recovery", &flow, &verifies).await;
        assert!(verifies == code || messages(&refused.json) == [WRONG], "{}", refused.text);
        assert_eq!(app.try_code("recovery", &flow, &code).await.json["state"], "passed_challenge");
    }
}

#[tokio::test]
async fn a_code_ends_with_its_lifespan_and_when_another_is_sent() {
    let long = json!({"selfservice": {
        "flows": {"recovery": {"lifespan": "5h"}}, "methods": {"code": {"config": {"lifespan": "1h"}}}
    }});
    for server in servers(long).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let first = mailed_code(&server, "ada").await;
        app.send("recovery", &flow, json!({"method": "code", "email": address("ada")})).await;
        let second = mailed_code(&server, "ada").await;
        let refused = app.try_code("recovery", &flow, &first).await;
        assert!(first == second || messages(&refused.json) == [WRONG], "{}", refused.text);
        server.wait(3601);
        let refused = app.try_code("recovery", &flow, &second).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (200, vec![WRONG]), "{}", refused.text);
    }
}

#[tokio::test]
async fn tries_are_counted_for_the_flow_even_across_another_code() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let code = mailed_code(&server, "ada").await;
        for _ in 0..3 {
            assert_eq!(app.try_code("recovery", &flow, another(&code)).await.status, 200);
        }
        app.send("recovery", &flow, json!({"method": "code", "email": address("ada")})).await;
        let code = mailed_code(&server, "ada").await;
        for _ in 0..2 {
            assert_eq!(app.try_code("recovery", &flow, another(&code)).await.status, 200);
        }
        let refused = app.try_code("recovery", &flow, &code).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        let next =
            refused.json["error"]["details"]["continue_with"][0]["flow"]["id"].as_str().expect("a flow").to_owned();
        app.send("recovery", &next, json!({"method": "code", "email": address("ada")})).await;
        let code = mailed_code(&server, "ada").await;
        assert_eq!(app.try_code("recovery", &next, &code).await.json["state"], "passed_challenge");
    }
}

#[tokio::test]
async fn known_and_unknown_addresses_are_answered_alike() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let mut answers = Vec::new();
        for name in ["ada", "nobody"] {
            let form = json!({"method": "code", "email": address(name)});
            let wrong = json!({"method": "code", "code": "000000"});
            let flow = app.begin("recovery").await;
            let sent = app.send("recovery", &flow, form.clone()).await;
            let tried = app.send("recovery", &flow, wrong.clone()).await;
            let browser = Browser::default();
            let flow = browser.begin(&server, "recovery").await;
            let page = browser.submit(&server, "recovery", &flow, form.clone()).await;
            let redirected = browser.send(&server, "recovery", &flow, form).await;
            let shown = browser.fetch(&server, "recovery", &flow).await;
            let refused = browser.submit(&server, "recovery", &flow, wrong).await;
            answers.push([sent, tried, page, redirected, shown, refused].map(|answer| told(&answer, name)));
        }
        assert_eq!(answers[0], answers[1]);
        assert!(answers[0][1].2.contains("4060006"), "{}", answers[0][1].2);
        assert_eq!((mails(&server, "ada").await.len(), mails(&server, "nobody").await.len()), (3, 0));
    }
}

#[tokio::test]
async fn unknown_recipients_are_told_only_where_that_is_wanted() {
    let told = json!({"selfservice": {"flows": {"recovery": {"notify_unknown_recipients": true}}}});
    for server in servers(told).await {
        App(&server).ask("recovery", "nobody").await;
        let mails = mails(&server, "nobody").await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0]["template_type"], "recovery_code_invalid");
    }
}

#[tokio::test]
async fn a_strangers_form_is_refused_and_costs_no_try() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let (owner, stranger) = (Browser::default(), Browser::default());
        let flow = owner.begin(&server, "recovery").await;
        owner.send(&server, "recovery", &flow, json!({"method": "code", "email": address("ada")})).await;
        let code = mailed_code(&server, "ada").await;
        stranger.begin(&server, "recovery").await;
        for _ in 0..6 {
            let path = format!("/self-service/recovery?flow={flow}");
            let body = json!({"method": "code", "code": code, "csrf_token": "c3RyYW5nZXI="});
            let refused = stranger.ask(&server, "POST", &path, "application/json", Some(body)).await;
            assert_eq!(refused.json["error"]["id"], "security_csrf_violation", "{}", refused.text);
        }
        let done = owner.send(&server, "recovery", &flow, json!({"method": "code", "code": code})).await;
        assert!(location(&done).contains("/settings?flow="), "{}", location(&done));
        assert!(owner.is_signed_in(&server).await);
        assert!(!stranger.is_signed_in(&server).await);
    }
}

#[tokio::test]
async fn the_disabled_are_not_let_in() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let code = mailed_code(&server, "ada").await;
        let state = |state: &str| Some(json!([{"op": "replace", "path": "/state", "value": state}]));
        let path = format!("/admin/identities/{id}");
        assert_eq!(server.admin("PATCH", &path, state("inactive")).await.status, 200);
        let refused = app.try_code("recovery", &flow, &code).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![4_010_011]), "{}", refused.text);
        assert_eq!(server.admin("GET", &format!("{path}/sessions"), None).await.json, json!([]));
        assert_eq!(server.admin("PATCH", &path, state("active")).await.status, 200);
        assert_eq!(app.try_code("recovery", &flow, &code).await.json["state"], "passed_challenge");
    }
}

#[tokio::test]
async fn a_second_factor_is_still_asked_for() {
    for server in servers(json!({})).await {
        let url = "otpauth://totp/limen:ada?algorithm=SHA1&digits=6&issuer=limen&period=30&secret=JBSWY3DPEHPK3PXP\
                   JBSWY3DPEHPK3PXP";
        let credentials = json!({"credentials": {
            "password": {"config": {"password": PASSWORD}}, "totp": {"config": {"totp_url": url}}
        }});
        server.person("ada", credentials).await;
        let browser = Browser::default();
        let flow = browser.begin(&server, "recovery").await;
        browser.send(&server, "recovery", &flow, json!({"method": "code", "email": address("ada")})).await;
        let code = mailed_code(&server, "ada").await;
        let done = browser.send(&server, "recovery", &flow, json!({"method": "code", "code": code})).await;
        let settings = browser.fetch(&server, "settings", &flow_of(&done)).await;
        assert_eq!(settings.json["error"]["id"], "session_aal2_required", "{}", settings.text);
    }
}

#[tokio::test]
async fn other_sessions_end_where_the_hook_says_so() {
    let hook =
        json!({"selfservice": {"flows": {"recovery": {"after": {"hooks": [{"hook": "revoke_active_sessions"}]}}}}});
    for server in servers(hook).await {
        server.person_with_password("ada").await;
        let (_, earlier) = server.session("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let done = app.try_code("recovery", &flow, &mailed_code(&server, "ada").await).await;
        assert_eq!(server.whoami(&token_of(&done.json)).await.status, 200);
        assert_eq!(server.whoami(&earlier).await.status, 401);
    }
}

/// known-faults.md, Identity 18: without a method every later submission failed.
#[tokio::test]
async fn a_form_without_a_method_spoils_nothing() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        for (kind, none) in [("recovery", 4_010_005), ("verification", 4_010_006)] {
            let flow = app.begin(kind).await;
            let refused = app.send(kind, &flow, json!({"email": address("ada")})).await;
            assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![none]), "{}", refused.text);
            assert_eq!(refused.json["active"], "code");
            app.send(kind, &flow, json!({"method": "code", "email": address("ada")})).await;
            let done = app.try_code(kind, &flow, &mailed_code(&server, "ada").await).await;
            assert_eq!(done.json["state"], "passed_challenge", "{kind}: {}", done.text);
        }
    }
}

#[tokio::test]
async fn an_ended_flow_is_replaced_by_one_of_its_kind() {
    for server in servers(json!({})).await {
        let app = App(&server);
        let flow = app.begin("recovery").await;
        server.wait(3601);
        let ended = app.send("recovery", &flow, json!({"method": "code", "email": address("ada")})).await;
        assert_eq!((ended.status.as_u16(), &ended.json["error"]["id"]), (410, &json!("self_service_flow_expired")));
        let next = ended.json["use_flow_id"].as_str().expect("a flow");
        assert_eq!(ended.json["error"]["details"]["continue_with"][0]["flow"]["id"], json!(next));
        let shown = server.public("GET", &format!("/self-service/recovery/flows?id={next}"), None).await;
        assert_eq!((&shown.json["type"], messages(&shown.json)), (&json!("api"), vec![4_060_005]), "{}", shown.text);
    }
}

#[tokio::test]
async fn whoever_is_signed_in_may_redeem_a_code_and_not_ask_for_one() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let (_, token) = server.session("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let code = mailed_code(&server, "ada").await;
        let path = format!("/self-service/recovery?flow={flow}");
        let headers = [("accept", "application/json"), ("x-session-token", token.as_str())];
        let body = json!({"method": "code", "email": address("ada")});
        let refused = server.public_with("POST", &path, &headers, Some(body)).await;
        assert_eq!(refused.json["error"]["id"], "session_already_available", "{}", refused.text);
        let refused = server.public_with("GET", "/self-service/recovery/api", &headers, None).await;
        assert_eq!(refused.json["error"]["id"], "session_already_available", "{}", refused.text);
        let body = json!({"method": "code", "code": code});
        assert_eq!(server.public_with("POST", &path, &headers, Some(body)).await.json["state"], "passed_challenge");
    }
}

#[tokio::test]
async fn without_the_later_answers_clients_are_sent_to_a_page() {
    for server in servers(json!({"feature_flags": {"use_continue_with_transitions": false}})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("recovery", "ada").await;
        let done = app.try_code("recovery", &flow, &mailed_code(&server, "ada").await).await;
        assert_eq!(
            (done.status.as_u16(), &done.json["error"]["id"]),
            (422, &json!("browser_location_change_required"))
        );
        assert!(done.json["redirect_browser_to"].as_str().is_some_and(|url| url.contains("/settings?flow=")));
        let again = app.try_code("recovery", &flow, "123456").await;
        assert_eq!(again.status, 303, "{}", again.text);
        assert!(location(&again).starts_with("http://public.test/self-service/recovery/flows?id="));
    }
}

fn by_link() -> Value {
    json!({"selfservice": {"flows": {"recovery": {"use": "link"}}}})
}

#[tokio::test]
async fn a_link_works_once_and_for_its_flow() {
    for server in servers(by_link()).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("recovery").await;
        let other = app.begin("recovery").await;
        app.send("recovery", &flow, json!({"method": "link", "email": address("ada")})).await;
        let link = mailed_link(&server, "ada").await;
        let foreign = Browser::default();
        let refused = foreign.open(&server, &link.replace(&flow, &other)).await;
        let shown = foreign.fetch(&server, "recovery", &flow_of(&refused)).await;
        assert_eq!(messages(&shown.json), [4_060_004], "{}", shown.text);
        assert!(!foreign.is_signed_in(&server).await);

        let browser = Browser::default();
        let done = browser.open(&server, &link).await;
        assert!(location(&done).contains("/settings?flow="), "{}", location(&done));
        assert!(browser.is_signed_in(&server).await);
        let second = Browser::default();
        let refused = second.open(&server, &link).await;
        let shown = second.fetch(&server, "recovery", &flow_of(&refused)).await;
        assert_eq!(messages(&shown.json), [4_060_004], "{}", shown.text);
        assert!(!second.is_signed_in(&server).await);
    }
}

async fn administered_link(server: &Server, id: &str) -> String {
    let body = json!({"identity_id": id, "expires_in": "30m"});
    let made = server.admin("POST", "/admin/recovery/link", Some(body)).await;
    let link = made.json["recovery_link"].as_str().unwrap_or_else(|| panic!("no link: {}", made.text));
    link.trim_start_matches("http://public.test").to_owned()
}

/// known-faults.md, Identity 6: the flow that took the place of an ended one could be read by nobody.
#[tokio::test]
async fn an_ended_administrators_link_leads_to_a_flow_that_works() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let link = administered_link(&server, &id).await;
        server.wait(1801);
        let browser = Browser::default();
        let flow = flow_of(&browser.open(&server, &link).await);
        let shown = browser.fetch(&server, "recovery", &flow).await;
        assert_eq!((shown.status.as_u16(), messages(&shown.json)), (200, vec![4_060_005]), "{}", shown.text);
        assert!(!browser.is_signed_in(&server).await);
        browser.send(&server, "recovery", &flow, json!({"method": "code", "email": address("ada")})).await;
        let code = mailed_code(&server, "ada").await;
        browser.send(&server, "recovery", &flow, json!({"method": "code", "code": code})).await;
        assert!(browser.is_signed_in(&server).await);
    }
}

#[tokio::test]
async fn what_an_administrator_hands_out_proves_no_address() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.open(&server, &administered_link(&server, &id).await).await;
        assert!(browser.is_signed_in(&server).await);
        let made = server.admin("POST", "/admin/recovery/code", Some(json!({"identity_id": id}))).await;
        let flow = made.json["recovery_link"].as_str().and_then(|link| link.split("flow=").nth(1)).expect("a flow");
        let done = App(&server).try_code("recovery", flow, made.json["recovery_code"].as_str().expect("a code")).await;
        assert_eq!(done.json["state"], "passed_challenge", "{}", done.text);
        let identity = server.admin("GET", &format!("/admin/identities/{id}"), None).await;
        assert_eq!(identity.json["verifiable_addresses"][0]["verified"], false, "{}", identity.text);
    }
}

#[tokio::test]
async fn a_form_says_what_is_missing_and_keeps_its_other_fields() {
    for server in servers(json!({})).await {
        let app = App(&server);
        let flow = app.begin("recovery").await;
        let missing = app.send("recovery", &flow, json!({"method": "code"})).await;
        assert_eq!(node(&missing.json, "email")["messages"][0]["id"], 4_000_002, "{}", missing.text);
        let malformed = app.send("recovery", &flow, json!({"method": "code", "email": "no-address"})).await;
        assert_eq!(messages(&malformed.json), [4_000_040], "{}", malformed.text);
        let sent = app.ask("recovery", "nobody").await;
        let missing = app.send("recovery", &sent, json!({"method": "code"})).await;
        assert_eq!(node(&missing.json, "code")["messages"][0]["id"], 4_000_002, "{}", missing.text);
    }
}
