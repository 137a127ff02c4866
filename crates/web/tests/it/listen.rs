//! What clients of a listener meet: time limits, caps, TLS, the orderly end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request};
use axum::routing::{get, post};
use axum::{Router, body, response::Response};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use web::Peer;
use web::listen::{Drain, Listen, PemSource, Timeouts, TlsFiles, bind, serve};

const SHORT: Duration = Duration::from_millis(60);
/// Long enough for an honest request on a busy machine.
const UNHURRIED: Duration = Duration::from_millis(600);
const LONG: Duration = Duration::from_secs(60);

/// Limits so long that only the one under test can be met.
fn patient() -> Timeouts {
    Timeouts { head: LONG, read: LONG, write: LONG, idle: LONG, drain: LONG }
}

struct Running {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a listener")
    }
}

async fn start(listen: Listen, router: Router, timeouts: Timeouts) -> Running {
    let bound = bind(&listen).await.expect("a free port");
    let address = bound.local_address().expect("tcp");
    let (stop, stopped) = watch::channel(false);
    Running { address, stop, task: tokio::spawn(serve(bound, router, timeouts, stopped)) }
}

async fn start_plain(router: Router, timeouts: Timeouts) -> Running {
    start(Listen::new("serve.public", "127.0.0.1", 0), router, timeouts).await
}

async fn read_body(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match web::body::read(&parts.headers, body, 10).await {
        Ok(body) => web::reply::text(200, &format!("{} bytes", body.bytes.len())),
        Err(refused) => web::reply::error(&refused, None),
    }
}

fn routes() -> Router {
    web::routing::finish(
        Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/peer", get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }))
            .route("/read", post(read_body)),
    )
}

/// Writes `text` and reads until the other side closes.
async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str) -> String {
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
        .await
        .expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_are_answered_and_carry_their_peer() {
    let running = start_plain(routes(), patient()).await;
    let mut stream = running.connect().await;
    let own = stream.local_addr().expect("an address");
    let answer = exchange(&mut stream, "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(&own.to_string()) && answer.contains("tls: false"), "{answer}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_dropped() {
    let running = start_plain(routes(), Timeouts { head: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    assert_eq!(exchange(&mut stream, "").await, "");
}

#[tokio::test]
async fn headers_that_do_not_end_are_dropped() {
    for beginning in ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "PRI * HTTP/2.0\r\n"] {
        let running = start_plain(routes(), Timeouts { head: SHORT, ..patient() }).await;
        let mut stream = running.connect().await;
        assert_eq!(exchange(&mut stream, beginning).await, "", "{beginning}");
    }
}

#[tokio::test]
async fn the_head_limit_does_not_end_an_idle_connection_but_the_idle_limit_does() {
    let running = start_plain(routes(), Timeouts { head: UNHURRIED, ..patient() }).await;
    let mut stream = running.connect().await;
    let mut buffer = [0; 1024];
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    assert!(stream.read(&mut buffer).await.expect("an answer") > 0);
    let waited = tokio::time::timeout(2 * UNHURRIED, stream.read(&mut buffer)).await;
    assert!(waited.is_err(), "the connection stays open");
    let again = exchange(&mut stream, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(again.ends_with("hello"));

    let running = start_plain(routes(), Timeouts { idle: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    assert!(exchange(&mut stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.ends_with("hello"));
}

#[tokio::test]
async fn a_second_head_that_does_not_end_is_dropped() {
    let running = start_plain(routes(), Timeouts { head: UNHURRIED, ..patient() }).await;
    let mut stream = running.connect().await;
    let mut buffer = [0; 1024];
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    assert!(stream.read(&mut buffer).await.expect("an answer") > 0);
    assert_eq!(exchange(&mut stream, "GET / HT").await, "");
}

#[tokio::test]
async fn an_answer_may_take_longer_than_a_connection_may_idle() {
    let (router, began, may_end) = gated();
    let running = start_plain(router, Timeouts { idle: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    let mut buffer = [0; 1024];
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("sent");
    began.notified().await;
    assert!(tokio::time::timeout(4 * SHORT, stream.read(&mut buffer)).await.is_err(), "the connection stays open");
    may_end.notify_one();
    assert!(exchange(&mut stream, "").await.ends_with("done"));

    let io = hyper_util::rt::TokioIo::new(running.connect().await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.expect("h2");
    tokio::spawn(connection);
    let request = http::Request::get("http://localhost/").body(body::Body::empty()).expect("a request");
    let mut answer = Box::pin(sender.send_request(request));
    let waited = tokio::time::timeout(4 * SHORT, &mut answer).await;
    assert!(waited.is_err(), "the connection stays open");
    may_end.notify_one();
    assert_eq!(answer.await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let running = start_plain(routes(), Timeouts { read: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    let answer = exchange(&mut stream, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab").await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"error\""), "{answer}");
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_413_in_the_envelope() {
    let running = start_plain(routes(), patient()).await;
    for request in [
        "POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 11\r\n\r\n0123456789a",
        "POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n",
    ] {
        let answer = exchange(&mut running.connect().await, request).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"code\":413"), "{answer}");
    }
    let fits = "POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789";
    assert!(exchange(&mut running.connect().await, fits).await.contains("10 bytes"));
}

#[tokio::test]
async fn headers_beyond_all_measure_are_refused() {
    let running = start_plain(routes(), patient()).await;
    let mut stream = running.connect().await;
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 431");
}

/// A route that says when it began and waits until it may end.
fn gated() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (began, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside_began, inside_end) = (began.clone(), may_end.clone());
    let handler = move || async move {
        inside_began.notify_one();
        inside_end.notified().await;
        "done"
    };
    (Router::new().route("/", get(handler)), began, may_end)
}

#[tokio::test]
async fn on_shutdown_what_is_being_answered_is_finished() {
    let (router, began, may_end) = gated();
    let running = start_plain(router, patient()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    began.notified().await;
    running.stop.send(true).expect("still serving");
    may_end.notify_one();
    assert!(exchange(&mut stream, "").await.ends_with("done"));
    running.task.await.expect("an orderly end");
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn the_drain_is_bounded() {
    let (router, began, _never) = gated();
    let running = start_plain(router, Timeouts { drain: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    began.notified().await;
    running.stop.send(true).expect("still serving");
    running.task.await.expect("an end");
    assert_eq!(exchange(&mut stream, "").await, "");
}

#[tokio::test]
async fn a_draining_listener_is_not_ready_serves_all_the_same_and_closes_connections() {
    let router = routes().route("/health/ready", get(|| async { "ok" }));
    let bound = bind(&Listen::new("serve.public", "127.0.0.1", 0)).await.expect("a free port");
    let address = bound.local_address().expect("tcp");
    let drain = Drain::default();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(bound.with_drain(drain.clone()), router, patient(), stopped));
    let ask = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.expect("a listener");
        let mut text = String::new();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("open");
        // Ends when the server closes, which it does not do by itself as long as it is not draining.
        let ended = tokio::time::timeout(UNHURRIED, stream.read_to_string(&mut text)).await.is_ok();
        (text, ended)
    };
    let (answer, ended) = ask("/health/ready").await;
    assert!(!ended, "the connection stays: {answer}");
    drain.begin();
    let (answer, ended) = ask("/health/ready").await;
    assert!(ended && answer.starts_with("HTTP/1.1 503 ") && answer.contains("about to stop"), "{answer}");
    let (answer, ended) = ask("/peer").await;
    assert!(ended && answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_unix_socket_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.sock");
    let bound = bind(&Listen::new("serve.public", &format!("unix:{}", path.display()), 0)).await.expect("free");
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(bound, routes(), patient(), stopped));
    let mut stream = tokio::net::UnixStream::connect(&path).await.expect("a listener");
    let answer = exchange(&mut stream, "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("address: None"), "{answer}");
}

/// A listener that speaks TLS, and what a client needs to trust it.
async fn start_tls(timeouts: Timeouts) -> (Running, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let encoded = |text: String| {
        PemSource::Base64(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text).into())
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).expect("pem")).expect("a root");
    let tls = TlsFiles { certificate: encoded(made.cert.pem()), key: encoded(made.signing_key.serialize_pem()) };
    let listen = Listen { tls: Some(tls), ..Listen::new("serve.public", "127.0.0.1", 0) };
    (start(listen, routes(), timeouts).await, roots)
}

fn connector(roots: RootCertStore, alpn: &[&[u8]]) -> tokio_rustls::TlsConnector {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config).into()
}

#[tokio::test]
async fn tls_is_spoken_and_seen_by_handlers() {
    let (running, roots) = start_tls(patient()).await;
    let name = ServerName::try_from("localhost").expect("a name");
    let http1 = connector(roots.clone(), &[b"http/1.1"]);
    let mut stream = http1.connect(name.clone(), running.connect().await).await.expect("a handshake");
    let answer = exchange(&mut stream, "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("tls: true"), "{answer}");
    let both = connector(roots, &[b"h2", b"http/1.1"]);
    let stream = both.connect(name, running.connect().await).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_begin_is_dropped() {
    let (running, _) = start_tls(Timeouts { head: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    assert_eq!(exchange(&mut stream, "").await, "");
}

#[tokio::test]
async fn http_2_is_spoken_without_tls_too() {
    let running = start_plain(routes(), patient()).await;
    let io = hyper_util::rt::TokioIo::new(running.connect().await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.expect("h2");
    tokio::spawn(connection);
    let request = http::Request::get("http://localhost/").body(body::Body::empty()).expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
}

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_dropped() {
    let given_up = Arc::new(Notify::new());
    let inside = given_up.clone();
    let endless = move || async move {
        let guard = Dropped(inside);
        let chunks = futures::stream::repeat_with(move || {
            let _held_with_the_body = &guard;
            Ok::<_, std::io::Error>(bytes::Bytes::from(vec![0; 65536]))
        });
        body::Body::from_stream(chunks)
    };
    let running = start_plain(Router::new().route("/", get(endless)), Timeouts { write: SHORT, ..patient() }).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    tokio::time::timeout(Duration::from_secs(20), given_up.notified()).await.expect("the answer is given up");
}
