//! The faults of the reference server that are the wire's, by their numbers, each with what limen does instead.

use http::Method;
use serde_json::json;

use crate::server::{Server, configuration, delta, send, written};

const PATH: &str = "/admin/relation-tuples";
const BATCH: &str = "/relation-tuples/batch/check";

/// Fault 2: `{"tuples": [null]}` ends the reference server.
#[tokio::test]
async fn fault_2_an_item_of_a_batch_that_is_nothing_is_refused() {
    for server in Server::all().await {
        for body in [
            json!({"tuples": [null]}),
            json!({"tuples": [written("Document:d#view@ada"), null]}),
            json!({"tuples": [1]}),
        ] {
            assert_eq!(server.ask(BATCH, body).await.status, 400);
        }
        let after = server.ask(BATCH, json!({"tuples": [written("Document:d#view@ada"), {}]})).await;
        assert_eq!(after.status, 200, "{}", after.text);
        assert_eq!(after.json["results"][0], json!({"allowed": false}));
        assert!(after.json["results"][1]["error"].is_string());
    }
}

/// Fault 3: PATCH `[null]` answers 500 with a stack trace.
#[tokio::test]
async fn fault_3_a_change_that_is_nothing_is_refused_in_the_envelope() {
    for server in Server::all().await {
        let answer = server.change(Method::PATCH, PATH, json!([null])).await;
        assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!(400)), "{}", answer.text);
        for body in [json!(null), json!([])] {
            assert_eq!(server.change(Method::PATCH, PATH, body).await.status, 204);
        }
        assert_eq!(server.permissions.replica.held(), 0, "nothing was written");
    }
}

async fn connect(router: &axum::Router, method: &str, body: serde_json::Value) -> crate::server::Answer {
    let path = format!("/ory.keto.relation_tuples.v1alpha2.{method}");
    send(router, Method::POST, &path, Some(body.to_string().into_bytes()), "application/json").await
}

/// Fault 4: a subject that is missing in a call answers INTERNAL with the text of a panic.
#[tokio::test]
async fn fault_4_a_missing_subject_is_an_invalid_argument() {
    for server in Server::all().await {
        let item = json!({"namespace": "Document", "object": "d", "relation": "view"});
        for (method, body) in
            [("ExpandService/Expand", json!({})), ("CheckService/BatchCheck", json!({"tuples": [item]}))]
        {
            let answer = connect(&server.read, method, body).await;
            assert_eq!((answer.status, &answer.json["code"]), (400, &json!("invalid_argument")), "{}", answer.text);
        }
    }
}

/// Fault 5: Delete with an empty filter deletes everything.
#[tokio::test]
async fn fault_5_an_empty_filter_deletes_nothing_unless_that_is_said() {
    for server in Server::all().await {
        server.patch(&["+Document:d#viewers@ada"]).await;
        for body in [json!({"relationQuery": {}}), json!({"query": {}}), json!({})] {
            let answer = connect(&server.write, "WriteService/DeleteRelationTuples", body).await;
            assert_eq!((answer.status, &answer.json["code"]), (400, &json!("invalid_argument")), "{}", answer.text);
        }
        assert!(server.allowed("Document:d#view@ada").await);
    }
}

/// Fault 11: `[delete x, insert x]` loses x; PUT makes duplicates, and takes two subjects.
#[tokio::test]
async fn fault_11_changes_take_effect_in_order_and_once() {
    for server in Server::all().await {
        server.patch(&["+Document:d#viewers@ada"]).await;
        server.patch(&["-Document:d#viewers@ada", "+Document:d#viewers@ada"]).await;
        assert!(server.allowed("Document:d#view@ada").await);
        for _ in 0..2 {
            assert_eq!(server.change(Method::PUT, PATH, written("Document:d#viewers@ada")).await.status, 201);
        }
        let listed = server.get("/relation-tuples?namespace=Document").await;
        assert_eq!(listed.json["relation_tuples"], json!([written("Document:d#viewers@ada")]));
        let mut both = written("Document:d#viewers@bert");
        both["subject_set"] = json!({"namespace": "Group", "object": "g", "relation": "members"});
        assert_eq!(server.change(Method::PUT, PATH, both).await.status, 400);
    }
}

/// Fault 12: what was never written is shown as `""`; a relation that is not there is a 200 with a 404 inside.
#[tokio::test]
async fn fault_12_a_tree_names_what_was_never_written() {
    for strict in [false, true] {
        let mut configuration = configuration();
        configuration["feature_flags"] = json!({"strict_mode": strict});
        for server in Server::all_with(configuration).await {
            let tree = server.get("/relation-tuples/expand?namespace=Document&object=new&relation=viewers").await;
            assert_eq!(tree.status, 200);
            assert_eq!(
                (&tree.json["type"], &tree.json["tuple"]["subject_set"]["object"]),
                (&json!("leaf"), &json!("new"))
            );
            let odd = server.get("/relation-tuples/expand?namespace=Document&object=new&relation=nothing").await;
            assert!(odd.json.get("code").is_none(), "{}", odd.text);
        }
    }
}

/// Fault 15: a page token goes on at a meaningless place under another filter; a check of `{}` or `null` says no.
#[tokio::test]
async fn fault_15_page_tokens_and_empty_checks() {
    for server in Server::all().await {
        for name in ["a", "b", "c", "d", "e"] {
            server.patch(&[&format!("+Document:{name}#viewers@ada"), &format!("+Folder:{name}#viewers@ada")]).await;
        }
        let first = server.get("/relation-tuples?namespace=Document&page_size=2").await;
        let token = first.json["next_page_token"].as_str().unwrap().to_owned();
        for other in ["namespace=Folder", "namespace=Document&object=a", "", "namespace=Document&relation=viewers"] {
            assert_eq!(
                server.get(&format!("/relation-tuples?{other}&page_token={token}")).await.status,
                400,
                "{other}"
            );
        }
        let mut seen = vec![];
        let mut page = first;
        loop {
            seen.extend(page.json["relation_tuples"].as_array().unwrap().iter().map(|tuple| tuple["object"].clone()));
            let token = page.json["next_page_token"].as_str().unwrap().to_owned();
            if token.is_empty() {
                break;
            }
            page = server.get(&format!("/relation-tuples?namespace=Document&page_size=2&page_token={token}")).await;
        }
        assert_eq!(json!(seen), json!(["a", "b", "c", "d", "e"]), "nothing is skipped or shown twice");
        server.clock.advance(std::time::Duration::from_secs(3601));
        let late = server.get(&format!("/relation-tuples?namespace=Document&page_size=2&page_token={token}")).await;
        assert!(late.status == 400 && late.text.contains("expired"), "{}", late.text);
        for body in [json!({}), json!(null)] {
            assert_eq!(server.ask("/relation-tuples/check/openapi", body).await.status, 400);
        }
    }
}

/// Fault 13: with a broken file the reference server starts, is ready, and says no to everything.
#[tokio::test]
async fn fault_13_a_broken_file_keeps_a_server_from_starting_and_a_running_one_as_it_is() {
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("namespaces.ts");
    std::fs::write(&file, crate::server::NAMESPACES).unwrap();
    let configuration = json!({"namespaces": {"location": format!("file://{}", file.display())}});
    for server in Server::all_with(configuration.clone()).await {
        let (end, ended) = tokio::sync::watch::channel(false);
        let running = tokio::spawn({
            let permissions = server.permissions.clone();
            async move { permissions.run(ended).await }
        });
        server.patch(&["+Document:d#viewers@ada"]).await;
        std::fs::write(&file, "class Document implements {").unwrap();
        let stale = || server.permissions.counters.namespaces_stale.get() == 1;
        until(stale).await;
        assert!(server.allowed("Document:d#view@ada").await, "the old namespaces stay");
        let settings = permissions::settings::Settings::from_value(configuration.clone(), false).unwrap();
        let deps =
            permissions::Deps { settings: Arc::new(settings::Live::new(settings)), ..server.permissions.deps.clone() };
        let refused = permissions::Permissions::start(deps).await.unwrap_err().to_string();
        assert!(refused.contains("namespaces.ts:1:"), "the place is told: {refused}");
        std::fs::write(
            &file,
            crate::server::NAMESPACES.replace(
                "&& !this.related.banned.includes(ctx.subject)",
                "&& \
            this.related.banned.includes(ctx.subject)",
            ),
        )
        .unwrap();
        until(|| server.permissions.counters.namespaces_stale.get() == 0).await;
        assert!(!server.allowed("Document:d#view@ada").await, "the new ones are in force");
        std::fs::write(&file, crate::server::NAMESPACES).unwrap();
        end.send(true).unwrap();
        running.await.unwrap();
    }
}

/// Waits for what a worker does.
async fn until(done: impl Fn() -> bool) {
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while !done() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

/// A transaction happens whole or not at all.
#[tokio::test]
async fn a_transaction_with_a_wrong_part_changes_nothing() {
    for server in Server::all().await {
        let body = json!([delta("+Document:d#viewers@ada"), delta("+Nowhere:d#viewers@ada")]);
        assert_eq!(server.change(Method::PATCH, PATH, body).await.status, 404);
        assert!(!server.allowed("Document:d#view@ada").await);
        let long = "x".repeat(2000);
        let body = json!([delta("+Document:d#viewers@ada"), delta(&format!("+Document:{long}#viewers@ada"))]);
        assert_eq!(server.change(Method::PATCH, PATH, body).await.status, 400);
        let nul = server.change(Method::PUT, PATH, written("Document:a\0b#viewers@ada")).await;
        assert_eq!(nul.status, 400, "{}", nul.text);
        assert_eq!(server.permissions.replica.held(), 0);
    }
}
