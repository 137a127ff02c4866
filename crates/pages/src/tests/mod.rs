//! The pages as a browser gets them, over a public API that answers from a table.

mod flows;
mod navigation;
mod overview;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ::http::{HeaderMap, Request, Response, StatusCode};
use async_trait::async_trait;
use axum::body::Body;
use foundation::SeededRng;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ApiAnswer, ForwardedHeaders, PagesSettings, PublicApi, PublicApiError};

/// Answers by path and query; what is not listed is not reachable.
#[derive(Default)]
struct Table {
    answers: HashMap<String, ApiAnswer>,
    asked: Mutex<Vec<(String, ForwardedHeaders)>>,
}

impl Table {
    fn answer(&self, request: String, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        self.asked.lock().unwrap().push((request.clone(), headers));
        self.answers.get(&request).cloned().ok_or(PublicApiError(request))
    }
}

#[async_trait]
impl PublicApi for Table {
    async fn get(&self, path: &str, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        self.answer(format!("GET {path}"), headers)
    }

    async fn delete(&self, path: &str, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        self.answer(format!("DELETE {path}"), headers)
    }
}

/// A site: the pages, and the API behind them.
struct Site {
    api: Arc<Table>,
    router: axum::Router,
}

/// An answer, read whole.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Site {
    fn new(answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Self {
        Self::with(settings(), answers)
    }

    fn with(settings: PagesSettings, answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Self {
        let answers = answers
            .into_iter()
            .map(|(request, status, body)| (request.to_owned(), ApiAnswer { status, body, ..ApiAnswer::default() }));
        let api = Arc::new(Table { answers: answers.collect(), ..Table::default() });
        let settings = Arc::new(settings);
        let router = crate::router(api.clone(), Arc::new(move || settings.clone()), Arc::new(SeededRng::new(1)));
        Self { api, router }
    }

    async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Page {
        self.send("GET", address, headers, "").await
    }

    async fn send(&self, method: &str, address: &str, headers: &[(&str, &str)], body: &'static str) -> Page {
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response: Response<Body> =
            self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let html = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, html }
    }

    fn asked(&self) -> Vec<String> {
        self.api.asked.lock().unwrap().iter().map(|(request, _)| request.clone()).collect()
    }
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.html);
        self.header("location")
    }

    fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The forms, from `<form` to `</form>`.
    fn forms(&self) -> Vec<&str> {
        self.html.split("<form").skip(1).map(|part| part.split("</form>").next().unwrap()).collect()
    }

    #[track_caller]
    fn has(&self, text: &str) {
        assert!(self.html.contains(text), "{text} is missing in\n{}", self.html);
    }

    #[track_caller]
    fn has_not(&self, text: &str) {
        assert!(!self.html.contains(text), "{text} is in\n{}", self.html);
    }
}

fn settings() -> PagesSettings {
    PagesSettings {
        public_base_url: "http://localhost:4433/".to_owned(),
        pages_base_url: "http://localhost:4455/".to_owned(),
        allowed_form_origins: vec!["http://localhost:3000".to_owned()],
        name: "Lighthouse".to_owned(),
        registration_enabled: true,
        recovery_enabled: true,
        verification_enabled: true,
        ..PagesSettings::default()
    }
}

/// A flow out of `fixtures/`.
fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

/// The page of a flow.
async fn shown(kind: &str, flow: Value) -> Page {
    let requests = [
        "GET /self-service/login/flows?id=f",
        "GET /self-service/registration/flows?id=f",
        "GET /self-service/recovery/flows?id=f",
        "GET /self-service/verification/flows?id=f",
        "GET /self-service/settings/flows?id=f",
    ];
    let site = Site::new(requests.map(|request| (request, 200, flow.clone())));
    site.get(&format!("/{kind}?flow=f"), &[]).await
}

/// A flow with the given nodes only.
fn flow_of(nodes: Value) -> Value {
    json!({"id": "f", "ui": {"action": "http://localhost:4433/self-service/login?flow=f", "method": "POST", "nodes": nodes}})
}
