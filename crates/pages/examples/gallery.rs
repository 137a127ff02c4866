//! Shows the pages without a server behind them: `cargo run -p pages --example gallery -- 4456`, then open
//! `/login?flow=login`, `/settings?flow=settings`, `/` and so on. The flows are the files of `fixtures/`.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use foundation::SystemRng;
use pages::{ApiAnswer, ForwardedHeaders, PagesSettings, PublicApi, PublicApiError};
use serde_json::{Value, json};

struct Fixtures;

impl Fixtures {
    fn read(name: &str) -> Option<Value> {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.json"));
        serde_json::from_str(&std::fs::read_to_string(path).ok().filter(|_| is_name)?).ok()
    }
}

#[async_trait]
impl PublicApi for Fixtures {
    async fn get(&self, path: &str, _: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        let body = match path.split_once('?').unwrap_or((path, "")) {
            ("/sessions/whoami", _) => Self::read("session"),
            ("/sessions", _) => Self::read("session").map(|session| json!([session.clone(), session])),
            ("/self-service/logout/browser", _) => Some(json!({"logout_url": "http://localhost:4433/out?token=t"})),
            ("/self-service/errors", _) => Some(json!({"error": {"id": "security_csrf_violation", "code": 403}})),
            (_, query) => Self::read(query.trim_start_matches("id=")),
        };
        let status = if body.is_some() { 200 } else { 404 };
        Ok(ApiAnswer { status, body: body.unwrap_or_default(), ..ApiAnswer::default() })
    }

    async fn delete(&self, _: &str, _: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        Ok(ApiAnswer { status: 204, ..ApiAnswer::default() })
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(4456);
    let settings = Arc::new(PagesSettings {
        public_base_url: "http://localhost:4433".to_owned(),
        pages_base_url: format!("http://localhost:{port}"),
        name: "Lighthouse".to_owned(),
        dev: true,
        inbox_url: Some("http://localhost:4436/".to_owned()),
        registration_enabled: true,
        recovery_enabled: true,
        verification_enabled: true,
        ..PagesSettings::default()
    });
    let router = pages::router(Arc::new(Fixtures), Arc::new(move || settings.clone()), Arc::new(SystemRng));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await
}
