//! People beyond a password: apps that are signed in, authenticator apps, backup codes.

use foundation::Clock;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::forms::node;
use crate::server::{Answer, Server, id};

/// How long a code of an authenticator app stands.
pub const STEP: u64 = 30;

/// An app that shows a session token.
pub struct Member<'a> {
    /// The server it talks to.
    pub server: &'a Server,
    /// What it shows.
    pub token: String,
}

impl<'a> Member<'a> {
    /// An app in which this person signed in with [`PASSWORD`].
    pub async fn sign_in(server: &'a Server, name: &str) -> Self {
        let (_, token) = server.session(name).await;
        Self { server, token }
    }

    /// A request with the token.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = [("x-session-token", self.token.as_str()), ("accept", "application/json")];
        self.server.public_with(method, path, &headers, body).await
    }

    /// Begins a flow and gives it.
    pub async fn begin(&self, kind: &str, query: &str) -> Value {
        let flow = self.ask("GET", &format!("/self-service/{kind}/api{query}"), None).await;
        assert_eq!(flow.status, 200, "{}", flow.text);
        flow.json
    }

    /// Sends a form.
    pub async fn send(&self, kind: &str, flow: &str, body: Value) -> Answer {
        self.ask("POST", &format!("/self-service/{kind}?flow={flow}"), Some(body)).await
    }

    /// Sends a form in a flow of its own.
    pub async fn send_new(&self, kind: &str, query: &str, body: Value) -> Answer {
        let flow = self.begin(kind, query).await;
        self.send(kind, &id(&flow), body).await
    }

    /// The level of the session, nought if it counts no more. Reads the session itself, whatever level is required.
    pub async fn level(&self) -> u8 {
        level(&self.server.whoami(&self.token).await)
    }

    /// Sets an authenticator app up.
    pub async fn set_up_totp(&self) -> Authenticator {
        let flow = self.begin("settings", "").await;
        let app = Authenticator::shown_in(&flow);
        let done =
            self.send("settings", &id(&flow), json!({"method": "totp", "totp_code": app.code(self.server)})).await;
        assert_eq!((done.status.as_u16(), &done.json["state"]), (200, &json!("success")), "{}", done.text);
        app
    }

    /// Sets backup codes up.
    pub async fn set_up_backup_codes(&self) -> Vec<String> {
        let flow = self.begin("settings", "").await;
        let make = json!({"method": "lookup_secret", "lookup_secret_regenerate": true});
        let shown = self.send("settings", &id(&flow), make).await;
        let list = node(&shown.json, "lookup_secret_codes")["attributes"]["text"]["text"].as_str();
        let codes: Vec<String> = list.expect("codes").split(", ").map(str::to_owned).collect();
        let confirm = json!({"method": "lookup_secret", "lookup_secret_confirm": true});
        let done = self.send("settings", &id(&flow), confirm).await;
        assert_eq!((done.status.as_u16(), &done.json["state"]), (200, &json!("success")), "{}", done.text);
        codes
    }
}

/// The level of the session that whoami shows; a session below the required level counts as the first.
pub fn level(whoami: &Answer) -> u8 {
    match (whoami.status.as_u16(), whoami.json["authenticator_assurance_level"].as_str()) {
        (200, Some("aal2")) => 2,
        (200 | 403, _) => 1,
        _ => 0,
    }
}

/// An authenticator app with one account.
#[derive(Clone)]
pub struct Authenticator {
    secret: String,
}

impl Authenticator {
    /// The account that a settings form offers to set up.
    pub fn shown_in(flow: &Value) -> Self {
        let secret = node(flow, "totp_secret_key")["attributes"]["text"]["context"]["secret"].as_str();
        Self { secret: secret.expect("a secret").to_owned() }
    }

    /// What it shows at the server's time.
    pub fn code(&self, server: &Server) -> String {
        let secret = Secret::try_from_base32(&self.secret).expect("base32");
        let generator = Builder::new().with_secret(secret).build_noncompliant();
        generator.generate(u64::try_from(server.clock.now().as_second()).expect("after 1970")).to_string()
    }

    /// A code that it does not show now, before or after.
    pub fn wrong(&self, server: &Server) -> String {
        let right: u32 = self.code(server).parse().expect("digits");
        format!("{:06}", (right + 500_000) % 1_000_000)
    }
}

/// A person with a password, an authenticator app and backup codes; the app that set them up is given too. The code
/// that set the app up is past.
pub async fn well_protected<'a>(server: &'a Server, name: &str) -> (Member<'a>, Authenticator, Vec<String>) {
    server.person_with_password(name).await;
    let member = Member::sign_in(server, name).await;
    let app = member.set_up_totp().await;
    let codes = member.set_up_backup_codes().await;
    server.wait(2 * STEP);
    (member, app, codes)
}
