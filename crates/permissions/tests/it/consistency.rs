//! Tokens, several nodes, and what is offered beyond the contract: preconditions, deletion up to a limit, expiry, lists of
//! objects and subjects, the feed.

use std::time::Duration;

use futures::StreamExt as _;
use http::Method;
use serde_json::json;

use crate::server::{Server, written};

const TRANSACT: &str = "/admin/relation-tuples/transact";
const CHECK: &str = "/relation-tuples/check/openapi";

#[tokio::test]
async fn a_state_can_be_asked_at_least_and_exactly() {
    for server in Server::all().await {
        let granted = server.patch(&["+Document:d#viewers@ada"]).await.token();
        let revoked = server.patch(&["-Document:d#viewers@ada"]).await.token();
        assert_ne!(granted, revoked);
        let ask = async |parameter: &str, token: &str| {
            server.ask(&format!("{CHECK}?{parameter}={token}"), written("Document:d#view@ada")).await
        };
        let then = ask("snaptoken-exactly", &granted).await;
        assert_eq!((then.json["allowed"].as_bool(), then.token()), (Some(true), granted.clone()));
        let now = ask("snaptoken", &granted).await;
        assert_eq!((now.json["allowed"].as_bool(), now.token()), (Some(false), revoked));
        assert_eq!(ask("snaptoken", "nonsense").await.status, 400);
        assert_eq!(ask("snaptoken", "not%20yet%20implemented").await.status, 200);
    }
}

#[tokio::test]
async fn a_state_that_never_was_is_not_waited_for_without_end() {
    for server in Server::all().await {
        let token = server.patch(&["+Document:d#viewers@ada"]).await.token();
        let mut bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, token).unwrap();
        bytes[4] = 1;
        let future = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
        let answer = server.ask(&format!("{CHECK}?snaptoken={future}"), written("Document:d#view@ada")).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
}

/// A write that one node acknowledged is seen by a check that arrives at another one afterwards, without a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_node_sees_what_was_acknowledged() {
    for one in Server::all().await {
        let Some(two) = one.another().await else { continue };
        let (end, ended) = tokio::sync::watch::channel(false);
        let running: Vec<_> = [&one, &two]
            .map(|server| {
                let (permissions, ended) = (server.permissions.clone(), ended.clone());
                tokio::spawn(async move { permissions.run(ended).await })
            })
            .into();
        for round in 0..40 {
            one.patch(&[&format!("+Document:d{round}#viewers@ada")]).await;
            assert!(two.allowed(&format!("Document:d{round}#view@ada")).await, "round {round}");
            two.patch(&[&format!("-Document:d{round}#viewers@ada")]).await;
            assert!(!one.allowed(&format!("Document:d{round}#view@ada")).await, "round {round}");
        }
        end.send(true).unwrap();
        for task in running {
            task.await.unwrap();
        }
    }
}

/// The new-enemy problem: access is removed, then content is added. Whoever sees the content must not have the access.
/// Each document gets its content (a relationship of another namespace here) only after the ban was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn remove_access_then_add_content_never_leaks() {
    for one in Server::all().await {
        let two = one.another().await;
        let (end, ended) = tokio::sync::watch::channel(false);
        let nodes: Vec<&Server> = std::iter::once(&one).chain(two.as_ref()).collect();
        let mut running = Vec::new();
        for server in &nodes {
            let (permissions, ended) = (server.permissions.clone(), ended.clone());
            running.push(tokio::spawn(async move { permissions.run(ended).await }));
        }
        let last = nodes.len() - 1;
        let writer = async {
            for round in 0..30 {
                nodes[0].patch(&[&format!("+Document:n{round}#viewers@eve")]).await;
                nodes[round % nodes.len()].patch(&[&format!("-Document:n{round}#viewers@eve")]).await;
                nodes[(round + 1) % nodes.len()].patch(&[&format!("+Folder:content{round}#viewers@all")]).await;
            }
        };
        let reader = async {
            let mut seen = 0;
            for round in 0..30 {
                let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
                while !nodes[last].allowed(&format!("Folder:content{round}#view@all")).await {
                    assert!(tokio::time::Instant::now() < deadline, "the content of {round} never came");
                    tokio::task::yield_now().await;
                }
                for node in &nodes {
                    assert!(!node.allowed(&format!("Document:n{round}#view@eve")).await, "leaked in round {round}");
                }
                seen += 1;
            }
            seen
        };
        assert_eq!(tokio::join!(writer, reader).1, 30);
        end.send(true).unwrap();
        for task in running {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_replica_that_lost_its_feed_catches_up() {
    for one in Server::all().await {
        let Some(two) = one.another().await else { continue };
        for round in 0..5 {
            one.patch(&[&format!("+Document:d{round}#viewers@ada")]).await;
        }
        one.clock.advance(Duration::from_secs(2 * 3600));
        one.permissions.clean_once().await.unwrap();
        one.patch(&["-Document:d0#viewers@ada"]).await;
        assert_eq!(two.permissions.replica.held(), 0);
        two.permissions.replica.catch_up().await.unwrap();
        assert_eq!((two.permissions.replica.reloads(), two.permissions.replica.held()), (1, 6));
        assert!(two.allowed("Document:d1#view@ada").await && !two.allowed("Document:d0#view@ada").await);
    }
}

#[tokio::test]
async fn preconditions_hold_or_nothing_happens() {
    for server in Server::all().await {
        let write = |kind: &str| {
            json!({
                "changes": [{"action": "insert", "relation_tuple": written("Document:d#viewers@ada")}],
                "preconditions": [{"kind": kind, "filter": {"namespace": "Document", "object": "d"}}],
            })
        };
        let refused = server.change(Method::POST, TRANSACT, write("exists")).await;
        assert_eq!(refused.status, 412, "{}", refused.text);
        assert!(!server.allowed("Document:d#view@ada").await);
        let done = server.change(Method::POST, TRANSACT, write("absent")).await;
        assert_eq!((done.status, &done.json["inserted"]), (200, &json!(1)), "{}", done.text);
        assert_eq!(server.change(Method::POST, TRANSACT, write("absent")).await.status, 412);
    }
}

#[tokio::test]
async fn deletion_stops_at_its_limit_and_says_so() {
    for server in Server::all().await {
        let all: Vec<String> = (0..5).map(|i| format!("+Document:d{i}#viewers@ada")).collect();
        server.patch(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let delete = json!({"filter": {"namespace": "Document"}, "limit": 3});
        let path = "/admin/relation-tuples/delete";
        let first = server.change(Method::POST, path, delete.clone()).await;
        assert_eq!((&first.json["deleted"], &first.json["more"]), (&json!(3), &json!(true)), "{}", first.text);
        let second = server.change(Method::POST, path, delete).await;
        assert_eq!((&second.json["deleted"], &second.json["more"]), (&json!(2), &json!(false)));
        assert_eq!(server.change(Method::POST, path, json!({"filter": {}, "limit": 0})).await.status, 400);
    }
}

#[tokio::test]
async fn a_share_lapses_by_itself_and_is_removed_later() {
    for server in Server::all().await {
        let mut share = written("Document:d#viewers@ada");
        share["expires_at"] = json!("2026-01-01T01:00:00Z");
        assert_eq!(server.change(Method::PUT, "/admin/relation-tuples", share).await.status, 201);
        assert!(server.allowed("Document:d#view@ada").await);
        server.clock.advance(Duration::from_secs(3600));
        assert!(!server.allowed("Document:d#view@ada").await, "it lapses at once");
        let listed = server.get("/relation-tuples?namespace=Document").await;
        assert_eq!(listed.json["relation_tuples"], json!([]));
        let before = server.permissions.replica.held();
        server.permissions.clean_once().await.unwrap();
        assert_eq!(server.permissions.replica.held(), before + 1, "its removal is a revision");
        server.change(Method::PUT, "/admin/relation-tuples", written("Document:d#viewers@ada")).await;
        assert!(server.allowed("Document:d#view@ada").await);
    }
}

#[tokio::test]
async fn objects_and_subjects_are_listed_page_by_page_from_one_state() {
    for server in Server::all().await {
        server
            .patch(&[
                "+Document:a#viewers@(Group:g#members)",
                "+Document:b#viewers@ada",
                "+Document:c#parents@(Folder:f#)",
                "+Folder:f#viewers@(Group:g#members)",
                "+Document:e#viewers@ada",
                "+Document:e#banned@ada",
                "+Group:g#members@ada",
                "+Group:g#members@bert",
            ])
            .await;
        let ask = "/relation-tuples/objects?namespace=Document&relation=view&subject_id=ada&page_size=2";
        let first = server.get(ask).await;
        assert_eq!(first.json["objects"], json!(["a", "b"]), "{}", first.text);
        server.patch(&["-Document:c#parents@(Folder:f#)"]).await;
        let token = first.json["next_page_token"].as_str().unwrap();
        let second = server.get(&format!("{ask}&page_token={token}")).await;
        assert_eq!((&second.json["objects"], second.token()), (&json!(["c"]), first.token()), "{}", second.text);
        assert_eq!(second.json["next_page_token"], "");
        let other = ask.replace("ada", "bert");
        assert_eq!(server.get(&format!("{other}&page_token={token}")).await.status, 400);
        let subjects = server.get("/relation-tuples/subjects?namespace=Document&object=a&relation=view").await;
        assert_eq!(subjects.json["subject_ids"], json!(["ada", "bert"]), "{}", subjects.text);
    }
}

#[tokio::test]
async fn the_feed_goes_on_where_it_was_cut_off() {
    for server in Server::all().await {
        let first = server.patch(&["+Document:a#viewers@ada", "+Folder:a#viewers@ada"]).await.token();
        server.patch(&["+Folder:b#viewers@ada"]).await;
        let third = server.patch(&["-Document:a#viewers@ada"]).await.token();
        let mut feed = Box::pin(server.permissions.watch(&first, Some("Document".to_owned())).await.unwrap());
        let event = feed.next().await.unwrap().unwrap();
        assert_eq!(
            (json!(event.changes), event.token),
            (json!([crate::server::delta("-Document:a#viewers@ada")]), third.clone())
        );
        let mut later = Box::pin(server.permissions.watch(&third, None).await.unwrap());
        let (event, _) = tokio::join!(later.next(), server.patch(&["+Group:g#members@ada"]));
        assert_eq!(event.unwrap().unwrap().changes.len(), 1);
        server.clock.advance(Duration::from_secs(2 * 3600));
        server.permissions.clean_once().await.unwrap();
        assert!(server.permissions.watch(&first, None).await.is_err(), "what is no longer kept is refused");
    }
}
