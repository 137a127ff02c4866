//! `/self-service/registration`: in two steps and in one, as an app, as a page's script and as a browser.

use serde_json::{Value, json};
use testkit::{Answer, App, Browser, PASSWORD, Server, address, id, level, location, mails, messages, node};

const REQUIRED: u64 = 4_000_002;

fn profile(name: &str) -> Value {
    json!({"method": "profile", "traits": {"email": address(name), "name": "Ada"}})
}

fn hooks(list: &Value) -> Value {
    let mut more = testkit::configuration();
    more["selfservice"]["flows"] = json!({"registration": {"after": {"password": {"hooks": list}}}});
    more
}

fn unified() -> Value {
    json!({"selfservice": {"flows": {"registration": {"style": "unified"}}}})
}

fn names(flow: &Value) -> Vec<String> {
    let nodes = flow["ui"]["nodes"].as_array().expect("nodes");
    let shown = |node: &Value| {
        let field = &node["attributes"];
        format!("{}={}", field["name"].as_str().unwrap_or_default(), field["value"].as_str().unwrap_or_default())
    };
    nodes.iter().map(shown).filter(|name| !name.starts_with("csrf_token")).collect()
}

async fn people(server: &Server) -> usize {
    server.admin("GET", "/admin/identities", None).await.json.as_array().expect("a list").len()
}

fn second_step(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), messages(&answer.json)), (400, vec![1_040_009]), "{}", answer.text);
    let name = "ada@example.org";
    assert_eq!(node(&answer.json, "traits.email")["attributes"]["type"], "hidden", "{}", answer.text);
    assert_eq!(node(&answer.json, "traits.email")["attributes"]["value"], json!(name));
    assert_eq!(node(&answer.json, "password")["group"], "password");
    assert_eq!(node(&answer.json, "screen")["attributes"]["value"], "previous");
}

#[tokio::test]
async fn an_app_signs_up_in_two_steps() {
    for server in Server::all_with(hooks(&json!([{"hook": "session"}]))).await {
        let app = App(&server);
        let flow = server.public("GET", "/self-service/registration/api", None).await.json;
        assert_eq!(names(&flow), ["traits.email=", "traits.name=", "method=profile"]);
        let flow = id(&flow);
        second_step(&app.send("registration", &flow, profile("ada")).await);
        assert_eq!(people(&server).await, 0);
        let done = app.send("registration", &flow, json!({"method": "password", "password": PASSWORD})).await;
        assert_eq!(
            (done.status.as_u16(), &done.json["identity"]["traits"]["name"]),
            (200, &json!("Ada")),
            "{}",
            done.text
        );
        let token = done.json["session_token"].as_str().expect("a token");
        assert_eq!(server.whoami(token).await.json["identity"]["id"], done.json["identity"]["id"]);
        let again = app.send("registration", &flow, json!({"method": "password", "password": PASSWORD})).await;
        assert_eq!((again.status.as_u16(), messages(&again.json)), (400, vec![4_040_002]), "{}", again.text);
        assert_eq!((people(&server).await, again.json.get("session_token")), (1, None));
    }
}

#[tokio::test]
async fn a_page_signs_up_in_two_steps() {
    for server in Server::all_with(hooks(&json!([{"hook": "session"}]))).await {
        let browser = Browser::default();
        let begun = browser.ask(&server, "GET", "/self-service/registration/browser", "application/json", None).await;
        let flow = id(&begun.json);
        second_step(&browser.submit(&server, "registration", &flow, profile("ada")).await);
        second_step(&browser.fetch(&server, "registration", &flow).await.json_as(400));
        let form =
            json!({"method": "password", "password": PASSWORD, "traits.email": address("ada"), "traits.name": "Ada"});
        let done = browser.submit(&server, "registration", &flow, form).await;
        assert_eq!((done.status.as_u16(), done.json.get("session_token")), (200, None), "{}", done.text);
        assert_eq!(level(&browser.whoami(&server).await), 1);
    }
}

#[tokio::test]
async fn a_browser_signs_up_in_two_steps() {
    for server in Server::all_with(hooks(&json!([{"hook": "session"}]))).await {
        let browser = Browser::default();
        let flow = browser.begin(&server, "registration").await;
        let form = json!({"method": "profile", "traits.email": address("ada"), "traits.name": "Ada"});
        let next = browser.send(&server, "registration", &flow, form).await;
        assert!(next.status.is_redirection() && location(&next).contains(&flow), "{}", location(&next));
        second_step(&browser.fetch(&server, "registration", &flow).await.json_as(400));
        let form =
            json!({"method": "password", "password": PASSWORD, "traits.email": address("ada"), "traits.name": "Ada"});
        let done = browser.send(&server, "registration", &flow, form).await;
        assert_eq!(location(&done), "http://ui.test/");
        assert_eq!(level(&browser.whoami(&server).await), 1);
    }
}

#[tokio::test]
async fn going_back_shows_what_was_typed() {
    for server in Server::all_with(hooks(&json!([{"hook": "session"}]))).await {
        let app = App(&server);
        for back in [json!({"screen": "previous"}), json!({"method": "profile", "screen": "previous"})] {
            let flow = app.begin("registration").await;
            second_step(&app.send("registration", &flow, profile("ada")).await);
            let first = app.send("registration", &flow, back).await;
            assert_eq!(first.status, 400, "{}", first.text);
            assert_eq!(names(&first.json), ["traits.email=ada@example.org", "traits.name=Ada", "method=profile"]);
            assert_eq!(messages(&first.json), Vec::<u64>::new(), "{}", first.text);
            let mut other = profile("ada");
            other["traits"]["name"] = json!("Augusta");
            second_step(&app.send("registration", &flow, other).await);
        }
        let flow = app.begin("registration").await;
        app.send("registration", &flow, profile("ada")).await;
        app.send("registration", &flow, json!({"screen": "previous"})).await;
        app.send("registration", &flow, profile("bob")).await;
        let done = app.send("registration", &flow, json!({"method": "password", "password": PASSWORD})).await;
        assert_eq!(done.json["identity"]["traits"]["email"], json!(address("bob")), "{}", done.text);
        assert_eq!(people(&server).await, 1);
    }
}

/// The first step's checks hold in the second one too, whatever its hidden fields say then.
#[tokio::test]
async fn the_second_step_does_not_trust_its_hidden_fields() {
    for server in Server::all_with(testkit::configuration()).await {
        let app = App(&server);
        for (traits, expected) in [
            (json!({"email": "no-address"}), 4_000_001),
            (json!({"email": address("ada"), "role": "admin"}), 4_000_001),
            (json!({}), REQUIRED),
        ] {
            let flow = app.begin("registration").await;
            second_step(&app.send("registration", &flow, profile("ada")).await);
            let form = json!({"method": "password", "password": PASSWORD, "traits": traits});
            let refused = app.send("registration", &flow, form).await;
            assert_eq!(refused.status, 400, "{}", refused.text);
            assert!(!messages(&refused.json).is_empty(), "{expected}: {}", refused.text);
        }
        assert_eq!(people(&server).await, 0);
    }
}

#[tokio::test]
async fn a_step_says_what_is_missing_and_makes_nobody() {
    for server in Server::all().await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        for form in [json!({"method": "profile"}), json!({}), json!({"method": "unknown"})] {
            let missing = app.send("registration", &flow, form).await;
            assert_eq!((missing.status.as_u16(), messages(&missing.json)), (400, vec![REQUIRED]), "{}", missing.text);
        }
        second_step(&app.send("registration", &flow, profile("ada")).await);
        let missing = app.send("registration", &flow, json!({"method": "password"})).await;
        assert_eq!(node(&missing.json, "password")["messages"][0]["id"], REQUIRED, "{}", missing.text);
        let short = app.send("registration", &flow, json!({"method": "password", "password": "short-1"})).await;
        assert_eq!(messages(&short.json), [4_000_032], "{}", short.text);
        let similar =
            app.send("registration", &flow, json!({"method": "password", "password": "ada@example.org"})).await;
        assert_eq!(messages(&similar.json), [4_000_031], "{}", similar.text);
        assert_eq!(people(&server).await, 0);
    }
}

#[tokio::test]
async fn in_one_step_all_is_asked_for_at_once() {
    for server in Server::all_with(unified()).await {
        let app = App(&server);
        let flow = server.public("GET", "/self-service/registration/api", None).await.json;
        let mut asked = names(&flow);
        asked.sort();
        assert_eq!(asked, ["method=password", "password=", "traits.email=", "traits.name="]);
        let form = json!({"method": "password", "password": PASSWORD, "traits": {"email": address("ada")}});
        let done = app.send("registration", &id(&flow), form).await;
        assert_eq!(done.status, 200, "{}", done.text);
        // Without the hook `session` nobody is signed in by it.
        assert_eq!((done.json.get("session"), done.json.get("session_token")), (None, None));
    }
}

#[tokio::test]
async fn without_the_hook_a_browser_is_not_signed_in() {
    for server in Server::all_with(unified()).await {
        let browser = Browser::default();
        let flow = browser.begin(&server, "registration").await;
        let form = json!({"method": "password", "password": PASSWORD, "traits.email": address("ada")});
        let done = browser.send(&server, "registration", &flow, form).await;
        assert!(done.status.is_redirection(), "{}", done.text);
        assert!(
            !done
                .headers
                .get_all("set-cookie")
                .iter()
                .any(|cookie| { cookie.to_str().is_ok_and(|cookie| cookie.starts_with("ory_kratos_session")) })
        );
        assert_eq!((people(&server).await, level(&browser.whoami(&server).await)), (1, 0));
    }
}

#[tokio::test]
async fn an_account_that_is_there_stays_as_it_is() {
    for server in Server::all_with(unified()).await {
        server.person_with_password("ada").await;
        let app = App(&server);
        for email in ["ada@example.org", "ADA@EXAMPLE.ORG", " ada@example.org"] {
            let flow = app.begin("registration").await;
            let form = json!({"method": "password", "password": "another-password-2", "traits": {"email": email}});
            let refused = app.send("registration", &flow, form).await;
            assert_eq!(refused.status, 400, "{email}: {}", refused.text);
            assert_eq!(refused.json.get("session_token"), None);
        }
        assert_eq!(people(&server).await, 1);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("ada", "another-password-2").await.status, 400);
    }
}

#[tokio::test]
async fn of_two_who_take_a_name_at_once_one_gets_it() {
    for server in Server::all_with(unified()).await {
        let app = App(&server);
        let (one, two) = (app.begin("registration").await, app.begin("registration").await);
        let form = json!({"method": "password", "password": PASSWORD, "traits": {"email": address("ada")}});
        let answers =
            tokio::join!(app.send("registration", &one, form.clone()), app.send("registration", &two, form.clone()),);
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{}\n{}", answers.0.text, answers.1.text);
        assert_eq!(people(&server).await, 1);
    }
}

#[tokio::test]
async fn of_two_forms_of_one_flow_at_once_one_makes_a_person() {
    for server in Server::all_with(unified()).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        let form = |name: &str| json!({"method": "password", "password": PASSWORD, "traits": {"email": address(name)}});
        let answers =
            tokio::join!(app.send("registration", &flow, form("ada")), app.send("registration", &flow, form("bob")),);
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{}\n{}", answers.0.text, answers.1.text);
        assert_eq!(people(&server).await, 1);
    }
}

/// The address is not proved by signing up, whatever is sent along.
#[tokio::test]
async fn nobody_marks_an_address_as_proved_or_an_account_as_more_than_it_is() {
    for server in Server::all_with(unified()).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        let form = json!({
            "method": "password", "password": PASSWORD, "traits": {"email": address("ada")},
            "verifiable_addresses": [{"value": address("ada"), "verified": true, "via": "email", "status": "completed"}],
            "metadata_public": {"role": "admin"}, "metadata_admin": {"role": "admin"}, "state": "inactive",
            "id": testkit::NOWHERE, "schema_id": "bare", "external_id": "x"
        });
        let done = app.send("registration", &flow, form).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let made = server.admin("GET", &format!("/admin/identities/{}", id(&done.json["identity"])), None).await.json;
        assert_eq!(made["verifiable_addresses"][0]["verified"], false);
        assert_eq!((&made["metadata_public"], &made["metadata_admin"]), (&Value::Null, &Value::Null));
        assert_eq!((&made["state"], &made["schema_id"]), (&json!("active"), &json!("default")));
        assert_ne!(made["id"], testkit::NOWHERE);
        assert!(made["external_id"].is_null());
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_makes_nobody() {
    for server in Server::all_with(unified()).await {
        let browser = Browser::default();
        let flow = browser.begin(&server, "registration").await;
        let path = format!("/self-service/registration?flow={flow}");
        let other = Browser::default();
        let foreign = other.begin(&server, "registration").await;
        let foreign = other.fetch(&server, "registration", &foreign).await.json;
        for token in [Value::Null, json!(""), node(&foreign, "csrf_token")["attributes"]["value"].clone()] {
            let traits = json!({"email": address("ada")});
            let form = json!({"method": "password", "password": PASSWORD, "traits": traits, "csrf_token": token});
            for sender in [&browser, &other] {
                let sent = sender.ask(&server, "POST", &path, "application/json", Some(form.clone())).await;
                assert_eq!((sent.status.as_u16(), &sent.json["error"]["id"]), (403, &json!("security_csrf_violation")));
            }
        }
        assert_eq!(people(&server).await, 0);
    }
}

#[tokio::test]
async fn the_hook_shows_the_way_to_the_proof_of_the_address() {
    for server in Server::all_with(hooks(&json!([{"hook": "session"}, {"hook": "show_verification_ui"}]))).await {
        let app = App(&server);
        let flow = app.begin("registration").await;
        app.send("registration", &flow, profile("ada")).await;
        let done = app.send("registration", &flow, json!({"method": "password", "password": PASSWORD})).await;
        let items = done.json["continue_with"].as_array().expect("what comes next");
        let item = items.iter().find(|item| item["action"] == "show_verification_ui").expect("the way");
        assert_eq!(item["flow"]["verifiable_address"], json!(address("ada")));
        let code = testkit::mailed_code(&server, "ada").await;
        let proved = app.try_code("verification", &id(&item["flow"]), &code).await;
        assert_eq!(proved.json["state"], "passed_challenge", "{}", proved.text);

        let browser = Browser::default();
        let flow = browser.begin(&server, "registration").await;
        let traits = json!({"method": "profile", "traits.email": address("bob")});
        browser.send(&server, "registration", &flow, traits).await;
        let form = json!({"method": "password", "password": PASSWORD, "traits.email": address("bob")});
        let done = browser.send(&server, "registration", &flow, form).await;
        assert!(location(&done).contains("verification"), "{}", location(&done));
        let shown = browser.fetch(&server, "verification", &testkit::flow_of(&done)).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        assert_eq!(mails(&server, "bob").await.len(), 1);
    }
}

#[tokio::test]
async fn switched_off_it_makes_nobody() {
    let off = json!({"selfservice": {"flows": {"registration": {"enabled": false, "style": "unified"}}}});
    for server in Server::all_with(off).await {
        for path in ["/self-service/registration/api", "/self-service/registration/flows?id=x"] {
            let answer = server.public_with("GET", path, &[("accept", "application/json")], None).await;
            assert_eq!(answer.status, 400, "{path} {}", answer.text);
            assert_eq!(answer.json["error"]["id"], "self_service_flow_disabled", "{path} {}", answer.text);
        }
    }
}

trait Shown {
    fn json_as(self, status: u16) -> Answer;
}

impl Shown for Answer {
    /// The flow as it is read (200), for checks that are made of a refusal's form.
    fn json_as(mut self, status: u16) -> Answer {
        assert_eq!(self.status, 200, "{}", self.text);
        self.status = http::StatusCode::from_u16(status).expect("a status");
        self
    }
}

/// What a client sends along is in the answer and in the mail, and nowhere later.
#[tokio::test]
async fn a_transient_payload_reaches_the_answer_and_the_mail() {
    // base64 of "Welcome from {{ .TransientPayload.campaign }}: {{ .VerificationCode }}"
    let text =
        "base64://V2VsY29tZSBmcm9tIHt7IC5UcmFuc2llbnRQYXlsb2FkLmNhbXBhaWduIH19OiB7eyAuVmVyaWZpY2F0aW9uQ29kZSB9fQ==";
    let mut more = unified();
    more["dev"] = json!(true);
    more["courier"] = json!({"templates": {"verification_code": {"valid": {"email": {"body": {"plaintext": text}}}}}});
    for server in Server::all_with(more).await {
        let app = App(&server);
        let flow = id(&server.public("GET", "/self-service/registration/api", None).await.json);
        let mut body = json!({"method": "password", "password": "short", "traits": {"email": address("ada"), "name": "Ada"},
            "transient_payload": {"campaign": "spring"}});
        let refused = app.send("registration", &flow, body.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.json["transient_payload"]), (400, &body["transient_payload"]));
        let path = format!("/self-service/registration/flows?id={flow}");
        assert_eq!(server.public("GET", &path, None).await.json.get("transient_payload"), None);
        body["password"] = json!(PASSWORD);
        assert_eq!(app.send("registration", &flow, body).await.status, 200);
        let mail = mails(&server, "ada").await.remove(0);
        assert!(mail["body"].as_str().is_some_and(|text| text.starts_with("Welcome from spring: ")), "{mail}");
    }
}
