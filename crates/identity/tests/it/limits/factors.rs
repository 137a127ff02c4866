//! Second factors and mailed codes. CVE-2024-32868: the limit covered passwords alone.

use serde_json::{Value, json};
use testkit::{App, Member, Server, address, another, id, lenient, mailed_code, messages, servers, well_protected};

use super::refused;

/// Each second factor: five tries of one account, whatever the form, the session and the factor; then it is refused even if
/// it is right, and at once accepted when the wait is over.
#[tokio::test]
async fn second_factors_share_five_tries_of_the_account() {
    for factor in ["totp", "lookup_secret"] {
        for server in Server::all_with(lenient()).await {
            let (_, app, codes) = well_protected(&server, "ada").await;
            let wrong = |server: &Server| -> Value {
                match factor {
                    "totp" => json!({"method": "totp", "totp_code": app.wrong(server)}),
                    _ => json!({"method": "lookup_secret", "lookup_secret": "notacode"}),
                }
            };
            // A new session for each try, as who knows the password would make them.
            for number in 0..5 {
                let thief = Member::sign_in(&server, "ada").await;
                let answer = thief.send_new("login", "?aal=aal2", wrong(&server)).await;
                assert_eq!(answer.status, 400, "{factor}, try {number}: {}", answer.text);
                assert!(messages(&answer.json) == [4_000_008] || messages(&answer.json) == [4_000_016]);
            }
            let thief = Member::sign_in(&server, "ada").await;
            let both = [
                json!({"method": "totp", "totp_code": app.code(&server)}),
                json!({"method": "lookup_secret", "lookup_secret": codes[0]}),
            ];
            for right in both {
                let answer = thief.send_new("login", "?aal=aal2", right).await;
                assert_eq!(refused(&answer), Some(1), "{factor}: {}", answer.text);
            }
            assert_eq!(thief.level().await, 1);
            server.wait(1);
            let right = json!({"method": "lookup_secret", "lookup_secret": codes[0]});
            let done = thief.send_new("login", "?aal=aal2", right).await;
            assert_eq!(done.status, 200, "{}", done.text);
            assert_eq!(thief.level().await, 2);
        }
    }
}

/// The codes of recovery and verification: ten tries of one account, with however many forms and mails.
#[tokio::test]
async fn mailed_codes_share_ten_tries_of_the_account() {
    for kind in ["recovery", "verification"] {
        for server in servers(json!({})).await {
            server.person("ada", json!({})).await;
            let app = App(&server);
            for _ in 0..2 {
                let flow = app.ask(kind, "ada").await;
                let code = mailed_code(&server, "ada").await;
                for _ in 0..5 {
                    let answer = app.try_code(kind, &flow, another(&code)).await;
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    assert_ne!(answer.json["state"], "passed_challenge", "{}", answer.text);
                }
            }
            let flow = app.ask(kind, "ada").await;
            let code = {
                let before = testkit::mails(&server, "ada").await;
                assert!(!before.is_empty());
                // The clock stands still, as the wait counts from the last try.
                code_of(&before[0])
            };
            assert_eq!(refused(&app.try_code(kind, &flow, &code).await), Some(1), "{kind}");
            server.wait(1);
            let done = app.try_code(kind, &flow, &code).await;
            assert_eq!(done.json["state"], "passed_challenge", "{kind}: {}", done.text);
        }
    }
}

fn code_of(mail: &Value) -> String {
    let body = mail["body"].as_str().expect("a body");
    let words = body.split(|c: char| !c.is_ascii_alphanumeric());
    let mut code =
        words.filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned);
    code.next().expect("a code")
}

/// Whether somebody has the address shows in none of it.
#[tokio::test]
async fn codes_that_nobody_was_sent_are_limited_alike() {
    for kind in ["recovery", "verification"] {
        for server in servers(json!({})).await {
            server.person("ada", json!({})).await;
            let app = App(&server);
            let mut told = Vec::new();
            for name in ["ada", "nobody"] {
                let mut steps = Vec::new();
                for _ in 0..3 {
                    let flow = app.begin(kind).await;
                    let asked = json!({"method": "code", "email": address(name)});
                    assert_eq!(app.send(kind, &flow, asked).await.status, 200);
                    for _ in 0..5 {
                        let answer = app.try_code(kind, &flow, "987654").await;
                        steps.push((answer.status.as_u16(), refused(&answer), messages(&answer.json)));
                    }
                }
                told.push(steps);
            }
            assert_eq!(told[0], told[1], "{kind}");
            assert!(told[0].iter().any(|(status, ..)| *status == 429), "{told:?}");
        }
    }
}

/// An administrator's code belongs to an account as well.
#[tokio::test]
async fn an_administrators_code_is_limited_by_its_account() {
    let settings = json!({"selfservice": {"methods": {"code": {"config": {"max_submissions": 100}}}}});
    for server in servers(settings).await {
        let person = id(&server.person("ada", json!({})).await);
        let made = server.admin("POST", "/admin/recovery/code", Some(json!({"identity_id": person}))).await;
        let link = made.json["recovery_link"].as_str().expect("a link").to_owned();
        let flow = link.split("flow=").nth(1).expect("a flow").to_owned();
        let headers = [("accept", "application/json")];
        let mut refusals = 0;
        for _ in 0..12 {
            let path = format!("/self-service/recovery?flow={flow}");
            let body = json!({"method": "code", "code": "987654"});
            let answer = server.public_with("POST", &path, &headers, Some(body)).await;
            refusals += usize::from(refused(&answer).is_some());
        }
        assert_eq!(refusals, 2);
    }
}
