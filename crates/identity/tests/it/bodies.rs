//! What is no form: too large, broken, of another kind, for flows that are not there. A clear answer, nothing changed,
//! and never a 500.

use serde_json::{Value, json};
use testkit::{App, Member, NOWHERE, PASSWORD, Server, address, messages, password};

const KINDS: [&str; 5] = ["login", "registration", "settings", "recovery", "verification"];

/// A flow of this kind, of a person who is signed in where that is needed.
async fn flow(member: &Member<'_>, kind: &str) -> String {
    if kind == "settings" {
        return testkit::id(&member.begin("settings", "").await);
    }
    App(member.server).begin(kind).await
}

async fn send(member: &Member<'_>, kind: &str, flow: &str, content_type: &str, body: &str) -> testkit::Answer {
    let mut headers = vec![("accept", "application/json"), ("content-type", content_type)];
    if kind == "settings" {
        headers.push(("x-session-token", &member.token));
    }
    let path = format!("/self-service/{kind}?flow={flow}");
    member.server.public_with("POST", &path, &headers, Some(Value::String(body.to_owned()))).await
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let large = format!("{{\"method\": \"password\", \"password\": \"{}\"}}", "x".repeat(5 * 1024 * 1024));
        for kind in KINDS {
            let flow = flow(&member, kind).await;
            let answer = send(&member, kind, &flow, "application/json", &large).await;
            assert_eq!((answer.status.as_u16(), &answer.json["error"]["code"]), (413, &json!(413)), "{kind}");
        }
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_the_form() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let nested = format!("{}1{}", "{\"traits\":".repeat(5000), "}".repeat(5000));
    let bodies = [
        ("application/json", "{not json", 4_000_001),
        ("application/json", "[]", 4_000_001),
        ("application/json", "null", 4_000_001),
        ("application/json", "\"method\"", 4_000_001),
        ("application/json", deep.as_str(), 4_000_001),
        ("application/json", nested.as_str(), 4_000_001),
        ("text/plain", "method=password", 4_000_001),
        ("application/xml", "<method>password</method>", 4_000_001),
        ("", "method=password", 4_000_001),
    ];
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        for kind in KINDS {
            for (content_type, body, message) in bodies {
                let flow = flow(&member, kind).await;
                let answer = send(&member, kind, &flow, content_type, body).await;
                let told = messages(&answer.json);
                let start = &body[..body.len().min(20)];
                assert_eq!(
                    (answer.status.as_u16(), told),
                    (400, vec![message]),
                    "{kind} {content_type} {start}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn fields_of_the_wrong_kind_are_no_fault_of_ours() {
    let odd = [
        json!(7),
        json!([]),
        json!({}),
        json!(true),
        json!(["a", {"b": 1}]),
        json!(null),
        json!("\u{0}"),
        json!("\u{feff}\u{202e}"),
    ];
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        for kind in KINDS {
            for value in &odd {
                for field in [
                    "method",
                    "identifier",
                    "password",
                    "traits",
                    "traits.email",
                    "email",
                    "code",
                    "totp_code",
                    "csrf_token",
                    "screen",
                    "transient_payload",
                ] {
                    let method = if matches!(kind, "recovery" | "verification") { "code" } else { "password" };
                    let mut form =
                        json!({"method": method, "identifier": "x", "password": "y", "traits": {"email": "z"}});
                    form[field] = value.clone();
                    let flow = flow(&member, kind).await;
                    let answer = send(&member, kind, &flow, "application/json", &form.to_string()).await;
                    assert!(answer.status.as_u16() < 500, "{kind} {form}: {}", answer.text);
                    assert!(answer.json.get("session_token").is_none(), "{kind} {form}: {}", answer.text);
                }
            }
        }
    }
}

/// Neither engine stores U+0000 in a text, and one of them would cut the text there.
#[tokio::test]
async fn the_character_nul_is_refused() {
    for server in Server::all_with(json!({"selfservice": {"flows": {"registration": {"style": "unified"}}}})).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = App(&server).begin("registration").await;
        let form =
            json!({"method": "password", "password": PASSWORD, "traits": {"email": address("bob"), "name": "B\u{0}b"}});
        let refused = App(&server).send("registration", &flow, form).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        let form = json!({"method": "profile", "traits": {"email": address("ada"), "name": "A\u{0}a"}});
        let refused = member.send_new("settings", "", form).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        let form = json!({"method": "password", "identifier": "ada@example.org\u{0}", "password": PASSWORD});
        let flow = App(&server).begin("login").await;
        let refused = App(&server).send("login", &flow, form).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert_eq!(refused.json.get("session_token"), None);
        let made = json!({"schema_id": "default", "traits": {"email": address("cyd"), "name": "C\u{0}d"}});
        assert_eq!(server.admin("POST", "/admin/identities", Some(made)).await.status, 400);
        let people = server.admin("GET", "/admin/identities", None).await;
        assert_eq!(people.json.as_array().map(Vec::len), Some(1), "{}", people.text);
        assert_eq!(people.json[0]["traits"].get("name"), None);
    }
}

#[tokio::test]
async fn flows_that_are_not_there_are_not_found() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let login = App(&server).begin("login").await;
        for kind in KINDS {
            for (flow, status) in [(NOWHERE, 404), ("", 400), ("nonsense", 400), ("%00", 400), ("'%20OR%201=1", 400)] {
                let answer = send(&member, kind, flow, "application/json", &password("ada").to_string()).await;
                assert_eq!(answer.status.as_u16(), status, "{kind} {flow}: {}", answer.text);
            }
            if kind != "login" {
                // The id of a flow of another kind is the id of nothing.
                let answer = send(&member, kind, &login, "application/json", &password("ada").to_string()).await;
                assert_eq!(answer.status, 404, "{kind}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn methods_that_nobody_has_are_told() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        for (kind, message) in
            [("login", 4_010_002), ("settings", 4_010_004), ("recovery", 4_010_005), ("verification", 4_010_006)]
        {
            let flow = flow(&member, kind).await;
            for form in [json!({}), json!({"method": "no-such-method"}), json!({"method": ""})] {
                let answer = send(&member, kind, &flow, "application/json", &form.to_string()).await;
                assert_eq!(answer.status, 400, "{kind} {form}: {}", answer.text);
                assert!(messages(&answer.json).contains(&message), "{kind} {form}: {}", answer.text);
            }
        }
    }
}
