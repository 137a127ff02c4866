//! The queue of web hooks: nothing is lost, little is sent twice, and a slow receiver delays nobody but itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use courier::hooks::{HookFailure, HookReport};
use courier::{CourierError, CourierSettings, First, HookRequest, HookSettings, PreparedHook, Transport, enqueue_hook};
use crypto::WebhookKeys;
use database::{DbError, Value, params, read, sql, transact};
use foundation::{GoDuration, Secret};
use tokio::sync::{Notify, oneshot};

use crate::{Harness, another};

/// A call: path, headers, body.
type Call = (String, HeaderMap, String);

#[derive(Default)]
struct Memory {
    calls: Mutex<Vec<Call>>,
    answers: Mutex<HashMap<String, u16>>,
    /// Paths that are answered once this is notified.
    slow: Notify,
}

/// A receiver of hooks.
#[derive(Clone)]
struct Receiver {
    url: String,
    memory: Arc<Memory>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let memory = Arc::<Memory>::default();
        let router = Router::new().fallback(take).with_state(memory.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, memory }
    }

    fn hook(&self, path: &str) -> HookRequest {
        HookRequest {
            name: "test".to_owned(),
            method: "POST".to_owned(),
            url: format!("{}/{path}", self.url),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: r#"{"secret": "of somebody"}"#.to_owned(),
        }
    }

    fn answer(&self, path: &str, status: u16) {
        self.memory.answers.lock().unwrap().insert(format!("/{path}"), status);
    }

    fn calls(&self) -> Vec<Call> {
        self.memory.calls.lock().unwrap().clone()
    }

    fn ids(&self) -> Vec<String> {
        self.calls().iter().map(|(_, headers, _)| headers["webhook-id"].to_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(memory): State<Arc<Memory>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let path = parts.uri.path().to_owned();
    memory.calls.lock().unwrap().push((path.clone(), parts.headers, body));
    if path.starts_with("/slow") {
        memory.slow.notified().await;
    }
    let status = memory.answers.lock().unwrap().get(&path).copied().unwrap_or(200);
    let status = StatusCode::from_u16(status).unwrap();
    if status.is_redirection() {
        (status, [("location", "/elsewhere")]).into_response()
    } else {
        status.into_response()
    }
}

async fn queue(harness: &Harness, request: HookRequest, first: First) -> PreparedHook {
    let (cx, hook) = (harness.cx(), harness.courier.hook_prepare(request));
    transact!(harness.db, |tx| -> Result<(), CourierError> { enqueue_hook(tx, &cx, &hook, first).await })
        .await
        .unwrap();
    hook
}

/// Status, attempts, whether content is kept, and the last failure of a hook.
async fn stored(harness: &Harness, hook: &PreparedHook) -> (String, i64, Option<Vec<u8>>, Option<String>) {
    read!(harness.db, |tx| -> Result<(String, i64, Option<Vec<u8>>, Option<String>), DbError> {
        let find =
            sql!("SELECT status, attempts, content, failure FROM courier_hooks WHERE tenant_id = $1 AND id = $2");
        let row = tx.row(find, params![harness.tenant, Value::Uuid(hook.id)]).await?.unwrap();
        Ok((row.get("status")?, row.get("attempts")?, row.get("content")?, row.get("failure")?))
    })
    .await
    .unwrap()
}

fn with_hooks(hooks: HookSettings) -> CourierSettings {
    CourierSettings { hooks, ..CourierSettings::default() }
}

#[tokio::test]
async fn a_hook_is_delivered_once_signed_and_its_content_erased() {
    let secret = Secret::new("a secret for receivers".to_owned());
    let settings = with_hooks(HookSettings { signing_secrets: vec![secret.clone()], ..HookSettings::default() });
    for harness in Harness::all(Transport::Inbox, settings).await {
        let receiver = Receiver::start().await;
        let hook = queue(&harness, receiver.hook("a"), First::Worker).await;
        let (status, attempts, content, _) = stored(&harness, &hook).await;
        assert_eq!((status.as_str(), attempts), ("queued", 0));
        let content = content.unwrap();
        assert!(!content.windows(8).any(|part| part == b"somebody"), "it waits sealed");
        let report = harness.courier.run_hooks_once().await.unwrap();
        assert_eq!(report, HookReport { claimed: 1, delivered: 1, ..HookReport::default() });
        let (status, attempts, content, failure) = stored(&harness, &hook).await;
        assert_eq!((status.as_str(), attempts, content, failure), ("delivered", 1, None, None));
        let calls = receiver.calls();
        let (_, headers, body) = &calls[0];
        let text = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(
            (text("webhook-id"), text("ory-webhook-trigger-id")),
            (&*hook.id.to_string(), &*hook.id.to_string())
        );
        let time = text("webhook-timestamp").parse().unwrap();
        let keys = WebhookKeys::new(std::slice::from_ref(&secret));
        assert!(keys.verify(text("webhook-id"), time, body.as_bytes(), text("webhook-signature"), time));
        harness.advance(1_000_000);
        assert_eq!(harness.courier.run_hooks_once().await.unwrap(), HookReport::default());
        assert_eq!(receiver.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_rolled_back_transaction_tells_nobody() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let receiver = Receiver::start().await;
        let (cx, hook) = (harness.cx(), harness.courier.hook_prepare(receiver.hook("a")));
        let refused = transact!(harness.db, |tx| -> Result<(), CourierError> {
            enqueue_hook(tx, &cx, &hook, First::Worker).await?;
            Err(CourierError::Recipient)
        });
        assert!(refused.await.is_err());
        assert_eq!(harness.courier.run_hooks_once().await.unwrap(), HookReport::default());
        assert!(receiver.calls().is_empty());
    }
}

#[tokio::test]
async fn failures_are_tried_again_with_growing_pauses_and_given_up_some_day() {
    let settings = with_hooks(HookSettings { retries: 3, ..HookSettings::default() });
    for harness in Harness::all(Transport::Inbox, settings).await {
        let receiver = Receiver::start().await;
        receiver.answer("a", 503);
        let hook = queue(&harness, receiver.hook("a"), First::Worker).await;
        for (attempt, pause) in [(1, 5), (2, 30), (3, 120)] {
            assert_eq!(harness.courier.run_hooks_once().await.unwrap().delayed, 1);
            assert_eq!(stored(&harness, &hook).await.1, attempt);
            harness.advance(pause - 1);
            assert_eq!(harness.courier.run_hooks_once().await.unwrap().claimed, 0, "too early");
            harness.advance(pause);
        }
        assert_eq!(harness.courier.run_hooks_once().await.unwrap().dead, 1);
        let (status, attempts, content, failure) = stored(&harness, &hook).await;
        assert_eq!((status.as_str(), attempts, content), ("dead", 4, None));
        assert_eq!(failure.as_deref(), Some("the receiver answered 503"));
        let mut ids = receiver.ids();
        ids.dedup();
        assert_eq!((receiver.calls().len(), ids), (4, vec![hook.id.to_string()]));
    }
}

#[tokio::test]
async fn some_answers_are_final_and_redirects_are_not_followed() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    let receiver = Receiver::start().await;
    for (status, word) in
        [(400, "dead"), (410, "dead"), (422, "dead"), (404, "queued"), (429, "queued"), (302, "queued")]
    {
        let path = format!("answer-{status}");
        receiver.answer(&path, status);
        let hook = queue(&harness, receiver.hook(&path), First::Worker).await;
        harness.courier.run_hooks_once().await.unwrap();
        assert_eq!(stored(&harness, &hook).await.0, word, "{status}");
    }
    assert!(receiver.calls().iter().all(|(path, ..)| path != "/elsewhere"));
}

#[tokio::test]
async fn a_hook_whose_worker_died_is_delivered_by_another_under_the_same_id() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let receiver = Receiver::start().await;
        // The request that queued it holds it, delivers it, and dies before it writes that down.
        let hook = queue(&harness, receiver.hook("a"), First::Request).await;
        harness.courier.hook_send(&hook).await.unwrap();
        assert_eq!(harness.courier.run_hooks_once().await.unwrap().claimed, 0, "it is held");
        harness.advance(91);
        let other = another(&harness.db, &harness.clock, &harness.rng, &harness.settings, Transport::Inbox);
        // The first pass takes back, the second delivers.
        other.run_hooks_once().await.unwrap();
        other.run_hooks_once().await.unwrap();
        assert_eq!(stored(&harness, &hook).await.0, "delivered");
        assert_eq!(
            receiver.ids(),
            [hook.id.to_string(), hook.id.to_string()],
            "at most once too often, and to be told"
        );
        // The first holder comes back late: it has no say.
        harness.courier.hook_release(&hook, harness.tenant).await;
        assert_eq!(stored(&harness, &hook).await.0, "delivered");
    }
}

#[tokio::test]
async fn workers_that_run_at_once_deliver_each_hook_once() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let receiver = Receiver::start().await;
        let mut expected = Vec::new();
        for number in 0..12 {
            expected.push(queue(&harness, receiver.hook(&format!("{number}")), First::Worker).await.id.to_string());
        }
        let workers: Vec<_> = (0..3)
            .map(|_| another(&harness.db, &harness.clock, &harness.rng, &harness.settings, Transport::Inbox))
            .collect();
        for _ in 0..12 {
            futures::future::join_all(workers.iter().map(|worker| worker.run_hooks_once())).await;
        }
        let mut seen = receiver.ids();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_slow_receiver_delays_neither_other_receivers_nor_mails() {
    let settings = CourierSettings {
        worker: courier::Worker { pull_wait: GoDuration::from_millis(20), ..courier::Worker::default() },
        hooks: HookSettings { per_host: 2, at_once: 3, ..HookSettings::default() },
        ..CourierSettings::default()
    };
    for harness in Harness::all(Transport::Inbox, settings).await {
        let (slow, quick) = (Receiver::start().await, Receiver::start().await);
        for number in 0..6 {
            queue(&harness, slow.hook(&format!("slow-{number}")), First::Worker).await;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let courier = harness.courier.clone();
        let running = tokio::spawn(async move { courier.run(async { stopped.await.unwrap() }).await });
        until(|| slow.calls().len() == 2).await;
        let hook = queue(&harness, quick.hook("quick"), First::Worker).await;
        let mail = harness.queue("ada@example.org").await;
        harness.courier.nudge();
        until(|| quick.calls().len() == 1).await;
        while harness.message(mail).await.status != courier::MessageStatus::Sent {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while stored(&harness, &hook).await.0 != "delivered" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(slow.calls().len(), 2, "no more than its share");
        let waking = {
            let slow = slow.clone();
            tokio::spawn(async move {
                loop {
                    slow.memory.slow.notify_waiters();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        };
        until(|| slow.calls().len() == 6).await;
        stop.send(()).unwrap();
        running.await.unwrap();
        waking.abort();
    }
}

#[tokio::test]
async fn private_receivers_are_refused_where_the_configuration_says_so() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    let receiver = Receiver::start().await;
    let policy = web::OutboundPolicy { disallow_private: true, retries: 0, ..web::OutboundPolicy::default() };
    let guarded = harness.with_outbound(web::OutboundClient::new(policy).unwrap());
    let hook = guarded.hook_prepare(receiver.hook("a"));
    assert!(matches!(guarded.hook_send(&hook).await, Err(HookFailure::Refused(_))));
    assert!(receiver.calls().is_empty());
}

#[tokio::test]
async fn what_is_asked_is_tried_three_times_and_then_told() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    let receiver = Receiver::start().await;
    receiver.answer("a", 500);
    let hook = harness.courier.hook_prepare(receiver.hook("a"));
    assert_eq!(harness.courier.hook_send(&hook).await.unwrap().status, 500);
    let requests: std::collections::BTreeSet<_> = receiver
        .calls()
        .iter()
        .map(|(_, headers, _)| headers["ory-webhook-request-id"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!((receiver.calls().len(), requests.len()), (3, 3));
    let nowhere = HookRequest { url: "http://127.0.0.1:1/".to_owned(), ..receiver.hook("a") };
    let hook = harness.courier.hook_prepare(nowhere);
    assert!(matches!(harness.courier.hook_send(&hook).await, Err(HookFailure::Unreachable(_))));
}

/// Waits until something holds; a test that waits for ever is ended by its runner.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
