//! What the client for outgoing requests sends, follows, repeats and refuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use http::{HeaderMap, Method};
use tokio::sync::watch;
use web::listen::{Listen, Timeouts, bind, serve};
use web::{OutboundClient, OutboundError, OutboundPolicy, OutboundRequest};

/// A server on a free port that runs until the test ends.
struct Server {
    address: SocketAddr,
    hits: Arc<AtomicUsize>,
    _stop: watch::Sender<bool>,
}

impl Server {
    async fn start() -> Self {
        let hits = Arc::new(AtomicUsize::new(0));
        let routes = Router::new()
            .route("/echo", any(echo))
            .route("/flaky", any(flaky))
            .route("/broken", any(|| async { web::reply::text(503, "no") }))
            .route("/long", get(|| async { "x".repeat(2000) }))
            .route("/loop", get(|| async { web::reply::redirect(302, "/loop") }))
            .route("/never", get(std::future::pending::<&'static str>))
            .route("/to/{status}", any(redirect))
            .route_layer(axum::middleware::from_fn_with_state(hits.clone(), count))
            .with_state(hits.clone());
        let bound = bind(&Listen::new("test", "127.0.0.1", 0)).await.expect("a free port");
        let address = bound.local_address().expect("tcp");
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(serve(bound, routes, Timeouts::PUBLIC, stopped));
        Self { address, hits, _stop: stop }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

async fn count(State(hits): State<Arc<AtomicUsize>>, request: Request, next: axum::middleware::Next) -> Response {
    hits.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}

async fn echo(method: Method, headers: HeaderMap, body: String) -> String {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    format!(
        "{method} agent={} auth={} key={} type={} body={body}",
        header("user-agent"),
        header("authorization"),
        header("x-key"),
        header("content-type")
    )
}

async fn flaky(State(hits): State<Arc<AtomicUsize>>) -> Response {
    if hits.load(Ordering::SeqCst) < 3 { web::reply::text(500, "again") } else { web::reply::text(200, "fine") }
}

async fn redirect(axum::extract::Path(status): axum::extract::Path<u16>, request: Request) -> Response {
    web::reply::redirect(status, request.uri().query().unwrap_or_default())
}

fn policy() -> OutboundPolicy {
    OutboundPolicy { retry_pause: Duration::ZERO, user_agent: "limen/test".into(), ..OutboundPolicy::default() }
}

fn client(policy: OutboundPolicy) -> OutboundClient {
    OutboundClient::new(policy).expect("a policy")
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_made() {
    let server = Server::start().await;
    let client = client(policy());
    let json = OutboundRequest::post(server.url("/echo")).json(&serde_json::json!({"a": 1})).expect("json");
    let answer =
        client.send(json.basic_auth("u", "p").header("x-key", "k").expect("a header")).await.expect("an answer");
    assert_eq!(answer.text(), "POST agent=limen/test auth=Basic dTpw key=k type=application/json body={\"a\":1}");
    let form = OutboundRequest::post(server.url("/echo")).form([("a", "1 2"), ("b", "&")]);
    assert!(
        client
            .send(form)
            .await
            .expect("an answer")
            .text()
            .ends_with("type=application/x-www-form-urlencoded body=a=1+2&b=%26")
    );
    assert!(OutboundRequest::get("http://a").header("x", "a\r\nb: c").is_err());
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let server = Server::start().await;
    let client = client(OutboundPolicy { disallow_private: true, ..policy() });
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1."] {
        let refused = client.get(&format!("http://{host}:{port}/echo")).await.expect_err(host);
        assert!(matches!(refused, OutboundError::Refused { .. }), "{host}: {refused}");
    }
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn exceptions_are_reached_and_nothing_beside_them() {
    let server = Server::start().await;
    let exceptions = vec![server.url("/echo"), server.url("/to/*")];
    let client = client(OutboundPolicy { disallow_private: true, exceptions, ..policy() });
    assert!(client.get(&server.url("/echo")).await.is_ok());
    assert!(matches!(client.get(&server.url("/long")).await, Err(OutboundError::Refused { .. })));
    let onward = server.url("/to/302?/long");
    assert!(
        matches!(client.get(&onward).await, Err(OutboundError::Refused { .. })),
        "a redirect is checked like a first address"
    );
}

#[tokio::test]
async fn only_web_addresses_are_asked() {
    let server = Server::start().await;
    let client = client(policy());
    for url in ["file:///etc/passwd", "ftp://example.com/", "not an address", "data:text/plain,a"] {
        assert!(matches!(client.get(url).await, Err(OutboundError::Address(_))), "{url}");
    }
    assert!(matches!(client.get(&server.url("/to/302?file:///etc/passwd")).await, Err(OutboundError::Address(_))));
}

#[tokio::test]
async fn redirects_are_followed_only_if_asked_for_and_not_for_ever() {
    let server = Server::start().await;
    let client = client(policy());
    let followed = client.get(&server.url("/to/302?/echo")).await.expect("an answer");
    assert_eq!((followed.status, followed.url.path()), (200, "/echo"));
    let plain = client.send(OutboundRequest::new(Method::GET, server.url("/to/302?/echo"))).await.expect("an answer");
    assert_eq!((plain.status, &plain.headers["location"]), (302, &http::HeaderValue::from_static("/echo")));
    assert!(matches!(client.get(&server.url("/loop")).await, Err(OutboundError::TooManyRedirects { .. })));
}

#[tokio::test]
async fn credentials_and_bodies_do_not_follow_to_another_origin() {
    let (server, other) = (Server::start().await, Server::start().await);
    let client = client(policy());
    let ask = |status: u16, target: String| {
        let request = OutboundRequest::post(server.url(&format!("/to/{status}?{target}")))
            .body("text/plain", "secret")
            .redirects(3);
        client.send(request.basic_auth("u", "p").header("x-key", "k").expect("a header"))
    };
    let same = ask(307, "/echo".into()).await.expect("an answer").text();
    assert_eq!(same, "POST agent=limen/test auth=Basic dTpw key=k type=text/plain body=secret");
    let turned = ask(303, "/echo".into()).await.expect("an answer").text();
    assert_eq!(turned, "GET agent=limen/test auth=Basic dTpw key=k type=- body=");
    let elsewhere = ask(307, other.url("/echo")).await.expect("an answer").text();
    assert_eq!(elsewhere, "GET agent=limen/test auth=- key=- type=- body=");
}

#[tokio::test]
async fn failures_of_the_server_are_tried_again_as_often_as_allowed() {
    let server = Server::start().await;
    let client = client(policy());
    let answer = client.get(&server.url("/flaky")).await.expect("an answer");
    assert_eq!((answer.status, server.hits()), (200, 3));
    let last = client.get(&server.url("/broken")).await.expect("an answer");
    assert_eq!((last.status, last.is_success(), server.hits()), (503, false, 6));
    let once = client.send(OutboundRequest::get(server.url("/broken")).retries(0)).await.expect("an answer");
    assert_eq!((once.status, server.hits()), (503, 7));
    let missing = client.get(&server.url("/nowhere")).await.expect("an answer");
    assert_eq!((missing.status, server.hits()), (404, 7));
}

#[tokio::test]
async fn a_response_beyond_the_cap_is_an_error() {
    let server = Server::start().await;
    let client = client(OutboundPolicy { response_cap: 1999, ..policy() });
    assert!(matches!(client.get(&server.url("/long")).await, Err(OutboundError::TooLarge { cap: 1999, .. })));
    let allowed = client.send(OutboundRequest::get(server.url("/long")).response_cap(2000)).await.expect("an answer");
    assert_eq!(allowed.body.len(), 2000);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let server = Server::start().await;
    let client = client(policy());
    let request = OutboundRequest::get(server.url("/never")).timeout(Duration::from_millis(50)).retries(1);
    assert!(matches!(client.send(request).await, Err(OutboundError::Timeout { .. })));
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn errors_name_the_host_and_no_secret_of_the_address() {
    let port = {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        taken.local_addr().expect("an address").port()
    };
    let failed =
        client(policy()).get(&format!("http://127.0.0.1:{port}/hook?key=s3cret")).await.expect_err("nobody listens");
    assert!(matches!(failed, OutboundError::Transport { .. }), "{failed}");
    assert!(failed.to_string().contains("127.0.0.1") && !format!("{failed:?} {failed}").contains("s3cret"), "{failed}");
}

#[tokio::test]
async fn certificates_are_checked_and_extra_roots_count() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let encoded = |text: String| {
        web::listen::PemSource::Base64(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text).into())
    };
    let tls =
        web::listen::TlsFiles { certificate: encoded(made.cert.pem()), key: encoded(made.signing_key.serialize_pem()) };
    let bound = bind(&Listen { tls: Some(tls), ..Listen::new("test", "127.0.0.1", 0) }).await.expect("a free port");
    let url = format!("https://localhost:{}/", bound.local_address().expect("tcp").port());
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(bound, Router::new().route("/", get(|| async { "a" })), Timeouts::PUBLIC, stopped));
    let stranger = client(OutboundPolicy { retries: 0, ..policy() }).get(&url).await;
    assert!(matches!(stranger, Err(OutboundError::Transport { .. })));
    let trusting = client(OutboundPolicy { extra_roots: made.cert.pem().into_bytes(), ..policy() });
    assert_eq!(trusting.get(&url).await.expect("an answer").text(), "a");
    assert!(matches!(
        OutboundClient::new(OutboundPolicy {
            extra_roots: b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----".to_vec(),
            ..policy()
        }),
        Err(OutboundError::Policy(_))
    ));
}
