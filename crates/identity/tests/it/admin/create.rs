//! `POST /admin/identities` and reading back what was made.

use serde_json::{Value, json};
use testkit::{NOWHERE, PASSWORD, Server, address, body, id};

const TOTP_URL: &str =
    "otpauth://totp/Limen:ada?algorithm=SHA1&digits=6&issuer=Limen&period=30&secret=JBSWY3DPEHPK3PXP";

#[tokio::test]
async fn what_was_made_can_be_read_by_both_ids_and_is_gone_when_removed() {
    for server in Server::all().await {
        let more =
            json!({"external_id": "crm-1", "metadata_public": {"plan": "free"}, "metadata_admin": {"note": "vip"}});
        let answer = server.admin("POST", "/admin/identities", Some(body("ada", more))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id = id(&answer.json);
        assert_eq!(answer.headers["location"], format!("http://admin.test/identities/{id}"));
        assert_eq!(answer.json["credentials"]["password"]["identifiers"], json!([address("ada")]));
        assert_eq!(answer.json["credentials"]["password"]["version"], 0);
        assert_eq!(answer.json["credentials"]["password"].get("config"), None);
        let read = server.admin("GET", &format!("/identities/{id}"), None).await;
        assert_eq!(read.json["metadata_admin"], json!({"note": "vip"}));
        assert_eq!(read.json["verifiable_addresses"], answer.json["verifiable_addresses"]);
        let by_external = server.admin("GET", "/admin/identities/by/external/crm-1", None).await;
        assert_eq!(by_external.json, read.json);
        assert_eq!(server.admin("DELETE", &format!("/admin/identities/{id}"), None).await.status, 204);
        for path in [format!("/admin/identities/{id}"), "/admin/identities/by/external/crm-1".to_owned()] {
            assert_eq!(server.admin("GET", &path, None).await.status, 404);
        }
        assert_eq!(server.admin("DELETE", &format!("/admin/identities/{id}"), None).await.status, 404);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_makes_nothing() {
    for server in Server::all().await {
        let email = json!({"email": address("ada")});
        for (what, body) in [
            ("nothing", json!({})),
            ("an unknown schema", json!({"schema_id": "none", "traits": email})),
            ("no traits", json!({"traits": {}})),
            ("a bad address", json!({"traits": {"email": "nonsense"}})),
            ("an extra trait", json!({"traits": {"email": address("ada"), "extra": 1}})),
            ("an unknown state", json!({"traits": email, "state": "asleep"})),
            ("an unknown region", json!({"traits": email, "region": "moon"})),
            ("an unknown member", json!({"traits": email, "unknown": true})),
            ("an id", json!({"traits": email, "id": NOWHERE})),
            ("a long external id", json!({"traits": email, "external_id": "x".repeat(65)})),
            ("U+0000", json!({"traits": {"email": address("ada"), "name": "a\u{0}b"}})),
            ("half a body", Value::String("{".to_owned())),
        ] {
            let answer = server.admin("POST", "/admin/identities", Some(body)).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text);
            assert_eq!(answer.json["error"]["code"], 400, "{what}");
        }
        assert_eq!(server.admin("GET", "/admin/identities", None).await.json, json!([]));
    }
}

#[tokio::test]
async fn imports_that_cannot_be_kept_are_refused_by_name() {
    for server in Server::all().await {
        for (what, credentials) in [
            ("a hash of no kind", json!({"password": {"config": {"hashed_password": "not-a-hash"}}})),
            ("two passwords", json!({"password": {"config": {"password": PASSWORD, "hashed_password": "$2b$04$x"}}})),
            ("a hook", json!({"password": {"config": {"use_password_migration_hook": true}}})),
            ("an unknown member", json!({"password": {"config": {"pass": "x"}}})),
            ("a wrong type", json!({"password": {"config": {"password": 7}}})),
            ("an unknown kind", json!({"magic": {"config": {}}})),
            // known-faults, identity 9
            ("a TOTP secret that is none", json!({"totp": {"config": {"totp_url": "https://example.org"}}})),
            ("an empty backup code", json!({"lookup_secret": {"config": {"codes": [{"code": ""}]}}})),
            ("oidc", json!({"oidc": {"config": {"providers": [{"provider": "github", "subject": "s"}]}}})),
            ("webauthn", json!({"webauthn": {"config": {}}})),
            ("passkey", json!({"passkey": {"config": {}}})),
            ("saml", json!({"saml": {"config": {}}})),
            ("code", json!({"code": {"config": {}}})),
        ] {
            let body = body("ada", json!({"credentials": credentials}));
            let answer = server.admin("POST", "/admin/identities", Some(body)).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text);
            if ["oidc", "webauthn", "passkey", "saml", "code"].contains(&what) {
                let reason = answer.json["error"]["reason"].as_str().expect("a reason");
                assert!(reason.contains(what), "{reason}");
            }
        }
    }
}

#[tokio::test]
async fn what_others_have_is_a_conflict() {
    for server in Server::all().await {
        server.person("ada", json!({"external_id": "crm-1"})).await;
        for taken in [body("ada", json!({})), body("eve", json!({"external_id": "crm-1"}))] {
            let answer = server.admin("POST", "/admin/identities", Some(taken)).await;
            assert_eq!(answer.status, 409, "{}", answer.text);
        }
        let mixed = json!({"schema_id": "default", "traits": {"email": "ADA@Example.org"}});
        assert_eq!(server.admin("POST", "/admin/identities", Some(mixed)).await.status, 409);
    }
}

#[tokio::test]
async fn imported_credentials_are_kept_and_shown_to_whoever_names_them() {
    for server in Server::all().await {
        let credentials = json!({
            "password": {"config": {"password": PASSWORD}},
            "totp": {"config": {"totp_url": TOTP_URL}},
            "lookup_secret": {"config": {"codes": [{"code": "abcd1234"}, {"code": "b", "used_at": "2020-01-01T00:00:00Z"}]}}
        });
        let id = id(&server.person("ada", json!({"credentials": credentials})).await);
        let path = format!("/admin/identities/{id}?include_credential=totp&include_credential=lookup_secret");
        let read = server.admin("GET", &path, None).await.json;
        assert_eq!(read["credentials"]["totp"]["config"]["totp_url"], TOTP_URL);
        let codes = &read["credentials"]["lookup_secret"]["config"]["recovery_codes"];
        assert_eq!(codes[0]["code"], "abcd1234");
        assert_eq!(codes[1]["used_at"], "2020-01-01T00:00:00Z");
        assert_eq!(read["credentials"]["password"].get("config"), None);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("ada", "wrong-password").await.status, 400);
    }
}

#[tokio::test]
async fn an_imported_proof_holds_for_addresses_that_the_traits_yield() {
    for server in Server::all().await {
        let addresses = json!({"verifiable_addresses": [
            {"value": "Ada@Example.org", "via": "email", "verified": true},
            {"value": "unrelated@example.org", "via": "email", "verified": true}
        ]});
        let made = server.person("ada", addresses).await;
        let addresses = made["verifiable_addresses"].as_array().expect("addresses");
        assert_eq!(addresses.len(), 1);
        assert_eq!(addresses[0]["status"], "completed");
        assert_eq!(addresses[0]["verified_at"], "2026-01-01T00:00:00Z");
    }
}

#[tokio::test]
async fn metadata_of_every_kind_can_be_read_back() {
    // known-faults, identity 1: a number is taken and breaks the identity
    for server in Server::all().await {
        for (nth, value) in
            [json!(7), json!("x"), json!([1, {"a": null}]), json!(true), json!({}), Value::Null].iter().enumerate()
        {
            let more = json!({"metadata_public": value, "metadata_admin": value});
            let id = id(&server.person(&format!("p{nth}"), more).await);
            let read = server.admin("GET", &format!("/admin/identities/{id}"), None).await.json;
            assert_eq!((&read["metadata_public"], &read["metadata_admin"]), (value, value));
        }
    }
}

#[tokio::test]
async fn a_malformed_id_names_nobody_and_an_unknown_credential_type_is_refused() {
    for server in Server::all().await {
        assert_eq!(server.admin("GET", "/admin/identities/not-a-uuid", None).await.status, 404);
        assert_eq!(server.admin("GET", &format!("/admin/identities/{NOWHERE}"), None).await.status, 404);
        let id = id(&server.person("ada", json!({})).await);
        let path = format!("/admin/identities/{id}?include_credential=nonsense");
        assert_eq!(server.admin("GET", &path, None).await.status, 400);
    }
}

#[tokio::test]
async fn a_refusal_names_the_request_and_is_not_cached() {
    for server in Server::all().await {
        let path = format!("/admin/identities/{NOWHERE}");
        let answer = server.admin_with("GET", &path, &[("x-request-id", "r-1")], None).await;
        assert_eq!(answer.json["error"]["request"], "r-1");
        assert_eq!(answer.headers["cache-control"], "private, no-cache, no-store, must-revalidate");
        assert_eq!(server.admin("GET", &path, None).await.json["error"].get("request"), None);
    }
}
