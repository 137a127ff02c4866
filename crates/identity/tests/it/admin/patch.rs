//! `PATCH /admin/identities/{id}`.

use serde_json::json;
use testkit::{NOWHERE, PASSWORD, Server, address, id};

const MD5: &str = "$md5$vbEsh1XWsSC591JMBd/cKw==";

#[tokio::test]
async fn traits_metadata_and_state_change_and_what_follows_from_them() {
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({})).await);
        let path = format!("/admin/identities/{id}");
        let patch = json!([
            {"op": "replace", "path": "/traits/email", "value": address("new")},
            {"op": "add", "path": "/metadata_admin/deep/score", "value": 3},
            {"op": "replace", "path": "/external_id", "value": "crm-1"},
            {"op": "replace", "path": "/organization_id", "value": NOWHERE},
            {"op": "replace", "path": "/no/such/path", "value": 1}
        ]);
        let answer = server.admin("PATCH", &path, Some(patch)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let read = server.admin("GET", &path, None).await.json;
        assert_eq!(read["recovery_addresses"][0]["value"], address("new"));
        assert_eq!(read["credentials"]["password"]["identifiers"], json!([address("new")]));
        assert_eq!(read["metadata_admin"], json!({"deep": {"score": 3}}));
        assert_eq!((&read["external_id"], &read["organization_id"]), (&json!("crm-1"), &json!(NOWHERE)));
        server.wait(60);
        let patch = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
        let answer = server.admin("PATCH", &path, Some(patch)).await;
        assert_eq!(answer.json["state_changed_at"], "2026-01-01T00:01:00Z");
        let patch = json!([{"op": "remove", "path": "/metadata_admin"}, {"op": "remove", "path": "/external_id"}]);
        let answer = server.admin("PATCH", &path, Some(patch)).await;
        assert_eq!((&answer.json["metadata_admin"], answer.json.get("external_id")), (&json!(null), None));
    }
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    for server in Server::all().await {
        server.person("taken", json!({})).await;
        let id = server.person_with_password("ada").await;
        let path = format!("/admin/identities/{id}");
        let before = server.admin("GET", &path, None).await.json;
        for (status, operation) in [
            (400, json!({"op": "replace", "path": "/id", "value": NOWHERE})),
            (400, json!({"op": "remove", "path": "/credentials"})),
            (400, json!({"op": "test", "path": "/state", "value": "active"})),
            (400, json!({"op": "replace", "path": "/state", "value": "asleep"})),
            (400, json!({"op": "remove", "path": "/traits/email"})),
            (400, json!({"op": "replace", "path": "/schema_id", "value": "none"})),
            (400, json!({"op": "add", "path": "/credentials/totp", "value": {"config": {}}})),
            (400, json!({"op": "add", "path": "/credentials/magic", "value": {"type": "magic", "config": {}}})),
            (400, json!({"op": "replace", "path": "/credentials/password/config/hashed_password", "value": "x"})),
            (
                400,
                json!({"op": "add", "path": "/credentials/totp", "value": {"type": "totp", "config": {"totp_url": "x"}}}),
            ),
            (409, json!({"op": "replace", "path": "/traits/email", "value": address("taken")})),
        ] {
            let patch = json!([{"op": "add", "path": "/metadata_public", "value": 1}, operation]);
            let answer = server.admin("PATCH", &path, Some(patch)).await;
            assert_eq!(answer.status, status, "{operation}: {}", answer.text);
        }
        for body in [json!({"op": "replace"}), json!("[")] {
            assert_eq!(server.admin("PATCH", &path, Some(body)).await.status, 400);
        }
        assert_eq!(server.admin("GET", &path, None).await.json, before);
        let nobody = format!("/admin/identities/{NOWHERE}");
        assert_eq!(server.admin("PATCH", &nobody, Some(json!([]))).await.status, 404);
    }
}

#[tokio::test]
async fn an_inactive_identity_is_signed_out_at_once_and_cannot_sign_in() {
    for server in Server::all().await {
        let id = server.person_with_password("ada").await;
        let (_, token) = server.session("ada").await;
        assert_eq!(server.whoami(&token).await.status, 200);
        let patch = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
        assert_eq!(server.admin("PATCH", &format!("/admin/identities/{id}"), Some(patch)).await.status, 200);
        assert_eq!(server.whoami(&token).await.status, 401);
        let refused = server.sign_in("ada", PASSWORD).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json["ui"]["messages"][0]["id"], 4_010_011);
    }
}

#[tokio::test]
async fn credentials_are_patched_and_removed() {
    for server in Server::all().await {
        let id = server.person_with_password("ada").await;
        let path = format!("/admin/identities/{id}");
        let totp = "otpauth://totp/Limen:ada?secret=JBSWY3DPEHPK3PXP&issuer=Limen";
        let patch = json!([
            {"op": "replace", "path": "/credentials/password/config/hashed_password", "value": MD5},
            {"op": "add", "path": "/credentials/totp", "value": {"type": "totp", "config": {"totp_url": totp}}}
        ]);
        let answer = server.admin("PATCH", &path, Some(patch)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json["credentials"]["totp"]["identifiers"], json!([id]));
        let read = server.admin("GET", &format!("{path}?include_credential=password"), None).await.json;
        assert_eq!(read["credentials"]["password"]["config"]["hashed_password"], MD5);
        let patch = json!([{"op": "remove", "path": "/credentials/totp"}]);
        assert_eq!(server.admin("PATCH", &path, Some(patch)).await.json["credentials"].get("totp"), None);
    }
}

#[tokio::test]
async fn an_address_keeps_its_proof_while_the_traits_yield_it() {
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({})).await);
        let path = format!("/admin/identities/{id}");
        let proved = |answer: &serde_json::Value| answer["verifiable_addresses"][0]["verified"].clone();
        let patch = json!([{"op": "replace", "path": "/verifiable_addresses/0/verified", "value": true}]);
        let answer = server.admin("PATCH", &path, Some(patch)).await;
        assert_eq!(
            (proved(&answer.json), &answer.json["verifiable_addresses"][0]["status"]),
            (json!(true), &json!("completed"))
        );
        let patch = json!([{"op": "add", "path": "/traits/name", "value": "Ada"}]);
        assert_eq!(proved(&server.admin("PATCH", &path, Some(patch)).await.json), true);
        for (name, verified) in [("new", false), ("ada", false)] {
            let patch = json!([{"op": "replace", "path": "/traits/email", "value": address(name)}]);
            assert_eq!(proved(&server.admin("PATCH", &path, Some(patch)).await.json), verified, "{name}");
        }
    }
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_kept() {
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({"metadata_admin": {}})).await);
        let path = format!("/admin/identities/{id}");
        let change = |name: &str| {
            let patch = json!([{"op": "add", "path": format!("/metadata_admin/{name}"), "value": 1}]);
            server.admin("PATCH", &path, Some(patch))
        };
        let (first, second, third) = tokio::join!(change("a"), change("b"), change("c"));
        for answer in [first, second, third] {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let read = server.admin("GET", &path, None).await.json;
        assert_eq!(read["metadata_admin"], json!({"a": 1, "b": 1, "c": 1}));
    }
}
