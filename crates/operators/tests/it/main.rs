//! API keys on both databases, and the door that demands them.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use database::Schema;
use database::testing::{TestDatabase, dump_schema, prepare_all_statements, scan_schema, scan_statements};
use foundation::{Clock, ManualClock, SeededRng, Uuid};
use http::Request;
use operators::{AdminKeys, KeyError, migrations, require};
use tower::ServiceExt;

const TENANT: Uuid = Uuid::from_u128(1);

struct Office {
    keys: AdminKeys,
    clock: Arc<ManualClock>,
    demanded: Arc<AtomicBool>,
    router: Router,
    database: TestDatabase,
}

impl Office {
    async fn all() -> Vec<Self> {
        let schema = Schema { migrations: migrations() };
        let mut offices = Vec::new();
        for database in TestDatabase::all(&schema).await {
            let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().expect("an instant")));
            let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
            let keys = AdminKeys::new(database.db.clone(), shared, Arc::new(SeededRng::new(7)), TENANT);
            let demanded = Arc::new(AtomicBool::new(true));
            let asked = Arc::clone(&demanded);
            let routes = Router::new()
                .route("/identities", get(|| async { "people" }))
                .route("/health/ready", get(|| async { "ok" }));
            let router = require(routes, keys.clone(), Arc::new(move || asked.load(Ordering::Relaxed)));
            offices.push(Self { keys, clock, demanded, router, database });
        }
        offices
    }

    async fn ask(&self, path: &str, authorization: &[&str]) -> (u16, Option<String>) {
        let mut request = Request::get(path);
        for value in authorization {
            request = request.header("authorization", *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("infallible");
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), challenge)
    }

    async fn status(&self, authorization: &str) -> u16 {
        self.ask("/identities", &[authorization]).await.0
    }
}

#[tokio::test]
async fn a_key_opens_the_door_until_it_is_revoked() {
    for office in Office::all().await {
        let (key, secret) = office.keys.create("deploy", None).await.expect("a key");
        assert_eq!(key.name, "deploy");
        assert!(secret.expose().starts_with("limen_ak_"), "secret scanners know it by its beginning");
        let bearer = format!("Bearer {}", secret.expose());
        assert_eq!(office.status(&bearer).await, 200);
        assert_eq!(office.status(&bearer.replacen("Bearer", "bearer", 1)).await, 200);
        assert!(office.keys.revoke("deploy").await.expect("revoked"));
        assert_eq!(office.status(&bearer).await, 401);
        assert!(!office.keys.revoke("deploy").await.expect("nothing to revoke"));
    }
}

#[tokio::test]
async fn whoever_shows_no_key_or_a_wrong_one_is_refused() {
    for office in Office::all().await {
        let (_, secret) = office.keys.create("deploy", None).await.expect("a key");
        let (status, challenge) = office.ask("/identities", &[]).await;
        assert_eq!((status, challenge.as_deref()), (401, Some("Bearer realm=\"limen admin API\"")));
        let own = format!("Bearer {}", secret.expose());
        let shorter = own[..own.len() - 1].to_owned();
        for wrong in ["Bearer", "Bearer ", "Bearer x", "Basic bGltZW46bGltZW4=", &shorter, secret.expose()] {
            assert_eq!(office.status(wrong).await, 401, "{wrong:?}");
        }
        let (status, challenge) = office.ask("/identities", &["Bearer x"]).await;
        assert_eq!(status, 401);
        assert!(challenge.expect("a challenge").contains("invalid_token"));
        // Of two headers, proxies and servers may each believe another one.
        assert_eq!(office.ask("/identities", &[&own, "Bearer x"]).await.0, 401);
    }
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    for office in Office::all().await {
        let (_, secret) = office.keys.create("short", Some(Duration::from_secs(60))).await.expect("a key");
        let bearer = format!("Bearer {}", secret.expose());
        office.clock.advance(Duration::from_secs(59));
        assert_eq!(office.status(&bearer).await, 200);
        office.clock.advance(Duration::from_secs(1));
        assert_eq!(office.status(&bearer).await, 401);
        assert!(matches!(office.keys.create("none", Some(Duration::ZERO)).await, Err(KeyError::Expiry)));
    }
}

#[tokio::test]
async fn health_checks_need_no_key_and_nothing_does_when_switched_off() {
    for office in Office::all().await {
        assert_eq!(office.ask("/health/ready", &[]).await.0, 200);
        assert_eq!(office.ask("/identities", &[]).await.0, 401);
        office.demanded.store(false, Ordering::Relaxed);
        assert_eq!(office.ask("/identities", &[]).await.0, 200);
    }
}

#[tokio::test]
async fn names_are_unique_and_plain() {
    for office in Office::all().await {
        office.keys.create("deploy", None).await.expect("a key");
        assert!(matches!(office.keys.create("deploy", None).await, Err(KeyError::NameTaken(_))));
        for name in ["", "two words", "a\nb", &"a".repeat(65)] {
            assert!(matches!(office.keys.create(name, None).await, Err(KeyError::Name)), "{name:?}");
        }
    }
}

#[tokio::test]
async fn its_last_use_is_known_to_within_an_hour_and_the_key_is_stored_nowhere() {
    for office in Office::all().await {
        let (made, secret) = office.keys.create("deploy", None).await.expect("a key");
        let bearer = format!("Bearer {}", secret.expose());
        let used = async || office.keys.list().await.expect("a list")[0].last_used_at;
        assert_eq!(used().await, None);
        assert_eq!(office.status(&bearer).await, 200);
        assert_eq!(used().await, Some(made.created_at));
        office.clock.advance(Duration::from_secs(60));
        assert_eq!(office.status(&bearer).await, 200);
        assert_eq!(used().await, Some(made.created_at), "not written again within the hour");
        office.clock.advance(Duration::from_secs(3601));
        assert_eq!(office.status(&bearer).await, 200);
        assert!(used().await > Some(made.created_at));
        let listed = format!("{:?}", office.keys.list().await.expect("a list"));
        assert!(!listed.contains(secret.expose()) && !format!("{secret:?}").contains(secret.expose()));
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_no_open_door() {
    for office in Office::all().await {
        let (_, secret) = office.keys.create("deploy", None).await.expect("a key");
        Schema { migrations: migrations() }.down(&office.database.db, 1).await.expect("taken back");
        assert_eq!(office.status(&format!("Bearer {}", secret.expose())).await, 503);
    }
}

#[tokio::test]
async fn statements_are_understood_by_both_engines_and_keep_to_one_tenant() {
    let mut all = database::feed::migrations();
    all.extend(migrations());
    let schema = Schema { migrations: all };
    for test in TestDatabase::all(&schema).await {
        assert_eq!(prepare_all_statements(&test.db).await, Vec::<String>::new());
        assert_eq!(schema.down(&test.db, 2).await.expect("taken back").len(), 2);
        assert_eq!(dump_schema(&test.db).await.expect("a dump"), "");
    }
    assert_eq!(scan_statements(&["admin_api_keys"]), Vec::<String>::new());
    assert_eq!(scan_schema(&schema), Vec::<String>::new());
}
