//! Signing up where the configuration keeps quiet about accounts: nobody learns from an answer who has one.

use serde_json::{Value, json};
use testkit::{
    Answer, App, Browser, PASSWORD, Server, address, another, flow_of, id, level, location, mailed_code, mailed_link,
    mails, messages, node, servers, told,
};

fn quiet() -> Value {
    json!({"security": {"account_enumeration": {"mitigate": true, "registration": true}}})
}

fn sign_up(name: &str) -> Value {
    json!({"method": "password", "password": PASSWORD, "traits": {"email": address(name), "name": "Ada"}})
}

fn form(name: &str) -> Value {
    json!({"method": "password", "password": PASSWORD, "traits.email": address(name)})
}

async fn people(server: &Server) -> usize {
    server.admin("GET", "/admin/identities", None).await.json.as_array().expect("a list").len()
}

fn verification(answer: &Answer) -> String {
    let items = answer.json["continue_with"].as_array().expect("what comes next");
    let item = items.iter().find(|item| item["action"] == "show_verification_ui").expect("the way");
    id(&item["flow"])
}

#[tokio::test]
async fn the_account_is_made_once_its_address_is_proved() {
    for server in servers(quiet()).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        let done = app.send("registration", &flow, sign_up("ada")).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert_eq!((done.json.get("session"), done.json.get("session_token")), (None, None), "{}", done.text);
        assert!(!done.text.contains("ory_st_"), "{}", done.text);
        assert_eq!((people(&server).await, server.sign_in("ada", PASSWORD).await.status.as_u16()), (0, 400));
        let code = mailed_code(&server, "ada").await;
        let proof = verification(&done);
        let wrong = app.try_code("verification", &proof, another(&code)).await;
        assert_eq!((messages(&wrong.json), people(&server).await), (vec![4_070_006], 0), "{}", wrong.text);
        let made = app.try_code("verification", &proof, &code).await;
        assert_eq!(made.json["state"], "passed_challenge", "{}", made.text);
        assert_eq!(made.json["ui"]["action"], "http://public.test/self-service/login/browser");
        let (_, token) = server.session("ada").await;
        let person = server.whoami(&token).await.json["identity"].clone();
        assert_eq!(person["id"], done.json["identity"]["id"]);
        assert_eq!(person["traits"], json!({"email": address("ada"), "name": "Ada"}));
        assert_eq!(person["verifiable_addresses"][0]["verified"], true);
        let again = app.try_code("verification", &proof, &code).await;
        assert_eq!((again.status.as_u16(), people(&server).await), (410, 1), "{}", again.text);
    }
}

/// Status, headers and body, of apps, of pages with scripts and of browsers; then of the verification that follows.
#[tokio::test]
async fn known_and_unknown_addresses_are_answered_alike() {
    for server in servers(quiet()).await {
        server.person_with_password("ada").await;
        let mut answers = Vec::new();
        for name in ["ada", "bob"] {
            let mut all = Vec::new();
            let app = App(&server);
            let flow = app.begin("registration").await;
            let sent = app.send("registration", &flow, sign_up(name)).await;
            let proof = verification(&sent);
            all.push(told(&sent, name));
            let shown = server.public("GET", &format!("/self-service/verification/flows?id={proof}"), None).await;
            all.push(told(&shown, name));
            all.push(told(&app.try_code("verification", &proof, "000000").await, name));
            let resend = json!({"method": "code", "email": address(name)});
            all.push(told(&app.send("verification", &proof, resend).await, name));
            all.push(told(&app.send("registration", &flow, sign_up(name)).await, name));
            all.push(told(&server.sign_in(name, "a-guessed-password").await, name));
            let (page, browser) = (Browser::default(), Browser::default());
            let flow = page.begin(&server, "registration").await;
            all.push(told(&page.submit(&server, "registration", &flow, sign_up(name)).await, name));
            let flow = browser.begin(&server, "registration").await;
            let sent = browser.send(&server, "registration", &flow, form(name)).await;
            let proof = flow_of(&sent);
            all.push(told(&sent, name));
            all.push(told(&browser.fetch(&server, "verification", &proof).await, name));
            assert_eq!((level(&page.whoami(&server).await), level(&browser.whoami(&server).await)), (0, 0));
            answers.push(all);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(people(&server).await, 1);
        let kinds = async |name: &str| -> Vec<String> {
            mails(&server, name).await.iter().map(|mail| mail["template_type"].to_string()).collect()
        };
        assert_eq!(kinds("ada").await, vec!["\"registration_known\""; 4]);
        assert_eq!(kinds("bob").await, vec!["\"verification_code_valid\""; 4]);
        let body = mails(&server, "ada").await[0]["body"].to_string();
        assert!(body.contains("http://public.test/self-service/login/browser"), "{body}");
    }
}

/// With one's own password at a new address, or at somebody's: a sign-in before the proof tells nothing either.
#[tokio::test]
async fn a_sign_in_before_the_proof_tells_nothing() {
    for server in servers(quiet()).await {
        server.person_with_password("ada").await;
        let mut answers = Vec::new();
        for name in ["ada", "bob"] {
            let app = App(&server);
            let flow = app.begin("registration").await;
            let mut mine = sign_up(name);
            mine["password"] = json!("the-password-of-eve-1");
            app.send("registration", &flow, mine).await;
            answers.push(told(&server.sign_in(name, "the-password-of-eve-1").await, name));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn a_browser_goes_on_to_sign_in() {
    for server in servers(quiet()).await {
        let browser = Browser::default();
        let flow = browser.begin_with(&server, "registration", "?return_to=http%3A%2F%2Fui.test%2Fshop").await;
        let sent = browser.send(&server, "registration", &flow, form("ada")).await;
        assert!(location(&sent).contains("verification"), "{}", location(&sent));
        let proof = flow_of(&sent);
        let code = mailed_code(&server, "ada").await;
        browser.send(&server, "verification", &proof, json!({"method": "code", "code": code})).await;
        let page = browser.fetch(&server, "verification", &proof).await;
        let next = node(&page.json, "continue")["attributes"]["href"].as_str().expect("a way on").to_owned();
        let path = next.trim_start_matches("http://public.test");
        assert_eq!(path, "/self-service/login/browser?return_to=http%3A%2F%2Fui.test%2Fshop");
        let login = flow_of(&browser.open(&server, path).await);
        let done = browser.send(&server, "login", &login, testkit::password("ada")).await;
        assert_eq!(location(&done), "http://ui.test/shop");
    }
}

#[tokio::test]
async fn a_link_makes_the_account_too_and_once() {
    let mut more = quiet();
    more["selfservice"] = json!({"flows": {"verification": {"use": "link"}}});
    for server in servers(more).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        app.send("registration", &flow, sign_up("ada")).await;
        let link = mailed_link(&server, "ada").await;
        for _ in 0..2 {
            Browser::default().open(&server, &link).await;
            assert_eq!(people(&server).await, 1);
        }
    }
}

#[tokio::test]
async fn another_code_can_be_asked_for() {
    for server in servers(quiet()).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        let proof = verification(&app.send("registration", &flow, sign_up("ada")).await);
        let first = mailed_code(&server, "ada").await;
        app.send("verification", &proof, json!({"method": "code", "email": address("ada")})).await;
        let code = mailed_code(&server, "ada").await;
        let refused = app.try_code("verification", &proof, &first).await;
        assert!(first == code || messages(&refused.json) == [4_070_006], "{}", refused.text);
        app.try_code("verification", &proof, &code).await;
        assert_eq!(people(&server).await, 1);
    }
}

/// Two sign-ups with one address, both confirmed: the first one counts, and the second one changes nothing.
#[tokio::test]
async fn of_two_sign_ups_one_counts() {
    for server in servers(quiet()).await {
        let app = App(&server);
        let mut proofs = Vec::new();
        for password in ["the-first-password-1", "the-second-password-2"] {
            let flow = app.begin("registration").await;
            let mut body = sign_up("ada");
            body["password"] = json!(password);
            let proof = verification(&app.send("registration", &flow, body).await);
            proofs.push((proof, mailed_code(&server, "ada").await));
        }
        let (first, second) = (&proofs[0], &proofs[1]);
        assert_eq!(app.try_code("verification", &first.0, &first.1).await.json["state"], "passed_challenge");
        let refused = app.try_code("verification", &second.0, &second.1).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![4_000_007]), "{}", refused.text);
        assert_eq!(people(&server).await, 1);
        assert_eq!(server.sign_in("ada", "the-first-password-1").await.status, 200);
        assert_eq!(server.sign_in("ada", "the-second-password-2").await.status, 400);
    }
}

#[tokio::test]
async fn a_code_that_is_too_old_makes_nothing() {
    let mut more = quiet();
    more["selfservice"] = json!({"flows": {"verification": {"lifespan": "5h"}}});
    for server in servers(more).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        let proof = verification(&app.send("registration", &flow, sign_up("ada")).await);
        let code = mailed_code(&server, "ada").await;
        server.wait(3601);
        let refused = app.try_code("verification", &proof, &code).await;
        assert_eq!((messages(&refused.json), people(&server).await), (vec![4_070_006], 0), "{}", refused.text);
    }
}

/// A name that is no address cannot be kept quiet: whoever chose it needs to know that it is taken. It is told whether the
/// address is known or not.
#[tokio::test]
async fn a_name_that_is_taken_is_told() {
    use base64::Engine;
    let name = json!({"credentials": {"password": {"identifier": true}}});
    let mail = json!({"verification": {"via": "email"}, "recovery": {"via": "email"}});
    let schema = json!({"type": "object", "properties": {"traits": {"type": "object", "properties": {
        "nick": {"type": "string", "ory.sh/kratos": name},
        "email": {"type": "string", "format": "email", "ory.sh/kratos": mail}
    }}}});
    let encoded = base64::engine::general_purpose::STANDARD.encode(schema.to_string());
    let mut more = quiet();
    more["identity"] = json!({"schemas": [{"id": "default", "url": format!("base64://{encoded}")}]});
    for server in servers(more).await {
        let traits = json!({"traits": {"nick": "ada", "email": address("ada")}});
        server
            .person(
                "ada",
                json!({"traits": traits["traits"], "credentials": {"password": {"config": {"password": PASSWORD}}}}),
            )
            .await;
        let app = App(&server);
        for email in ["ada", "new"] {
            let flow = app.begin("registration").await;
            let body =
                json!({"method": "password", "password": PASSWORD, "traits": {"nick": "ada", "email": address(email)}});
            let refused = app.send("registration", &flow, body).await;
            assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![4_000_007]), "{}", refused.text);
            assert_eq!(mails(&server, email).await.len(), 0);
        }
        let flow = app.begin("registration").await;
        let body =
            json!({"method": "password", "password": PASSWORD, "traits": {"nick": "eve", "email": address("ada")}});
        assert_eq!(app.send("registration", &flow, body).await.status, 200);
        assert_eq!(mails(&server, "ada").await[0]["template_type"], "registration_known");
    }
}

#[tokio::test]
async fn nothing_of_it_can_be_read_where_it_is_stored() {
    for server in servers(quiet()).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        app.send("registration", &flow, sign_up("ada")).await;
        let cx: foundation::RequestContext = (*server.identity.background()).clone();
        let promise = database::read!(&server.identity.db, |tx| -> Result<Vec<u8>, database::DbError> {
            let find = database::sql!("SELECT promise FROM pending_registrations WHERE tenant_id = $1");
            tx.row(find, database::params![cx.tenant]).await?.expect("a row").get("promise")
        })
        .await
        .expect("read");
        for secret in ["$2", "Ada", "hashed_password"] {
            assert!(!promise.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}

/// With a kratos.yml, which does not know the key, the contract's answer stays.
#[tokio::test]
async fn without_the_setting_a_duplicate_is_told() {
    for server in servers(json!({"security": {"account_enumeration": {"mitigate": true}}})).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("registration").await;
        let refused = app.send("registration", &flow, sign_up("ada")).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![4_000_007]), "{}", refused.text);
    }
}
