//! A server that takes web hooks, remembers them, and answers what a test tells it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

/// A call that came.
#[derive(Debug, Clone)]
pub struct Call {
    /// The last part of the address.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Call {
    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Memory {
    calls: Vec<Call>,
    answers: HashMap<String, (u16, String)>,
}

/// The server; it ends with the test's runtime.
#[derive(Debug, Clone)]
pub struct Receiver {
    url: String,
    memory: Arc<Mutex<Memory>>,
}

impl Receiver {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let memory: Arc<Mutex<Memory>> = Arc::default();
        let router = Router::new().fallback(take).with_state(Arc::clone(&memory));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, memory }
    }

    /// The address of the hook of this name.
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// What the hook of this name is answered from now on; 204 if nothing is said.
    pub fn answer(&self, name: &str, status: u16, body: Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.locked().answers.insert(name.to_owned(), (status, text));
    }

    /// The calls of the hook of this name, in order.
    pub fn calls(&self, name: &str) -> Vec<Call> {
        self.locked().calls.iter().filter(|call| call.name == name).cloned().collect()
    }

    /// The names of all calls, in order.
    pub fn names(&self) -> Vec<String> {
        self.locked().calls.iter().map(|call| call.name.clone()).collect()
    }

    /// Forgets calls and answers.
    pub fn clear(&self) {
        *self.locked() = Memory::default();
    }

    /// A hook's configuration: it calls `name` here, with a body that shows what templates are given.
    pub fn hook(&self, name: &str, more: Value) -> Value {
        let mut config = json!({"url": self.url(name), "method": "POST", "body": template("function(ctx) ctx")});
        crate::server::merge(&mut config, more);
        json!({"hook": "web_hook", "config": config})
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A template as its address in the configuration.
pub fn template(jsonnet: &str) -> String {
    use base64::Engine;
    format!("base64://{}", base64::engine::general_purpose::STANDARD.encode(jsonnet))
}

async fn take(State(memory): State<Arc<Mutex<Memory>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let name = parts.uri.path().trim_start_matches('/').to_owned();
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, answer) = memory.answers.get(&name).cloned().unwrap_or((204, String::new()));
    let json = serde_json::from_str(&text).unwrap_or_default();
    memory.calls.push(Call { name, method: parts.method.to_string(), headers: parts.headers, text, json });
    Response::builder().status(status).body(Body::from(answer)).expect("an answer")
}
