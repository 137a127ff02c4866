//! Passwords: counted before they are looked at, by account, on all nodes together; and never against the owner.

use futures::future::join_all;
use serde_json::json;
use testkit::{App, Browser, Member, PASSWORD, Server, address, lenient, messages, password, told, well_protected};

use super::{WAIT_MINUTES, WAIT_SECONDS, WRONG, refused, try_as, wrong_passwords};

/// CVE-2023-47111: parallel guesses beat the counter.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_wrong_passwords_at_once_on_two_nodes_five_are_looked_at() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let second = server.beside(json!({}));
        let (first_flow, second_flow) = (App(&server).begin("login").await, App(&second).begin("login").await);
        let body = json!({"method": "password", "identifier": address("ada"), "password": "not-the-password"});
        let tries = (0..200).map(|number| {
            let (node, flow) = if number % 2 == 0 { (&server, &first_flow) } else { (&second, &second_flow) };
            let body = body.clone();
            async move { App(node).send("login", flow, body).await }
        });
        let answers = join_all(tries).await;
        let looked_at = answers.iter().filter(|answer| refused(answer).is_none()).count();
        assert_eq!(looked_at, 5, "of {} answers", answers.len());
        for answer in answers.iter().filter(|answer| refused(answer).is_none()) {
            assert!(answer.status == 400 && messages(&answer.json) == [WRONG], "{}", answer.text);
        }
        // Not even the right one is looked at, on either node.
        for node in [&server, &second] {
            assert_eq!(refused(&try_as(node, &address("ada"), PASSWORD).await), Some(1));
        }
    }
}

/// CVE-2024-4629: the same race through another way in; each way in shares the account's counter.
#[tokio::test]
async fn all_ways_in_share_one_counter() {
    for server in Server::all_with(lenient()).await {
        server.person_with_password("ada").await;
        let wrong = json!({"method": "password", "identifier": address("ada"), "password": "not-the-password"});
        let member = Member::sign_in(&server, "ada").await;
        // An app, a form, the script of a page, proving again who one is, and changing the password to see if it is new.
        wrong_passwords(&server, &address("ada"), 1).await;
        let browser = Browser::default();
        let form = browser.begin(&server, "login").await;
        browser.send(&server, "login", &form, wrong.clone()).await;
        assert_eq!(messages(&browser.fetch(&server, "login", &form).await.json), [WRONG]);
        let page = Browser::default();
        let script = page.begin(&server, "login").await;
        assert_eq!(messages(&page.submit(&server, "login", &script, wrong.clone()).await.json), [WRONG]);
        let again = member.send_new("login", "?refresh=true", wrong.clone()).await;
        assert_eq!(messages(&again.json), [WRONG], "{}", again.text);
        let same = member.send_new("settings", "", json!({"method": "password", "password": PASSWORD})).await;
        assert_eq!(same.status, 400, "{}", same.text);

        let right = password("ada");
        assert_eq!(refused(&try_as(&server, &address("ada"), PASSWORD).await), Some(1));
        assert_eq!(refused(&page.submit(&server, "login", &script, right.clone()).await), Some(1));
        assert_eq!(refused(&member.send_new("login", "?refresh=true", right.clone()).await), Some(1));
        let change = json!({"method": "password", "password": "another-password-2"});
        assert_eq!(refused(&member.send_new("settings", "", change).await), Some(1));
        let sent = browser.send(&server, "login", &form, right).await;
        assert!(sent.status.is_redirection(), "{}", sent.text);
        assert_eq!(messages(&browser.fetch(&server, "login", &form).await.json), [WAIT_SECONDS]);
        assert!(!browser.is_signed_in(&server).await);
    }
}

/// CVE-2026-9798 and its sisters: a form that was begun before is refused like one that begins now.
#[tokio::test]
async fn a_form_begun_before_is_refused_too() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let app = App(&server);
        let before = app.begin("login").await;
        wrong_passwords(&server, &address("ada"), 5).await;
        assert_eq!(refused(&app.send("login", &before, password("ada")).await), Some(1));
        server.wait(1);
        assert_eq!(app.send("login", &before, password("ada")).await.status, 200);
    }
}

/// CVE-2025-24806: a counter by what was typed doubled the tries.
#[tokio::test]
async fn every_way_to_write_a_name_hits_one_counter() {
    let ways = |name: &str| {
        [
            format!("{name}@example.org"),
            format!("  {}@EXAMPLE.org ", name.to_uppercase()),
            // Full-width letters, and a character that cannot be seen.
            format!("{name}\u{ff20}example.org"),
            format!("{name}\u{200b}@example.org"),
            format!("{name}@Example.ORG"),
        ]
    };
    for server in Server::all().await {
        server.person_with_password("ada").await;
        for name in ["ada", "nobody"] {
            for way in ways(name) {
                wrong_passwords(&server, &way, 1).await;
            }
            for way in ways(name) {
                assert_eq!(refused(&try_as(&server, &way, "not-the-password").await), Some(1), "{way}");
            }
        }
    }
}

#[tokio::test]
async fn known_and_unknown_are_told_the_same_at_every_step() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person("bob", json!({})).await;
        for step in 0..12 {
            let mut answers = Vec::new();
            for name in ["ada", "bob", "nobody"] {
                let answer = try_as(&server, &address(name), "not-the-password").await;
                answers.push(told(&answer, name));
            }
            assert_eq!(answers[0], answers[1], "without a password, step {step}");
            assert_eq!(answers[0], answers[2], "unknown, step {step}");
            server.wait(step);
        }
    }
}

#[tokio::test]
async fn waits_double_end_at_a_quarter_of_an_hour_and_are_forgotten() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        wrong_passwords(&server, &address("ada"), 5).await;
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = refused(&try_as(&server, &address("ada"), "not-the-password").await).expect("a refusal");
            server.wait(wait - 1);
            assert_eq!(refused(&try_as(&server, &address("ada"), "not-the-password").await), Some(1));
            server.wait(1);
            wrong_passwords(&server, &address("ada"), 1).await;
            waits.push(wait);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        let browser = Browser::default();
        let form = browser.begin(&server, "login").await;
        browser.send(&server, "login", &form, password("ada")).await;
        assert_eq!(messages(&browser.fetch(&server, "login", &form).await.json), [WAIT_MINUTES]);
        server.wait(24 * 3600);
        wrong_passwords(&server, &address("ada"), 4).await;
        assert_eq!(try_as(&server, &address("ada"), PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn a_success_begins_anew_and_for_nobody_else() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person_with_password("bob").await;
        for _ in 0..3 {
            wrong_passwords(&server, &address("ada"), 4).await;
            server.session("ada").await;
        }
        wrong_passwords(&server, &address("bob"), 4).await;
        server.session("ada").await;
        wrong_passwords(&server, &address("bob"), 1).await;
        assert_eq!(refused(&try_as(&server, &address("bob"), PASSWORD).await), Some(1));
    }
}

/// CVE-2024-1722, CVE-2026-19607: who hammers a name locks its owner out.
#[tokio::test]
async fn the_owner_signs_in_on_a_known_device_while_others_hammer() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let laptop = Browser::default();
        laptop.sign_in(&server, "ada").await;
        let cookies = laptop.cookies_without("limen_known_device");
        laptop.tamper("ory_kratos_session", |_| String::new());
        wrong_passwords(&server, &address("ada"), 5).await;

        let strange = Browser::default();
        let form = strange.begin(&server, "login").await;
        strange.send(&server, "login", &form, password("ada")).await;
        assert!(!strange.is_signed_in(&server).await);
        assert_eq!(messages(&strange.fetch(&server, "login", &form).await.json), [WAIT_SECONDS]);
        // Without its cookie the laptop is as strange as any other.
        assert!(!cookies.contains("limen_known_device"), "{cookies}");
        laptop.sign_in(&server, "ada").await;

        // The laptop is limited as well, by a counter of its own, and a success there helps nobody else.
        laptop.tamper("ory_kratos_session", |_| String::new());
        for _ in 0..5 {
            let form = laptop.begin(&server, "login").await;
            let wrong = json!({"method": "password", "identifier": address("ada"), "password": "not-the-password"});
            laptop.send(&server, "login", &form, wrong).await;
            assert_eq!(messages(&laptop.fetch(&server, "login", &form).await.json), [WRONG]);
        }
        let form = laptop.begin(&server, "login").await;
        laptop.send(&server, "login", &form, password("ada")).await;
        assert_eq!(messages(&laptop.fetch(&server, "login", &form).await.json), [WAIT_SECONDS]);
        assert_eq!(refused(&try_as(&server, &address("ada"), PASSWORD).await), Some(1));
    }
}

#[tokio::test]
async fn the_cookie_of_one_account_or_of_our_enemy_helps_with_no_other() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person_with_password("eve").await;
        let eve = Browser::default();
        eve.sign_in(&server, "eve").await;
        eve.tamper("ory_kratos_session", |_| String::new());
        wrong_passwords(&server, &address("ada"), 5).await;
        for cookie in [None, Some("x"), Some("")] {
            if let Some(cookie) = cookie {
                eve.tamper("limen_known_device", |_| cookie.to_owned());
            }
            let form = eve.begin(&server, "login").await;
            eve.send(&server, "login", &form, password("ada")).await;
            assert_eq!(messages(&eve.fetch(&server, "login", &form).await.json), [WAIT_SECONDS]);
        }
    }
}

/// Who knows the password, and not the second factor, does not get a counter of second factors with each new browser.
#[tokio::test]
async fn a_device_is_known_only_once_everything_was_proved() {
    for server in Server::all_with(lenient()).await {
        let (_, app, _) = well_protected(&server, "ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let known = || browser.cookies.borrow().keys().any(|name| name == "limen_known_device");
        assert!(!known(), "after the password alone");
        let form = browser.begin_with(&server, "login", "?aal=aal2").await;
        let code = json!({"method": "totp", "totp_code": app.code(&server)});
        let done = browser.send(&server, "login", &form, code).await;
        assert!(done.status.is_redirection(), "{}", done.text);
        assert!(known(), "after both: {}", done.text);
    }
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    for server in Server::all_with(json!({"security": {"limits": {"enabled": false}}})).await {
        server.person_with_password("ada").await;
        wrong_passwords(&server, &address("ada"), 12).await;
        server.session("ada").await;
    }
}

#[tokio::test]
async fn old_counters_go_by_themselves() {
    for server in Server::all().await {
        wrong_passwords(&server, "nobody", 1).await;
        assert_eq!(server.identity.clean_once().await.expect("a database").attempts, 0);
        server.wait(24 * 3600);
        assert_eq!(server.identity.clean_once().await.expect("a database").attempts, 1);
    }
}
