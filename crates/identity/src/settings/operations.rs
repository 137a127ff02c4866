//! The smaller top-level keys: `identity`, `security`, `clients`, `feature_flags`, `oauth2_provider`, `database`, `log`.

use std::collections::BTreeMap;

use foundation::{GoDuration, Secret};
use serde::Deserialize;
use url::Url;

/// `identity`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct IdentitySection {
    /// The schema of who signs up without asking for another.
    pub default_schema_id: String,
    /// All schemas; at least one in a file.
    pub schemas: Vec<IdentitySchema>,
}

impl Default for IdentitySection {
    fn default() -> Self {
        Self { default_schema_id: "default".to_owned(), schemas: Vec::new() }
    }
}

/// An entry of `identity.schemas`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IdentitySchema {
    /// Its name.
    pub id: String,
    /// `file://`, `http(s)://` or `base64://`.
    pub url: String,
    /// Whether a flow may ask for it.
    pub selfservice_selectable: bool,
}

/// `security`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Security {
    /// Whether answers may tell that an account exists.
    pub account_enumeration: AccountEnumeration,
    /// How often anything may be tried.
    pub limits: super::LimitSettings,
    /// Refuse `$ref` in identity schemas.
    pub disallow_ref_in_identity_schemas: bool,
}

/// `security.account_enumeration`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct AccountEnumeration {
    /// Answer alike for known and unknown identifiers.
    pub mitigate: bool,
    /// Keep quiet at sign-up too: the account is made once its address is proved.
    pub registration: bool,
}

/// `clients`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Clients {
    /// Outgoing HTTP.
    pub http: ClientsHttp,
    /// Outgoing mail.
    pub smtp: ClientsSmtp,
    /// Web hooks.
    pub web_hook: ClientsWebHook,
}

/// `clients.http`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ClientsHttp {
    /// Refuse private, loopback and link-local addresses.
    pub disallow_private_ip_ranges: bool,
    /// URL patterns that are allowed all the same.
    pub private_ip_exception_urls: Vec<String>,
}

/// `clients.smtp`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct ClientsSmtp {
    /// Refuse private, loopback and link-local addresses.
    pub disallow_private_ip_ranges: bool,
}

/// `clients.web_hook`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ClientsWebHook {
    /// Headers of the client's request that web hooks and messages may see.
    pub header_allowlist: Vec<String>,
    /// What web hooks are signed with, newest first. An extension.
    pub signing_secrets: Vec<Secret<String>>,
    /// How often a web hook that waits is tried again before it is given up. An extension.
    pub retries: u32,
}

impl Default for ClientsWebHook {
    fn default() -> Self {
        let names = [
            "Accept",
            "Accept-Encoding",
            "Accept-Language",
            "Content-Length",
            "Content-Type",
            "Origin",
            "Priority",
            "Referer",
            "Sec-Ch-Ua",
            "Sec-Ch-Ua-Mobile",
            "Sec-Ch-Ua-Platform",
            "Sec-Fetch-Dest",
            "Sec-Fetch-Mode",
            "Sec-Fetch-Site",
            "Sec-Fetch-User",
            "True-Client-Ip",
            "User-Agent",
        ];
        Self {
            header_allowlist: names.iter().map(|name| (*name).to_owned()).collect(),
            signing_secrets: Vec::new(),
            retries: 10,
        }
    }
}

/// `feature_flags`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FeatureFlags {
    /// Tell clients how long a session check may be remembered.
    pub cacheable_sessions: bool,
    /// At most this long.
    pub cacheable_sessions_max_age: Option<GoDuration>,
    /// Say what comes next in `continue_with` instead of redirecting.
    pub use_continue_with_transitions: bool,
    /// Let people choose which address recovery writes to.
    pub choose_recovery_address: bool,
    /// Show the verification page without the hook that asks for it.
    pub legacy_continue_with_verification_ui: bool,
    /// Report an unverified address as a form error.
    pub legacy_require_verified_login_error: bool,
    /// Answer an extension with 204.
    pub faster_session_extend: bool,
    /// The node group of the profile at sign-up by password: `default` or `password`.
    pub password_profile_registration_node_group: Option<String>,
    /// Put nodes of a sign-up through a provider into the group `oidc`.
    pub legacy_oidc_registration_node_group: bool,
    /// Let `*` stand anywhere in origins and return URLs.
    pub legacy_allow_insecure_origins: bool,
    /// Let people choose the address when they confirm who they are.
    pub refresh_login_choose_address: bool,
}

/// `oauth2_provider`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct OAuth2Provider {
    /// Its admin API.
    pub url: Option<Url>,
    /// Sent with each request to it.
    pub headers: BTreeMap<String, Secret<String>>,
    /// Return to the client's request instead of the flow's `return_to`.
    pub override_return_to: bool,
}

/// `database`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Database {
    /// Removal of what has expired.
    pub cleanup: Cleanup,
}

/// `database.cleanup`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Cleanup {
    /// Rows of one statement.
    pub batch_size: u32,
    /// Rests in between.
    pub sleep: CleanupSleep,
    /// What is younger stays.
    pub older_than: GoDuration,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self { batch_size: 100, sleep: CleanupSleep::default(), older_than: GoDuration::default() }
    }
}

/// `database.cleanup.sleep`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct CleanupSleep {
    /// Between two tables.
    pub tables: GoDuration,
}

impl Default for CleanupSleep {
    fn default() -> Self {
        Self { tables: GoDuration::from_secs(60) }
    }
}

/// `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Log {
    /// `trace`, `debug`, `info`, `warning`, `error`, `fatal` or `panic`.
    pub level: String,
    /// `text` or `json`; unset: text on a terminal, JSON otherwise.
    pub format: Option<String>,
    /// Show personal data.
    pub leak_sensitive_values: bool,
    /// Stands where personal data would.
    pub redaction_text: Option<String>,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: None, leak_sensitive_values: false, redaction_text: None }
    }
}
