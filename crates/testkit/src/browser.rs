//! A browser: it keeps cookies, follows redirects one at a time, and reads JSON where it plays the script of a page.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::forms::{flow_of, node, password};
use crate::second_factors::level;
use crate::server::{Answer, Server};

/// A browser: it keeps cookies. As a page's script it reads JSON.
#[derive(Default)]
pub struct Browser {
    /// Its cookies by name.
    pub cookies: RefCell<BTreeMap<String, String>>,
}

impl Browser {
    /// A request for HTML or JSON.
    pub async fn ask(&self, server: &Server, method: &str, path: &str, accept: &str, body: Option<Value>) -> Answer {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("accept", accept)];
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let form = body.as_ref().filter(|_| accept == "text/html").map(as_form);
        let body = match form {
            Some(form) => {
                headers.push(("content-type", "application/x-www-form-urlencoded"));
                Some(Value::String(form))
            }
            None => body,
        };
        let answer = server.public_with(method, path, &headers, body).await;
        for header in answer.headers.get_all("set-cookie") {
            let cookie = header.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = cookie.split_once('=').expect("a cookie");
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Opens an address.
    pub async fn open(&self, server: &Server, path: &str) -> Answer {
        self.ask(server, "GET", path, "text/html", None).await
    }

    /// Reads a flow as the script of a page does.
    pub async fn fetch(&self, server: &Server, kind: &str, flow: &str) -> Answer {
        self.ask(server, "GET", &format!("/self-service/{kind}/flows?id={flow}"), "application/json", None).await
    }

    /// Sends a form with the CSRF token that its page has.
    pub async fn send(&self, server: &Server, kind: &str, flow: &str, mut body: Value) -> Answer {
        let page = self.fetch(server, kind, flow).await;
        body["csrf_token"] = node(&page.json, "csrf_token")["attributes"]["value"].clone();
        self.ask(server, "POST", &format!("/self-service/{kind}?flow={flow}"), "text/html", Some(body)).await
    }

    /// Begins a flow and gives its id.
    pub async fn begin(&self, server: &Server, kind: &str) -> String {
        self.begin_with(server, kind, "").await
    }

    /// Begins a flow with a query and gives its id.
    pub async fn begin_with(&self, server: &Server, kind: &str, query: &str) -> String {
        flow_of(&self.open(server, &format!("/self-service/{kind}/browser{query}")).await)
    }

    /// Sends a form as the script of a page does, with the CSRF token of its page.
    pub async fn submit(&self, server: &Server, kind: &str, flow: &str, mut body: Value) -> Answer {
        let page = self.fetch(server, kind, flow).await;
        body["csrf_token"] = node(&page.json, "csrf_token")["attributes"]["value"].clone();
        self.ask(server, "POST", &format!("/self-service/{kind}?flow={flow}"), "application/json", Some(body)).await
    }

    /// What whoami answers.
    pub async fn whoami(&self, server: &Server) -> Answer {
        self.ask(server, "GET", "/sessions/whoami", "application/json", None).await
    }

    /// The `Cookie` header but for cookies whose name begins so.
    pub fn cookies_without(&self, start: &str) -> String {
        let cookies = self.cookies.borrow();
        let others = cookies.iter().filter(|(name, _)| !name.starts_with(start));
        others.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Changes the value of each cookie whose name begins so.
    pub fn tamper(&self, start: &str, change: impl Fn(&str) -> String) {
        let mut cookies = self.cookies.borrow_mut();
        let ours = cookies.iter_mut().filter(|(name, _)| name.starts_with(start));
        let changed = ours.map(|(_, value)| *value = change(value)).count();
        assert_ne!(changed, 0, "no cookie {start}");
    }

    /// Signs in with [`PASSWORD`].
    pub async fn sign_in(&self, server: &Server, name: &str) {
        let flow = self.begin(server, "login").await;
        let done = self.send(server, "login", &flow, password(name)).await;
        assert!(done.status.is_redirection(), "{}", done.text);
        assert_ne!(level(&self.whoami(server).await), 0, "{}", done.text);
    }

    /// Whether it is signed in.
    pub async fn is_signed_in(&self, server: &Server) -> bool {
        self.ask(server, "GET", "/sessions/whoami", "application/json", None).await.status == 200
    }
}

fn as_form(body: &Value) -> String {
    let fields = body.as_object().expect("an object");
    let pairs = fields.iter().map(|(name, value)| (name, value.as_str().unwrap_or_default()));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
