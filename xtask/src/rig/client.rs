//! The API as people's apps and operators use it. Each call says what the server answered; an error is no answer at all:
//! then nobody knows whether it was done.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::client::{Answer, Request, send};

/// Where the APIs are.
#[derive(Debug, Clone)]
pub struct Api {
    public: String,
    admin: String,
}

impl Api {
    /// The APIs at these addresses.
    pub fn new(public: &str, admin: &str) -> Self {
        Self { public: public.to_owned(), admin: admin.to_owned() }
    }

    /// Begins a flow: its form.
    pub fn begin(&self, kind: &str, token: Option<&str>) -> anyhow::Result<Answer> {
        let url = format!("{}/self-service/{kind}/api", self.public);
        send(&Request { method: "GET", url: &url, token, body: None })
    }

    /// Begins a flow and fills in its form. If it could not even begin, that answer is given.
    pub fn flow(&self, kind: &str, token: Option<&str>, body: &Value) -> anyhow::Result<Answer> {
        let begun = self.begin(kind, token)?;
        if begun.status != 200 {
            return Ok(begun);
        }
        let id = begun.body["id"].as_str().context("the flow has no id")?;
        self.submit(kind, id, token, body)
    }

    /// Fills in the form of a flow.
    pub fn submit(&self, kind: &str, flow: &str, token: Option<&str>, body: &Value) -> anyhow::Result<Answer> {
        let url = format!("{}/self-service/{kind}?flow={flow}", self.public);
        send(&Request { method: "POST", url: &url, token, body: Some(body) })
    }

    /// Signs up with a password.
    pub fn register(&self, email: &str, password: &str) -> anyhow::Result<Answer> {
        let body = json!({"method": "password", "password": password, "traits": {"email": email}});
        self.flow("registration", None, &body)
    }

    /// Signs in with a password.
    pub fn login(&self, email: &str, password: &str) -> anyhow::Result<Answer> {
        self.flow("login", None, &json!({"method": "password", "identifier": email, "password": password}))
    }

    /// Ends a session.
    pub fn logout(&self, token: &str) -> anyhow::Result<Answer> {
        let url = format!("{}/self-service/logout/api", self.public);
        send(&Request { method: "DELETE", url: &url, token: None, body: Some(&json!({ "session_token": token })) })
    }

    /// Whose session this is.
    pub fn whoami(&self, token: &str) -> anyhow::Result<Answer> {
        let url = format!("{}/sessions/whoami", self.public);
        send(&Request { method: "GET", url: &url, token: Some(token), body: None })
    }

    /// Asks the admin API.
    pub fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.admin);
        send(&Request { method, url: &url, token: None, body })
    }

    /// The identities with this address, as operators see them.
    pub fn identities(&self, email: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/admin/identities?credentials_identifier={}", email.replace('@', "%40"));
        let answer = self.admin("GET", &path, None)?;
        answer.body.as_array().cloned().with_context(|| format!("no list, but {}", answer.body))
    }
}
