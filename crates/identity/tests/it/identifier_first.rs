//! Sign-in that asks who first, and how second (`login.style: identifier_first`).

use serde_json::{Value, json};
use testkit::{
    Answer, App, Browser, Member, PASSWORD, Server, address, flow_of, id, level, location, messages, node, password,
};

const UNKNOWN: u64 = 4_000_037;

fn style(mitigate: bool) -> Value {
    json!({
        "selfservice": {"flows": {"login": {"style": "identifier_first"}}},
        "security": {"account_enumeration": {"mitigate": mitigate}}
    })
}

fn who(name: &str) -> Value {
    json!({"method": "identifier_first", "identifier": address(name)})
}

fn first_step(flow: &Value) {
    assert_eq!(node(flow, "identifier")["attributes"]["type"], "text", "{flow}");
    assert_eq!(node(flow, "identifier")["group"], "identifier_first", "{flow}");
    assert_eq!(node(flow, "password"), &Value::Null, "{flow}");
}

fn second_step(answer: &Answer, name: &str) {
    let field = &node(&answer.json, "identifier")["attributes"];
    assert_eq!((&field["type"], &field["value"]), (&json!("hidden"), &json!(address(name))), "{}", answer.text);
    assert_eq!(node(&answer.json, "password")["group"], "password", "{}", answer.text);
    assert_eq!(answer.json["active"], "identifier_first", "{}", answer.text);
}

#[tokio::test]
async fn an_app_signs_in_in_two_steps() {
    for server in Server::all_with(style(false)).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let begun = server.public("GET", "/self-service/login/api", None).await.json;
        first_step(&begun);
        let flow = id(&begun);
        let asked = app.send("login", &flow, who("ada")).await;
        assert_eq!(asked.status, 400, "{}", asked.text);
        second_step(&asked, "ada");
        let wrong = json!({"method": "password", "identifier": address("ada"), "password": "not-the-password"});
        let wrong = app.send("login", &flow, wrong).await;
        assert_eq!((wrong.status.as_u16(), messages(&wrong.json)), (400, vec![4_000_006]), "{}", wrong.text);
        let done = app.send("login", &flow, password("ada")).await;
        assert_eq!((done.status.as_u16(), done.json["session_token"].is_string()), (200, true), "{}", done.text);
    }
}

#[tokio::test]
async fn a_page_signs_in_in_two_steps() {
    for server in Server::all_with(style(false)).await {
        server.person_with_password("ada").await;
        let page = Browser::default();
        let begun = page.ask(&server, "GET", "/self-service/login/browser", "application/json", None).await;
        first_step(&begun.json);
        let flow = id(&begun.json);
        let asked = page.submit(&server, "login", &flow, who("ada")).await;
        assert_eq!(asked.status, 400, "{}", asked.text);
        second_step(&asked, "ada");
        let done = page.submit(&server, "login", &flow, password("ada")).await;
        assert_eq!((done.status.as_u16(), level(&page.whoami(&server).await)), (200, 1), "{}", done.text);
    }
}

#[tokio::test]
async fn a_browser_signs_in_in_two_steps() {
    for server in Server::all_with(style(false)).await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        let begun = browser.open(&server, "/self-service/login/browser?return_to=http://ui.test/home").await;
        let flow = flow_of(&begun);
        let asked = browser.send(&server, "login", &flow, who("ada")).await;
        assert_eq!((asked.status.as_u16(), flow_of(&asked)), (303, flow.clone()));
        second_step(&browser.fetch(&server, "login", &flow).await, "ada");
        let done = browser.send(&server, "login", &flow, password("ada")).await;
        assert_eq!(location(&done), "http://ui.test/home");
        assert_eq!(level(&browser.whoami(&server).await), 1);
    }
}

#[tokio::test]
async fn strangers_are_told_and_the_form_stays() {
    for server in Server::all_with(style(false)).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("login").await;
        let stranger = app.send("login", &flow, who("nobody")).await;
        assert_eq!((stranger.status.as_u16(), messages(&stranger.json)), (400, vec![UNKNOWN]), "{}", stranger.text);
        first_step(&stranger.json);
        let missing = app.send("login", &flow, json!({"method": "identifier_first"})).await;
        assert_eq!(messages(&missing.json), [4_000_002], "{}", missing.text);
        second_step(&app.send("login", &flow, who("ada")).await, "ada");
        assert_eq!(app.send("login", &flow, password("ada")).await.status, 200);
    }
}

#[tokio::test]
async fn with_mitigation_strangers_and_people_are_answered_alike() {
    for server in Server::all_with(style(true)).await {
        server.person_with_password("ada").await;
        server.person("cyd", json!({})).await;
        let app = App(&server);
        let mut told = Vec::new();
        for name in ["ada", "cyd", "nobody"] {
            let flow = app.begin("login").await;
            let asked = app.send("login", &flow, who(name)).await;
            second_step(&asked, name);
            let wrong = json!({"method": "password", "identifier": address(name), "password": "not-the-password"});
            let wrong = app.send("login", &flow, wrong).await;
            let plain = |answer: &Answer| {
                (answer.status, answer.text.replace(&flow, "FLOW").replace(&address(name), "ADDRESS"))
            };
            told.push((plain(&asked), plain(&wrong)));
        }
        assert_eq!(told[0], told[2]);
        assert_eq!(told[1], told[2]);
    }
}

/// Without mitigation the second step shows what the person has, and no more.
#[tokio::test]
async fn without_mitigation_nobody_is_asked_for_a_password_that_is_not_there() {
    for server in Server::all_with(style(false)).await {
        server.person("cyd", json!({})).await;
        let app = App(&server);
        let flow = app.begin("login").await;
        let asked = app.send("login", &flow, who("cyd")).await;
        assert_eq!((asked.status.as_u16(), messages(&asked.json)), (400, vec![UNKNOWN]), "{}", asked.text);
        first_step(&asked.json);
    }
}

/// The name of the first step binds nobody: whoever sends another one in the second is who the password says.
#[tokio::test]
async fn the_password_decides_who_it_is() {
    for server in Server::all_with(style(false)).await {
        server.person_with_password("ada").await;
        let bob = server.person_with_password("bob").await;
        let app = App(&server);
        let flow = app.begin("login").await;
        app.send("login", &flow, who("ada")).await;
        let done = app.send("login", &flow, password("bob")).await;
        assert_eq!(done.json["session"]["identity"]["id"], json!(bob), "{}", done.text);
        let flow = app.begin("login").await;
        app.send("login", &flow, who("ada")).await;
        let form = json!({"method": "password", "identifier": address("ada"), "password": "imported-password-2"});
        assert_eq!(messages(&app.send("login", &flow, form).await.json), [4_000_006]);
    }
}

#[tokio::test]
async fn proving_it_again_skips_the_first_step() {
    for server in Server::all_with(style(false)).await {
        server.person_with_password("ada").await;
        let flow = App(&server).begin("login").await;
        App(&server).send("login", &flow, who("ada")).await;
        let done = App(&server).send("login", &flow, password("ada")).await;
        let token = done.json["session_token"].as_str().expect("a token").to_owned();
        let member = Member { server: &server, token };
        let again = member.begin("login", "?refresh=true").await;
        assert_eq!(node(&again, "identifier")["attributes"]["type"], "hidden", "{again}");
        let form = json!({"method": "password", "identifier": address("ada"), "password": PASSWORD});
        assert_eq!(member.send("login", &id(&again), form).await.status, 200);
    }
}
