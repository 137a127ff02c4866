//! `/admin/sessions` and `/admin/identities/{id}/sessions`.

use serde_json::{Value, json};
use testkit::{NOWHERE, Server};

const DAY: u64 = 24 * 3600;

fn active(list: &Value) -> Vec<bool> {
    list.as_array().expect("a list").iter().map(|session| session["active"] == true).collect()
}

#[tokio::test]
async fn a_session_is_shown_with_what_is_asked_for() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let (id, _) = server.session("ada").await;
        let one = format!("/admin/sessions/{id}");
        let bare = server.admin("GET", &one, None).await.json;
        assert_eq!((&bare["identity"], &bare["devices"]), (&Value::Null, &json!([])));
        let full = server.admin("GET", &format!("{one}?expand=Identity&expand=devices"), None).await.json;
        assert_eq!(full["devices"].as_array().map(Vec::len), Some(1));
        assert!(full["identity"].get("metadata_admin").is_some());
        assert_eq!(full["identity"].get("credentials"), None);
        for (path, status) in [
            (format!("{one}?expand=nonsense"), 400),
            (format!("/admin/sessions/{NOWHERE}"), 404),
            ("/admin/sessions/not-a-uuid".to_owned(), 400),
        ] {
            assert_eq!(server.admin("GET", &path, None).await.status, status, "{path}");
        }
    }
}

#[tokio::test]
async fn an_ended_session_is_inactive_and_a_removed_one_gone() {
    for server in Server::all().await {
        let person = server.person_with_password("ada").await;
        let (first, token) = server.session("ada").await;
        let one = format!("/admin/sessions/{first}");
        for _ in 0..2 {
            assert_eq!(server.admin("DELETE", &one, None).await.status, 204);
        }
        assert_eq!(server.whoami(&token).await.status, 401);
        assert_eq!(server.admin("GET", &one, None).await.json["active"], false);
        assert_eq!(server.admin("DELETE", &format!("/admin/sessions/{NOWHERE}"), None).await.status, 404);
        let (_, token) = server.session("ada").await;
        let all = format!("/admin/identities/{person}/sessions");
        assert_eq!(server.admin("DELETE", &all, None).await.status, 204);
        assert_eq!(server.admin("DELETE", &all, None).await.status, 404);
        assert_eq!(server.whoami(&token).await.status, 401);
        assert_eq!(server.admin("GET", &one, None).await.status, 404);
    }
}

#[tokio::test]
async fn a_session_is_extended_once_it_is_time() {
    let rules = json!({"session": {"lifespan": "24h", "earliest_possible_extend": "1h"}});
    for server in Server::all_with(rules).await {
        server.person_with_password("ada").await;
        let (id, token) = server.session("ada").await;
        let extend = format!("/admin/sessions/{id}/extend");
        let early = server.admin("PATCH", &extend, None).await;
        assert_eq!((early.status.as_u16(), &early.json["expires_at"]), (200, &json!("2026-01-02T00:00:00Z")));
        server.wait(DAY - 60);
        let late = server.admin("PATCH", &extend, None).await;
        assert_eq!(late.json["expires_at"], "2026-01-02T23:59:00Z");
        server.wait(DAY - 60);
        assert_eq!(server.whoami(&token).await.status, 200);
        server.wait(60);
        assert_eq!(server.whoami(&token).await.status, 401);
        // known-faults, identity 11: an ended session is extended, and nothing comes of it
        assert_eq!(server.admin("PATCH", &extend, None).await.status, 400);
        assert_eq!(server.admin("PATCH", &format!("/admin/sessions/{NOWHERE}/extend"), None).await.status, 404);
    }
}

#[tokio::test]
async fn a_disabled_session_cannot_be_extended_and_the_fast_answer_is_empty() {
    for server in Server::all_with(json!({"feature_flags": {"faster_session_extend": true}})).await {
        server.person_with_password("ada").await;
        let (id, _) = server.session("ada").await;
        let extend = format!("/admin/sessions/{id}/extend");
        let answer = server.admin("PATCH", &extend, None).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        server.admin("DELETE", &format!("/admin/sessions/{id}"), None).await;
        assert_eq!(server.admin("PATCH", &extend, None).await.status, 400);
    }
}

#[tokio::test]
async fn all_sessions_come_newest_first_by_key() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.insert(0, server.session("ada").await.0);
            server.wait(1);
        }
        let first = server.admin("GET", "/admin/sessions?page_size=2&active=true&expand=identity", None).await;
        let second = server.admin("GET", &first.link("next").expect("more"), None).await;
        let found: Vec<&str> =
            [&first.json[0], &first.json[1], &second.json[0]].map(|one| one["id"].as_str().unwrap()).into();
        assert_eq!(found, ids);
        assert_eq!(second.json[0].get("devices"), Some(&Value::Null));
        assert!(second.json[0]["identity"].is_object(), "the link keeps the other parameters");
        assert_eq!(second.link("next"), None);
        for query in ["page_token=nonsense", "expand=nonsense", "active=nonsense", "page_size=nonsense"] {
            assert_eq!(server.admin("GET", &format!("/admin/sessions?{query}"), None).await.status, 400, "{query}");
        }
    }
}

#[tokio::test]
async fn one_identitys_sessions_come_by_number_and_each_once() {
    // known-faults, identity 8: pages 0 and 1 are the same, and an empty list links to page -1
    for server in Server::all().await {
        let person = server.person_with_password("ada").await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.insert(0, server.session("ada").await.0);
            server.wait(1);
        }
        let all = format!("/admin/identities/{person}/sessions");
        let first = server.admin("GET", &format!("{all}?per_page=2"), None).await;
        assert_eq!(first.headers["x-total-count"], "3");
        let second = server.admin("GET", &first.link("next").expect("more"), None).await;
        assert_eq!(
            (first.json[0]["id"].as_str(), second.json[0]["id"].as_str()),
            (Some(ids[0].as_str()), Some(ids[2].as_str()))
        );
        server.admin("DELETE", &format!("/admin/sessions/{}", ids[0]), None).await;
        assert_eq!(active(&server.admin("GET", &format!("{all}?active=true"), None).await.json), [true, true]);
        assert_eq!(active(&server.admin("GET", &format!("{all}?active=false"), None).await.json), [false]);
        assert_eq!(server.admin("GET", &format!("{all}?active=nonsense"), None).await.status, 400);
        let nobody = server.admin("GET", &format!("/admin/identities/{NOWHERE}/sessions"), None).await;
        assert_eq!(nobody.json, json!([]));
        assert!(nobody.links().iter().all(|(_, address)| !address.contains("page=-")));
        assert_eq!(server.admin("GET", "/admin/identities/not-a-uuid/sessions", None).await.status, 400);
    }
}

#[tokio::test]
async fn sessions_of_an_inactive_identity_are_not_listed_as_active() {
    for server in Server::all().await {
        let person = server.person_with_password("ada").await;
        server.session("ada").await;
        let patch = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
        server.admin("PATCH", &format!("/admin/identities/{person}"), Some(patch)).await;
        for path in ["/admin/sessions".to_owned(), format!("/admin/identities/{person}/sessions")] {
            assert_eq!(server.admin("GET", &format!("{path}?active=true"), None).await.json, json!([]), "{path}");
            assert_eq!(active(&server.admin("GET", &format!("{path}?active=false"), None).await.json), [false]);
        }
    }
}

#[tokio::test]
async fn many_sessions_are_ended_or_removed_at_once() {
    for server in Server::all().await {
        let ada = server.person_with_password("ada").await;
        let eve = server.person_with_password("eve").await;
        let (first, first_token) = server.session("ada").await;
        let (second, _) = server.session("ada").await;
        let (third, third_token) = server.session("ada").await;
        let (_, of_eve) = server.session("eve").await;
        let manage = |body: Value| server.admin("POST", "/admin/sessions", Some(body));
        let done = manage(json!({"action": "disable", "sessions": [first, NOWHERE]})).await;
        assert_eq!(done.json, json!({"processed": 1, "more": false}));
        assert_eq!(server.whoami(&first_token).await.status, 401);
        assert_eq!(manage(json!({"action": "delete", "sessions": [second]})).await.json["processed"], 1);
        assert_eq!(manage(json!({"action": "disable", "identities": [ada]})).await.json["processed"], 1);
        assert_eq!(server.whoami(&third_token).await.status, 401);
        assert_eq!(server.admin("GET", &format!("/admin/sessions/{third}"), None).await.json["active"], false);
        assert_eq!(server.whoami(&of_eve).await.status, 200);
        assert_eq!(
            manage(json!({"action": "disable", "identities": ["*"]})).await.json,
            json!({"processed": 1, "more": false})
        );
        assert_eq!(server.whoami(&of_eve).await.status, 401);
        assert_eq!(manage(json!({"action": "delete", "identities": [ada, eve]})).await.json["processed"], 3);
        assert_eq!(manage(json!({"action": "delete", "identities": ["*"]})).await.json["processed"], 0);
    }
}

#[tokio::test]
async fn requests_about_many_sessions_name_one_list_and_one_action() {
    for server in Server::all().await {
        let too_many: Vec<String> = (1..=501).map(|nth| format!("00000000-0000-4000-8000-{nth:012}")).collect();
        for body in [
            json!({}),
            json!({"action": "disable"}),
            json!({"action": "nonsense", "sessions": [NOWHERE]}),
            json!({"action": "delete", "sessions": [NOWHERE], "identities": [NOWHERE]}),
            json!({"action": "delete", "sessions": ["*"]}),
            json!({"action": "delete", "sessions": ["not-a-uuid"]}),
            json!({"action": "delete", "sessions": []}),
            json!({"action": "delete", "identities": ["*", NOWHERE]}),
            json!({"action": "delete", "sessions": too_many}),
        ] {
            assert_eq!(server.admin("POST", "/admin/sessions", Some(body.clone())).await.status, 400, "{body}");
        }
    }
}
