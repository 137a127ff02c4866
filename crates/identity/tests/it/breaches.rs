//! Passwords that others know: the list is asked by five characters of a hash, and does not have to be there.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::{Value, json};
use testkit::{Answer, App, Member, Server, address, messages};

const BREACHED: u64 = 4_000_034;
const REFUSED: u64 = 4_000_005;
const KNOWN: &str = "a-password-that-leaked";

/// A list that knows one password, and its address.
async fn list(status: u16, count: u32) -> String {
    let (prefix, suffix) = crypto::passwords::sha1_prefix(KNOWN);
    let answer = move |asked: String| async move {
        // Nothing but five characters of a hash may leave the server.
        assert_eq!(asked.len(), 5, "{asked}");
        let known = if asked == prefix { format!("\r\n{suffix}:{count}") } else { String::new() };
        (http::StatusCode::from_u16(status).expect("a status"), format!("0018A45C4D1DEF81644B54AB7F969B88D65:3{known}"))
    };
    let answer = move |Path(asked): Path<String>| answer.clone()(asked);
    let router = Router::new().route("/range/{prefix}", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn settings(host: &str, more: &Value) -> Value {
    let mut config = json!({"haveibeenpwned_enabled": true, "haveibeenpwned_host": host});
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    json!({"selfservice": {
        "flows": {"registration": {"style": "unified"}}, "methods": {"password": {"config": config}}
    }})
}

async fn sign_up(server: &Server, name: &str, password: &str) -> Answer {
    let flow = App(server).begin("registration").await;
    let form = json!({"method": "password", "password": password, "traits": {"email": address(name)}});
    App(server).send("registration", &flow, form).await
}

#[tokio::test]
async fn a_password_that_others_know_is_refused() {
    let host = list(200, 7).await;
    for server in Server::all_with(settings(&host, &json!({}))).await {
        let refused = sign_up(&server, "ada", KNOWN).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![BREACHED]), "{}", refused.text);
        assert!(!refused.text.contains(KNOWN), "{}", refused.text);
        assert_eq!(sign_up(&server, "ada", "nobody-knows-this-1").await.status, 200);
        server.person_with_password("bob").await;
        let bob = Member::sign_in(&server, "bob").await;
        let refused = bob.send_new("settings", "", json!({"method": "password", "password": KNOWN})).await;
        assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![BREACHED]), "{}", refused.text);
    }
}

#[tokio::test]
async fn as_many_breaches_as_are_allowed_do_not_matter() {
    for (count, status) in [(3, 200), (4, 400)] {
        let host = list(200, count).await;
        for server in Server::all_with(settings(&host, &json!({"max_breaches": 3}))).await {
            assert_eq!(sign_up(&server, "ada", KNOWN).await.status, status, "{count}");
        }
    }
}

#[tokio::test]
async fn without_an_answer_the_configuration_decides() {
    for host in [nobody().await, list(500, 7).await] {
        for server in Server::all_with(settings(&host, &json!({"ignore_network_errors": true}))).await {
            assert_eq!(sign_up(&server, "ada", KNOWN).await.status, 200);
        }
        for server in Server::all_with(settings(&host, &json!({"ignore_network_errors": false}))).await {
            let refused = sign_up(&server, "ada", KNOWN).await;
            assert_eq!((refused.status.as_u16(), messages(&refused.json)), (400, vec![REFUSED]), "{}", refused.text);
            let people = server.admin("GET", "/admin/identities", None).await;
            assert_eq!(people.json, json!([]), "{}", people.text);
        }
    }
}
