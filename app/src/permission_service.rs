//! The permission service, put together: its settings, its four listeners, what it does by itself.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use database::Db;
use foundation::Rng;
use futures::future::join_all;
use permissions::http::{Operations, metrics_router, opl_router, read_router, write_router};
use permissions::settings::{Listener, Settings, TlsSource};
use permissions::{Deps, Permissions};
use settings::Live;
use tokio::sync::watch;
use web::cors::CorsSettings;
use web::listen::{self, Bound, Drain, Listen, PemSource, Timeouts, TlsFiles};
use web::observe::Observer;
use web::{Metrics, OutboundClient, OutboundPolicy, cors, observe, routing};

use crate::compose::{self, TENANT};

/// The service and what its listeners share with it.
pub struct Program {
    permissions: Permissions,
    settings: Arc<Live<Settings>>,
    metrics: Arc<Metrics>,
    rng: Arc<dyn Rng>,
}

/// Sockets that are open and not served yet, in the order of [`LISTENERS`].
pub struct Listeners(Vec<Bound>);

/// A listener: its key, its default port and host, and what of the settings describes it.
struct Row {
    key: &'static str,
    name: &'static str,
    port: u16,
    host: &'static str,
    settings: fn(&Settings) -> &Listener,
    routes: fn(Permissions, &Operations) -> Router,
}

/// Who reaches `write` can grant everything: it binds to loopback unless a host is named.
const LISTENERS: [Row; 4] = [
    Row {
        key: "serve.read",
        name: "read",
        port: 4466,
        host: "0.0.0.0",
        settings: |settings| &settings.serve.read,
        routes: read_router,
    },
    Row {
        key: "serve.write",
        name: "write",
        port: 4467,
        host: "127.0.0.1",
        settings: |settings| &settings.serve.write,
        routes: write_router,
    },
    Row {
        key: "serve.metrics",
        name: "metrics",
        port: 4468,
        host: "0.0.0.0",
        settings: |settings| &settings.serve.metrics,
        routes: metrics_router,
    },
    Row {
        key: "serve.opl",
        name: "opl",
        port: 4469,
        host: "0.0.0.0",
        settings: |settings| &settings.serve.opl,
        routes: opl_router,
    },
];

impl Program {
    /// Starts the service on an open database.
    ///
    /// # Errors
    /// What keeps it from answering: namespaces that cannot be read, above all.
    pub async fn compose(
        db: Db,
        settings: Arc<Live<Settings>>,
        metrics: Arc<Metrics>,
        rng: Arc<dyn Rng>,
    ) -> anyhow::Result<Self> {
        let http = settings.get().clients.http.clone();
        let outbound = OutboundClient::new(OutboundPolicy {
            disallow_private: http.disallow_private_ip_ranges,
            exceptions: http.private_ip_exception_urls,
            user_agent: concat!("limen/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..OutboundPolicy::default()
        })?;
        let clock = Arc::clone(db.clock());
        let deps = Deps {
            db,
            settings: Arc::clone(&settings),
            outbound,
            clock,
            rng: Arc::clone(&rng),
            tenant: TENANT,
            version: env!("CARGO_PKG_VERSION"),
        };
        let permissions = Permissions::start(deps).await.context("permissions")?;
        metrics.register(|registry| permissions.counters.register(registry));
        Ok(Self { permissions, settings, metrics, rng })
    }

    /// Opens all sockets, and notes their addresses where that is asked for.
    ///
    /// # Errors
    /// The first one that cannot be opened, with the key to change.
    pub async fn bind(&self) -> anyhow::Result<Listeners> {
        let settings = self.settings.get();
        let mut bound = Vec::with_capacity(LISTENERS.len());
        for row in &LISTENERS {
            let from = (row.settings)(&settings);
            let host = if from.host.is_empty() { row.host } else { &from.host };
            let mut listen = Listen::new(row.key, host, from.port.unwrap_or(row.port));
            listen.tls = tls(&from.tls.cert, &from.tls.key);
            let open = listen::bind(&listen).await?;
            if let (Some(file), Some(address)) = (&from.write_listen_file, open.local_address()) {
                let path = file.strip_prefix("file://");
                let path = path.with_context(|| format!("{}.write_listen_file begins with file://", row.key))?;
                std::fs::write(Path::new(path), address.to_string())
                    .with_context(|| format!("{}.write_listen_file: {path} cannot be written", row.key))?;
            }
            bound.push(open);
        }
        Ok(Listeners(bound))
    }

    /// Serves all sockets. What is given ends when they were told to stop and their open requests are answered.
    pub fn serve(&self, listeners: Listeners, stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        let operations = Operations { metrics: Arc::clone(&self.metrics), schema: Arc::new(compose::schema()) };
        let serving: Vec<_> = listeners
            .0
            .into_iter()
            .zip(&LISTENERS)
            .map(|(bound, row)| {
                let router = self.router(row, &operations);
                tokio::spawn(listen::serve(bound, router, Timeouts::ADMIN, stopped.clone()))
            })
            .collect();
        let permissions = self.permissions.clone();
        let stopped = stopped.clone();
        let working = tokio::spawn(async move { permissions.run(stopped).await });
        async move {
            join_all(serving).await;
            // A worker that ended badly has been told by its panic.
            let _ = working.await;
        }
    }

    fn router(&self, row: &Row, operations: &Operations) -> Router {
        let routes = routing::finish((row.routes)(self.permissions.clone(), operations));
        let settings = Arc::clone(&self.settings);
        let from = row.settings;
        let shared = cors::apply(routes, Arc::new(move || Arc::new(CorsSettings::from(&from(&settings.get()).cors))));
        let observer = Observer { metrics: Arc::clone(&self.metrics), rng: Arc::clone(&self.rng), listener: row.name };
        routing::enclose(observe::apply(shared, observer))
    }
}

impl Listeners {
    /// The same sockets, whose clients are sent away politely from the beginning of `drain` on.
    pub fn with_drain(self, drain: &Drain) -> Self {
        Self(self.0.into_iter().map(|bound| bound.with_drain(drain.clone())).collect())
    }

    /// What the log says at start.
    pub fn describe(&self) -> Vec<String> {
        let address = |bound: &Bound| bound.local_address().map_or("a Unix socket".to_owned(), |at| at.to_string());
        LISTENERS
            .iter()
            .zip(&self.0)
            .map(|(row, bound)| format!("permissions, {}: {}", row.name, address(bound)))
            .collect()
    }
}

fn tls(certificate: &TlsSource, key: &TlsSource) -> Option<TlsFiles> {
    Some(TlsFiles { certificate: pem(certificate)?, key: pem(key)? })
}

fn pem(from: &TlsSource) -> Option<PemSource> {
    let path = from.path.clone().map(PemSource::Path);
    path.or_else(|| from.base64.clone().map(PemSource::Base64))
}
