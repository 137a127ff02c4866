//! Second factors at `/self-service/login?aal=aal2` and in the settings: each answer works once, tries are counted.

use serde_json::{Value, json};
use testkit::{Answer, Authenticator, Member, STEP, Server, id, lenient, messages, well_protected};

const WRONG_TOTP: u64 = 4_000_008;
const WRONG_LOOKUP: u64 = 4_000_016;
const USED_LOOKUP: u64 = 4_000_012;
const REASON: u64 = 4_000_001;

fn totp(code: &str) -> Value {
    json!({"method": "totp", "totp_code": code})
}

fn lookup(code: &str) -> Value {
    json!({"method": "lookup_secret", "lookup_secret": code})
}

fn refused(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, 400, "{}", answer.text);
    messages(&answer.json)
}

/// known-faults.md, Identity 17: elsewhere a code is accepted as often as it is sent.
#[tokio::test]
async fn a_totp_code_works_once() {
    for server in Server::all_with(lenient()).await {
        let (_, app, _) = well_protected(&server, "ada").await;
        let (first, second) = (Member::sign_in(&server, "ada").await, Member::sign_in(&server, "ada").await);
        let code = app.code(&server);
        let done = first.send_new("login", "?aal=aal2", totp(&code)).await;
        assert_eq!((done.status.as_u16(), first.level().await), (200, 2), "{}", done.text);
        assert_eq!(refused(&second.send_new("login", "?aal=aal2", totp(&code)).await), [WRONG_TOTP]);
        assert_eq!(second.level().await, 1);
        server.wait(STEP);
        let next = second.send_new("login", "?aal=aal2", totp(&app.code(&server))).await;
        assert_eq!((next.status.as_u16(), second.level().await), (200, 2), "{}", next.text);
    }
}

/// known-faults.md, Identity 17.
#[tokio::test]
async fn the_code_that_set_an_app_up_is_used() {
    for server in Server::all_with(lenient()).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let app = member.set_up_totp().await;
        let other = Member::sign_in(&server, "ada").await;
        let replayed = other.send_new("login", "?aal=aal2", totp(&app.code(&server))).await;
        assert_eq!(refused(&replayed), [WRONG_TOTP]);
        assert_eq!((member.level().await, other.level().await), (2, 1));
    }
}

/// known-faults.md, Identity 17.
#[tokio::test]
async fn of_two_who_send_a_totp_code_at_once_one_wins() {
    for server in Server::all_with(lenient()).await {
        let (_, app, _) = well_protected(&server, "ada").await;
        let (first, second) = (Member::sign_in(&server, "ada").await, Member::sign_in(&server, "ada").await);
        let (one, two) = (first.begin("login", "?aal=aal2").await, second.begin("login", "?aal=aal2").await);
        let (one, two) = (id(&one), id(&two));
        let code = app.code(&server);
        let answers = tokio::join!(first.send("login", &one, totp(&code)), second.send("login", &two, totp(&code)));
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{}\n{}", answers.0.text, answers.1.text);
        assert_eq!(first.level().await + second.level().await, 3);
    }
}

#[tokio::test]
async fn of_two_who_send_a_backup_code_at_once_one_wins() {
    for server in Server::all_with(lenient()).await {
        let (_, _, codes) = well_protected(&server, "ada").await;
        let (first, second) = (Member::sign_in(&server, "ada").await, Member::sign_in(&server, "ada").await);
        let (one, two) = (first.begin("login", "?aal=aal2").await, second.begin("login", "?aal=aal2").await);
        let (one, two) = (id(&one), id(&two));
        let answers =
            tokio::join!(first.send("login", &one, lookup(&codes[3])), second.send("login", &two, lookup(&codes[3])));
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{}\n{}", answers.0.text, answers.1.text);
        assert_eq!(first.level().await + second.level().await, 3);
    }
}

#[tokio::test]
async fn a_backup_code_works_once_and_the_others_still_do() {
    for server in Server::all_with(lenient()).await {
        let (_, _, codes) = well_protected(&server, "ada").await;
        let (first, second) = (Member::sign_in(&server, "ada").await, Member::sign_in(&server, "ada").await);
        assert_eq!(first.send_new("login", "?aal=aal2", lookup(&codes[0])).await.status, 200);
        assert_eq!(refused(&second.send_new("login", "?aal=aal2", lookup(&codes[0])).await), [USED_LOOKUP]);
        assert_eq!(second.level().await, 1);
        assert_eq!(second.send_new("login", "?aal=aal2", lookup(&codes[1])).await.status, 200);
        assert_eq!(second.level().await, 2);
    }
}

/// The limit of `methods.code.config.max_submissions`: five.
#[tokio::test]
async fn the_sixth_try_is_refused_even_if_it_is_right() {
    for server in Server::all_with(lenient()).await {
        let (_, app, codes) = well_protected(&server, "ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("login", "?aal=aal2").await);
        for _ in 0..3 {
            assert_eq!(refused(&member.send("login", &flow, totp(&app.wrong(&server))).await), [WRONG_TOTP]);
        }
        for _ in 0..2 {
            // Another method counts for the same form.
            assert_eq!(refused(&member.send("login", &flow, lookup("nonsense")).await), [WRONG_LOOKUP]);
        }
        assert_eq!(refused(&member.send("login", &flow, totp(&app.code(&server))).await), [REASON]);
        assert_eq!(refused(&member.send("login", &flow, lookup(&codes[0])).await), [REASON]);
        assert_eq!(member.level().await, 1);
        // The code itself is not used up by that, and after a short wait the account may try again.
        server.wait(1);
        assert_eq!(member.send_new("login", "?aal=aal2", totp(&app.code(&server))).await.status, 200);
    }
}

#[tokio::test]
async fn tries_at_once_are_counted_before_they_are_looked_at() {
    for server in Server::all_with(lenient()).await {
        let (_, app, _) = well_protected(&server, "ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("login", "?aal=aal2").await);
        let wrong = app.wrong(&server);
        let tries = (0..10).map(|_| member.send("login", &flow, totp(&wrong)));
        let answers = futures::future::join_all(tries).await;
        let looked_at = answers.iter().filter(|answer| refused(answer) == [WRONG_TOTP]).count();
        assert_eq!(looked_at, 5);
    }
}

#[tokio::test]
async fn tries_to_set_an_app_up_are_counted_too() {
    for server in Server::all_with(lenient()).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let begun = member.begin("settings", "").await;
        let app = Authenticator::shown_in(&begun);
        for _ in 0..5 {
            assert_eq!(refused(&member.send("settings", &id(&begun), totp(&app.wrong(&server))).await), [WRONG_TOTP]);
        }
        assert_eq!(refused(&member.send("settings", &id(&begun), totp(&app.code(&server))).await), [REASON]);
        assert_eq!(member.level().await, 1);
        member.set_up_totp().await;
        assert_eq!(member.level().await, 2);
    }
}

#[tokio::test]
async fn a_second_factor_alone_is_no_way_in() {
    for server in Server::all_with(lenient()).await {
        let (_, app, codes) = well_protected(&server, "ada").await;
        let begun = server.public("GET", "/self-service/login/api?aal=aal2", None).await;
        assert_eq!((begun.status.as_u16(), &begun.json["error"]["id"]), (401, &json!("session_aal1_required")));
        // In a form for the first factor nobody asks for the second.
        let flow = id(&server.public("GET", "/self-service/login/api", None).await.json);
        for answer in [totp(&app.code(&server)), lookup(&codes[0])] {
            let tried = server.public("POST", &format!("/self-service/login?flow={flow}"), Some(answer)).await;
            assert_eq!(refused(&tried), [4_010_002], "{}", tried.text);
            assert_eq!(tried.json.get("session_token"), None);
        }
        // A form for the second factor, sent without the session that began it.
        let member = Member::sign_in(&server, "ada").await;
        let flow = id(&member.begin("login", "?aal=aal2").await);
        let path = format!("/self-service/login?flow={flow}");
        let tried = server.public("POST", &path, Some(totp(&app.code(&server)))).await;
        assert_eq!((tried.status.as_u16(), &tried.json["error"]["id"]), (401, &json!("session_aal1_required")));
    }
}

#[tokio::test]
async fn anothers_code_strengthens_nobody() {
    for server in Server::all_with(lenient()).await {
        let (_, app, codes) = well_protected(&server, "ada").await;
        well_protected(&server, "eve").await;
        let eve = Member::sign_in(&server, "eve").await;
        let ada = Member::sign_in(&server, "ada").await;
        let flow = id(&ada.begin("login", "?aal=aal2").await);
        assert_eq!(refused(&eve.send("login", &flow, totp(&app.code(&server))).await), [WRONG_TOTP]);
        assert_eq!(refused(&eve.send("login", &flow, lookup(&codes[0])).await), [WRONG_LOOKUP]);
        assert_eq!(eve.level().await, 1);
        assert_eq!(ada.send("login", &flow, totp(&app.code(&server))).await.status, 200);
    }
}

/// known-faults.md, Identity 17: elsewhere any code is answered with success then.
#[tokio::test]
async fn an_app_that_is_set_up_is_not_set_up_again() {
    for server in Server::all_with(lenient()).await {
        let (member, app, _) = well_protected(&server, "ada").await;
        for code in ["123456", &app.code(&server)] {
            let again = member.send_new("settings", "", totp(code)).await;
            assert_eq!(refused(&again), [REASON], "{}", again.text);
        }
        // The app that was there still works.
        let other = Member::sign_in(&server, "ada").await;
        assert_eq!(other.send_new("login", "?aal=aal2", totp(&app.code(&server))).await.status, 200);
    }
}

#[tokio::test]
async fn without_the_required_level_nothing_of_the_account_is_shown_or_changed() {
    for server in Server::all().await {
        let (_, app, _) = well_protected(&server, "ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let whoami = member.ask("GET", "/sessions/whoami", None).await;
        assert_eq!((whoami.status.as_u16(), &whoami.json["error"]["id"]), (403, &json!("session_aal2_required")));
        for (method, path) in [("GET", "/self-service/settings/api"), ("GET", "/sessions")] {
            let answer = member.ask(method, path, None).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.text);
            assert!(!answer.text.contains("ada@"), "{path}: {}", answer.text);
        }
        assert_eq!(member.send_new("login", "?aal=aal2", totp(&app.code(&server))).await.status, 200);
        assert_eq!(member.ask("GET", "/sessions/whoami", None).await.status, 200);
    }
}

/// A settings form that was opened in time does not help whoever signed in with one factor alone.
#[tokio::test]
async fn a_session_of_one_factor_cannot_remove_the_second_in_a_form_of_before() {
    for server in Server::all().await {
        let (member, app, _) = well_protected(&server, "ada").await;
        let flow = id(&member.begin("settings", "").await);
        let weak = Member::sign_in(&server, "ada").await;
        let tried = weak.send("settings", &flow, json!({"totp_unlink": true})).await;
        assert_eq!((tried.status.as_u16(), &tried.json["error"]["id"]), (403, &json!("session_aal2_required")));
        assert_eq!(weak.send_new("login", "?aal=aal2", totp(&app.code(&server))).await.status, 200);
        let removed = weak.send("settings", &flow, json!({"totp_unlink": true})).await;
        assert_eq!(removed.status, 200, "{}", removed.text);
    }
}

#[tokio::test]
async fn new_backup_codes_count_only_once_they_are_confirmed() {
    for server in Server::all_with(lenient()).await {
        let (member, _, before) = well_protected(&server, "ada").await;
        let flow = id(&member.begin("settings", "").await);
        let make = json!({"method": "lookup_secret", "lookup_secret_regenerate": true});
        let shown = member.send("settings", &flow, make).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        // Not confirmed: the codes of before still work.
        let other = Member::sign_in(&server, "ada").await;
        assert_eq!(other.send_new("login", "?aal=aal2", lookup(&before[0])).await.status, 200);
        let after = member.set_up_backup_codes().await;
        let third = Member::sign_in(&server, "ada").await;
        assert_eq!(refused(&third.send_new("login", "?aal=aal2", lookup(&before[1])).await), [WRONG_LOOKUP]);
        assert_eq!(third.send_new("login", "?aal=aal2", lookup(&after[1])).await.status, 200);
    }
}
