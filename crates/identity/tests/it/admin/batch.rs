//! `PATCH /admin/identities`: many at once.

use serde_json::{Value, json};
use testkit::{PASSWORD, Server, address, body};

const PATH: &str = "/admin/identities";

fn create(name: &str, more: Value) -> Value {
    json!({"create": body(name, more)})
}

#[tokio::test]
async fn each_item_stands_or_falls_alone() {
    for server in Server::all().await {
        server.person("taken", json!({})).await;
        let patch_id = "11111111-1111-4111-8111-111111111111";
        let password = json!({"credentials": {"password": {"config": {"password": PASSWORD}}}});
        let mut first = create("one", password);
        first["patch_id"] = patch_id.into();
        let items =
            json!([first, create("taken", json!({})), {"create": null}, {"create": {"traits": {"email": "x"}}}]);
        let answer = server.admin("PATCH", PATH, Some(json!({"identities": items}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let results = &answer.json["identities"];
        assert_eq!((&results[0]["action"], &results[0]["patch_id"]), (&json!("create"), &json!(patch_id)));
        assert_eq!((&results[1]["action"], &results[1]["error"]["code"]), (&json!("error"), &json!(409)));
        assert_eq!(results[2], Value::Null);
        assert_eq!(results[3]["error"]["code"], 400);
        assert_eq!(server.sign_in("one", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn an_item_that_can_never_work_refuses_the_whole() {
    for server in Server::all().await {
        let hash = json!({"credentials": {"password": {"config": {"hashed_password": "nonsense"}}}});
        for (what, items) in [
            ("a bad hash", json!([create("new", json!({})), create("x", hash)])),
            ("a bad state", json!([create("new", json!({})), create("x", json!({"state": "asleep"}))])),
            ("a bad id", json!([{"create": body("new", json!({})), "patch_id": "nonsense"}])),
            ("an unknown member", json!([{"create": body("new", json!({})), "unknown": 1}])),
            ("no list", json!("x")),
            ("too many", (0..1001).map(|nth| create(&format!("n{nth}"), json!({}))).collect()),
            (
                "too many passwords",
                (0..201)
                    .map(|nth| {
                        create(&format!("n{nth}"), json!({"credentials": {"password": {"config": {"password": "x"}}}}))
                    })
                    .collect(),
            ),
        ] {
            let answer = server.admin("PATCH", PATH, Some(json!({"identities": items}))).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        }
        assert_eq!(server.admin("GET", PATH, None).await.json, json!([]));
    }
}

#[tokio::test]
async fn a_lone_conflict_is_a_conflict_and_nothing_is_nothing() {
    for server in Server::all().await {
        server.person("taken", json!({})).await;
        let lone = json!({"identities": [create("taken", json!({}))]});
        assert_eq!(server.admin("PATCH", PATH, Some(lone)).await.status, 409);
        let nothing = server.admin("PATCH", PATH, Some(json!({"identities": []}))).await;
        assert_eq!((nothing.status.as_u16(), nothing.json), (200, json!({"identities": []})));
        let wrong = json!({"identities": [{"create": {"traits": {"email": address("a"), "x": 1}}}]});
        assert_eq!(server.admin("PATCH", PATH, Some(wrong)).await.status, 200);
    }
}
