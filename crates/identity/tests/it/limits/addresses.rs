//! Requests of one client address.

use serde_json::json;
use testkit::{Answer, Server};

use super::{behind_proxy, refused};

async fn begin_from(server: &Server, header: &str, client: &str) -> Answer {
    server.public_with("GET", "/self-service/login/api", &[(header, client)], None).await
}

fn three(more: serde_json::Value) -> serde_json::Value {
    let three = json!({"burst": 3, "per_minute": 60});
    let mut limits = json!({"addresses": {"begin": three, "submit": three, "challenge": three}});
    for (name, value) in more.as_object().expect("an object") {
        limits[name] = value.clone();
    }
    limits
}

#[tokio::test]
async fn a_client_has_a_budget_of_flows_and_gets_it_back() {
    for server in Server::all_with(behind_proxy(three(json!({})))).await {
        for _ in 0..3 {
            assert_eq!(begin_from(&server, "x-real-ip", "203.0.113.1").await.status, 200);
        }
        assert_eq!(refused(&begin_from(&server, "x-real-ip", "203.0.113.1").await), Some(1));
        assert_eq!(begin_from(&server, "x-real-ip", "203.0.113.2").await.status, 200);
        server.wait(1);
        assert_eq!(begin_from(&server, "x-real-ip", "203.0.113.1").await.status, 200);
        assert_eq!(refused(&begin_from(&server, "x-real-ip", "203.0.113.1").await), Some(1));
        // Who only looks is not counted, and what was said elsewhere goes on.
        let shown = server.public_with("GET", "/sessions/whoami", &[("x-real-ip", "203.0.113.1")], None).await;
        assert_eq!(shown.status, 401);
    }
}

#[tokio::test]
async fn each_kind_of_request_has_its_own_budget() {
    for server in Server::all_with(behind_proxy(three(json!({})))).await {
        let headers = [("x-real-ip", "203.0.113.1"), ("accept", "application/json")];
        for path in ["/self-service/login/api", "/self-service/login", "/self-service/recovery"] {
            let method = if path.ends_with("/api") { "GET" } else { "POST" };
            for number in 0..5 {
                let answer = server.public_with(method, path, &headers, Some(json!({}))).await;
                assert_eq!(refused(&answer).is_some(), number >= 3, "{path} {number}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn an_ipv6_client_is_its_network() {
    for server in Server::all_with(behind_proxy(three(json!({})))).await {
        for host in 1..=3 {
            let client = format!("2001:db8::{host}");
            assert_eq!(begin_from(&server, "x-real-ip", &client).await.status, 200);
        }
        assert!(refused(&begin_from(&server, "x-real-ip", "2001:db8:0:0:ffff::1").await).is_some());
        assert_eq!(begin_from(&server, "x-real-ip", "2001:db8:0:1::1").await.status, 200);
    }
}

/// A client that could choose its address would have as many budgets as it likes.
#[tokio::test]
async fn forwarding_headers_of_strangers_do_not_count() {
    let mut settings = behind_proxy(three(json!({})));
    settings["serve"] = json!({});
    for server in Server::all_with(settings).await {
        for number in 0..10 {
            // Nobody's address is known here: nobody is limited by it, and no header changes that.
            let client = format!("203.0.113.{}", number % 2);
            assert_eq!(begin_from(&server, "x-forwarded-for", &client).await.status, 200);
        }
        let page = server.identity.limits.clients();
        assert_eq!(page, 0, "a header made a client");
    }
}

#[tokio::test]
async fn in_development_this_very_machine_is_exempt_unless_it_is_named() {
    for (settings, exempt) in [
        (three(json!({})), true),
        (three(json!({"exempt_loopback": false})), false),
        (three(json!({"exempt_loopback": true})), true),
    ] {
        for server in Server::all_with(behind_proxy(settings.clone())).await {
            for client in ["127.0.0.1", "::1"] {
                let mut answers = Vec::new();
                for _ in 0..5 {
                    answers.push(begin_from(&server, "x-real-ip", client).await.status.as_u16());
                }
                assert_eq!(answers.contains(&429), !exempt, "{client} {settings}: {answers:?}");
            }
        }
    }
    let mut production = behind_proxy(three(json!({})));
    production["dev"] = json!(false);
    for server in Server::all_with(production).await {
        for _ in 0..3 {
            begin_from(&server, "x-real-ip", "127.0.0.1").await;
        }
        assert!(refused(&begin_from(&server, "x-real-ip", "127.0.0.1").await).is_some());
    }
}
