//! What is tried or asked too often: the rows of "Throttle and lock-out" of the known weaknesses of such systems, each a
//! test that names its advisory, and what the limits promise beyond them.

mod addresses;
mod factors;
mod mail;
mod passwords;

use http::header::RETRY_AFTER;
use serde_json::{Value, json};
use testkit::{Answer, App, Server, messages};

/// Wrong identifier or password.
const WRONG: u64 = 4_000_006;
/// Try again in some seconds.
const WAIT_SECONDS: u64 = 4_900_001;
/// Try again in some minutes.
const WAIT_MINUTES: u64 = 4_900_002;

/// Settings in which tests say who asks: a proxy on a Unix socket, which requests without a peer come from.
fn behind_proxy(limits: Value) -> Value {
    json!({"dev": true, "serve": {"public": {"trusted_proxies": ["unix"]}}, "security": {"limits": limits}})
}

/// The seconds of a refusal; `None` if it was none.
fn refused(answer: &Answer) -> Option<u64> {
    (answer.status == 429).then(|| {
        assert_eq!(answer.json["error"]["id"], "too_many_attempts", "{}", answer.text);
        let header = answer.headers.get(RETRY_AFTER).expect("a 429 says when to come back");
        header.to_str().expect("text").parse().expect("seconds")
    })
}

/// Signs in as an app, with an identifier as it is typed.
async fn try_as(server: &Server, identifier: &str, password: &str) -> Answer {
    let app = App(server);
    let flow = app.begin("login").await;
    app.send("login", &flow, json!({"method": "password", "identifier": identifier, "password": password})).await
}

/// So many wrong passwords, each looked at.
async fn wrong_passwords(server: &Server, identifier: &str, times: usize) {
    for _ in 0..times {
        let answer = try_as(server, identifier, "not-the-password").await;
        assert_eq!((answer.status.as_u16(), messages(&answer.json)), (400, vec![WRONG]), "{}", answer.text);
    }
}
