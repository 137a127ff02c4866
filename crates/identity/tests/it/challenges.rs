//! What the tests of recovery and verification say to the server, and where they find what it mailed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Answer, Server, address};

/// The configuration of most of these tests: mails can be read, and answers say what comes next.
pub fn configuration() -> Value {
    json!({
        "dev": true,
        "feature_flags": {"use_continue_with_transitions": true},
        "selfservice": {"allowed_return_urls": ["http://ui.test"]}
    })
}

/// Servers with that configuration and `more`.
pub async fn servers(more: Value) -> Vec<Server> {
    let mut document = configuration();
    merge(&mut document, more);
    Server::all_with(document).await
}

fn merge(target: &mut Value, more: Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, more) => *target = more,
    }
}

/// A native app.
pub struct App<'a>(pub &'a Server);

impl App<'_> {
    /// Begins a flow and gives its id.
    pub async fn begin(&self, kind: &str) -> String {
        let flow = self.0.public("GET", &format!("/self-service/{kind}/api"), None).await;
        assert_eq!(flow.status, 200, "{}", flow.text);
        crate::support::id(&flow.json)
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

/// The flow that a redirect leads to.
pub fn flow_of(answer: &Answer) -> String {
    let location = location(answer);
    location.split("flow=").nth(1).unwrap_or_else(|| panic!("no flow in {location}")).to_owned()
}

/// Where a redirect leads.
pub fn location(answer: &Answer) -> String {
    let location = answer.headers.get("location").unwrap_or_else(|| panic!("no redirect: {}", answer.text));
    location.to_str().expect("text").to_owned()
}

/// The first node of this name; null if there is none, or no form.
pub fn node<'a>(flow: &'a Value, name: &str) -> &'a Value {
    let nodes = flow["ui"]["nodes"].as_array();
    let id = |node: &Value| node["attributes"]["name"].as_str().or(node["attributes"]["id"].as_str()) == Some(name);
    nodes.into_iter().flatten().find(|node| id(node)).unwrap_or(&Value::Null)
}

/// The ids of the messages of a form, fields included.
pub fn messages(flow: &Value) -> Vec<u64> {
    let ids = |messages: &Value| -> Vec<u64> {
        messages.as_array().into_iter().flatten().filter_map(|message| message["id"].as_u64()).collect()
    };
    let mut found = ids(&flow["ui"]["messages"]);
    for node in flow["ui"]["nodes"].as_array().into_iter().flatten() {
        found.extend(ids(&node["messages"]));
    }
    found
}

/// What waits to be mailed to a person, newest first.
pub async fn mails(server: &Server, name: &str) -> Vec<Value> {
    let path = format!("/admin/courier/messages?recipient={}", address(name).replace('@', "%40"));
    let answer = server.admin("GET", &path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json.as_array().expect("a list").clone()
}

/// The code in the newest mail to a person. Time passes, so that the next mail is newer.
pub async fn mailed_code(server: &Server, name: &str) -> String {
    let mails = mails(server, name).await;
    let body = mails.first().expect("a mail")["body"].as_str().expect("a body").to_owned();
    server.wait(1);
    let digits = body.split(|c: char| !c.is_ascii_alphanumeric());
    digits
        .filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
        .next()
        .unwrap_or_else(|| panic!("no code in {body}"))
}

/// The path and query of the link in the newest mail to a person.
pub async fn mailed_link(server: &Server, name: &str) -> String {
    let mails = mails(server, name).await;
    let body = mails.first().expect("a mail")["body"].as_str().expect("a body").to_owned();
    server.wait(1);
    let link = body.split_whitespace().find(|word| word.starts_with("http://public.test/"));
    let link = link.unwrap_or_else(|| panic!("no link in {body}"));
    link.trim_start_matches("http://public.test").to_owned()
}

/// A code that is not this one.
pub fn another(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}
