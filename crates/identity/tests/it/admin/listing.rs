//! `GET /admin/identities`.

use serde_json::{Value, json};
use testkit::{Answer, NOWHERE, Server, address, id};

const HOUSE: &str = "11111111-1111-4111-8111-111111111111";

fn names(answer: &Answer) -> Vec<String> {
    let list = answer.json.as_array().expect("a list").iter();
    list.map(|person| person["traits"]["email"].as_str().expect("an address").to_owned()).collect()
}

/// Follows the `next` links; gives how many came on each page, and all addresses.
async fn walk(server: &Server, path: &str) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut found, mut next) = (Vec::new(), Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let answer = server.admin("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        sizes.push(names(&answer).len());
        found.extend(names(&answer));
        next = answer.link("next");
        assert!(sizes.len() < 20, "the links lead in a circle");
    }
    found.sort();
    (sizes, found)
}

async fn five(server: &Server) -> (Vec<String>, Vec<String>) {
    let mut ids = Vec::new();
    for nth in 0..5 {
        ids.push(id(&server.person(&format!("p{nth}"), json!({"organization_id": HOUSE})).await));
    }
    (ids, (0..5).map(|nth| address(&format!("p{nth}"))).collect())
}

#[tokio::test]
async fn pages_by_key_lead_through_all_in_the_order_of_ids() {
    for server in Server::all().await {
        let (mut ids, all) = five(&server).await;
        server.person("other", json!({})).await;
        let by_ids: String = ids.iter().map(|id| format!("&ids={id}")).collect();
        for filter in
            [format!("&organization_id={HOUSE}"), by_ids, "&preview_credentials_identifier_similar=P".to_owned()]
        {
            let (sizes, found) = walk(&server, &format!("/admin/identities?page_size=2{filter}")).await;
            assert_eq!((sizes, found), (vec![2, 2, 1], all.clone()), "{filter}");
        }
        assert_eq!(walk(&server, "/identities?page_size=4").await.0, [4, 2]);
        ids.sort();
        let path = format!("/admin/identities?organization_id={HOUSE}&page_token={}", ids[3]);
        let last = server.admin("GET", &path, None).await;
        assert_eq!(last.json[0]["id"], ids[4].as_str());
        assert_eq!(last.links().len(), 1);
        assert_eq!(last.headers.get("x-total-count"), None);
    }
}

#[tokio::test]
async fn more_identities_than_one_statement_takes_have_their_own_addresses() {
    for server in Server::all().await {
        for nth in 0..40 {
            server.person(&format!("n{nth}"), json!({})).await;
        }
        let list = server.admin("GET", "/admin/identities?include_credential=password", None).await.json;
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), 40);
        for person in list {
            let email = &person["traits"]["email"];
            assert_eq!(&person["verifiable_addresses"][0]["value"], email);
            assert_eq!(&person["recovery_addresses"][0]["value"], email);
            assert_eq!(person["credentials"]["password"]["identifiers"], json!([email]));
        }
    }
}

#[tokio::test]
async fn numbered_pages_count_what_passes_the_filter() {
    // known-faults, identity 8: the total ignores the filter, and the links lead past the end
    for server in Server::all().await {
        five(&server).await;
        server.person("other", json!({})).await;
        for (page, items, relations) in
            [(0, 2, vec!["next", "last"]), (1, 2, vec!["first", "next", "prev", "last"]), (2, 1, vec!["first", "prev"])]
        {
            let path = format!("/admin/identities?organization_id={HOUSE}&page={page}&per_page=2");
            let answer = server.admin("GET", &path, None).await;
            assert_eq!(names(&answer).len(), items);
            assert_eq!(answer.headers["x-total-count"], "5");
            let links: Vec<String> = answer.links().into_iter().map(|(relation, _)| relation).collect();
            assert_eq!(links, relations);
        }
        let far = server.admin("GET", "/admin/identities?page=100000&per_page=500", None).await;
        assert_eq!(far.status, 400);
    }
}

#[tokio::test]
async fn an_identifier_finds_its_owner_with_credentials() {
    for server in Server::all().await {
        server.person("Ada", json!({})).await;
        for typed in ["ada%40example.org", "ADA%40EXAMPLE.ORG", "Ada%40example.org"] {
            let answer = server.admin("GET", &format!("/admin/identities?credentials_identifier={typed}"), None).await;
            assert_eq!(answer.json[0]["traits"]["email"], "Ada@example.org", "{typed}");
            assert!(answer.json[0]["credentials"]["password"].is_object());
            assert_eq!(answer.json[0]["credentials"]["password"].get("config"), None);
        }
        for none in ["credentials_identifier=nobody%40example.org", "preview_credentials_identifier_similar=%25da"] {
            assert_eq!(server.admin("GET", &format!("/admin/identities?{none}"), None).await.json, json!([]));
        }
        let plain = server.admin("GET", "/admin/identities", None).await;
        assert_eq!(plain.json[0].get("credentials"), None);
        assert_eq!(plain.json[0]["metadata_admin"], Value::Null);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    for server in Server::all().await {
        let too_many: String = (1..=501).map(|nth| format!("ids=00000000-0000-4000-8000-{nth:012}&")).collect();
        for query in [
            "ids=not-a-uuid".to_owned(),
            format!("ids={NOWHERE}&credentials_identifier=x"),
            "credentials_identifier=x&preview_credentials_identifier_similar=x".to_owned(),
            format!("ids={NOWHERE}&organization_id={NOWHERE}"),
            "include_credential=nonsense".to_owned(),
            "organization_id=nonsense".to_owned(),
            "page_token=nonsense".to_owned(),
            "page_size=nonsense".to_owned(),
            too_many,
        ] {
            let answer = server.admin("GET", &format!("/admin/identities?{query}"), None).await;
            assert_eq!(answer.status, 400, "{query}");
            // known-faults, identity 4: the status and the code in the body differ
            assert_eq!(answer.json["error"]["code"], 400, "{query}");
        }
        let answer = server.admin("GET", &format!("/admin/identities?consistency=strong&ids={NOWHERE}"), None).await;
        assert_eq!((answer.status.as_u16(), answer.json), (200, json!([])));
    }
}
