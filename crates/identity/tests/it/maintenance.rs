//! What has expired goes by itself, and what an old secret sealed is sealed anew on demand.

use std::sync::Arc;

use foundation::Secret;
use identity::{Cleaned, Context, Resealed, Snapshot, credentials_reseal};
use serde_json::json;
use testkit::{PASSWORD, Server};

const HOUR: u64 = 3600;

#[tokio::test]
async fn expired_sessions_go_and_flows_a_day_later() {
    // More rows than one batch takes.
    let settings = json!({"database": {"cleanup": {"batch_size": 2}}, "session": {"lifespan": "2h"}});
    for server in Server::all_with(settings).await {
        let person = server.person_with_password("ada").await;
        for _ in 0..5 {
            server.session("ada").await;
        }
        let clean = || async { server.identity.clean_once().await.expect("a database") };
        assert_eq!(clean().await, Cleaned::default());
        server.wait(2 * HOUR + 1);
        let (_, token) = server.session("ada").await;
        assert_eq!(clean().await, Cleaned { sessions: 5, ..Cleaned::default() });
        assert_eq!(server.whoami(&token).await.status, 200);
        server.wait(23 * HOUR);
        // The first five flows ended a day ago, the sixth did not.
        assert_eq!(clean().await, Cleaned { sessions: 1, flows: 5, ..Cleaned::default() });
        let all = server.admin("GET", &format!("/admin/identities/{person}/sessions"), None).await;
        assert_eq!(all.json, json!([]));
    }
}

#[tokio::test]
async fn the_worker_ends_when_it_is_told_to() {
    for server in Server::all().await {
        server.identity.clone().clean_forever(std::future::ready(())).await;
    }
}

/// A configuration whose `secrets.cipher` are these.
fn with_ciphers(server: &Server, secrets: &[&str]) -> Context {
    let cx = server.identity.background();
    let mut settings = cx.settings().clone();
    settings.secrets.cipher = secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect();
    Context::new(cx.request.clone(), Arc::new(Snapshot::new(settings).expect("keys")))
}

#[tokio::test]
async fn credentials_are_sealed_anew_so_that_an_old_secret_can_go() {
    const OLD: &str = "the-old-secret-of-32-characters!";
    const NEW: &str = "the-new-secret-of-32-characters!";
    for server in Server::all_with(json!({"secrets": {"cipher": [OLD]}})).await {
        let db = &server.identity.db;
        for name in ["ada", "bob"] {
            server.person_with_password(name).await;
        }
        let reseal =
            async |secrets: &[&str]| credentials_reseal(db, &with_ciphers(&server, secrets)).await.expect("done");
        let expected = |renewed, unreadable| Resealed { seen: 2, renewed, unreadable };
        assert_eq!(reseal(&[NEW]).await, expected(0, 2), "a secret that is gone too early harms nothing");
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        assert_eq!(reseal(&[NEW, OLD]).await, expected(2, 0));
        assert_eq!(reseal(&[NEW, OLD]).await, expected(0, 0));
        assert_eq!(reseal(&[NEW]).await, expected(0, 0), "the old one can go");
        assert_eq!(reseal(&[OLD, NEW]).await, expected(2, 0));
        assert_eq!(server.sign_in("bob", PASSWORD).await.status, 200);
    }
}
