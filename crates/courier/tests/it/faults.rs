//! A mail server that does all the wrong things at once: nobody else's mail waits for that, and what can be repeated is.

use std::sync::Arc;
use std::time::Duration;

use courier::{CourierSettings, MessageStatus, Transport, Worker};
use foundation::GoDuration;
use tokio::sync::{Notify, oneshot};

use crate::Harness;
use crate::mail_server::{MailServer, Manner, Options, with_uri};

/// The courier's metrics as text.
fn text_of(courier: &courier::Courier) -> String {
    let metrics = web::Metrics::new(&[]);
    metrics.register(|registry| courier.register_metrics(registry));
    metrics.render()
}

async fn becomes(harness: &Harness, id: foundation::Uuid, status: MessageStatus) {
    while harness.message(id).await.status != status {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_server_that_waits_refuses_and_hangs_up_delays_nobody_else() {
    let mut server = MailServer::start(Options::default()).await;
    let release = Arc::new(Notify::new());
    server.manner("slow@example.org", Manner::Wait(release.clone()));
    server.manner("refused@example.org", Manner::Refuse("550 no such user"));
    server.manner("busy@example.org", Manner::Refuse("451 try later"));
    server.manner("cut@example.org", Manner::HangUp);
    let settings = CourierSettings {
        worker: Worker { pull_wait: GoDuration::from_millis(20), ..Worker::default() },
        ..server.plain()
    };
    for harness in Harness::all(Transport::Smtp, settings).await {
        server.manner("cut@example.org", Manner::HangUp);
        server.manner("busy@example.org", Manner::Refuse("451 try later"));
        let slow = harness.queue("slow@example.org").await;
        let refused = harness.queue("refused@example.org").await;
        let busy = harness.queue("busy@example.org").await;
        let cut = harness.queue("cut@example.org").await;
        let good = [harness.queue("ada@example.org").await, harness.queue("bob@example.org").await];
        let (stop, stopped) = oneshot::channel::<()>();
        let courier = harness.courier.clone();
        let running = tokio::spawn(async move { courier.run(async { stopped.await.unwrap() }).await });
        for id in good {
            becomes(&harness, id, MessageStatus::Sent).await;
        }
        becomes(&harness, refused, MessageStatus::Abandoned).await;
        for id in [busy, cut] {
            while harness.message(id).await.dispatches.unwrap_or_default().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let message = harness.message(id).await;
            assert_eq!((message.status, message.send_count), (MessageStatus::Queued, 1));
            assert!(message.dispatches.unwrap()[0].error.is_some(), "the listing says why");
        }
        assert_eq!(harness.message(slow).await.status, MessageStatus::Processing);
        // The server comes to its senses, and time passes.
        server.manner("cut@example.org", Manner::Accept);
        server.manner("busy@example.org", Manner::Accept);
        release.notify_waiters();
        harness.advance(3);
        harness.courier.nudge();
        for id in [slow, busy, cut] {
            becomes(&harness, id, MessageStatus::Sent).await;
        }
        let text = text_of(&harness.courier);
        for line in [
            "courier_deliveries_total{kind=\"mail\",outcome=\"delivered\"} 5",
            "courier_deliveries_total{kind=\"mail\",outcome=\"failed\"} 2",
            "courier_deliveries_total{kind=\"mail\",outcome=\"dead\"} 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is missing in\n{text}");
        }
        stop.send(()).unwrap();
        running.await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..5 {
            taken.extend(server.next().await.recipients);
        }
        taken.sort();
        let all = ["ada@example.org", "bob@example.org", "busy@example.org", "cut@example.org", "slow@example.org"];
        assert_eq!(taken, all, "each mail once");
    }
}

#[tokio::test]
async fn while_the_server_is_down_mails_wait_and_the_metrics_say_for_how_long() {
    for harness in Harness::all(Transport::Smtp, with_uri("smtp://127.0.0.1:1/?disable_starttls=true")).await {
        let id = harness.queue("ada@example.org").await;
        assert_eq!(harness.courier.run_once().await.unwrap().delayed, 1);
        harness.advance(4000);
        let (stop, stopped) = oneshot::channel::<()>();
        let courier = harness.courier.clone();
        let running = tokio::spawn(async move { courier.run(async { stopped.await.unwrap() }).await });
        loop {
            let text = text_of(&harness.courier);
            let has = |line: &str| text.lines().any(|written| written == line);
            if has("courier_waiting{kind=\"mail\"} 1") && has("courier_oldest_waiting_seconds{kind=\"mail\"} 4000") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.send(()).unwrap();
        running.await.unwrap();
        // The server is back: the mail was kept.
        let mut server = MailServer::start(Options::default()).await;
        harness.set(server.plain());
        harness.advance(4000);
        assert_eq!(harness.courier.run_once().await.unwrap().sent, 1);
        assert_eq!(server.next().await.recipients, ["ada@example.org"]);
        assert_eq!(harness.message(id).await.status, MessageStatus::Sent);
    }
}
