//! The start page and the pages' own forms.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::{Page, Site};

const OTHER: &str = "00000000-0000-4000-8000-000000000002";
const TOKEN: &str = "token=0123456789abcdefghijABCDEFGHIJ12";
const COOKIE: (&str, &str) = ("cookie", "limen_pages_token=0123456789abcdefghijABCDEFGHIJ12");
const FROM_PAGE: (&str, &str) = ("sec-fetch-site", "same-origin");

fn session(id: &str) -> Value {
    json!({
        "id": id,
        "authenticated_at": "2026-11-22T19:00:00Z",
        "authenticator_assurance_level": "aal1",
        "authentication_methods": [{"method": "password"}, {"method": "password"}],
        "devices": [{"ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "location": ""}],
        "identity": {
            "id": "i",
            "traits": {"email": "ada@example.org"},
            "verifiable_addresses": [{"value": "ada@example.org", "verified": false}, {"value": "a@b.org", "verified": true}],
        },
    })
}

fn site() -> Site {
    let out = json!({"logout_url": "http://localhost:4433/self-service/logout?token=t"});
    Site::new([
        ("GET /sessions/whoami", 200, session("00000000-0000-4000-8000-000000000001")),
        ("GET /sessions?page_size=50", 200, json!([session(OTHER)])),
        ("GET /self-service/logout/browser", 200, out),
        ("DELETE /sessions", 200, json!({"count": 1})),
        ("DELETE /sessions/00000000-0000-4000-8000-000000000002", 204, Value::Null),
    ])
}

async fn revoke(site: &Site, headers: &[(&str, &str)], body: &'static str) -> Page {
    site.send("POST", &format!("/sessions/{OTHER}/revoke"), headers, body).await
}

#[tokio::test]
async fn strangers_see_the_way_in() {
    let site = Site::new([("GET /sessions/whoami", 401, json!({"error": {"code": 401}}))]);
    for path in ["/", "/welcome"] {
        let page = site.get(path, &[]).await;
        assert_eq!(page.status, StatusCode::OK);
        page.has("href=\"/login\">Sign in</a>");
        page.has("href=\"/registration\">Create an account</a>");
    }
}

#[tokio::test]
async fn who_is_signed_in_sees_addresses_methods_and_devices() {
    let page = site().get("/", &[]).await;
    page.has("<span>ada@example.org</span>");
    page.has("<span class=\"badge warn\">not verified</span> <a href=\"/verification\">Verify it</a>");
    page.has("<span class=\"badge good\">verified</span>");
    page.has("You signed in with: password. Add an authenticator app");
    page.has("Firefox on Linux");
    page.has("192.0.2.7");
    page.has(&format!("action=\"/sessions/{OTHER}/revoke\" method=\"post\""));
    page.has("action=\"http://localhost:4433/self-service/logout\"");
}

#[tokio::test]
async fn the_token_of_the_forms_is_the_one_in_the_cookie() {
    let site = site();
    let page = site.get("/", &[]).await;
    let cookie = page.cookies().into_iter().find(|cookie| cookie.starts_with("limen_pages_token=")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let token = cookie["limen_pages_token=".len()..].split(';').next().unwrap();
    assert_eq!(page.html.matches(&format!("name=\"token\" value=\"{token}\"")).count(), 2);
    let again = site.get("/", &[COOKIE]).await;
    again.has("name=\"token\" value=\"0123456789abcdefghijABCDEFGHIJ12\"");
    assert!(again.cookies().is_empty(), "{:?}", again.cookies());
}

#[tokio::test]
async fn one_device_or_all_others_are_signed_out() {
    let site = site();
    let page = revoke(&site, &[COOKIE, FROM_PAGE], TOKEN).await;
    assert_eq!(page.location(), "http://localhost:4455/");
    assert!(page.cookies()[0].starts_with("limen_pages_notice=session_ended;"), "{:?}", page.cookies());
    let page = site.send("POST", "/sessions/revoke-others", &[COOKIE, FROM_PAGE], TOKEN).await;
    assert!(page.cookies()[0].starts_with("limen_pages_notice=sessions_ended;"), "{:?}", page.cookies());
    assert_eq!(site.asked(), [format!("DELETE /sessions/{OTHER}"), "DELETE /sessions".to_owned()]);
}

#[tokio::test]
async fn a_form_of_another_site_signs_nobody_out() {
    let site = site();
    let foreign: [&[(&str, &str)]; 6] = [
        &[COOKIE],
        &[COOKIE, ("sec-fetch-site", "cross-site")],
        &[COOKIE, ("sec-fetch-site", "same-site")],
        &[COOKIE, ("origin", "http://evil.example")],
        &[COOKIE, ("origin", "null")],
        &[FROM_PAGE],
    ];
    for headers in foreign {
        assert_eq!(revoke(&site, headers, TOKEN).await.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    for body in ["", "token=", "token=0123456789abcdefghijABCDEFGHIJ13", "other=1"] {
        assert_eq!(revoke(&site, &[COOKIE, FROM_PAGE], body).await.status, StatusCode::FORBIDDEN, "{body}");
    }
    let empty = revoke(&site, &[("cookie", "limen_pages_token="), FROM_PAGE], "token=").await;
    assert_eq!(empty.status, StatusCode::FORBIDDEN, "an empty token proves nothing");
    assert!(site.asked().is_empty());
}

#[tokio::test]
async fn a_browser_without_fetch_metadata_is_known_by_its_origin() {
    let page = revoke(&site(), &[COOKIE, ("origin", "http://localhost:4455")], TOKEN).await;
    assert_eq!(page.location(), "http://localhost:4455/");
}

#[tokio::test]
async fn only_ids_reach_the_api() {
    let site = site();
    for path in ["/sessions/x%2F..%2Fwhoami/revoke", "/sessions/me/revoke"] {
        let page = site.send("POST", path, &[COOKIE, FROM_PAGE], TOKEN).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(site.asked().is_empty());
}

#[tokio::test]
async fn a_form_takes_a_click_not_a_link() {
    let page = site().get(&format!("/sessions/{OTHER}/revoke"), &[COOKIE, FROM_PAGE]).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
}
