//! `DELETE /admin/identities/{id}/credentials/{type}`.

use serde_json::json;
use testkit::{NOWHERE, PASSWORD, Server, id};

#[tokio::test]
async fn second_factors_are_removed_and_the_last_first_factor_stays() {
    for server in Server::all().await {
        let credentials = json!({"credentials": {
            "password": {"config": {"password": PASSWORD}},
            "totp": {"config": {"totp_url": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}},
            "lookup_secret": {"config": {"codes": [{"code": "abcd1234"}]}}
        }});
        let one = format!("/admin/identities/{}/credentials", id(&server.person("ada", credentials).await));
        for (kind, status) in [
            ("totp", 204),
            ("totp", 404),
            ("lookup_secret", 204),
            ("lookup_secret", 404),
            ("password", 400),
            ("oidc", 404),
            ("profile", 404),
            ("nonsense", 404),
        ] {
            let answer = server.admin("DELETE", &format!("{one}/{kind}"), None).await;
            assert_eq!(answer.status, status, "{kind}: {}", answer.text);
        }
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        let nobody = format!("/admin/identities/{NOWHERE}/credentials/password");
        assert_eq!(server.admin("DELETE", &nobody, None).await.status, 404);
    }
}

#[tokio::test]
async fn without_its_second_factor_an_identity_needs_one_factor_again() {
    let required = json!({"session": {"whoami": {"required_aal": "highest_available"}}});
    for server in Server::all_with(required).await {
        let credentials = json!({"credentials": {
            "password": {"config": {"password": PASSWORD}},
            "totp": {"config": {"totp_url": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}}
        }});
        let id = id(&server.person("ada", credentials).await);
        let (_, token) = server.session("ada").await;
        assert_eq!(server.whoami(&token).await.status, 403);
        let path = format!("/admin/identities/{id}/credentials/totp");
        assert_eq!(server.admin("DELETE", &path, None).await.status, 204);
        assert_eq!(server.whoami(&token).await.status, 200);
    }
}
