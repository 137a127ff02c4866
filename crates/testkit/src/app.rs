//! A native app: no cookies, JSON, and flows of its own.

use serde_json::{Value, json};

use crate::server::{Answer, Server, address, id};

/// A native app.
pub struct App<'a>(pub &'a Server);

impl App<'_> {
    /// Begins a flow and gives its id.
    pub async fn begin(&self, kind: &str) -> String {
        let flow = self.0.public("GET", &format!("/self-service/{kind}/api"), None).await;
        assert_eq!(flow.status, 200, "{}", flow.text);
        id(&flow.json)
    }

    /// Sends a form.
    pub async fn send(&self, kind: &str, flow: &str, body: Value) -> Answer {
        let headers = [("accept", "application/json")];
        self.0.public_with("POST", &format!("/self-service/{kind}?flow={flow}"), &headers, Some(body)).await
    }

    /// Begins a flow and asks for a code for a person.
    pub async fn ask(&self, kind: &str, name: &str) -> String {
        let flow = self.begin(kind).await;
        let sent = self.send(kind, &flow, json!({"method": "code", "email": address(name)})).await;
        assert_eq!((sent.status.as_u16(), &sent.json["state"]), (200, &json!("sent_email")), "{}", sent.text);
        flow
    }

    /// Sends a code.
    pub async fn try_code(&self, kind: &str, flow: &str, code: &str) -> Answer {
        self.send(kind, flow, json!({"method": "code", "code": code})).await
    }
}

/// Signs in as an app that has no session.
pub async fn try_password(app: &App<'_>, name: &str, password: &str) -> Answer {
    let flow = app.begin("login").await;
    app.send("login", &flow, json!({"method": "password", "identifier": address(name), "password": password})).await
}
