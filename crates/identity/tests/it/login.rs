//! `/self-service/login`: passwords as an app, as a page's script and as a browser; who is not let in.

use serde_json::{Value, json};
use testkit::{
    App, Browser, Member, PASSWORD, Server, address, id, level, location, messages, password, told, try_password,
};

const WRONG: u64 = 4_000_006;

/// CVE-2024-41952 and its kin: whoever asks learns nothing about who has an account.
#[tokio::test]
async fn known_and_unknown_people_are_refused_alike() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person("cyd", json!({})).await;
        let app = App(&server);
        let known = try_password(&app, "ada", "not-the-password").await;
        assert_eq!((known.status.as_u16(), messages(&known.json)), (400, vec![WRONG]), "{}", known.text);
        for (name, password) in [("bob", "not-the-password"), ("bob", PASSWORD), ("cyd", PASSWORD)] {
            let other = try_password(&app, name, password).await;
            assert_eq!(told(&known, "ada"), told(&other, name), "{name}");
        }
        let mut seen = Vec::new();
        for name in ["ada", "bob"] {
            let browser = Browser::default();
            let flow = browser.begin(&server, "login").await;
            let form = json!({"method": "password", "identifier": address(name), "password": "not-the-password"});
            let redirected = browser.send(&server, "login", &flow, form.clone()).await;
            let page = browser.submit(&server, "login", &flow, form).await;
            seen.push((told(&redirected, name), told(&page, name)));
        }
        assert_eq!(seen[0], seen[1]);
    }
}

#[tokio::test]
async fn a_password_is_taken_as_it_is() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let app = App(&server);
        for wrong in [
            &PASSWORD.to_uppercase(),
            &PASSWORD[..PASSWORD.len() - 1],
            &format!("{PASSWORD} "),
            &format!(" {PASSWORD}"),
        ] {
            let refused = try_password(&app, "ada", wrong).await;
            assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![WRONG]), "{wrong:?}");
        }
        // The name may be written as people write it.
        let flow = app.begin("login").await;
        let form = json!({"method": "password", "identifier": " ADA@Example.org ", "password": PASSWORD});
        assert_eq!(app.send("login", &flow, form).await.status, 200);
    }
}

#[tokio::test]
async fn of_two_forms_of_one_flow_at_once_one_gives_a_session() {
    for server in Server::all().await {
        let person = server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("login").await;
        let answers =
            tokio::join!(app.send("login", &flow, password("ada")), app.send("login", &flow, password("ada")));
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{}\n{}", answers.0.text, answers.1.text);
        let sessions = server.admin("GET", &format!("/admin/identities/{person}/sessions"), None).await;
        assert_eq!(sessions.json.as_array().map(Vec::len), Some(1), "{}", sessions.text);
        let again = app.send("login", &flow, password("ada")).await;
        assert_eq!((again.status.as_u16(), messages(&again.json)), (400, vec![4_010_007]), "{}", again.text);
        assert_eq!(again.json.get("session_token"), None);
    }
}

#[tokio::test]
async fn an_ended_flow_names_the_one_that_takes_its_place() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let flow = app.begin("login").await;
        server.wait(3601);
        let read = server.public("GET", &format!("/self-service/login/flows?id={flow}"), None).await;
        assert_eq!((read.status.as_u16(), &read.json["error"]["id"]), (410, &json!("self_service_flow_expired")));
        let ended = app.send("login", &flow, password("ada")).await;
        assert_eq!((ended.status.as_u16(), &ended.json["error"]["id"]), (410, &json!("self_service_flow_expired")));
        let next = ended.json["use_flow_id"].as_str().expect("a flow");
        assert_eq!(app.send("login", next, password("ada")).await.status, 200);

        let browser = Browser::default();
        let flow = browser.begin(&server, "login").await;
        let page = browser.fetch(&server, "login", &flow).await;
        server.wait(3601);
        let mut form = password("ada");
        form["csrf_token"] = testkit::node(&page.json, "csrf_token")["attributes"]["value"].clone();
        let path = format!("/self-service/login?flow={flow}");
        let ended = browser.ask(&server, "POST", &path, "text/html", Some(form)).await;
        let next = testkit::flow_of(&ended);
        assert_ne!(next, flow);
        assert_eq!(messages(&browser.fetch(&server, "login", &next).await.json), [4_010_001]);
        browser.send(&server, "login", &next, password("ada")).await;
        assert!(browser.is_signed_in(&server).await);
    }
}

#[tokio::test]
async fn proving_it_again_keeps_the_session_and_another_person_gets_one_of_their_own() {
    for server in Server::all().await {
        let ada = server.person_with_password("ada").await;
        let bob = server.person_with_password("bob").await;
        let member = Member::sign_in(&server, "ada").await;
        let before = server.whoami(&member.token).await;
        server.wait(60);
        let again = member.send_new("login", "?refresh=true", password("ada")).await;
        assert_eq!(
            (&again.json["session_token"], &again.json["session"]["id"]),
            (&json!(member.token), &before.json["id"])
        );
        assert_ne!(again.json["session"]["authenticated_at"], before.json["authenticated_at"]);

        let other = member.send_new("login", "?refresh=true", password("bob")).await;
        assert_eq!(other.status, 200, "{}", other.text);
        assert_ne!(other.json["session_token"], json!(member.token));
        assert_ne!(other.json["session"]["id"], before.json["id"]);
        assert_eq!(other.json["session"]["identity"]["id"], json!(bob));
        let kept = server.whoami(&member.token).await;
        assert_eq!((&kept.json["identity"]["id"], &kept.json["id"]), (&json!(ada), &before.json["id"]));
    }
}

#[tokio::test]
async fn whoever_is_signed_in_gets_no_second_session() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let begun = member.ask("GET", "/self-service/login/api", None).await;
        assert_eq!((begun.status.as_u16(), &begun.json["error"]["id"]), (400, &json!("session_already_available")));
        let flow = App(&server).begin("login").await;
        let sent = member.send("login", &flow, password("ada")).await;
        assert_eq!((sent.status.as_u16(), messages(&sent.json)), (400, vec![4_000_001]), "{}", sent.text);
        assert_eq!(sent.json.get("session_token"), None);
    }
}

#[tokio::test]
async fn an_inactive_person_is_told_so_only_with_the_right_password() {
    for server in Server::all().await {
        let id = server.person_with_password("ada").await;
        let patch = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
        assert_eq!(server.admin("PATCH", &format!("/admin/identities/{id}"), Some(patch)).await.status, 200);
        let app = App(&server);
        let wrong = try_password(&app, "ada", "not-the-password").await;
        assert_eq!(messages(&wrong.json), [WRONG]);
        let right = try_password(&app, "ada", PASSWORD).await;
        assert_eq!((right.status.as_u16(), messages(&right.json)), (400, vec![4_010_011]), "{}", right.text);
        assert_eq!(right.json.get("session_token"), None);
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_signs_nobody_in() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        let flow = browser.begin(&server, "login").await;
        let path = format!("/self-service/login?flow={flow}");
        let other = Browser::default();
        let foreign = other.begin(&server, "login").await;
        let foreign = other.fetch(&server, "login", &foreign).await;
        let mut with_foreign = password("ada");
        with_foreign["csrf_token"] = testkit::node(&foreign.json, "csrf_token")["attributes"]["value"].clone();
        for form in [password("ada"), with_foreign] {
            let page = browser.ask(&server, "POST", &path, "application/json", Some(form.clone())).await;
            assert_eq!((page.status.as_u16(), &page.json["error"]["id"]), (403, &json!("security_csrf_violation")));
            let redirected = browser.ask(&server, "POST", &path, "text/html", Some(form)).await;
            assert!(location(&redirected).contains("/error"), "{}", location(&redirected));
            assert_eq!(level(&browser.whoami(&server).await), 0);
        }
        // Another browser neither reads nor sends it, though it has a cookie and a token of its own.
        let read = other.fetch(&server, "login", &flow).await;
        assert_eq!((read.status.as_u16(), &read.json["error"]["id"]), (403, &json!("security_csrf_violation")));
        let mut form = password("ada");
        form["csrf_token"] = testkit::node(&foreign.json, "csrf_token")["attributes"]["value"].clone();
        assert_eq!(other.ask(&server, "POST", &path, "application/json", Some(form)).await.status, 403);
    }
}

#[tokio::test]
async fn a_changed_csrf_cookie_is_no_cookie() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        for change in
            [|value: &str| value.chars().rev().collect(), |_: &str| String::new(), |value: &str| format!("{value}x")]
        {
            let browser = Browser::default();
            let flow = browser.begin(&server, "login").await;
            let page = browser.fetch(&server, "login", &flow).await;
            let mut form = password("ada");
            form["csrf_token"] = testkit::node(&page.json, "csrf_token")["attributes"]["value"].clone();
            browser.tamper("csrf_token", change);
            let path = format!("/self-service/login?flow={flow}");
            let sent = browser.ask(&server, "POST", &path, "application/json", Some(form)).await;
            assert_eq!(sent.status, 403, "{}", sent.text);
            assert_eq!(browser.fetch(&server, "login", &flow).await.status, 403);
        }
    }
}

#[tokio::test]
async fn a_native_flow_takes_nothing_from_browsers() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let flow = App(&server).begin("login").await;
        let path = format!("/self-service/login?flow={flow}");
        for header in [("origin", "http://elsewhere.test"), ("cookie", "theme=dark")] {
            let sent = server.public_with("POST", &path, &[header], Some(password("ada"))).await;
            assert_eq!((sent.status.as_u16(), messages(&sent.json)), (400, vec![4_000_001]), "{}", sent.text);
            assert_eq!(sent.json.get("session_token"), None);
        }
    }
}

#[tokio::test]
async fn the_hook_ends_the_other_sessions() {
    let hooks =
        json!({"selfservice": {"flows": {"login": {"after": {"hooks": [{"hook": "revoke_active_sessions"}]}}}}});
    for server in Server::all_with(hooks).await {
        server.person_with_password("ada").await;
        server.person_with_password("bob").await;
        let bob = Member::sign_in(&server, "bob").await;
        let first = Member::sign_in(&server, "ada").await;
        let second = Member::sign_in(&server, "ada").await;
        assert_eq!((first.level().await, second.level().await, bob.level().await), (0, 1, 1));
    }
}

#[tokio::test]
async fn without_a_proved_address_the_hook_lets_nobody_in() {
    let mut more = testkit::configuration();
    more["selfservice"]["flows"] =
        json!({"login": {"after": {"password": {"hooks": [{"hook": "require_verified_address"}]}}}});
    for server in Server::all_with(more).await {
        let person = server.person_with_password("ada").await;
        let app = App(&server);
        let refused = try_password(&app, "ada", PASSWORD).await;
        let error = &refused.json["error"];
        assert_eq!((refused.status.as_u16(), &error["id"]), (403, &json!("session_verified_address_required")));
        assert_eq!(refused.json.get("session_token"), None);
        let sessions = server.admin("GET", &format!("/admin/identities/{person}/sessions"), None).await;
        assert_eq!(sessions.json, json!([]), "{}", sessions.text);
        // The wrong password does not tell that the address is not proved, and sends no mail.
        let mails = testkit::mails(&server, "ada").await.len();
        assert_eq!(messages(&try_password(&app, "ada", "not-the-password").await.json), [WRONG]);
        assert_eq!(testkit::mails(&server, "ada").await.len(), mails);

        let flow = error["details"]["continue_with"][0]["flow"]["id"].as_str().expect("a flow").to_owned();
        let code = testkit::mailed_code(&server, "ada").await;
        assert_eq!(app.try_code("verification", &flow, &code).await.json["state"], "passed_challenge");
        assert_eq!(try_password(&app, "ada", PASSWORD).await.status, 200);

        let browser = Browser::default();
        server.person_with_password("bob").await;
        let flow = browser.begin(&server, "login").await;
        let sent = browser.send(&server, "login", &flow, password("bob")).await;
        assert!(location(&sent).contains("verification"), "{}", location(&sent));
        assert!(!browser.is_signed_in(&server).await);
    }
}

/// A hash of other parameters than the configured ones is made anew by the first sign-in, once.
#[tokio::test]
async fn a_hash_of_before_is_made_anew_at_sign_in() {
    use crypto::passwords::{Algorithm, Argon2Parameters, Caller};
    use crypto::{HashParameters, PasswordHashing, PoolLimits};
    let argon2 = Argon2Parameters { memory_kib: 512, iterations: 1, parallelism: 1, salt_length: 16, key_length: 32 };
    let parameters = HashParameters { algorithm: Algorithm::Argon2id, bcrypt_cost: 4, argon2 };
    let before = PasswordHashing::new(parameters, PoolLimits::for_this_machine(8, 64 * 1024));
    let rng: std::sync::Arc<dyn foundation::Rng> = std::sync::Arc::new(foundation::SystemRng);
    let hash = before.hash(Caller::ANYBODY, &rng, PASSWORD).await.expect("a hash");
    for server in Server::all().await {
        let imported = json!({"credentials": {"password": {"config": {"hashed_password": hash}}}});
        let person = id(&server.person("ada", imported).await);
        let path = format!("/admin/identities/{person}?include_credential=password");
        let changed = async || -> Value {
            server.wait(60);
            server.admin("GET", &path, None).await.json["credentials"]["password"]["updated_at"].clone()
        };
        let imported_at = changed().await;
        assert!(imported_at.is_string(), "{imported_at}");
        assert_eq!(messages(&server.sign_in("ada", "not-the-password").await.json), [WRONG]);
        assert_eq!(changed().await, imported_at);
        server.session("ada").await;
        let rehashed_at = changed().await;
        assert_ne!(rehashed_at, imported_at);
        server.session("ada").await;
        assert_eq!(changed().await, rehashed_at);
    }
}
