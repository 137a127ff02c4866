//! The development inbox: its pages and its API.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use courier::{CourierSettings, TemplateBody, TemplateSource, Transport, inbox};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::Harness;

fn router(harness: &Harness) -> Router {
    inbox::router(harness.courier.clone(), harness.tenant)
}

async fn ask(app: &Router, method: &str, uri: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn json(app: &Router, uri: &str) -> Value {
    let response = ask(app, "GET", uri).await;
    assert_eq!(response.status(), 200, "{uri}");
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test]
async fn mail_is_listed_found_and_removed() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let app = router(&harness);
        let id = harness.queue("Ada@Example.org").await;
        harness.queue("bob@example.org").await;
        assert_eq!(harness.courier.run_once().await.unwrap().sent, 2);
        assert_eq!(json(&app, "/api/messages").await.as_array().unwrap().len(), 2);
        let found = json(&app, "/api/messages?to=ada@example.ORG").await;
        assert_eq!(found[0]["id"], id.to_string());
        assert_eq!(found[0]["code"], "123456");
        assert_eq!(found[0]["to"], "Ada@Example.org");
        assert_eq!(found[0]["template_type"], "recovery_code_valid");
        let one = json(&app, &format!("/api/messages/{id}")).await;
        assert!(one["html"].as_str().unwrap().contains("123456") && one["link"].is_null());
        assert_eq!(ask(&app, "DELETE", &format!("/api/messages/{id}")).await.status(), 204);
        for uri in [format!("/api/messages/{id}"), "/api/messages/nonsense".to_owned()] {
            assert_eq!(ask(&app, "GET", &uri).await.status(), 404);
            assert_eq!(ask(&app, "DELETE", &uri).await.status(), 404);
        }
        assert_eq!(ask(&app, "DELETE", "/api/messages").await.status(), 204);
        assert!(json(&app, "/api/messages").await.as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_next_mail_is_waited_for() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let app = router(&harness);
        assert_eq!(ask(&app, "GET", "/api/messages/next?to=ada@example.org&timeout=0s").await.status(), 204);
        let waiting = tokio::spawn({
            let app = app.clone();
            async move { json(&app, "/api/messages/next?to=ada@example.org&timeout=30s").await }
        });
        harness.queue("bob@example.org").await;
        let first = harness.queue("ada@example.org").await;
        harness.courier.run_once().await.unwrap();
        assert_eq!(waiting.await.unwrap()["id"], first.to_string());
        let after = format!("/api/messages/next?to=ada@example.org&timeout=0s&after={first}");
        assert_eq!(ask(&app, "GET", &after).await.status(), 204);
        let second = harness.queue("ada@example.org").await;
        harness.courier.run_once().await.unwrap();
        assert_eq!(json(&app, &after).await["id"], second.to_string());
        assert_eq!(ask(&app, "GET", "/api/messages/next?timeout=-1s").await.status(), 400);
        assert_eq!(ask(&app, "GET", "/api/messages/next?timeout=soon").await.status(), 400);
    }
}

#[tokio::test]
async fn pages_show_mail_and_nothing_runs_in_them() {
    let html = "<html><head></head><body><script>alert(1)</script><img src=x onerror=alert(1)></body></html>";
    let body = TemplateBody {
        plaintext: Some(file("<b>text</b> {{ .To }} http://localhost/go?a=1&b=2")),
        html: Some(file(html)),
    };
    let mut settings = CourierSettings::default();
    settings.templates.recovery_code.valid.email =
        TemplateSource { subject: Some(file("<i>{{ .RecoveryCode }}</i>")), body };
    let harness = Harness::one(Transport::Inbox, settings).await;
    let app = router(&harness);
    let empty = text(ask(&app, "GET", "/").await).await;
    assert!(empty.contains("No mail yet"));
    let id = harness.queue("<ada>@example.org").await;
    harness.courier.run_once().await.unwrap();
    for uri in ["/".to_owned(), format!("/messages/{id}")] {
        let response = ask(&app, "GET", &uri).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        let page = text(response).await;
        assert!(page.contains("&lt;i&gt;123456&lt;/i&gt;") && page.contains("data-copy=\"123456\""), "{page}");
        assert!(!page.contains("<i>") && !page.contains("<b>") && !page.contains("<ada>"), "{page}");
    }
    let page = text(ask(&app, "GET", &format!("/messages/{id}")).await).await;
    assert!(page.contains("href=\"http://localhost/go?a=1&amp;b=2\""), "{page}");
    assert!(page.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""));
    let mail = ask(&app, "GET", &format!("/messages/{id}/html")).await;
    let policy = mail.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("sandbox allow-popups") && !policy.contains("allow-scripts"), "{policy}");
    assert!(!policy.contains("allow-same-origin") && policy.contains("default-src 'none'"));
    assert!(text(mail).await.contains("<head><base target=\"_blank\">"));
    assert_eq!(ask(&app, "GET", "/messages/none").await.status(), 404);
}

#[tokio::test]
async fn forms_remove_and_assets_are_served() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    let app = router(&harness);
    let id = harness.queue("ada@example.org").await;
    harness.queue("bob@example.org").await;
    harness.courier.run_once().await.unwrap();
    assert_eq!(ask(&app, "POST", &format!("/messages/{id}/delete")).await.status(), 303);
    assert_eq!(json(&app, "/api/messages").await.as_array().unwrap().len(), 1);
    assert_eq!(ask(&app, "GET", "/messages/delete").await.status(), 405, "a link removes nothing");
    assert_eq!(ask(&app, "POST", "/messages/delete").await.status(), 303);
    assert!(json(&app, "/api/messages").await.as_array().unwrap().is_empty());
    for (uri, kind) in [("/assets/inbox.css", "text/css"), ("/assets/inbox.js", "text/javascript")] {
        let response = ask(&app, "GET", uri).await;
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(kind));
    }
}

#[tokio::test]
async fn the_oldest_of_more_than_a_thousand_goes() {
    let worker = courier::Worker { pull_count: 2000, ..courier::Worker::default() };
    let harness = Harness::one(Transport::Inbox, CourierSettings { worker, ..CourierSettings::default() }).await;
    let (cx, app) = (harness.cx(), router(&harness));
    let composed = harness
        .courier
        .compose(&cx, courier::TemplateKind::RecoveryCodeValid, "ada@example.org", crate::code())
        .await
        .map(Arc::new)
        .unwrap();
    database::transact!(harness.db, |tx| -> Result<(), courier::CourierError> {
        for _ in 0..1003 {
            courier::enqueue(tx, &cx, &composed).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(harness.courier.run_once().await.unwrap().sent, 1003);
    assert_eq!(json(&app, "/api/messages?limit=1000").await.as_array().unwrap().len(), 1000);
}

fn file(template: &str) -> String {
    use base64::Engine as _;
    format!("base64://{}", base64::engine::general_purpose::STANDARD.encode(template))
}

#[tokio::test]
async fn web_hooks_are_received_with_what_their_signature_proves() {
    let secret = foundation::Secret::new("a secret for receivers".to_owned());
    let hooks = courier::HookSettings { signing_secrets: vec![secret.clone()], ..courier::HookSettings::default() };
    let settings = CourierSettings { hooks, ..CourierSettings::default() };
    for harness in Harness::all(Transport::Inbox, settings).await {
        let app = router(&harness);
        let time = harness.cx().now.as_second();
        let good = crypto::WebhookKeys::new(std::slice::from_ref(&secret)).sign("a-1", time, b"{\"a\": 1}").unwrap();
        for (signature, body) in [(good.as_str(), "{\"a\": 1}"), (good.as_str(), "{\"a\": 2}"), ("", "<b>plain</b>")] {
            let mut request = Request::builder().method("POST").uri("/hooks/receive/signed-up");
            request = request.header("webhook-id", "a-1").header("webhook-timestamp", time.to_string());
            if !signature.is_empty() {
                request = request.header("webhook-signature", signature);
            }
            let answer = app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 204);
        }
        let listed = json(&app, "/api/hooks?name=signed-up").await;
        let seen: Vec<_> = listed.as_array().unwrap().iter().map(|hook| hook["signature"].clone()).collect();
        assert_eq!(seen, ["missing", "bad", "good"], "newest first");
        assert_eq!(json(&app, "/api/hooks?name=other").await, serde_json::json!([]));
        let first = json(&app, "/api/hooks/next?name=signed-up").await;
        assert_eq!((&first["body"], &first["webhook_id"]), (&"{\"a\": 1}".into(), &"a-1".into()));
        let after = format!("/api/hooks/next?after={}&timeout=1s", first["id"].as_str().unwrap());
        assert_eq!(json(&app, &after).await["signature"], "bad");
        let page = text(ask(&app, "GET", "/hooks").await).await;
        assert!(page.contains("&lt;b&gt;plain") && !page.contains("<b>plain"), "bodies are shown, not run: {page}");
        assert!(page.contains("(again)") && page.contains("<strong>wrong</strong>"));
        let huge =
            Request::builder().method("POST").uri("/hooks/receive/x").body(Body::from(vec![b'x'; 300_000])).unwrap();
        assert_eq!(app.clone().oneshot(huge).await.unwrap().status(), 413);
        assert_eq!(ask(&app, "DELETE", "/api/hooks").await.status(), 204);
        assert_eq!(ask(&app, "GET", "/api/hooks/next?timeout=10ms").await.status(), 204);
    }
}
