//! A whole service in memory, and what tests say to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use courier::{Courier, CourierSettings, HookSettings, Transport};
use crypto::{HashParameters, PasswordHashing, PoolLimits, Sealer};
use database::testing::TestDatabase;
use database::{Db, Schema};
use foundation::{Clock, ManualClock, Rng, Secret, SystemRng, Uuid};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use identity::http::admin::{Operations, admin_router};
use identity::http::public;
use identity::schema::Schemas;
use identity::settings::Settings;
use identity::{Deps, Identity, Limits, Snapshot};
use scripting::jsonnet::Jsonnet;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt;
use web::{Metrics, OutboundClient, OutboundPolicy, routing};

/// A password that people of tests have.
pub const PASSWORD: &str = "imported-password-1";
/// Nobody has this id.
pub const NOWHERE: &str = "00000000-0000-4000-8000-00000000dead";

/// A service with a database of its own, and a clock that stands still.
pub struct Server {
    /// The use cases.
    pub identity: Identity,
    /// What time it is.
    pub clock: Arc<ManualClock>,
    public: Router,
    admin: Router,
    following: Mutex<JoinHandle<()>>,
    // Last, so that nobody uses the database when it goes.
    database: Arc<TestDatabase>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Server {
    /// A service on each database.
    pub async fn all() -> Vec<Self> {
        Self::all_with(json!({})).await
    }

    /// A service on each database, whose configuration has these members on top.
    pub async fn all_with(more: Value) -> Vec<Self> {
        let mut servers = Vec::new();
        for database in TestDatabase::all(&schema()).await {
            servers.push(Self::on(database, more.clone()));
        }
        servers
    }

    /// Two services on each database.
    pub async fn pairs_with(more: Value) -> Vec<(Self, Self)> {
        let mut pairs = Vec::new();
        for database in TestDatabase::shared(&schema()).await {
            let dsn = database.dsn.clone();
            let first = Self::on(database, more.clone());
            let second = first.apart(&dsn, more.clone()).await;
            pairs.push((first, second));
        }
        pairs
    }

    /// Another node on the same database, which it reaches under `dsn` by connections of its own: as in another process.
    pub async fn apart(&self, dsn: &str, more: Value) -> Self {
        let db = Db::open(dsn, self.clock.clone()).await.expect("the same database");
        Self::node(Arc::clone(&self.database), db, Arc::clone(&self.clock), more)
    }

    /// From now on the service hears nothing of what others change.
    pub fn cut_off(&self) {
        self.following.lock().expect("no panic while it is held").abort();
    }

    /// It hears again.
    pub fn connect(&self) {
        *self.following.lock().expect("no panic while it is held") = follow(&self.identity);
    }

    /// The figure of this name among the metrics; nought where there is none.
    pub async fn figure(&self, name: &str) -> f64 {
        let metrics = self.admin("GET", "/admin/metrics/prometheus", None).await.text;
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    }

    /// A service on one database, whose migrations may be missing.
    pub fn on(database: TestDatabase, more: Value) -> Self {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().expect("a time")));
        let db = database.db.clone();
        Self::node(Arc::new(database), db, clock, more)
    }

    /// Another node on the same database, by the same clock.
    pub fn beside(&self, more: Value) -> Self {
        Self::node(Arc::clone(&self.database), self.database.db.clone(), Arc::clone(&self.clock), more)
    }

    fn node(database: Arc<TestDatabase>, db: Db, clock: Arc<ManualClock>, more: Value) -> Self {
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let mut document = configuration();
        merge(&mut document, more);
        let settings = Settings::from_value(document).expect("settings");
        let snapshot = Arc::new(Snapshot::new(settings).expect("keys"));
        let outbound = OutboundClient::new(OutboundPolicy::default()).expect("a client");
        let sealer =
            Arc::new(Sealer::new(vec![Secret::new("a-cipher-secret-of-32-characters".to_owned())]).expect("a key"));
        let hooks = HookSettings {
            signing_secrets: snapshot.settings.clients.web_hook.signing_secrets.clone(),
            retries: snapshot.settings.clients.web_hook.retries,
            ..HookSettings::default()
        };
        let mail = Arc::new(CourierSettings { hooks, ..snapshot.settings.courier.mail.clone() });
        let courier = Courier::new(
            db.clone(),
            sealer,
            outbound.clone(),
            Arc::new(move || Arc::clone(&mail)),
            clock.clone(),
            Arc::clone(&rng),
            Transport::Inbox,
        );
        let parameters = HashParameters { bcrypt_cost: 4, ..hashing() };
        let identity = Identity::new(Deps {
            db,
            passwords: Arc::new(PasswordHashing::new(parameters, PoolLimits::for_this_machine(256, 64 * 1024))),
            schemas: Schemas::new(outbound.clone(), clock.clone() as Arc<dyn Clock>),
            courier: Arc::new(courier),
            jsonnet: Jsonnet::unprotected(),
            outbound,
            limits: Limits::new(clock.clone()),
            snapshot: Arc::new(move || Arc::clone(&snapshot)),
            clock: clock.clone(),
            rng,
            tenant: Uuid::from_u128(1),
        });
        let metrics = Arc::new(Metrics::new(&[("app", "limen")]));
        metrics.register(|registry| registry.register_collector(identity.session_metrics()));
        let operations = Operations::new("1.2.3", metrics, schema());
        Self {
            public: routing::finish(public::router(identity.clone())),
            admin: routing::finish(admin_router(identity.clone(), operations)),
            following: Mutex::new(follow(&identity)),
            identity,
            clock,
            database,
        }
    }

    /// A request to the admin listener, with a JSON body if there is one.
    pub async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        ask(&self.admin, method, path, &[], body).await
    }

    /// A request to the admin listener with headers.
    pub async fn admin_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        ask(&self.admin, method, path, headers, body).await
    }

    /// A request to the public listener, with a JSON body if there is one.
    pub async fn public(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        ask(&self.public, method, path, &[], body).await
    }

    /// A request to the public listener with headers.
    pub async fn public_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        ask(&self.public, method, path, headers, body).await
    }

    /// Makes a person with an address `NAME@example.org`, and gives what the server answers.
    pub async fn person(&self, name: &str, more: Value) -> Value {
        let answer = self.admin("POST", "/admin/identities", Some(body(name, more))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    }

    /// Makes a person with [`PASSWORD`], and gives the id.
    pub async fn person_with_password(&self, name: &str) -> String {
        let credentials = json!({"credentials": {"password": {"config": {"password": PASSWORD}}}});
        id(&self.person(name, credentials).await)
    }

    /// Signs in with a password, by the API of apps.
    pub async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let flow = self.public("GET", "/self-service/login/api", None).await;
        let path = format!("/self-service/login?flow={}", flow.json["id"].as_str().expect("a flow"));
        let body = json!({"method": "password", "identifier": address(name), "password": password});
        self.public("POST", &path, Some(body)).await
    }

    /// A session of a person with [`PASSWORD`]: its id and its token.
    pub async fn session(&self, name: &str) -> (String, String) {
        let done = self.sign_in(name, PASSWORD).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let token = done.json["session_token"].as_str().expect("a token").to_owned();
        (id(&done.json["session"]), token)
    }

    /// What whoami answers to a session token.
    pub async fn whoami(&self, token: &str) -> Answer {
        ask(&self.public, "GET", "/sessions/whoami", &[("x-session-token", token)], None).await
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(following) = self.following.get_mut() {
            following.abort();
        }
    }
}

fn follow(identity: &Identity) -> JoinHandle<()> {
    tokio::spawn(identity.clone().follow_forever(std::future::pending()))
}

impl Answer {
    /// The relations of the `Link` header with their addresses.
    pub fn links(&self) -> Vec<(String, String)> {
        let header = self.headers.get("link").map(|value| value.to_str().expect("text")).unwrap_or_default();
        let links = header.split(',').filter(|link| !link.is_empty());
        links
            .map(|link| {
                let (address, relation) = link.split_once(">; rel=").expect("a link");
                (relation.trim_matches('"').to_owned(), address.trim_start_matches('<').to_owned())
            })
            .collect()
    }

    /// The address of a relation.
    pub fn link(&self, relation: &str) -> Option<String> {
        self.links().into_iter().find(|(name, _)| name == relation).map(|(_, address)| address)
    }
}

/// The body that makes a person.
pub fn body(name: &str, more: Value) -> Value {
    let mut body = json!({"schema_id": "default", "traits": {"email": address(name)}});
    merge(&mut body, more);
    body
}

/// The address of a person.
pub fn address(name: &str) -> String {
    format!("{name}@example.org")
}

/// The `id` of an answer.
pub fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn hashing() -> HashParameters {
    use crypto::passwords::{Algorithm, Argon2Parameters};
    let argon2 = Argon2Parameters { memory_kib: 1024, iterations: 1, parallelism: 1, salt_length: 16, key_length: 32 };
    HashParameters { algorithm: Algorithm::Bcrypt, bcrypt_cost: 4, argon2 }
}

/// All migrations.
pub fn schema() -> Schema {
    let mut migrations = identity::migrations();
    migrations.extend(courier::migrations());
    migrations.extend(database::feed::migrations());
    Schema { migrations }
}

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // A text stands for a body as it is.
    let body = match body {
        None => Body::empty(),
        Some(Value::String(raw)) => Body::from(raw),
        Some(json) => Body::from(json.to_string()),
    };
    let response = router.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body in memory").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer { status: parts.status, headers: parts.headers, text, json }
}

fn configuration() -> Value {
    use base64::Engine;
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"traits": {
            "type": "object",
            "properties": {
                "email": {"type": "string", "format": "email", "title": "E-Mail", "ory.sh/kratos": {
                    "credentials": {"password": {"identifier": true}},
                    "verification": {"via": "email"}, "recovery": {"via": "email"}
                }},
                "name": {"type": "string"}
            },
            "required": ["email"],
            "additionalProperties": false
        }}
    });
    let bare = json!({
        "type": "object",
        "properties": {"traits": {"type": "object", "properties": {"nick": {"type": "string"}}}}
    });
    let url =
        |schema: &Value| format!("base64://{}", base64::engine::general_purpose::STANDARD.encode(schema.to_string()));
    json!({
        "dsn": "memory",
        "serve": {"public": {"base_url": "http://public.test/"}, "admin": {"base_url": "http://admin.test/"}},
        "identity": {"default_schema_id": "default", "schemas": [
            {"id": "default", "url": url(&schema)}, {"id": "bare", "url": url(&bare)}
        ]},
        "selfservice": {
            "default_browser_return_url": "http://ui.test/",
            "allowed_return_urls": ["http://ui.test/"],
            "methods": {
                "password": {"enabled": true, "config": {"haveibeenpwned_enabled": false}},
                "totp": {"enabled": true}, "lookup_secret": {"enabled": true},
                "code": {"enabled": true}, "link": {"enabled": true}
            },
            "flows": {"recovery": {"enabled": true}, "verification": {"enabled": true}}
        },
        "secrets": {"cookie": ["a-cookie-secret-for-tests"], "cipher": ["a-cipher-secret-of-32-characters"]}
    })
}

/// Puts the members of `more` on top of those of `target`, at any depth.
pub(crate) fn merge(target: &mut Value, more: Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, more) => *target = more,
    }
}
