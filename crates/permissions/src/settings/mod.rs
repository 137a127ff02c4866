//! The permission service's part of the configuration, as typed values whose names are those of the files. Reading files
//! and the environment, and checking them against `api/permissions.config.schema.json`, is the settings crate's work:
//! what arrives here has passed the check.

mod source;

use std::collections::BTreeMap;

use foundation::{GoDuration, Secret};
use serde::Deserialize;

pub use source::{LegacyNamespace, Location, NamespaceSource};

/// The schema of the configuration: all legal keys, their meaning and their defaults.
pub const SCHEMA: &str = include_str!("../../../../api/permissions.config.schema.json");

/// Everything that the permission service can be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where data are kept. It may hold a password.
    pub dsn: Secret<String>,
    /// Listeners.
    pub serve: Serve,
    /// What there is to have relations to.
    pub namespaces: NamespaceSource,
    /// How far a question may go.
    pub limit: Limit,
    /// Where relationships are asked.
    pub engine: EngineKind,
    /// For how long older states can be asked.
    pub history: GoDuration,
    /// What relationships may depend on, by name.
    pub conditions: BTreeMap<String, ConditionSource>,
    /// Outgoing requests.
    pub clients: Clients,
    /// Keys for page tokens.
    pub secrets: Secrets,
    /// Behaviour that differs between generations of clients.
    pub feature_flags: FeatureFlags,
    /// Log output.
    pub log: Log,
    /// Whether the file is limen's own, whose defaults are strict. Set by who loads it.
    #[serde(skip)]
    pub own_format: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dsn: Secret::default(),
            serve: Serve::default(),
            namespaces: NamespaceSource::default(),
            limit: Limit::default(),
            engine: EngineKind::default(),
            history: GoDuration::from_secs(3600),
            conditions: BTreeMap::new(),
            clients: Clients::default(),
            secrets: Secrets::default(),
            feature_flags: FeatureFlags::default(),
            log: Log::default(),
            own_format: false,
        }
    }
}

/// `engine`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// In memory, fed by the log of changes.
    #[default]
    Memory,
    /// In the database, for stores that do not fit.
    Database,
}

/// `serve`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Serve {
    /// Questions and lists.
    pub read: Listener,
    /// Changes.
    pub write: Listener,
    /// Figures for Prometheus.
    pub metrics: Listener,
    /// The syntax check.
    pub opl: Listener,
}

/// A listener.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// The address; empty for the default of this listener.
    pub host: String,
    /// The port; the default depends on the listener.
    pub port: Option<u16>,
    /// Where the address is written once the listener is open.
    pub write_listen_file: Option<String>,
    /// Requests from pages of other origins.
    pub cors: Cors,
    /// Certificate and key.
    pub tls: Tls,
}

/// `serve.*.cors`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Cors {
    /// On or off.
    pub enabled: bool,
    /// Origins.
    pub allowed_origins: Vec<String>,
    /// Methods for scripts.
    pub allowed_methods: Vec<String>,
    /// Request headers for scripts.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub exposed_headers: Vec<String>,
    /// Whether cookies go along.
    pub allow_credentials: bool,
    /// Seconds for which browsers remember a preflight.
    pub max_age: i64,
}

impl Default for Cors {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            enabled: false,
            allowed_origins: list(&["*"]),
            allowed_methods: list(&["GET", "POST", "PUT", "PATCH", "DELETE"]),
            allowed_headers: list(&["Authorization", "Content-Type"]),
            exposed_headers: list(&["Content-Type"]),
            allow_credentials: false,
            max_age: 0,
        }
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
    /// A PEM file.
    pub path: Option<std::path::PathBuf>,
    /// PEM, in Base64.
    pub base64: Option<Secret<String>>,
}

/// `limit`. What is not set depends on the format of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Limit {
    /// Levels.
    pub max_read_depth: Option<u32>,
    /// Subject sets that are looked into in one relation.
    pub max_read_width: Option<u32>,
    /// Checks in one batch.
    pub max_batch_check_size: usize,
    /// Nodes of a tree.
    pub max_expand_size: usize,
    /// Relations of objects that one question may look at.
    pub max_check_steps: u64,
    /// How long one question may take.
    pub max_check_time: GoDuration,
    /// Relationships that one transaction of a deletion by filter removes.
    pub max_delete_size: i64,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            max_read_depth: None,
            max_read_width: None,
            max_batch_check_size: 10,
            max_expand_size: 4000,
            max_check_steps: 1_000_000,
            max_check_time: GoDuration::from_secs(5),
            max_delete_size: 10_000,
        }
    }
}

/// A condition of `conditions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ConditionSource {
    /// An expression in CEL.
    pub expression: String,
}

/// `clients`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Clients {
    /// HTTP.
    pub http: ClientsHttp,
}

/// `clients.http`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ClientsHttp {
    /// Refuse private, loopback and link-local addresses.
    pub disallow_private_ip_ranges: bool,
    /// Allowed all the same.
    pub private_ip_exception_urls: Vec<String>,
}

/// `secrets`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// The first seals page tokens, all open them.
    pub pagination: Vec<Secret<String>>,
}

/// `feature_flags`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FeatureFlags {
    /// Trees follow permits.
    pub expand_rewrites: Option<bool>,
    /// Only what is declared is followed.
    pub strict_mode: Option<bool>,
}

/// `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Log {
    /// What is logged.
    pub level: String,
    /// One line of text, or JSON.
    pub format: Option<String>,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: None }
    }
}

impl From<&Cors> for web::cors::CorsSettings {
    fn from(from: &Cors) -> Self {
        Self {
            enabled: from.enabled,
            allowed_origins: from.allowed_origins.clone(),
            allowed_methods: from.allowed_methods.clone(),
            allowed_headers: from.allowed_headers.clone(),
            exposed_headers: from.exposed_headers.clone(),
            allow_credentials: from.allow_credentials,
            max_age: from.max_age,
            options_passthrough: false,
            allow_public_suffix_wildcards: false,
        }
    }
}

impl Settings {
    /// Types a checked document.
    ///
    /// # Errors
    /// When the document does not fit the types; one that passed the schema does.
    pub fn from_value(document: serde_json::Value, own_format: bool) -> Result<Self, serde_json::Error> {
        serde_json::from_value(document).map(|settings| Self { own_format, ..settings })
    }

    /// Whether only what is declared is followed, and an exhausted budget is an error.
    pub fn strict(&self) -> bool {
        self.feature_flags.strict_mode.unwrap_or(self.own_format) || self.namespaces.is_strict()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_of_the_reference_server_keeps_its_defaults_and_limens_own_is_strict() {
        let document = json!({"dsn": "memory", "namespaces": {"location": "file:///n.ts"}});
        assert!(!Settings::from_value(document.clone(), false).unwrap().strict());
        assert!(Settings::from_value(document, true).unwrap().strict());
        let flag = json!({"namespaces": {"location": "file:///n.ts", "experimental_strict_mode": true}});
        assert!(Settings::from_value(flag, false).unwrap().strict());
        let off = json!({"feature_flags": {"strict_mode": false}});
        assert!(!Settings::from_value(off, true).unwrap().strict());
    }
}
