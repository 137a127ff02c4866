//! The service without sockets, on each database, with a clock that tests move.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use database::testing::TestDatabase;
use database::{Db, Schema};
use foundation::{Clock, ManualClock, SystemRng, Uuid};
use http::{HeaderMap, Method, Request};
use permissions::http::{Operations, read_router, write_router};
use permissions::settings::Settings;
use permissions::{Deps, Permissions};
use serde_json::{Value, json};
use settings::Live;
use tower::ServiceExt as _;
use web::observe::{self, Observer};
use web::{Metrics, OutboundClient, OutboundPolicy};

pub const TENANT: Uuid = Uuid::from_u128(7);

/// Groups, folders and documents, as in the guide.
pub const NAMESPACES: &str = "class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, \"members\">)[] } }
class Folder implements Namespace {
  related: { parents: Folder[]  viewers: (User | SubjectSet<Group, \"members\">)[] }
  permits = {
    view: (ctx: Context): boolean => this.related.viewers.includes(ctx.subject) ||
      this.related.parents.traverse((p) => p.permits.view(ctx)),
  }
}
class Document implements Namespace {
  related: {
    parents: Folder[]
    viewers: (User | SubjectSet<Group, \"members\">)[]
    banned: User[]
  }
  permits = {
    view: (ctx: Context): boolean => (this.related.viewers.includes(ctx.subject) ||
      this.related.parents.traverse((p) => p.permits.view(ctx))) && !this.related.banned.includes(ctx.subject),
  }
}
";

pub fn schema() -> Schema {
    Schema { migrations: permissions::migrations() }
}

/// The configuration of a keto.yml with [`NAMESPACES`].
pub fn configuration() -> Value {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, NAMESPACES);
    json!({"dsn": "memory", "namespaces": {"location": format!("base64://{text}")}})
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    /// The snapshot token.
    pub fn token(&self) -> String {
        self.headers["limen-snaptoken"].to_str().unwrap().to_owned()
    }
}

pub struct Server {
    pub permissions: Permissions,
    pub clock: Arc<ManualClock>,
    pub read: Router,
    pub write: Router,
    pub database: Arc<TestDatabase>,
}

impl Server {
    pub async fn all() -> Vec<Self> {
        Self::all_with(configuration()).await
    }

    pub async fn all_with(configuration: Value) -> Vec<Self> {
        let mut servers = Vec::new();
        for database in TestDatabase::all(&schema()).await {
            let db = database.db.clone();
            servers.push(Self::on(db, Arc::new(database), &configuration, false).await);
        }
        servers
    }

    /// A second node on the same database, where the engine has several.
    pub async fn another(&self) -> Option<Self> {
        if self.database.dsn == "memory" {
            return None;
        }
        let db = Db::open(&self.database.dsn, Arc::clone(self.database.db.clock())).await.unwrap();
        Some(Self::on(db, Arc::clone(&self.database), &configuration(), false).await)
    }

    pub async fn on(db: Db, database: Arc<TestDatabase>, configuration: &Value, own_format: bool) -> Self {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let settings = Settings::from_value(configuration.clone(), own_format).unwrap();
        let deps = Deps {
            db,
            settings: Arc::new(Live::new(settings)),
            outbound: OutboundClient::new(OutboundPolicy::default()).unwrap(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            rng: Arc::new(SystemRng),
            tenant: TENANT,
            version: "1.2.3",
        };
        let permissions = Permissions::start(deps).await.unwrap();
        let metrics = Arc::new(Metrics::new(&[]));
        let operations = Operations { metrics: Arc::clone(&metrics), schema: Arc::new(schema()) };
        let observed = |router: Router, listener| {
            let observer = Observer { metrics: Arc::clone(&metrics), rng: Arc::new(SystemRng), listener };
            observe::apply(web::routing::finish(router), observer)
        };
        Self {
            read: observed(read_router(permissions.clone(), &operations), "read"),
            write: observed(write_router(permissions.clone(), &operations), "write"),
            permissions,
            clock,
            database,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(&self.read, Method::GET, path, None, "application/json").await
    }

    pub async fn ask(&self, path: &str, body: Value) -> Answer {
        send(&self.read, Method::POST, path, Some(body.to_string().into_bytes()), "application/json").await
    }

    pub async fn change(&self, method: Method, path: &str, body: Value) -> Answer {
        send(&self.write, method, path, Some(body.to_string().into_bytes()), "application/json").await
    }

    pub async fn delete(&self, query: &str) -> Answer {
        send(&self.write, Method::DELETE, &format!("/admin/relation-tuples?{query}"), None, "").await
    }

    /// Inserts (`+ns:o#r@s`) and deletes (`-…`) in one transaction.
    pub async fn patch(&self, changes: &[&str]) -> Answer {
        let body: Vec<Value> = changes.iter().map(|change| delta(change)).collect();
        let done = self.change(Method::PATCH, "/admin/relation-tuples", body.into()).await;
        assert_eq!(done.status, 204, "{}", done.text);
        done
    }

    /// Whether a check says yes.
    pub async fn allowed(&self, tuple: &str) -> bool {
        let answer = self.ask("/relation-tuples/check/openapi", written(tuple)).await;
        assert_eq!(answer.status, 200, "{tuple}: {}", answer.text);
        answer.json["allowed"].as_bool().unwrap()
    }
}

/// A relationship in JSON.
pub fn written(text: &str) -> Value {
    json!(permissions::model::RelationTuple::parse(text).unwrap())
}

pub fn delta(change: &str) -> Value {
    let (sign, tuple) = change.split_at(1);
    json!({"action": if sign == "+" { "insert" } else { "delete" }, "relation_tuple": written(tuple)})
}

pub async fn send(router: &Router, method: Method, path: &str, body: Option<Vec<u8>>, kind: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !kind.is_empty() && body.is_some() {
        request = request.header("content-type", kind);
    }
    let request = request.body(Body::from(body.unwrap_or_default())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, headers, text, json }
}
