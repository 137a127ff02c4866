//! `/sessions`: when a session ends, who may end it, and what stands for it.

use serde_json::json;
use testkit::{Browser, Member, NOWHERE, Server, level};

#[tokio::test]
async fn a_session_ends_with_its_lifespan() {
    for server in Server::all_with(json!({"session": {"lifespan": "10m"}})).await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        server.wait(599);
        assert_eq!((member.level().await, level(&browser.whoami(&server).await)), (1, 1));
        server.wait(1);
        assert_eq!((member.level().await, level(&browser.whoami(&server).await)), (0, 0));
        let begun = member.ask("GET", "/self-service/settings/api", None).await;
        assert_eq!((begun.status.as_u16(), &begun.json["error"]["id"]), (401, &json!("session_inactive")));
    }
}

#[tokio::test]
async fn another_persons_session_is_not_ended_and_not_told_of() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person_with_password("eve").await;
        let (theirs, token) = server.session("ada").await;
        let eve = Member::sign_in(&server, "eve").await;
        let foreign = eve.ask("DELETE", &format!("/sessions/{theirs}"), None).await;
        let unknown = eve.ask("DELETE", &format!("/sessions/{NOWHERE}"), None).await;
        assert_eq!((foreign.status, foreign.text), (unknown.status, unknown.text));
        assert_eq!(server.whoami(&token).await.status, 200);
        assert_eq!(eve.ask("DELETE", "/sessions", None).await.json["count"], 0);
        assert_eq!(server.whoami(&token).await.status, 200);
        let listed = eve.ask("GET", "/sessions", None).await;
        assert_eq!(listed.json, json!([]), "{}", listed.text);
        let own = eve.ask("GET", "/sessions/whoami", None).await.json["id"].as_str().expect("an id").to_owned();
        assert_eq!(eve.ask("DELETE", &format!("/sessions/{own}"), None).await.status, 400);
    }
}

#[tokio::test]
async fn one_of_ones_own_sessions_is_ended_at_once() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let (other, token) = server.session("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        assert_eq!(member.ask("DELETE", &format!("/sessions/{other}"), None).await.status, 204);
        assert_eq!((level(&server.whoami(&token).await), member.level().await), (0, 1));
    }
}

#[tokio::test]
async fn nothing_but_the_token_stands_for_it() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let (session, token) = server.session("ada").await;
        let last = token.len() - 1;
        let flipped: String = token
            .chars()
            .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        for other in [&token[..last], &token[1..], &format!("{token}x"), &flipped, &session, "ory_st_", "", "%00", "'"]
        {
            assert_eq!(server.whoami(other).await.status, 401, "{other}");
        }
        assert_eq!(server.whoami(&token).await.status, 200);
        // A token is not a cookie's value.
        let cookie = format!("ory_kratos_session={token}");
        assert_eq!(server.public_with("GET", "/sessions/whoami", &[("cookie", &cookie)], None).await.status, 401);
    }
}

#[tokio::test]
async fn a_changed_cookie_is_nobodys() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let good = browser.cookies.borrow()["ory_kratos_session"].clone();
        for place in [0, 5, good.len() / 2, good.len() - 2] {
            browser.tamper("ory_kratos_session", |_| {
                let mut bytes = good.clone().into_bytes();
                bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
                String::from_utf8(bytes).expect("text")
            });
            assert_eq!(browser.whoami(&server).await.status, 401, "{place}");
        }
        browser.tamper("ory_kratos_session", |_| good[..good.len() - 4].to_owned());
        assert_eq!(browser.whoami(&server).await.status, 401);
        browser.tamper("ory_kratos_session", |_| good.clone());
        assert_eq!(browser.whoami(&server).await.status, 200);
    }
}

#[tokio::test]
async fn signing_out_needs_the_token_of_that_session() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        server.person_with_password("eve").await;
        let (ada, eve) = (Browser::default(), Browser::default());
        ada.sign_in(&server, "ada").await;
        eve.sign_in(&server, "eve").await;
        let page = "application/json";
        let foreign = eve.ask(&server, "GET", "/self-service/logout/browser", page, None).await;
        let foreign = foreign.json["logout_token"].as_str().expect("a token").to_owned();
        for (token, status) in [(foreign.as_str(), 403), ("", 400), ("x", 403)] {
            let out = ada.ask(&server, "GET", &format!("/self-service/logout?token={token}"), page, None).await;
            assert_eq!(out.status, status, "{token}: {}", out.text);
            assert_eq!((level(&ada.whoami(&server).await), level(&eve.whoami(&server).await)), (1, 1));
        }
        let kept = ada.cookies.borrow().clone();
        let own = ada.ask(&server, "GET", "/self-service/logout/browser", page, None).await;
        let own = own.json["logout_token"].as_str().expect("a token").to_owned();
        let out = ada.ask(&server, "GET", &format!("/self-service/logout?token={own}"), page, None).await;
        assert_eq!(out.status, 204, "{}", out.text);
        assert_eq!(level(&ada.whoami(&server).await), 0);
        // The cookie of before is worth nothing: the session itself has ended.
        *ada.cookies.borrow_mut() = kept;
        assert_eq!((level(&ada.whoami(&server).await), level(&eve.whoami(&server).await)), (0, 1));
    }
}

#[tokio::test]
async fn a_token_of_a_session_is_refused_and_not_left_out() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let member = Member::sign_in(&server, "ada").await;
        assert_eq!(member.ask("GET", "/sessions/whoami?tokenize_as=any", None).await.status, 400);
        assert_eq!(member.ask("GET", "/sessions/whoami?tokenize_as=", None).await.status, 200);
    }
}
