//! `serve`: where the listeners are and how they are reached.

use foundation::{GoDuration, Secret};
use serde::Deserialize;
use url::Url;

/// `serve`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Serve {
    /// For people's browsers and apps.
    pub public: PublicListener,
    /// For operators and back ends; never on the open network.
    pub admin: AdminListener,
    /// The built-in pages; absent: not listening.
    pub pages: Option<PagesListener>,
    /// The development inbox; absent: not listening.
    pub inbox: Option<InboxListener>,
    /// How long the server goes on after the order to stop, while it says that it is not ready any more.
    pub drain_delay: GoDuration,
}

/// `serve.public`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct PublicListener {
    /// The socket.
    #[serde(flatten)]
    pub listener: Listener,
    /// Requests from other origins' pages.
    pub cors: Cors,
    /// Networks (CIDR) whose forwarding headers count.
    pub trusted_proxies: Vec<String>,
}

impl Default for PublicListener {
    fn default() -> Self {
        Self {
            listener: Listener { port: Some(4433), ..Listener::default() },
            cors: Cors::default(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// `serve.admin`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct AdminListener {
    /// The socket.
    #[serde(flatten)]
    pub listener: Listener,
    /// Whether requests must show an API key.
    pub api_keys: ApiKeys,
}

impl Default for AdminListener {
    fn default() -> Self {
        Self { listener: Listener { port: Some(4434), ..Listener::default() }, api_keys: ApiKeys::default() }
    }
}

/// `serve.admin.api_keys`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeys {
    /// When the listener can be reached from other machines.
    #[default]
    OffLoopback,
    /// Always.
    Always,
    /// Never: something in front of the listener checks who asks.
    Never,
}

impl ApiKeys {
    /// Whether a listener at `host` demands a key. The file of a Unix socket has an owner and a mode of its own.
    pub fn demanded_at(self, host: &str) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::OffLoopback => !(host.starts_with("unix:") || is_loopback(host)),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What public and admin listener share.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// An address, or `unix:` and a path. Empty: all addresses for the public listener, this machine alone for the admin
    /// listener.
    pub host: String,
    /// Read it with [`super::Settings::public_port`] and [`super::Settings::admin_port`], which know the defaults.
    pub port: Option<u16>,
    /// How others reach it. Read it with [`super::Settings::public_base_url`] and [`super::Settings::admin_base_url`].
    pub base_url: Option<Url>,
    /// Owner and mode of a Unix socket.
    pub socket: Socket,
    /// Certificate and key.
    pub tls: Tls,
    /// Which requests are logged.
    pub request_log: RequestLog,
}

/// `serve.*.socket`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Socket {
    /// A user's name; empty: as started.
    pub owner: String,
    /// A group's name; empty: as started.
    pub group: String,
    /// The file's mode; files write it in decimal (493 is 0755).
    pub mode: u32,
}

impl Default for Socket {
    fn default() -> Self {
        Self { owner: String::new(), group: String::new(), mode: 0o755 }
    }
}

/// `serve.*.tls`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// The certificate chain.
    pub cert: TlsSource,
    /// Its private key.
    pub key: TlsSource,
}

/// A file, or its content in Base64.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TlsSource {
    /// A PEM file; read again when it changes.
    pub path: Option<std::path::PathBuf>,
    /// PEM, encoded.
    pub base64: Option<Secret<String>>,
}

impl TlsSource {
    /// Whether either form is given.
    pub fn is_set(&self) -> bool {
        self.path.is_some() || self.base64.is_some()
    }
}

/// `serve.*.request_log`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct RequestLog {
    /// Leave out health checks.
    pub disable_for_health: bool,
}

/// `serve.pages`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct PagesListener {
    /// An address.
    pub host: String,
    /// A port.
    pub port: u16,
    /// How browsers reach it; unset: `http://localhost:<port>/`.
    pub base_url: Option<Url>,
}

impl Default for PagesListener {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 4455, base_url: None }
    }
}

/// `serve.inbox`: as `serve.pages`, at another port.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct InboxListener {
    /// An address.
    pub host: String,
    /// A port.
    pub port: u16,
    /// How browsers reach it; unset: `http://localhost:<port>/`.
    pub base_url: Option<Url>,
}

impl Default for InboxListener {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 4436, base_url: None }
    }
}

/// `serve.public.cors`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Cors {
    /// On or off.
    pub enabled: bool,
    /// Origins, exact or with one `*` in the host; empty or `*`: all.
    pub allowed_origins: Vec<String>,
    /// Methods.
    pub allowed_methods: Vec<String>,
    /// Request headers.
    pub allowed_headers: Vec<String>,
    /// Answer headers that scripts may read.
    pub exposed_headers: Vec<String>,
    /// Whether cookies may come along.
    pub allow_credentials: bool,
    /// Whether `OPTIONS` requests reach the routes.
    pub options_passthrough: bool,
    /// Seconds that browsers may remember the answer.
    pub max_age: u64,
    /// Log each decision.
    pub debug: bool,
}

impl Default for Cors {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            enabled: false,
            allowed_origins: texts(&["*"]),
            allowed_methods: texts(&["POST", "GET", "PUT", "PATCH", "DELETE"]),
            allowed_headers: texts(&[
                "Authorization",
                "Content-Type",
                "Max-Age",
                "X-Session-Token",
                "X-XSRF-TOKEN",
                "X-CSRF-TOKEN",
            ]),
            exposed_headers: texts(&["Content-Type"]),
            allow_credentials: true,
            options_passthrough: false,
            max_age: 0,
            debug: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_demanded_where_other_machines_reach() {
        for host in ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "unix:/run/limen/admin.sock"] {
            assert!(!ApiKeys::OffLoopback.demanded_at(host), "{host}");
            assert!(ApiKeys::Always.demanded_at(host), "{host}");
        }
        for host in
            ["", "0.0.0.0", "::", "10.0.0.1", "limen.internal", "localhost.example.com", "127.0.0.1.example.com"]
        {
            assert!(ApiKeys::OffLoopback.demanded_at(host), "{host}");
            assert!(!ApiKeys::Never.demanded_at(host), "{host}");
        }
    }
}
