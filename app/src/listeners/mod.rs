//! The listeners: public and admin always, the pages and the inbox where the configuration names them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use futures::future::join_all;
use identity::Snapshot;
use identity::http::admin::Operations;
use identity::settings::{Listener, Settings, TlsSource};
use settings::Live;
use tokio::sync::watch;
use url::Url;
use web::cors::CorsSettings;
use web::guard::GuardSettings;
use web::listen::{self, Bound, Drain, Listen, PemSource, Timeouts, TlsFiles, UnixSocket};
use web::observe::Observer;
use web::{body, cors, guard, observe, routing};

use crate::bridges::pages::{self as bridge, InProcess};
use crate::compose::Program;

/// Where the admin API listens unless the configuration names a host: no stranger reaches it by default.
const ADMIN_HOST: &str = "127.0.0.1";

/// Sockets that are open and not served yet.
pub struct Listeners {
    public: Bound,
    admin: Bound,
    pages: Option<Bound>,
    inbox: Option<Bound>,
}

impl Listeners {
    /// The same sockets, whose clients are sent away politely from the beginning of `drain` on.
    pub fn with_drain(self, drain: &Drain) -> Self {
        Self {
            public: self.public.with_drain(drain.clone()),
            admin: self.admin.with_drain(drain.clone()),
            pages: self.pages.map(|bound| bound.with_drain(drain.clone())),
            inbox: self.inbox.map(|bound| bound.with_drain(drain.clone())),
        }
    }
}

impl Listeners {
    /// What the log says at start.
    pub fn describe(&self, program: &Program) -> Vec<String> {
        let now = program.snapshot.get();
        let settings = &now.settings;
        let guarded = settings.serve.admin.api_keys.demanded_at(admin_host(settings));
        let who = if guarded { "demands an API key, made by `limen admin-keys create`" } else { "demands no API key" };
        let mut lines = vec![
            format!("public API: {}", settings.public_base_url()),
            format!("admin API: {} ({who})", settings.admin_base_url()),
        ];
        lines.extend(settings.pages_base_url().map(|url| format!("pages: {url}")));
        lines.extend(settings.inbox_base_url().map(|url| format!("inbox: {url}")));
        lines
    }
}

/// Opens all sockets.
///
/// # Errors
/// The first one that cannot be opened, with the key to change.
pub async fn bind(program: &Program) -> anyhow::Result<Listeners> {
    let now = program.snapshot.get();
    let settings = &now.settings;
    let public = listener("serve.public", &settings.serve.public.listener, settings.public_port(), "0.0.0.0");
    let admin = listener("serve.admin", &settings.serve.admin.listener, settings.admin_port(), ADMIN_HOST);
    Ok(Listeners {
        public: listen::bind(&public).await?,
        admin: listen::bind(&admin).await?,
        pages: bind_if("serve.pages", settings.serve.pages.as_ref().map(|from| (&from.host, from.port))).await?,
        inbox: bind_if("serve.inbox", settings.serve.inbox.as_ref().map(|from| (&from.host, from.port))).await?,
    })
}

async fn bind_if(key: &str, address: Option<(&String, u16)>) -> anyhow::Result<Option<Bound>> {
    Ok(match address {
        Some((host, port)) => Some(listen::bind(&Listen::new(key, host, port)).await?),
        None => None,
    })
}

fn listener(key: &str, from: &Listener, port: u16, host: &str) -> Listen {
    let host = if from.host.is_empty() { host } else { &from.host };
    let mut listen = Listen::new(key, host, port);
    if let listen::ListenAddress::Unix(UnixSocket { mode, owner, group, .. }) = &mut listen.address {
        *mode = from.socket.mode;
        owner.clone_from(&from.socket.owner);
        group.clone_from(&from.socket.group);
    }
    listen.tls = tls(&from.tls.cert, &from.tls.key);
    listen
}

fn tls(certificate: &TlsSource, key: &TlsSource) -> Option<TlsFiles> {
    Some(TlsFiles { certificate: pem(certificate)?, key: pem(key)? })
}

fn pem(from: &TlsSource) -> Option<PemSource> {
    let path = from.path.clone().map(PemSource::Path);
    path.or_else(|| from.base64.clone().map(PemSource::Base64))
}

/// Starts serving all sockets. What is given ends when they were told to stop and their open requests are answered.
pub fn serve(
    listeners: Listeners,
    program: &Program,
    stopped: &watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let public = public_router(program);
    let mut serving = vec![
        tokio::spawn(listen::serve(listeners.public, public.clone(), Timeouts::PUBLIC, stopped.clone())),
        tokio::spawn(listen::serve(listeners.admin, admin_router(program), Timeouts::ADMIN, stopped.clone())),
    ];
    if let Some(bound) = listeners.pages {
        let router = pages_router(program, public);
        serving.push(tokio::spawn(listen::serve(bound, router, Timeouts::PUBLIC, stopped.clone())));
    }
    if let Some(bound) = listeners.inbox {
        serving.push(tokio::spawn(listen::serve(bound, inbox_router(program), Timeouts::ADMIN, stopped.clone())));
    }
    async move {
        join_all(serving).await;
    }
}

fn observed(program: &Program, router: Router, listener: &'static str) -> Router {
    let observer = Observer { metrics: Arc::clone(&program.metrics), rng: Arc::clone(&program.rng), listener };
    routing::enclose(observe::apply(router, observer))
}

fn public_router(program: &Program) -> Router {
    let routes = routing::finish(identity::http::public::router(program.identity.clone()));
    let limited = body::limit(routes, body::DEFAULT_CAP);
    let shared = cors::apply(limited, Arc::new(once_each(Arc::clone(&program.snapshot), cors_settings)));
    observed(program, shared, "public")
}

/// What follows from the settings, made anew when they change and not for each request.
fn once_each<T: Send + Sync + 'static>(
    live: Arc<Live<Snapshot>>,
    make: fn(&Settings) -> T,
) -> impl Fn() -> Arc<T> + Send + Sync + 'static {
    let made: Mutex<Option<(Arc<Snapshot>, Arc<T>)>> = Mutex::new(None);
    move || {
        let snapshot = live.get();
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((of, made)) if Arc::ptr_eq(of, &snapshot) => Arc::clone(made),
            _ => {
                let new = Arc::new(make(&snapshot.settings));
                *made = Some((snapshot, Arc::clone(&new)));
                new
            }
        }
    }
}

fn cors_settings(settings: &Settings) -> CorsSettings {
    let from = &settings.serve.public.cors;
    CorsSettings {
        enabled: from.enabled,
        allowed_origins: from.allowed_origins.clone(),
        allowed_methods: from.allowed_methods.clone(),
        allowed_headers: from.allowed_headers.clone(),
        exposed_headers: from.exposed_headers.clone(),
        allow_credentials: from.allow_credentials,
        max_age: i64::try_from(from.max_age).unwrap_or(i64::MAX),
        options_passthrough: from.options_passthrough,
        allow_public_suffix_wildcards: settings.feature_flags.legacy_allow_insecure_origins,
    }
}

fn admin_router(program: &Program) -> Router {
    let operations = Operations::new(env!("CARGO_PKG_VERSION"), Arc::clone(&program.metrics), crate::compose::schema());
    let routes = identity::http::admin::admin_router(program.identity.clone(), operations);
    let limited = body::limit(routing::finish(routes), body::DEFAULT_CAP);
    let snapshot = Arc::clone(&program.snapshot);
    // A changed host is in force after a restart only.
    let host = admin_host(&snapshot.get().settings).to_owned();
    let demanded = move || snapshot.get().settings.serve.admin.api_keys.demanded_at(&host);
    let opened = operators::require(limited, program.admin_keys.clone(), Arc::new(demanded));
    let snapshot = Arc::clone(&program.snapshot);
    let guarded = guard::apply(
        opened,
        Arc::new(move || {
            let settings = &snapshot.get().settings;
            let host = settings.serve.admin.listener.host.clone();
            Arc::new(guard_settings("serve.admin.base_url", Some(settings.admin_base_url()), host))
        }),
    );
    observed(program, guarded, "admin")
}

fn admin_host(settings: &Settings) -> &str {
    let host = settings.serve.admin.listener.host.as_str();
    if host.is_empty() { ADMIN_HOST } else { host }
}

fn pages_router(program: &Program, public: Router) -> Router {
    let api = Arc::new(InProcess { public, snapshot: Arc::clone(&program.snapshot) });
    let settings = bridge::source(Arc::clone(&program.snapshot));
    let routes = pages::router(api, settings, Arc::clone(&program.rng));
    observed(program, body::limit(routes, body::DEFAULT_CAP), "pages")
}

fn inbox_router(program: &Program) -> Router {
    let routes = courier::inbox::router(Arc::clone(&program.courier), program.tenant);
    let snapshot = Arc::clone(&program.snapshot);
    let guarded = guard::apply(
        body::limit(routing::finish(routes), body::DEFAULT_CAP),
        Arc::new(move || {
            let settings = &snapshot.get().settings;
            let host = settings.serve.inbox.as_ref().map(|inbox| inbox.host.clone()).unwrap_or_default();
            Arc::new(guard_settings("serve.inbox.base_url", settings.inbox_base_url(), host))
        }),
    );
    observed(program, guarded, "inbox")
}

fn guard_settings(key: &str, own: Option<Url>, host: String) -> GuardSettings {
    GuardSettings { own_urls: own.into_iter().collect(), hosts: vec![host], key: key.to_owned() }
}
