//! Changes that wait until their person has proved again who they are, and then go on by themselves.

use foundation::RequestContext;
use serde_json::{Value, json};
use testkit::{
    Answer, Authenticator, Browser, Member, PASSWORD, STEP, Server, flow_of, id, location, messages, password,
};

const NEW: &str = "a-new-password-7";

fn aging() -> Value {
    json!({
        "session": {"lifespan": "100h"},
        "selfservice": {"flows": {"settings": {"privileged_session_max_age": "10m", "lifespan": "50h"}}}
    })
}

fn new_password() -> Value {
    json!({"method": "password", "password": NEW})
}

fn path(answer: &Answer) -> String {
    location(answer).trim_start_matches("http://public.test").to_owned()
}

/// A browser whose sign-in is too old, the form it sent, and the way to prove once more who it is.
async fn interrupted(server: &Server, name: &str) -> (Browser, String, String) {
    let browser = Browser::default();
    browser.sign_in(server, name).await;
    let flow = browser.begin(server, "settings").await;
    server.wait(601);
    let sent = browser.send(server, "settings", &flow, new_password()).await;
    let way = path(&sent);
    assert!(way.starts_with("/self-service/login/browser?refresh=true&return_to="), "{way}");
    (browser, flow, way)
}

/// Signs in where `way` leads, and gives the address to go on at.
async fn prove_again(server: &Server, browser: &Browser, way: &str, name: &str) -> String {
    let login = flow_of(&browser.open(server, way).await);
    path(&browser.send(server, "login", &login, password(name)).await)
}

async fn state(server: &Server, browser: &Browser, flow: &str) -> Value {
    browser.fetch(server, "settings", flow).await.json["state"].clone()
}

#[tokio::test]
async fn a_change_goes_on_after_signing_in_again() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (browser, flow, way) = interrupted(&server, "ada").await;
        assert_eq!(server.sign_in("ada", NEW).await.status, 400);
        let back = prove_again(&server, &browser, &way, "ada").await;
        assert_eq!(back, format!("/self-service/settings?flow={flow}"));
        let done = browser.open(&server, &back).await;
        assert!(location(&done).contains(&flow), "{}", location(&done));
        assert_eq!(state(&server, &browser, &flow).await, "success");
        assert_eq!(server.sign_in("ada", NEW).await.status, 200);
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 400);
        assert_eq!(browser.cookies.borrow().get("ory_kratos_continuity").map(String::as_str), Some(""));
    }
}

#[tokio::test]
async fn it_goes_on_once() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (browser, flow, way) = interrupted(&server, "ada").await;
        let ticket = browser.cookies.borrow()["ory_kratos_continuity"].clone();
        let back = prove_again(&server, &browser, &way, "ada").await;
        browser.open(&server, &back).await;
        assert_eq!(server.sign_in("ada", NEW).await.status, 200);
        // Back to the old password, then the cookie of before once more.
        let reset = browser.send(&server, "settings", &flow, json!({"method": "password", "password": PASSWORD})).await;
        assert!(reset.status.is_redirection(), "{}", reset.text);
        browser.cookies.borrow_mut().insert("ory_kratos_continuity".to_owned(), ticket);
        let shown = browser.open(&server, &back).await;
        assert!(location(&shown).contains(&flow), "{}", location(&shown));
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        assert_eq!(server.sign_in("ada", NEW).await.status, 400);
    }
}

#[tokio::test]
async fn it_does_not_go_on_without_the_proof() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (browser, flow, _) = interrupted(&server, "ada").await;
        // The browser comes straight back: it is asked again, as often as it comes.
        for _ in 0..2 {
            let again = browser.open(&server, &format!("/self-service/settings?flow={flow}")).await;
            assert!(path(&again).starts_with("/self-service/login/browser?refresh=true"), "{}", location(&again));
            assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        }
        let way = path(&browser.open(&server, &format!("/self-service/settings?flow={flow}")).await);
        let back = prove_again(&server, &browser, &way, "ada").await;
        browser.open(&server, &back).await;
        assert_eq!(server.sign_in("ada", NEW).await.status, 200);
    }
}

#[tokio::test]
async fn it_belongs_to_the_browser_that_sent_it() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (_, flow, way) = interrupted(&server, "ada").await;
        let other = Browser::default();
        other.sign_in(&server, "ada").await;
        let back = prove_again(&server, &other, &way, "ada").await;
        for ticket in [None, Some("forged"), Some("")] {
            if let Some(ticket) = ticket {
                other.cookies.borrow_mut().insert("ory_kratos_continuity".to_owned(), ticket.to_owned());
            }
            let shown = other.open(&server, &back).await;
            assert!(location(&shown).contains(&flow), "{}", location(&shown));
            assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        }
    }
}

#[tokio::test]
async fn somebody_else_who_signs_in_does_not_make_it() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        server.person_with_password("eve").await;
        let (browser, flow, way) = interrupted(&server, "ada").await;
        let login = flow_of(&browser.open(&server, &way).await);
        let done = browser.send(&server, "login", &login, password("eve")).await;
        assert!(done.status.is_redirection(), "{}", done.text);
        let refused = browser.open(&server, &format!("/self-service/settings?flow={flow}")).await;
        let error = path(&refused);
        assert!(error.contains("error"), "{error}");
        for name in ["ada", "eve"] {
            assert_eq!(server.sign_in(name, PASSWORD).await.status, 200);
        }
    }
}

#[tokio::test]
async fn it_ends_with_its_form() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (browser, flow, _) = interrupted(&server, "ada").await;
        server.wait(50 * 3600);
        let fresh = browser.begin_with(&server, "login", "?refresh=true").await;
        browser.send(&server, "login", &fresh, password("ada")).await;
        let next = browser.open(&server, &format!("/self-service/settings?flow={flow}")).await;
        assert!(!location(&next).contains(&flow), "{}", location(&next));
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

/// Of two tabs, the one that was sent last goes on; who opens the settings anew has given up what waited.
#[tokio::test]
async fn of_two_tabs_the_last_one_goes_on() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let first = browser.begin(&server, "settings").await;
        let second = browser.begin(&server, "settings").await;
        server.wait(601);
        let old = json!({"method": "password", "password": "the-first-tab-77"});
        browser.send(&server, "settings", &first, old).await;
        let way = path(&browser.send(&server, "settings", &second, new_password()).await);
        let back = prove_again(&server, &browser, &way, "ada").await;
        browser.open(&server, &format!("/self-service/settings?flow={first}")).await;
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
        browser.open(&server, &back).await;
        assert_eq!(server.sign_in("ada", NEW).await.status, 200);
    }
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (browser, _, way) = interrupted(&server, "ada").await;
        browser.begin(&server, "settings").await;
        let back = prove_again(&server, &browser, &way, "ada").await;
        browser.open(&server, &back).await;
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_it_is_told_in_the_form_then() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let flow = browser.begin(&server, "settings").await;
        server.wait(601);
        let short = json!({"method": "password", "password": "short"});
        let way = path(&browser.send(&server, "settings", &flow, short).await);
        let back = prove_again(&server, &browser, &way, "ada").await;
        browser.open(&server, &back).await;
        let page = browser.fetch(&server, "settings", &flow).await;
        assert_eq!((&page.json["state"], messages(&page.json)), (&json!("show_form"), vec![4_000_032]));
    }
}

/// Apps and pages with scripts send their change again themselves: nothing of it is kept.
#[tokio::test]
async fn apps_and_scripts_keep_their_change_themselves() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let page = Browser::default();
        page.sign_in(&server, "ada").await;
        let flow = page.begin(&server, "settings").await;
        server.wait(601);
        let refused = page.submit(&server, "settings", &flow, new_password()).await;
        assert_eq!((refused.status.as_u16(), &refused.json["error"]["id"]), (403, &json!("session_refresh_required")));
        assert!(!page.cookies.borrow().contains_key("ory_kratos_continuity"));
        let fresh = page.begin_with(&server, "login", "?refresh=true").await;
        page.send(&server, "login", &fresh, password("ada")).await;
        page.open(&server, &format!("/self-service/settings?flow={flow}")).await;
        assert_eq!(server.sign_in("ada", PASSWORD).await.status, 200);
    }
}

/// A session of the first level: what it sent waits for the second factor.
#[tokio::test]
async fn a_change_waits_for_the_second_factor_too() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let flow = browser.begin(&server, "settings").await;
        // Meanwhile the person protects the account elsewhere.
        let app = protect(&server, "ada").await;
        server.wait(2 * STEP);
        let page = json!({"method": "password", "password": NEW, "csrf_token": token(&server, &browser).await});
        let path_of = format!("/self-service/settings?flow={flow}");
        let sent = browser.ask(&server, "POST", &path_of, "text/html", Some(page)).await;
        let way = path(&sent);
        assert!(way.contains("aal=aal2"), "{way}");
        let early = browser.open(&server, &path_of).await;
        assert!(path(&early).contains("aal=aal2"), "{}", location(&early));
        assert_eq!(level(&server, PASSWORD).await, 200);
        let login = flow_of(&browser.open(&server, &way).await);
        let code = json!({"method": "totp", "totp_code": app.code(&server)});
        let back = path(&browser.send(&server, "login", &login, code).await);
        assert_eq!(back, path_of);
        browser.open(&server, &back).await;
        assert_eq!(level(&server, NEW).await, 200);
    }
}

/// A form from elsewhere is not kept either.
#[tokio::test]
async fn a_strangers_form_does_not_wait() {
    for server in Server::all().await {
        server.person_with_password("ada").await;
        let browser = Browser::default();
        browser.sign_in(&server, "ada").await;
        let flow = browser.begin(&server, "settings").await;
        protect(&server, "ada").await;
        let forged = json!({"method": "password", "password": NEW, "csrf_token": "forged"});
        let path_of = format!("/self-service/settings?flow={flow}");
        browser.ask(&server, "POST", &path_of, "text/html", Some(forged)).await;
        assert!(!browser.cookies.borrow().contains_key("ory_kratos_continuity"));
    }
}

#[tokio::test]
async fn what_waits_cannot_be_read_where_it_is_stored() {
    for server in Server::all_with(aging()).await {
        server.person_with_password("ada").await;
        let (browser, flow, _) = interrupted(&server, "ada").await;
        let ticket = browser.cookies.borrow()["ory_kratos_continuity"].clone();
        let row = stored(&server, &flow).await;
        for secret in [NEW, ticket.as_str()] {
            assert!(!row.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is readable");
        }
        let page = browser.fetch(&server, "settings", &flow).await;
        assert!(!page.text.contains(NEW), "{}", page.text);
    }
}

/// The bytes of a flow's row.
async fn stored(server: &Server, flow: &str) -> Vec<u8> {
    let cx: RequestContext = (*server.identity.background()).clone();
    let flow: foundation::Uuid = flow.parse().expect("an id");
    database::read!(&server.identity.db, |tx| -> Result<Vec<u8>, database::DbError> {
        let find = database::sql!("SELECT ui, context FROM self_service_flows WHERE tenant_id = $1 AND id = $2");
        let row = tx.row(find, database::params![cx.tenant, flow]).await?.expect("a row");
        let mut bytes: Vec<u8> = row.get("context")?;
        bytes.extend(row.get::<Value>("ui")?.to_string().into_bytes());
        Ok(bytes)
    })
    .await
    .expect("read")
}

async fn protect(server: &Server, name: &str) -> Authenticator {
    let member = Member::sign_in(server, name).await;
    let flow = member.begin("settings", "").await;
    let app = Authenticator::shown_in(&flow);
    let set = json!({"method": "totp", "totp_code": app.code(server)});
    assert_eq!(member.send("settings", &id(&flow), set).await.status, 200);
    app
}

/// A CSRF token of the browser, from a form that it can read whatever its level.
async fn token(server: &Server, browser: &Browser) -> Value {
    let login = browser.begin_with(server, "login", "?aal=aal2").await;
    let page = browser.fetch(server, "login", &login).await;
    testkit::node(&page.json, "csrf_token")["attributes"]["value"].clone()
}

/// The status of a sign-in.
async fn level(server: &Server, password: &str) -> u16 {
    server.sign_in("ada", password).await.status.as_u16()
}
