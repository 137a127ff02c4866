//! `PUT /admin/identities/{id}`.

use serde_json::{Value, json};
use testkit::{NOWHERE, PASSWORD, Server, address, body, id};

#[tokio::test]
async fn it_replaces_what_was_said_and_keeps_what_is_not_its_business() {
    for server in Server::all().await {
        let more = json!({"external_id": "crm-1", "metadata_admin": {"note": 1}, "organization_id": NOWHERE});
        let id = id(&server.person("ada", more).await);
        let path = format!("/admin/identities/{id}");
        let change = json!({"traits": {"email": address("ada"), "name": "Ada"}, "metadata_public": 1, "state": "inactive", "unknown": true});
        let answer = server.admin("PUT", &path, Some(change)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let read = server.admin("GET", &path, None).await.json;
        assert_eq!(read["traits"]["name"], "Ada");
        assert_eq!((&read["metadata_public"], &read["metadata_admin"]), (&json!(1), &Value::Null));
        assert_eq!((&read["state"], read.get("external_id")), (&json!("inactive"), None));
        assert_eq!((&read["schema_id"], &read["organization_id"]), (&json!("default"), &json!(NOWHERE)));
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_changes_nothing() {
    for server in Server::all().await {
        server.person("taken", json!({})).await;
        let id = id(&server.person("ada", json!({})).await);
        let path = format!("/admin/identities/{id}");
        let before = server.admin("GET", &path, None).await.json;
        for (status, change) in [
            (400, json!({"traits": {"email": "nonsense"}})),
            (400, body("ada", json!({"schema_id": "none"}))),
            (400, body("ada", json!({"state": "asleep"}))),
            (409, body("taken", json!({}))),
            (400, json!("{")),
            (400, json!("")),
        ] {
            assert_eq!(server.admin("PUT", &path, Some(change.clone())).await.status, status, "{change}");
        }
        let form = server.admin_with("PUT", &path, &[("content-type", "text/plain")], Some(json!("email=x"))).await;
        assert_eq!(form.status, 400);
        assert_eq!(server.admin("GET", &path, None).await.json, before);
        for nobody in ["not-a-uuid", NOWHERE] {
            let path = format!("/admin/identities/{nobody}");
            assert_eq!(server.admin("PUT", &path, Some(body("new", json!({})))).await.status, 404);
        }
    }
}

#[tokio::test]
async fn a_password_is_set_and_stays_until_another_comes() {
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({})).await);
        let path = format!("/admin/identities/{id}");
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 400);
        let set = body("ada", json!({"credentials": {"password": {"config": {"password": PASSWORD}}}}));
        assert_eq!(server.admin("PUT", &path, Some(set)).await.status, 200);
        assert_eq!(server.admin("PUT", &path, Some(body("ada", json!({})))).await.status, 200);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn identifiers_and_addresses_follow_the_traits() {
    for server in Server::all().await {
        let id = server.person_with_password("ada").await;
        let answer = server.admin("PUT", &format!("/admin/identities/{id}"), Some(body("new", json!({})))).await;
        assert_eq!(answer.json["verifiable_addresses"][0]["value"], address("new"));
        assert_eq!(server.sign_in("new", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 400);
        server.person("ada", json!({})).await;
    }
}

#[tokio::test]
async fn another_schema_shows_its_own_address_at_once() {
    // known-faults, identity 7
    for server in Server::all().await {
        let id = id(&server.person("ada", json!({})).await);
        let change = json!({"schema_id": "bare", "traits": {"nick": "ada"}});
        let answer = server.admin("PUT", &format!("/admin/identities/{id}"), Some(change)).await;
        assert_eq!(answer.json["schema_url"], "http://public.test/schemas/YmFyZQ");
        assert_eq!(answer.json.get("verifiable_addresses"), None);
    }
}
