//! Where the pages lead when there is no flow to show, and the pages besides flows.

use ::http::StatusCode;
use serde_json::json;

use super::{Site, fixture, settings};
use crate::PagesSettings;

#[tokio::test]
async fn a_page_without_a_flow_starts_one_and_passes_the_query_on() {
    let site = Site::new([]);
    for kind in ["login", "registration", "recovery", "verification", "settings"] {
        let page = site.get(&format!("/{kind}"), &[]).await;
        assert_eq!(page.location(), format!("http://localhost:4433/self-service/{kind}/browser"));
    }
    let page =
        site.get("/login?flow=&aal=aal2&refresh=true&return_to=http%3A%2F%2Flocalhost%3A3000%2F&evil=1", &[]).await;
    assert_eq!(
        page.location(),
        "http://localhost:4433/self-service/login/browser?refresh=true&aal=aal2&return_to=http%3A%2F%2Flocalhost%3A3000%2F"
    );
    assert!(site.asked().is_empty());
}

#[tokio::test]
async fn a_flow_that_cannot_be_shown_starts_again_and_says_so_once() {
    for status in [403, 404, 410] {
        let gone = json!({"error": {"code": status, "details": {"return_to": "http://localhost:3000/a"}}});
        let site = Site::new([
            ("GET /self-service/login/flows?id=old", status, gone),
            ("GET /self-service/login/flows?id=new", 200, fixture("login")),
        ]);
        let page = site.get("/login?flow=old", &[("cookie", "a=b")]).await;
        assert_eq!(
            page.location(),
            "http://localhost:4433/self-service/login/browser?return_to=http%3A%2F%2Flocalhost%3A3000%2Fa"
        );
        let notice = "limen_pages_notice=restarted";
        assert!(page.cookies()[0].starts_with(notice), "{:?}", page.cookies());
        let page = site.get("/login?flow=new", &[("cookie", notice)]).await;
        page.has("so we have opened a new one");
        assert!(page.cookies()[0].contains("Max-Age=0"), "{:?}", page.cookies());
    }
}

#[tokio::test]
async fn a_browser_without_cookies_does_not_go_around_in_circles() {
    let site = Site::new([("GET /self-service/login/flows?id=f", 403, json!({"error": {"code": 403}}))]);
    for headers in [&[][..], &[("cookie", "limen_pages_notice=restarted")][..]] {
        let page = site.get("/login?flow=f", headers).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        page.has("<h1>Please start again</h1>");
        page.has("href=\"http://localhost:4433/self-service/login/browser\">Start again</a>");
    }
}

#[tokio::test]
async fn the_api_says_where_a_second_factor_or_a_new_flow_is() {
    let step_up = "http://localhost:4433/self-service/login/browser?aal=aal2";
    let aal2 = json!({"error": {"id": "session_aal2_required"}, "redirect_browser_to": step_up});
    let site = Site::new([
        ("GET /self-service/settings/flows?id=a", 403, aal2.clone()),
        ("GET /self-service/verification/flows?id=b", 410, json!({"error": {}, "use_flow_id": "next one"})),
        ("GET /self-service/settings/flows?id=c", 403, json!({"redirect_browser_to": "javascript:alert(1)"})),
        ("GET /sessions/whoami", 403, aal2),
    ]);
    assert_eq!(site.get("/settings?flow=a", &[]).await.location(), step_up);
    assert_eq!(site.get("/", &[]).await.location(), step_up);
    assert_eq!(
        site.get("/verification?flow=b", &[]).await.location(),
        "http://localhost:4455/verification?flow=next+one"
    );
    assert_eq!(site.get("/settings?flow=c", &[]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn settings_without_a_session_lead_to_signing_in_and_back() {
    let site =
        Site::new([("GET /self-service/settings/flows?id=f", 401, json!({"error": {"id": "session_inactive"}}))]);
    assert_eq!(
        site.get("/settings?flow=f", &[("cookie", "a=b")]).await.location(),
        "http://localhost:4433/self-service/login/browser?return_to=http%3A%2F%2Flocalhost%3A4433%2Fself-service%2Fsettings%2Fbrowser"
    );
}

#[tokio::test]
async fn the_browsers_cookies_reach_the_api_and_nothing_else_does() {
    let site = Site::new([("GET /self-service/login/flows?id=f", 200, fixture("login"))]);
    let headers = [
        ("cookie", "csrf=1"),
        ("user-agent", "browser"),
        ("x-forwarded-for", "192.0.2.1"),
        ("authorization", "Bearer x"),
        ("origin", "http://evil.example"),
    ];
    site.get("/login?flow=f", &headers).await;
    let asked = site.api.asked.lock().unwrap();
    let mut names: Vec<&str> = asked[0].1.headers.keys().map(::http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cookie", "user-agent", "x-forwarded-for"]);
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_said_in_words() {
    let page = Site::new([]).get("/login?flow=f", &[]).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    page.has("The service does not answer at the moment.");
}

#[tokio::test]
async fn a_stored_error_is_shown_with_a_way_on() {
    let error = json!({"id": "e", "error": {"code": 403, "id": "security_csrf_violation", "reason": "server <b>", "debug": "inner"}});
    let plain = json!({"id": "e", "error": {"code": 500, "reason": "server <b>", "debug": "inner"}});
    let answers = [("GET /self-service/errors?id=e", 200, error), ("GET /self-service/errors?id=p", 200, plain)];
    let site = Site::new(answers.clone());
    let page = site.get("/error?id=e", &[]).await;
    page.has("allow cookies for this site");
    page.has("<code>e</code>");
    let page = site.get("/error?id=p", &[]).await;
    page.has("server &#60;b&#62;");
    page.has_not("inner");
    let page = Site::with(PagesSettings { dev: true, ..settings() }, answers).get("/error?id=p", &[]).await;
    page.has("&#34;debug&#34;: &#34;inner&#34;");
}

#[tokio::test]
async fn an_unknown_error_is_still_a_page() {
    let site = Site::new([("GET /self-service/errors?id=x", 404, json!({}))]);
    assert_eq!(site.get("/error?id=x", &[]).await.status, StatusCode::NOT_FOUND);
    site.get("/error", &[]).await.has("<h1>Something went wrong</h1>");
    assert_eq!(site.get("/nowhere", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn signing_out_takes_a_click() {
    let out = json!({"logout_url": "http://localhost:4433/self-service/logout?token=t%26t", "logout_token": "t&t"});
    let site = Site::new([("GET /self-service/logout/browser", 200, out)]);
    let page = site.get("/logout", &[]).await;
    assert!(page.forms()[0].contains("action=\"http://localhost:4433/self-service/logout\" method=\"get\""));
    page.has("<input type=\"hidden\" name=\"token\" value=\"t&#38;t\">");
    let nobody = Site::new([("GET /self-service/logout/browser", 401, json!({}))]);
    assert_eq!(nobody.get("/logout", &[]).await.location(), "http://localhost:4455/");
}

#[tokio::test]
async fn assets_are_kept_by_browsers_under_a_name_that_changes_with_them() {
    let site = Site::new([("GET /sessions/whoami", 401, json!({}))]);
    let html = site.get("/", &[]).await.html;
    for start in ["/assets/pages-", "/assets/icon-"] {
        let address = &html[html.find(start).unwrap()..];
        let asset = site.get(&address[..address.find('"').unwrap()], &[]).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(site.get("/assets/pages.css", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_below_a_path_link_below_it() {
    let below = PagesSettings { pages_base_url: "https://example.org/auth/".to_owned(), ..settings() };
    let site = Site::with(below, [("GET /sessions/whoami", 401, json!({}))]);
    let page = site.get("/", &[("cookie", "limen_pages_notice=restarted")]).await;
    page.has("href=\"/auth/login\"");
    page.has("src=\"/auth/assets/pages-");
    assert!(
        page.cookies()[0].contains("Path=/auth;") && page.cookies()[0].ends_with("; Secure"),
        "{:?}",
        page.cookies()
    );
}
