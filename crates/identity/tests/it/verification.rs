//! `/self-service/verification`: what proves an address, and what does not.

use serde_json::{Value, json};
use testkit::{
    App, Browser, PASSWORD, Server, address, another, flow_of, location, mailed_code, mailed_link, mails, messages,
    node, servers,
};

const WRONG: u64 = 4_070_006;

async fn is_verified(server: &Server, id: &str) -> bool {
    let identity = server.admin("GET", &format!("/admin/identities/{id}"), None).await;
    identity.json["verifiable_addresses"][0]["verified"] == true
}

#[tokio::test]
async fn a_code_proves_its_address_once() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("verification", "ada").await;
        let identity = server.admin("GET", &format!("/admin/identities/{id}"), None).await;
        assert_eq!(identity.json["verifiable_addresses"][0]["status"], "sent");
        let code = mailed_code(&server, "ada").await;
        let wrong = app.try_code("verification", &flow, another(&code)).await;
        assert_eq!((wrong.status.as_u16(), messages(&wrong.json)), (200, vec![WRONG]), "{}", wrong.text);
        assert!(!is_verified(&server, &id).await);
        let done = app.try_code("verification", &flow, &code).await;
        assert_eq!((&done.json["state"], messages(&done.json)), (&json!("passed_challenge"), vec![1_080_002]));
        assert_eq!(
            (&done.json["ui"]["method"], &done.json["ui"]["action"]),
            (&json!("GET"), &json!("http://ui.test/"))
        );
        assert!(is_verified(&server, &id).await);
        let again = app.try_code("verification", &flow, &code).await;
        assert_eq!((again.status.as_u16(), &again.json["error"]["id"]), (410, &json!("self_service_flow_replaced")));
        let next = again.json["use_flow_id"].as_str().expect("a flow");
        let shown = server.public("GET", &format!("/self-service/verification/flows?id={next}"), None).await;
        assert_eq!(messages(&shown.json), [4_070_002], "{}", shown.text);
    }
}

#[tokio::test]
async fn a_code_works_in_its_own_flow_and_time_alone() {
    let long = json!({"selfservice": {
        "flows": {"verification": {"lifespan": "5h"}}, "methods": {"code": {"config": {"lifespan": "1h"}}}
    }});
    for server in servers(long).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("verification", "ada").await;
        let code = mailed_code(&server, "ada").await;
        let foreign = app.ask("verification", "nobody").await;
        assert_eq!(messages(&app.try_code("verification", &foreign, &code).await.json), [WRONG]);
        // The way back in is no proof that is typed here.
        app.ask("recovery", "ada").await;
        let recovers = mailed_code(&server, "ada").await;
        let refused = app.try_code("verification", &flow, &recovers).await;
        assert!(recovers == code || messages(&refused.json) == [WRONG], "{}", refused.text);
        server.wait(3601);
        assert_eq!(messages(&app.try_code("verification", &flow, &code).await.json), [WRONG]);
        assert!(!is_verified(&server, &id).await);
    }
}

#[tokio::test]
async fn tries_are_counted_and_the_right_code_comes_too_late_then() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.ask("verification", "ada").await;
        let code = mailed_code(&server, "ada").await;
        for _ in 0..5 {
            assert_eq!(app.try_code("verification", &flow, another(&code)).await.status, 200);
        }
        let refused = app.try_code("verification", &flow, &code).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json["error"]["id"]),
            (410, &json!("self_service_flow_replaced"))
        );
        assert!(!is_verified(&server, &id).await);
    }
}

#[tokio::test]
async fn known_and_unknown_addresses_are_answered_alike() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let mut answers = Vec::new();
        for name in ["ada", "nobody"] {
            let flow = app.begin("verification").await;
            let sent = app.send("verification", &flow, json!({"method": "code", "email": address(name)})).await;
            answers.push((sent.status, sent.text.replace(&flow, "FLOW").replace(&address(name), "ADDRESS")));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!((mails(&server, "ada").await.len(), mails(&server, "nobody").await.len()), (1, 0));
    }
}

/// Programs that look at mail open links: the link of a code fills it in, in whichever browser opens it.
#[tokio::test]
async fn the_link_of_a_code_fills_it_in_and_proves_nothing() {
    for server in servers(json!({})).await {
        let id = server.person_with_password("ada").await;
        let owner = Browser::default();
        let flow = owner.begin(&server, "verification").await;
        owner.send(&server, "verification", &flow, json!({"method": "code", "email": address("ada")})).await;
        let link = mailed_link(&server, "ada").await;
        let other = Browser::default();
        assert_eq!(flow_of(&other.open(&server, &link).await), flow);
        assert!(!is_verified(&server, &id).await);
        let page = other.fetch(&server, "verification", &flow).await;
        let code = node(&page.json, "code")["attributes"]["value"].as_str().expect("a code").to_owned();
        assert_eq!(code, mailed_code(&server, "ada").await);
        other.send(&server, "verification", &flow, json!({"method": "code", "code": code})).await;
        assert!(is_verified(&server, &id).await);
        let page = other.fetch(&server, "verification", &flow).await;
        assert_eq!((page.status.as_u16(), &page.json["state"]), (200, &json!("passed_challenge")), "{}", page.text);
    }
}

fn by_link() -> Value {
    json!({"selfservice": {"flows": {"verification": {"use": "link"}}}})
}

#[tokio::test]
async fn a_link_proves_its_address_once_and_for_its_flow() {
    for server in servers(by_link()).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let (flow, other) = (app.begin("verification").await, app.begin("verification").await);
        app.send("verification", &flow, json!({"method": "link", "email": address("ada")})).await;
        let link = mailed_link(&server, "ada").await;
        let browser = Browser::default();
        browser.open(&server, &link.replace(&flow, &other)).await;
        assert!(!is_verified(&server, &id).await);
        assert_eq!(flow_of(&browser.open(&server, &link).await), flow);
        assert!(is_verified(&server, &id).await);
        let second = Browser::default();
        let next = flow_of(&second.open(&server, &link).await);
        let shown = second.fetch(&server, "verification", &next).await;
        assert_eq!((next != flow, messages(&shown.json)), (true, vec![4_070_001]), "{}", shown.text);
    }
}

#[tokio::test]
async fn a_link_ends_with_its_lifespan() {
    let mut short = by_link();
    short["selfservice"]["methods"] = json!({"link": {"config": {"lifespan": "10m"}}});
    for server in servers(short).await {
        let id = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("verification").await;
        app.send("verification", &flow, json!({"method": "link", "email": address("ada")})).await;
        let link = mailed_link(&server, "ada").await;
        server.wait(601);
        let browser = Browser::default();
        let next = flow_of(&browser.open(&server, &link).await);
        assert_eq!(messages(&browser.fetch(&server, "verification", &next).await.json), [4_070_001]);
        assert!(!is_verified(&server, &id).await);
    }
}

/// known-faults.md, Identity 18: an app was sent to a browser's flow, which it may not read.
#[tokio::test]
async fn an_ended_native_flow_is_replaced_by_a_native_one() {
    for server in servers(json!({})).await {
        let app = App(&server);
        let flow = app.begin("verification").await;
        server.wait(3601);
        let moved = app.send("verification", &flow, json!({"method": "code", "email": address("ada")})).await;
        assert_eq!(moved.status, 303, "{}", moved.text);
        let path = location(&moved).replace("http://public.test", "");
        let shown = server.public("GET", &path, None).await;
        assert_eq!((shown.status.as_u16(), &shown.json["type"]), (200, &json!("api")), "{}", shown.text);
        assert_eq!(messages(&shown.json), [4_070_005]);
    }
}

/// known-faults.md, Identity 20: browsers were answered in JSON.
#[tokio::test]
async fn a_forbidden_address_to_return_to_leads_browsers_to_the_error_page() {
    for server in servers(json!({})).await {
        for kind in ["verification", "recovery"] {
            let path = format!("/self-service/{kind}/browser?return_to=https%3A%2F%2Fevil.example");
            let answer = Browser::default().open(&server, &path).await;
            assert_eq!(answer.status, 303, "{kind}: {}", answer.text);
            assert!(location(&answer).contains("/error?id="), "{}", location(&answer));
            let read = Browser::default().ask(&server, "GET", &path, "application/json", None).await;
            assert_eq!(read.json["error"]["id"], "self_service_flow_return_to_forbidden", "{}", read.text);
        }
    }
}

/// known-faults.md, Identity 20: chance decided which of several addresses got the first mail.
#[tokio::test]
async fn of_several_addresses_the_first_of_the_schema_is_asked_to_be_proved() {
    let email = |extra: Value| {
        let mut kratos = json!({"verification": {"via": "email"}});
        if let (Some(kratos), Value::Object(extra)) = (kratos.as_object_mut(), extra) {
            kratos.extend(extra);
        }
        json!({"type": "string", "format": "email", "ory.sh/kratos": kratos})
    };
    let schema = json!({"type": "object", "properties": {"traits": {"type": "object", "properties": {
        "work": email(json!({"credentials": {"password": {"identifier": true}}})), "home": email(json!({}))
    }}}});
    use base64::Engine;
    let url = format!("base64://{}", base64::engine::general_purpose::STANDARD.encode(schema.to_string()));
    let more = json!({
        "identity": {"default_schema_id": "two", "schemas": [{"id": "two", "url": url}]},
        "selfservice": {"flows": {"registration": {"style": "unified"}}}
    });
    for server in servers(more).await {
        for round in 0..4 {
            let (work, home) = (format!("work{round}"), format!("home{round}"));
            let app = App(&server);
            let flow = app.begin("registration").await;
            let traits = json!({"home": address(&home), "work": address(&work)});
            let body = json!({"method": "password", "password": PASSWORD, "traits": traits});
            let done = app.send("registration", &flow, body).await;
            assert_eq!(done.status, 200, "{}", done.text);
            assert_eq!((mails(&server, &work).await.len(), mails(&server, &home).await.len()), (1, 0));
        }
    }
}

#[tokio::test]
async fn what_is_sent_along_is_told_back_once() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("verification").await;
        let body = json!({"method": "code", "email": address("ada"), "transient_payload": {"from": "app"}});
        let sent = app.send("verification", &flow, body).await;
        assert_eq!(sent.json["transient_payload"], json!({"from": "app"}), "{}", sent.text);
        let shown = server.public("GET", &format!("/self-service/verification/flows?id={flow}"), None).await;
        assert_eq!(shown.json.get("transient_payload"), None);
        let empty = json!({"method": "code", "email": address("ada"), "transient_payload": {}});
        assert_eq!(app.send("verification", &flow, empty).await.status, 200);
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    for server in servers(json!({})).await {
        server.person_with_password("ada").await;
        let owner = Browser::default();
        let flow = owner.begin(&server, "verification").await;
        let path = format!("/self-service/verification?flow={flow}");
        let body = json!({"method": "code", "email": address("ada"), "csrf_token": "x"});
        let refused = Browser::default().ask(&server, "POST", &path, "application/json", Some(body)).await;
        assert_eq!(refused.json["error"]["id"], "security_csrf_violation", "{}", refused.text);
        assert_eq!(mails(&server, "ada").await.len(), 0);
        let stranger = Browser::default().fetch(&server, "verification", &flow).await;
        assert_eq!(stranger.json["error"]["id"], "security_csrf_violation", "{}", stranger.text);
    }
}
