//! From the queue to the mail server.

use std::sync::Arc;

use courier::{CourierSettings, MessageStatus, Report, Smtp, Transport, Worker};
use database::transact;
use foundation::{GoDuration, Secret};
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsAcceptor;

use crate::mail_server::{MailServer, Manner, Options, with_uri};
use crate::{Harness, another, code};

#[tokio::test]
async fn a_mail_is_delivered_once_and_its_content_erased() {
    let mut server = MailServer::start(Options::default()).await;
    for harness in Harness::all(Transport::Smtp, server.plain()).await {
        let id = harness.queue("ada@example.org").await;
        assert_eq!(harness.message(id).await.status, MessageStatus::Queued);
        assert!(harness.message(id).await.subject.contains("123456"));
        let report = harness.courier.run_once().await.unwrap();
        assert_eq!(report, Report { claimed: 1, sent: 1, ..Report::default() });
        let taken = server.next().await;
        assert_eq!(taken.recipients, ["ada@example.org"]);
        assert!(taken.data.contains("Subject: Use code 123456 to get back into your account"), "{}", taken.data);
        assert!(taken.data.contains(&format!("Message-ID: <{id}@limen.example>")));
        assert!(taken.data.contains("multipart/alternative"));
        let message = harness.message(id).await;
        assert_eq!((message.status, message.send_count), (MessageStatus::Sent, 1));
        assert_eq!((message.subject.as_str(), message.body.as_str()), ("", ""));
        let dispatches = message.dispatches.unwrap();
        assert_eq!(dispatches.len(), 1);
        assert_eq!((dispatches[0].status.as_str(), &dispatches[0].error), ("success", &None));
        assert_eq!(harness.courier.run_once().await.unwrap(), Report::default());
    }
}

#[tokio::test]
async fn development_keeps_contents_readable() {
    let server = MailServer::start(Options::default()).await;
    let settings = CourierSettings { keep_contents: true, ..server.plain() };
    let harness = Harness::one(Transport::Smtp, settings).await;
    let id = harness.queue("ada@example.org").await;
    harness.courier.run_once().await.unwrap();
    assert!(harness.message(id).await.body.contains("123456"));
    assert_eq!(harness.message(id).await.redacted().body, "<redacted-unless-dev-mode>");
}

#[tokio::test]
async fn a_rolled_back_transaction_sends_nothing() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let cx = harness.cx();
        let composed = harness
            .courier
            .compose(&cx, courier::TemplateKind::RecoveryCodeValid, "ada@example.org", code())
            .await
            .unwrap();
        let refused = transact!(harness.db, |tx| -> Result<(), courier::CourierError> {
            courier::enqueue(tx, &cx, &composed).await?;
            Err(courier::CourierError::Recipient)
        })
        .await;
        assert!(refused.is_err());
        assert_eq!(harness.courier.run_once().await.unwrap().claimed, 0);
    }
}

#[tokio::test]
async fn failures_are_tried_again_with_growing_pauses_and_given_up_after_six_attempts() {
    let server = MailServer::start(Options::default()).await;
    server.manner("ada@example.org", Manner::HangUp);
    for harness in Harness::all(Transport::Smtp, server.plain()).await {
        let id = harness.queue("ada@example.org").await;
        for (attempt, pause) in [(1, 1), (2, 5), (3, 25), (4, 125), (5, 625)] {
            let report = harness.courier.run_once().await.unwrap();
            assert_eq!(report, Report { claimed: 1, delayed: 1, ..Report::default() });
            assert_eq!(harness.message(id).await.send_count, attempt);
            // A moment too early.
            harness.clock.advance(std::time::Duration::from_millis(pause * 1000 - 1));
            assert_eq!(harness.courier.run_once().await.unwrap().claimed, 0, "after attempt {attempt}");
            // The pause is spread by a tenth.
            harness.advance(pause / 10 + 1);
        }
        let report = harness.courier.run_once().await.unwrap();
        assert_eq!(report, Report { claimed: 1, abandoned: 1, ..Report::default() });
        let message = harness.message(id).await;
        assert_eq!((message.status, message.send_count), (MessageStatus::Abandoned, 6));
        assert_eq!(message.body, "", "an abandoned message's content is erased");
        let dispatches = message.dispatches.unwrap();
        assert_eq!(dispatches.iter().filter(|dispatch| dispatch.status == "failed").count(), 6);
        assert!(dispatches[0].error.as_ref().unwrap()["reason"].is_string());
        harness.advance(100_000);
        assert_eq!(harness.courier.run_once().await.unwrap().claimed, 0);
    }
}

#[tokio::test]
async fn a_refused_recipient_ends_the_message_and_no_other() {
    let mut server = MailServer::start(Options::default()).await;
    server.manner("gone@example.org", Manner::Refuse("550 no such user"));
    server.manner("later@example.org", Manner::Refuse("450 come back"));
    let harness = Harness::one(Transport::Smtp, server.plain()).await;
    let (gone, later) = (harness.queue("gone@example.org").await, harness.queue("later@example.org").await);
    let (fine, broken) = (harness.queue("ada@example.org").await, harness.queue("no address").await);
    let report = harness.courier.run_once().await.unwrap();
    assert_eq!(report, Report { claimed: 4, sent: 1, delayed: 1, abandoned: 2, ..Report::default() });
    assert_eq!(server.next().await.recipients, ["ada@example.org"]);
    for (id, status) in [
        (gone, MessageStatus::Abandoned),
        (later, MessageStatus::Queued),
        (fine, MessageStatus::Sent),
        (broken, MessageStatus::Abandoned),
    ] {
        assert_eq!(harness.message(id).await.status, status);
    }
    let reason = harness.message(gone).await.dispatches.unwrap()[0].error.clone().unwrap()["reason"].to_string();
    assert!(reason.contains("550") || reason.contains("no such user"), "{reason}");
}

#[tokio::test]
async fn workers_that_run_at_once_deliver_each_message_once() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        for number in 0..30 {
            harness.queue(&format!("p{number}@example.org")).await;
        }
        let others: Vec<_> = (0..3)
            .map(|_| another(&harness.db, &harness.clock, &harness.rng, &harness.settings, Transport::Inbox))
            .collect();
        let passes = others.iter().map(|worker| {
            let worker = worker.clone();
            tokio::spawn(async move {
                let mut sent = 0;
                loop {
                    let report = worker.run_once().await.unwrap();
                    sent += report.sent;
                    if report.claimed == 0 {
                        return sent;
                    }
                }
            })
        });
        let mut sent = 0;
        for pass in futures::future::join_all(passes).await {
            sent += pass.unwrap();
        }
        assert_eq!(sent, 30);
    }
}

#[tokio::test]
async fn a_message_whose_worker_died_is_taken_again_when_its_lease_ends() {
    let mut server = MailServer::start(Options::default()).await;
    let told = Arc::new(Notify::new());
    server.manner("ada@example.org", Manner::Wait(told.clone()));
    for harness in Harness::all(Transport::Smtp, server.plain()).await {
        server.manner("ada@example.org", Manner::Wait(told.clone()));
        let id = harness.queue("ada@example.org").await;
        let first = tokio::select! {
            _ = harness.courier.run_once() => panic!("the server has not answered yet"),
            taken = server.next() => taken,
        };
        // The worker died in the middle; nobody else takes the message before the lease ends.
        assert_eq!(harness.message(id).await.status, MessageStatus::Processing);
        assert_eq!(harness.courier.run_once().await.unwrap().claimed, 0);
        harness.advance(151);
        server.manner("ada@example.org", Manner::Accept);
        assert_eq!(harness.courier.run_once().await.unwrap().sent, 1);
        let second = server.next().await;
        let message_id = |data: &str| data.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned);
        assert_eq!(message_id(&first.data), message_id(&second.data), "a duplicate can be recognised");
        assert_eq!(harness.message(id).await.send_count, 2);
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_has_no_say() {
    let mut server = MailServer::start(Options::default()).await;
    let told = Arc::new(Notify::new());
    server.manner("ada@example.org", Manner::Wait(told.clone()));
    let harness = Harness::one(Transport::Smtp, server.plain()).await;
    let id = harness.queue("ada@example.org").await;
    let slow = tokio::spawn({
        let courier = harness.courier.clone();
        async move { courier.run_once().await.unwrap() }
    });
    server.next().await;
    harness.advance(151);
    server.manner("ada@example.org", Manner::Refuse("450 later"));
    let other = another(&harness.db, &harness.clock, &harness.rng, &harness.settings, Transport::Smtp);
    assert_eq!(other.run_once().await.unwrap().delayed, 1);
    told.notify_one();
    let report = slow.await.unwrap();
    assert_eq!((report.claimed, report.sent), (1, 0));
    assert_eq!(harness.message(id).await.status, MessageStatus::Queued);
    assert_eq!(harness.message(id).await.dispatches.unwrap().len(), 1);
}

#[tokio::test]
async fn a_slow_recipient_delays_nobody_and_a_nudge_is_enough() {
    let mut server = MailServer::start(Options::default()).await;
    let told = Arc::new(Notify::new());
    server.manner("slow@example.org", Manner::Wait(told.clone()));
    let worker = Worker { pull_count: 1, pull_wait: GoDuration::from_secs(3600), ..Worker::default() };
    let harness = Harness::one(Transport::Smtp, CourierSettings { worker, ..server.plain() }).await;
    let slow = harness.queue("slow@example.org").await;
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn({
        let courier = harness.courier.clone();
        async move {
            courier
                .run(async {
                    let _ = stopped.await;
                })
                .await;
        }
    });
    assert_eq!(server.next().await.recipients, ["slow@example.org"]);
    harness.queue("ada@example.org").await;
    harness.courier.nudge();
    assert_eq!(server.next().await.recipients, ["ada@example.org"]);
    assert_eq!(harness.message(slow).await.status, MessageStatus::Processing);
    // Ending waits for what is under way.
    stop.send(()).unwrap();
    told.notify_one();
    running.await.unwrap();
    assert_eq!(harness.message(slow).await.status, MessageStatus::Sent);
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = MailServer::start(Options::default()).await;
    let harness = Harness::one(Transport::Smtp, server.uri("smtp", "")).await;
    harness.queue("ada@example.org").await;
    assert_eq!(harness.courier.run_once().await.unwrap().delayed, 1);
    let said = server.said.lock().unwrap().clone();
    assert!(!said.iter().any(|line| line.starts_with("MAIL") || line.starts_with("AUTH")), "{said:?}");
}

#[tokio::test]
async fn tls_is_verified_unless_told_otherwise() {
    for (scheme, implicit) in [("smtps", true), ("smtp", false)] {
        let options = Options { extensions: &["STARTTLS"], tls: Some(acceptor()), implicit, ..Options::default() };
        let mut server = MailServer::start(options).await;
        let harness = Harness::one(Transport::Smtp, server.uri(scheme, "server_name=localhost")).await;
        let id = harness.queue("ada@example.org").await;
        assert_eq!(harness.courier.run_once().await.unwrap().delayed, 1, "{scheme}: a self-made certificate");
        assert!(!server.said.lock().unwrap().iter().any(|line| line.starts_with("MAIL")));
        harness.set(server.uri(scheme, "skip_ssl_verify=true"));
        harness.advance(10);
        let report = harness.courier.run_once().await.unwrap();
        assert_eq!(report.sent, 1, "{scheme}: {:?}", harness.message(id).await.dispatches);
        assert_eq!(server.next().await.recipients, ["ada@example.org"]);
    }
}

#[tokio::test]
async fn a_refused_password_does_not_end_messages() {
    for (answer, delayed) in [("535 wrong", 1), ("235 welcome", 0)] {
        let options = Options { extensions: &["AUTH PLAIN LOGIN"], auth_answer: answer, ..Options::default() };
        let server = MailServer::start(options).await;
        let uri = format!("smtp://us%40er:hunter2@127.0.0.1:{}/?disable_starttls=true", server.port);
        let harness = Harness::one(Transport::Smtp, with_uri(&uri)).await;
        let id = harness.queue("ada@example.org").await;
        assert_eq!(harness.courier.run_once().await.unwrap().delayed, delayed);
        let said = server.said.lock().unwrap().clone();
        assert!(said.iter().any(|line| line == "AUTH PLAIN AHVzQGVyAGh1bnRlcjI="), "{said:?}");
        let message = harness.message(id).await;
        assert!(!format!("{:?}", message.dispatches).contains("hunter2"));
    }
}

#[tokio::test]
async fn copies_are_delivered_and_their_refusal_is_nobodys() {
    let mut server = MailServer::start(Options::default()).await;
    server.manner("gone@example.org", Manner::Refuse("550 no such user"));
    let headers = [("Bcc", "archive@example.org, gone@example.org"), ("X-Mail-Kind", "account")];
    let mut settings = server.plain();
    settings.smtp.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let harness = Harness::one(Transport::Smtp, settings).await;
    harness.queue("ada@example.org").await;
    assert_eq!(harness.courier.run_once().await.unwrap().sent, 1);
    let taken = server.next().await;
    assert_eq!(taken.recipients, ["ada@example.org", "archive@example.org"]);
    assert!(taken.data.contains("X-Mail-Kind: account") && !taken.data.contains("archive@"), "{}", taken.data);
}

#[tokio::test]
async fn private_mail_servers_are_refused_where_the_configuration_says_so() {
    let server = MailServer::start(Options::default()).await;
    let settings = CourierSettings { refuse_private_addresses: true, ..server.plain() };
    let harness = Harness::one(Transport::Smtp, settings).await;
    harness.queue("ada@example.org").await;
    assert_eq!(harness.courier.run_once().await.unwrap().delayed, 1);
    assert!(server.said.lock().unwrap().is_empty());
}

#[tokio::test]
async fn faulty_settings_keep_messages_waiting() {
    let server = MailServer::start(Options::default()).await;
    let unset = CourierSettings::default();
    let bad_sender = CourierSettings {
        smtp: Smtp { from_address: "nobody".to_owned(), ..server.plain().smtp },
        ..CourierSettings::default()
    };
    let no_port = CourierSettings {
        smtp: Smtp { connection_uri: Some(Secret::new("smtp://mail.example".to_owned())), ..Smtp::default() },
        ..CourierSettings::default()
    };
    for settings in [unset, bad_sender, no_port] {
        let harness = Harness::one(Transport::Smtp, settings).await;
        harness.queue("ada@example.org").await;
        assert_eq!(harness.courier.run_once().await.unwrap().delayed, 1);
        // The corrected settings are taken without a restart.
        harness.set(server.plain());
        harness.advance(10);
        assert_eq!(harness.courier.run_once().await.unwrap().sent, 1);
    }
}

#[tokio::test]
async fn finished_messages_go_after_their_time() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        harness.queue("ada@example.org").await;
        harness.courier.run_once().await.unwrap();
        harness.advance(30 * 24 * 3600 - 1);
        let waiting = harness.queue("later@example.org").await;
        harness.advance(1);
        assert_eq!(harness.courier.run_once().await.unwrap().removed, 0);
        harness.advance(1);
        assert_eq!(harness.courier.run_once().await.unwrap().removed, 1);
        assert_eq!(harness.message(waiting).await.status, MessageStatus::Sent);
    }
}

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
