//! Health, version, metrics, the ways to the public listener, and what is nowhere.

use database::testing::TestDatabase;
use serde_json::json;
use testkit::{NOWHERE, Server};

#[tokio::test]
async fn health_version_and_metrics_answer_with_and_without_the_prefix() {
    for server in Server::all().await {
        for path in ["/health/alive", "/health/ready", "/admin/health/alive", "/admin/health/ready"] {
            let answer = server.admin("GET", path, None).await;
            assert_eq!((answer.status.as_u16(), answer.json), (200, json!({"status": "ok"})), "{path}");
        }
        assert_eq!(server.admin("GET", "/version", None).await.json, json!({"version": "1.2.3"}));
        let metrics = server.admin("GET", "/admin/metrics/prometheus", None).await;
        assert!(metrics.text.ends_with("# EOF\n"), "{}", metrics.text);
        assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let accept = [("accept", "application/openmetrics-text; version=1.0.0")];
        let metrics = server.admin_with("GET", "/metrics/prometheus", &accept, None).await;
        assert!(metrics.headers["content-type"].to_str().expect("text").starts_with("application/openmetrics-text"));
        let config = server.admin("GET", "/admin/health/config", None).await.text;
        assert_eq!(config.trim().len(), 64, "{config}");
    }
}

#[tokio::test]
async fn the_operators_name_of_the_configuration_is_shown() {
    for server in Server::all_with(json!({"revision": "green"})).await {
        assert_eq!(server.admin("GET", "/admin/health/config", None).await.text, "green\n");
    }
}

#[tokio::test]
async fn without_its_tables_the_server_lives_and_is_not_ready() {
    let server = Server::on(TestDatabase::sqlite().await, json!({}));
    assert_eq!(server.admin("GET", "/health/alive", None).await.status, 200);
    let answer = server.admin("GET", "/health/ready", None).await;
    assert_eq!((answer.status.as_u16(), &answer.json["error"]["code"]), (503, &json!(500)));
    let reason = answer.json["error"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("migrations"), "{reason}");
}

#[tokio::test]
async fn what_belongs_to_the_public_listener_is_found_there() {
    for server in Server::all().await {
        for (method, path, location) in [
            ("GET", "/sessions/whoami", "http://public.test/sessions/whoami"),
            ("DELETE", "/sessions", "http://public.test/sessions"),
            ("GET", "/self-service/login/api", "http://public.test/self-service/login/api"),
            ("POST", "/self-service/login?flow=x", "http://public.test/self-service/login?flow=x"),
            ("GET", "/self-service/errors?id=x", "http://public.test/self-service/errors?id=x"),
            ("GET", "/schemas", "http://public.test/schemas"),
            ("GET", "/admin/schemas/b3Jn", "http://public.test/schemas/b3Jn"),
        ] {
            let answer = server.admin(method, path, None).await;
            assert_eq!((answer.status.as_u16(), answer.headers["location"].to_str().expect("text")), (307, location));
        }
    }
}

#[tokio::test]
async fn schemas_are_listed_by_number_and_the_links_lead_through_them() {
    for server in Server::all().await {
        let list = server.public("GET", "/schemas?per_page=1", None).await;
        assert_eq!((&list.json[0]["id"], &list.headers["x-total-count"]), (&json!("default"), &"2".parse().unwrap()));
        let next = server.public("GET", &list.link("next").expect("more"), None).await;
        assert_eq!((&next.json[0]["id"], next.json.as_array().map(Vec::len)), (&json!("bare"), Some(1)));
        assert_eq!((next.link("next"), next.link("prev").is_some()), (None, true));
        assert_eq!(server.public("GET", "/admin/schemas", None).await.links().len(), 1);
        assert_eq!(server.public("GET", "/schemas?page=x", None).await.status, 400);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_plain_text() {
    for server in Server::all().await {
        for (method, path, status) in [
            ("GET", "/no/such/route".to_owned(), 404),
            ("POST", format!("/admin/identities/{NOWHERE}"), 405),
            ("PUT", "/admin/identities".to_owned(), 405),
        ] {
            let answer = server.admin(method, &path, None).await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert!(answer.headers["content-type"].to_str().expect("text").starts_with("text/plain"));
        }
    }
}
