//! `/admin/recovery/code` and `/admin/recovery/link`: what the requests may say. What comes of them is told with the
//! recovery flow.

use serde_json::json;
use testkit::{NOWHERE, Server, id};

#[tokio::test]
async fn codes_and_links_are_made_for_known_identities_only() {
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({})).await);
        let code =
            server.admin("POST", "/admin/recovery/code", Some(json!({"identity_id": id, "expires_in": "1h"}))).await;
        assert_eq!(
            (code.status.as_u16(), &code.json["expires_at"]),
            (201, &json!("2026-01-01T01:00:00Z")),
            "{}",
            code.text
        );
        assert_eq!(code.json["recovery_code"].as_str().map(str::len), Some(6));
        let link = server.admin("POST", "/recovery/link", Some(json!({"identity_id": id}))).await;
        assert_eq!(link.status, 200, "{}", link.text);
        assert!(link.text.contains("&token="), "the link can be copied: {}", link.text);
        assert_eq!(link.json.get("recovery_code"), None);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused() {
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({})).await);
        for (body, for_code, for_link) in [
            (json!({}), 404, 400),
            (json!({"identity_id": NOWHERE}), 404, 400),
            (json!({"identity_id": "not-a-uuid"}), 400, 400),
            (json!({"identity_id": id, "expires_in": "0s"}), 400, 400),
            (json!({"identity_id": id, "expires_in": "-1h"}), 400, 400),
            (json!({"identity_id": id, "expires_in": "1 hour"}), 400, 400),
            (json!({"identity_id": id, "flow_type": "nonsense"}), 400, 200),
        ] {
            let code = server.admin("POST", "/admin/recovery/code", Some(body.clone())).await;
            let link = server.admin("POST", "/admin/recovery/link", Some(body.clone())).await;
            assert_eq!((code.status.as_u16(), link.status.as_u16()), (for_code, for_link), "{body}");
        }
        let away = "/admin/recovery/link?return_to=https%3A%2F%2Fevil.example";
        let answer = server.admin("POST", away, Some(json!({"identity_id": id}))).await;
        assert_eq!(answer.json["error"]["id"], "self_service_flow_return_to_forbidden", "{}", answer.text);
    }
}
