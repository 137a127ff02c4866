//! The accept loop, the protocol of each connection, and the orderly end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use foundation::ApiError;
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::drain::Drain;
use super::io::{Activity, TimedBody, TimedIo};
use super::socket::Accepted;
use super::tls::Certificates;
use super::{Bound, Timeouts};
use crate::client::Peer;
use crate::reply;

/// How often certificate files are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(10);

/// Room for the headers of a request, and no more.
const HEAD_BYTES: u32 = 64 * 1024;

/// Serves `router` until `shutdown` turns true (or its sender is gone), then lets requests that are being answered
/// finish, for at most [`Timeouts::drain`]. Each request carries its [`Peer`] as an extension.
pub async fn serve(bound: Bound, router: Router, timeouts: Timeouts, mut shutdown: watch::Receiver<bool>) {
    let (certificates, acceptor) = bound.tls.unzip();
    let server = Arc::new(Server { router, timeouts, tls: acceptor, drain: bound.drain });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut certificate_check = interval(CERTIFICATE_CHECK);
    certificate_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            accepted = bound.socket.accept() => match accepted {
                Ok(accepted) => drop(connections.spawn(server.clone().connection(accepted, graceful.watcher()))),
                Err(cause) => accept_failed(&cause).await,
            },
            Some(_) = connections.join_next() => {}
            _ = certificate_check.tick(), if certificates.is_some() => look_at_certificates(certificates.clone()).await,
            () = stopped(&mut shutdown) => break,
        }
    }
    drop(bound.socket);
    if timeout(timeouts.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut off: they did not end in time");
    }
    connections.shutdown().await;
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: nobody is left who could say stop.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// A client that is gone before it was accepted concerns nobody; running out of file descriptors passes, but trying
/// again at once would only burn the processor.
async fn accept_failed(cause: &io::Error) {
    let client_gone = matches!(cause.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !client_gone {
        tracing::error!(%cause, "a connection cannot be accepted");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn look_at_certificates(certificates: Option<Arc<Certificates>>) {
    let Some(certificates) = certificates else { return };
    match tokio::task::spawn_blocking(move || certificates.reload_if_changed()).await {
        Ok(Ok(true)) => tracing::info!("a new certificate is in use"),
        Ok(Ok(false)) | Err(_) => {}
        Ok(Err(reason)) => {
            tracing::warn!(reason, "the certificate files changed, but cannot be used: the old certificate stays")
        }
    }
}

struct Server {
    router: Router,
    timeouts: Timeouts,
    tls: Option<TlsAcceptor>,
    drain: Drain,
}

impl Server {
    async fn connection(self: Arc<Self>, accepted: Accepted, watcher: Watcher) {
        let address = match &accepted {
            Accepted::Tcp(_, peer) => Some(*peer),
            Accepted::Unix(_) => None,
        };
        let peer = Peer { address, tls: self.tls.is_some() };
        match accepted {
            Accepted::Tcp(stream, _) => self.secured(stream, peer, watcher).await,
            Accepted::Unix(stream) => self.secured(stream, peer, watcher).await,
        }
    }

    async fn secured<T>(self: Arc<Self>, stream: T, peer: Peer, watcher: Watcher)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(acceptor) = self.tls.clone() else {
            return self.speak(stream, peer, watcher).await;
        };
        match timeout(self.timeouts.head, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, peer, watcher).await,
            Ok(Err(cause)) => tracing::debug!(%cause, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn speak<T>(self: Arc<Self>, stream: T, peer: Peer, watcher: Watcher)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let stream = TimedIo::new(stream, self.timeouts, activity.clone());
        let server = self.clone();
        let service = service_fn(move |request| server.clone().answer(request, peer, activity.clone()));
        let mut builder = Builder::new(TokioExecutor::new());
        // With a limit of its own, hyper looks at an idle connection; the tighter limits are those of TimedIo.
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.timeouts.idle)
            .max_buf_size(HEAD_BYTES as usize);
        builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES).max_concurrent_streams(200);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        if let Err(cause) = watcher.watch(connection).await {
            tracing::debug!(cause, "a connection ended early");
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: http::Request<Incoming>,
        peer: Peer,
        activity: Arc<Activity>,
    ) -> Result<Response, Infallible> {
        let _in_flight = activity.begin();
        if self.drain.has_begun() {
            return Ok(self.last_answer(request, peer).await);
        }
        self.routed(request, peer).await
    }

    async fn routed(&self, request: http::Request<Incoming>, peer: Peer) -> Result<Response, Infallible> {
        let limit = self.timeouts.read;
        let mut request = request.map(|body| Body::new(TimedBody::new(body, limit)));
        request.extensions_mut().insert(peer);
        self.router.clone().oneshot(request).await
    }

    /// While the server drains: it is not ready any more, answers all the same, and asks for no further request here.
    async fn last_answer(&self, request: http::Request<Incoming>, peer: Peer) -> Response {
        // HTTP/2 has no such header; its connections are told by the orderly end.
        let closes = request.version() < http::Version::HTTP_2;
        let mut response = if self.drain.is_readiness(request.uri().path()) {
            reply::error(&ApiError::new(503).reason("The server is about to stop."), None)
        } else {
            let Ok(response) = self.routed(request, peer).await;
            response
        };
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
