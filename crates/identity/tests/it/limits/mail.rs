//! Mails that strangers have sent to somebody's address.

use serde_json::{Value, json};
use testkit::{Answer, App, Browser, Server, address, mails, messages, servers};

use super::{WAIT_SECONDS, behind_proxy, refused};

async fn ask_from(server: &Server, kind: &str, email: &str, client: &str) -> Answer {
    let flow = App(server).begin(kind).await;
    let headers = [("accept", "application/json"), ("x-real-ip", client)];
    let body = json!({"method": "code", "email": email});
    server.public_with("POST", &format!("/self-service/{kind}?flow={flow}"), &headers, Some(body)).await
}

#[tokio::test]
async fn one_client_has_five_mails_sent_to_an_address_and_all_together_twenty() {
    for server in Server::all_with(behind_proxy(json!({}))).await {
        server.person("ada", json!({})).await;
        for client in 1..=4 {
            let client = format!("203.0.113.{client}");
            for number in 0..5 {
                // Recovery and verification count together, and however the address is written.
                let (kind, email) = if number % 2 == 0 {
                    ("recovery", address("ada"))
                } else {
                    ("verification", " ADA@Example.org".to_owned())
                };
                let sent = ask_from(&server, kind, &email, &client).await;
                assert_eq!(sent.status, 200, "{}", sent.text);
            }
            let sent = ask_from(&server, "recovery", &address("ada"), &client).await;
            assert_eq!(refused(&sent), Some(60), "{client}");
        }
        assert_eq!(mails(&server, "ada").await.len(), 20);
        let sent = ask_from(&server, "recovery", &address("ada"), "198.51.100.1").await;
        assert_eq!(refused(&sent), Some(60), "{}", sent.text);
        server.person("bob", json!({})).await;
        assert_eq!(ask_from(&server, "recovery", &address("bob"), "203.0.113.1").await.status, 200);
    }
}

#[tokio::test]
async fn known_and_unknown_addresses_are_limited_alike() {
    for server in Server::all_with(behind_proxy(json!({}))).await {
        server.person("ada", json!({})).await;
        for kind in ["recovery", "verification"] {
            let mut told: Vec<Vec<(u16, Option<u64>)>> = Vec::new();
            for name in ["ada", "nobody"] {
                let mut steps = Vec::new();
                for _ in 0..8 {
                    let sent = ask_from(&server, kind, &address(name), "203.0.113.77").await;
                    steps.push((sent.status.as_u16(), refused(&sent)));
                }
                told.push(steps);
            }
            assert_eq!(told[0], told[1], "{kind}");
            assert_eq!(told[0].last(), Some(&(429, Some(60))), "{kind}");
            server.wait(24 * 3600);
        }
    }
}

#[tokio::test]
async fn a_browser_is_told_in_its_form() {
    for server in servers(json!({"security": {"limits": {"mail": {"free": 1, "first_delay": "90s"}}}})).await {
        let browser = Browser::default();
        let form = browser.begin(&server, "recovery").await;
        let body = || -> Value { json!({"method": "code", "email": address("ada")}) };
        // All clients together have four times as many.
        for _ in 0..4 {
            browser.send(&server, "recovery", &form, body()).await;
            assert_ne!(messages(&browser.fetch(&server, "recovery", &form).await.json), [WAIT_SECONDS]);
        }
        let told = browser.send(&server, "recovery", &form, body()).await;
        assert!(told.status.is_redirection(), "{}", told.text);
        let shown = browser.fetch(&server, "recovery", &form).await;
        assert_eq!(messages(&shown.json), [WAIT_SECONDS]);
        assert_eq!(shown.json["ui"]["messages"][0]["context"]["seconds"], 90);
    }
}
