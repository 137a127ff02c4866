//! Faults of the reference server that limen does not copy (docs/compatibility.md), those without a better place.
//! TOTP codes (17) are in `second_factor`, recovery and verification (6, 18, 20) beside their routes, metadata (1) and
//! sessions (8, 11) beside the admin ones.

use serde_json::{Value, json};
use testkit::{App, Member, PASSWORD, Server, address, id, lenient, messages, node, password};

/// 12: under eight clients that sign in at once SQLite answered 500 "Could not update flow".
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_clients_sign_in_at_once() {
    for server in Server::all().await {
        let names: Vec<String> = (0..8).map(|number| format!("client-{number}")).collect();
        for name in &names {
            server.person_with_password(name).await;
        }
        let sign_in = names.iter().flat_map(|name| [name, name, name]).map(|name| server.sign_in(name, PASSWORD));
        let answers = futures::future::join_all(sign_in).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
}

/// 16: a cookie that is not ours beside a good token was a 500 with the cookie library's words.
#[tokio::test]
async fn a_bad_cookie_beside_a_good_token_does_not_matter() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let (_, token) = server.session("ada").await;
        let bearer = format!("Bearer {token}");
        for cookie in ["ory_kratos_session=x", "ory_kratos_session=", "ory_kratos_session=MTcz|x|y; a=b", "="] {
            let headers = [("authorization", bearer.as_str()), ("cookie", cookie)];
            let shown = server.public_with("GET", "/sessions/whoami", &headers, None).await;
            assert_eq!(shown.status, 200, "{cookie}: {}", shown.text);
            let alone = server.public_with("GET", "/sessions/whoami", &[("cookie", cookie)], None).await;
            assert_eq!(alone.status, 401, "{cookie}: {}", alone.text);
            assert!(!alone.text.to_lowercase().contains("cookie:"), "{}", alone.text);
        }
    }
}

/// 11: bodies of 401 leak names of internal structures.
#[tokio::test]
async fn refusals_of_strangers_name_nothing_from_inside() {
    for server in Server::all().await {
        for (method, path) in [
            ("GET", "/sessions/whoami"),
            ("GET", "/sessions"),
            ("DELETE", "/sessions"),
            ("GET", "/self-service/settings/api"),
            ("GET", "/self-service/settings/flows?id=00000000-0000-4000-8000-00000000dead"),
            ("GET", "/self-service/logout/browser"),
        ] {
            for token in ["", "ory_st_nobody"] {
                let headers = [("accept", "application/json"), ("x-session-token", token)];
                let answer = server.public_with(method, path, &headers, None).await;
                assert_eq!(answer.status, 401, "{path}: {}", answer.text);
                assert_eq!(answer.json["error"]["code"], 401, "{path}: {}", answer.text);
                let said = answer.text.to_lowercase();
                for word in ["sql", "struct", "panic", "::", ".rs", "cipher", "rows", "ory_st_nobody", "debug"] {
                    assert!(!said.contains(word), "{path} says {word}: {}", answer.text);
                }
            }
        }
    }
}

/// 4: HTTP 400 with another code in the body.
#[tokio::test]
async fn the_code_in_the_body_is_the_status() {
    for server in Server::all().await {
        for (method, path, status) in [
            ("GET", "/self-service/login/api?aal=aal9", 400),
            ("GET", "/self-service/login/flows?id=nonsense", 404),
            ("POST", "/self-service/login", 400),
            ("GET", "/self-service/login/api?return_to=http://elsewhere.test/", 400),
            ("GET", "/self-service/errors?id=nonsense", 404),
            ("GET", "/schemas/nonsense", 404),
        ] {
            let answer = server.public_with(method, path, &[("accept", "application/json")], None).await;
            assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
            assert_eq!(answer.json["error"]["code"], status, "{path}: {}", answer.text);
        }
    }
}

/// 19: after a save `state: success` and its message stayed in later refusals.
#[tokio::test]
async fn a_refusal_after_a_save_does_not_look_like_a_success() {
    for server in Server::all_with(lenient()).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("settings", "").await);
        let profile = |name: Value| json!({"method": "profile", "traits": {"email": address("ada"), "name": name}});
        let saved = member.send("settings", &flow, profile(json!("Ada"))).await;
        assert_eq!((saved.status.as_u16(), &saved.json["state"]), (200, &json!("success")), "{}", saved.text);
        assert_eq!(messages(&saved.json), [1_050_001]);
        let refused = member.send("settings", &flow, profile(json!(7))).await;
        assert_eq!((refused.status.as_u16(), &refused.json["state"]), (400, &json!("show_form")), "{}", refused.text);
        assert!(!messages(&refused.json).contains(&1_050_001), "{}", refused.text);
        let read = member.ask("GET", &format!("/self-service/settings/flows?id={flow}"), None).await;
        assert!(!messages(&read.json).contains(&1_050_001), "{}", read.text);
        assert_eq!(read.json["state"], "show_form");
        assert_eq!(member.send("settings", &flow, profile(json!("Ada L"))).await.json["state"], "success");
    }
}

/// 19: asked twice in one flow, the nodes of the second step stood there twice.
#[tokio::test]
async fn who_is_asked_for_twice_is_shown_one_form() {
    let style = json!({"selfservice": {"flows": {"login": {"style": "identifier_first"}}}});
    for server in Server::all_with(style).await {
        server.person_with_password("ada").await;
        server.person_with_password("bob").await;
        let app = App(&server);
        let flow = app.begin("login").await;
        let ask = |name: &str| json!({"method": "identifier_first", "identifier": address(name)});
        let first = app.send("login", &flow, ask("ada")).await;
        let second = app.send("login", &flow, ask("bob")).await;
        let count = |answer: &Value| answer["ui"]["nodes"].as_array().map(Vec::len);
        assert_eq!(count(&first.json), count(&second.json), "{}", second.text);
        assert_eq!(node(&second.json, "identifier")["attributes"]["value"], json!(address("bob")));
        let done = app.send("login", &flow, password("bob")).await;
        assert_eq!(done.json["session"]["identity"]["traits"]["email"], json!(address("bob")), "{}", done.text);
    }
}

/// 20: `DELETE /sessions` counted sessions that had been revoked before.
#[tokio::test]
async fn sessions_that_have_ended_are_not_counted_again() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        for _ in 0..2 {
            server.session("ada").await;
        }
        assert_eq!(member.ask("DELETE", "/sessions", None).await.json["count"], 2);
        assert_eq!(member.ask("DELETE", "/sessions", None).await.json["count"], 0);
        server.session("ada").await;
        assert_eq!(member.ask("DELETE", "/sessions", None).await.json["count"], 1);
        assert_eq!(member.level().await, 1);
    }
}
