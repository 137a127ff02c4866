//! `/admin/courier/messages`.

use serde_json::json;
use testkit::{NOWHERE, Server, address};

async fn ask_for_recovery(server: &Server, name: &str) {
    let flow = server.public("GET", "/self-service/recovery/api", None).await;
    let path = format!("/self-service/recovery?flow={}", flow.json["id"].as_str().expect("a flow"));
    let body = json!({"method": "code", "email": address(name)});
    assert_eq!(server.public("POST", &path, Some(body)).await.status, 200);
    server.wait(1);
}

#[tokio::test]
async fn messages_come_newest_first_and_hide_what_they_say() {
    for server in Server::all().await {
        server.person("ada", json!({})).await;
        for _ in 0..3 {
            ask_for_recovery(&server, "ada").await;
        }
        let first = server.admin("GET", "/admin/courier/messages?recipient=ada%40example.org&page_size=2", None).await;
        assert_eq!(first.json.as_array().map(Vec::len), Some(2), "{}", first.text);
        let second = server.admin("GET", &first.link("next").expect("more"), None).await;
        assert_eq!((second.json.as_array().map(Vec::len), second.link("next")), (Some(1), None));
        assert!(first.json[0]["created_at"].as_str() > second.json[0]["created_at"].as_str());
        assert_eq!((&first.json[0]["status"], &first.json[0]["type"]), (&json!("queued"), &json!("email")));
        let one = format!("/admin/courier/messages/{}", first.json[0]["id"].as_str().expect("an id"));
        let one = server.admin("GET", &one, None).await.json;
        for message in [&first.json[0], &one] {
            assert_eq!(message["body"], "<redacted-unless-dev-mode>");
            assert_eq!(message["subject"], "<redacted-unless-dev-mode>");
        }
        assert_eq!(one["dispatches"], json!([]));
        let none = server.admin("GET", "/admin/courier/messages?status=abandoned", None).await;
        assert_eq!((none.links().len(), none.json), (1, json!([])));
    }
}

#[tokio::test]
async fn in_development_they_show_what_they_say() {
    for server in Server::all_with(json!({"dev": true})).await {
        server.person("ada", json!({})).await;
        ask_for_recovery(&server, "ada").await;
        let list = server.admin("GET", "/courier/messages", None).await.json;
        let body = list[0]["body"].as_str().expect("a text");
        assert!(!body.is_empty() && !body.contains("redacted"), "{body}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    for server in Server::all().await {
        for (path, status) in [
            (format!("/admin/courier/messages/{NOWHERE}"), 404),
            ("/admin/courier/messages/not-a-uuid".to_owned(), 400),
            ("/admin/courier/messages?status=nonsense".to_owned(), 400),
            ("/admin/courier/messages?page_token=nonsense".to_owned(), 400),
            ("/admin/courier/messages?page_size=nonsense".to_owned(), 400),
        ] {
            assert_eq!(server.admin("GET", &path, None).await.status, status, "{path}");
        }
    }
}
