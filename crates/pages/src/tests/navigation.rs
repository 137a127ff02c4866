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

#[tokio::test]
async fn pages_speak_the_readers_language_and_remember_the_one_asked_for() {
    let site = Site::new([("GET /self-service/login/flows?id=f", 200, fixture("login"))]);
    let page = site.get("/login?flow=f", &[("accept-language", "fr, de;q=0.9, en;q=0.5")]).await;
    page.has("<html lang=\"de\">");
    page.has("<h1>Anmelden</h1>");
    page.has("<a href=\"?flow=f&#38;lang=en\" lang=\"en\" hreflang=\"en\" rel=\"nofollow\">English</a>");
    page.has("<span aria-current=\"true\" lang=\"de\">Deutsch</span>");
    assert!(page.cookies().is_empty(), "nothing was asked for: {:?}", page.cookies());
    let page = site.get("/login?flow=f&lang=de", &[("accept-language", "en")]).await;
    page.has("<html lang=\"de\">");
    assert_eq!(page.cookies(), ["limen_language=de; Path=/; Max-Age=31536000; SameSite=Lax"]);
    let kept = [("accept-language", "en"), ("cookie", "limen_language=de")];
    site.get("/login?flow=f", &kept).await.has("<html lang=\"de\">");
    // What there is no text in is answered in the best language there is, and so is nonsense.
    for strange in ["xx", "%3Cscript%3E", "de%0d%0aset-cookie:%20a=b"] {
        let page = site.get(&format!("/login?flow=f&lang={strange}"), &[]).await;
        page.has("<html lang=\"en\">");
        assert_eq!(page.cookies().len(), 1);
        assert!(page.cookies()[0].starts_with("limen_language=en;"));
        page.has_not("<script>");
    }
}

#[tokio::test]
async fn the_language_reaches_as_far_as_the_apis_cookies() {
    let settings = PagesSettings {
        pages_base_url: "https://accounts.example.org/".to_owned(),
        cookie_domain: Some("example.org".to_owned()),
        ..settings()
    };
    let site = Site::with(settings, [("GET /sessions/whoami", 401, json!({}))]);
    let cookie = "limen_language=de; Path=/; Max-Age=31536000; SameSite=Lax; Domain=example.org; Secure";
    assert_eq!(site.get("/?lang=de", &[]).await.cookies(), [cookie]);
}

#[tokio::test]
async fn a_brand_is_shown_and_its_files_are_served() {
    let brand = crate::Brand {
        logo: crate::LogoFile::new("logo.svg", b"<svg/>".to_vec()).map(crate::Logo::File),
        logo_dark: Some(crate::Logo::Address("https://cdn.example.org/dark.png".to_owned())),
        accent: Some("#0a66c2".parse().unwrap()),
        links: vec![("privacy", "https://example.org/privacy".to_owned()), ("terms", "javascript:alert(1)".to_owned())],
        ..crate::Brand::default()
    };
    let own = [("en".to_owned(), [("welcome.title".to_owned(), "Ahoy <you>".to_owned())].into())];
    let settings = PagesSettings { brand, texts: std::sync::Arc::new(own.into()), ..settings() };
    let site = Site::with(settings, [("GET /sessions/whoami", 401, json!({}))]);
    let page = site.get("/", &[]).await;
    page.has("<h1>Ahoy &#60;you&#62;</h1>");
    page.has("<a href=\"https://example.org/privacy\">Privacy</a>");
    page.has_not("javascript:");
    page.has("alt=\"Lighthouse\"");
    page.has("<source srcset=\"https://cdn.example.org/dark.png\"");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("img-src 'self' data: https://cdn.example.org;"), "{policy}");
    for (start, kind) in [("/assets/brand-", "text/css"), ("/assets/logo-", "image/svg+xml")] {
        let address = &page.html[page.html.find(start).unwrap()..];
        let asset = site.get(&address[..address.find('"').unwrap()], &[]).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(asset.header("content-type").starts_with(kind));
        assert!(asset.header("content-security-policy").contains("sandbox"), "a logo runs nothing");
    }
    assert_eq!(site.get("/assets/logo-0.svg", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_answer_to_a_form_offers_languages_at_the_start_page() {
    let page = Site::new([]).send("POST", "/sessions/revoke-others", &[], "").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.has("<a href=\"/?lang=de\" lang=\"de\"");
}
