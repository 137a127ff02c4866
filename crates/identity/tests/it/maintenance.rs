//! What has expired goes by itself.

use identity::Cleaned;
use serde_json::json;
use testkit::Server;

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
