//! The identity service's part of the configuration, as typed values whose names are those of the files
//! (`settings.selfservice.flows.login.ui_url`). Each type's `Default` is the contract's default.
//!
//! Reading files and the environment, and checking them against `api/identity.config.schema.json`, is the settings
//! crate's work: what arrives here has passed the check. Values that follow from several keys (cookie attributes, hook
//! order, return URLs) are methods of [`Settings`], in `resolve`.

mod check;
mod courier;
mod flows;
mod hashing;
mod hooks;
mod limits;
mod methods;
mod operations;
mod pages;
mod reference;
mod resolve;
mod serve;
mod session;

use serde::Deserialize;

pub use courier::{Channel, Courier, CourierHttp, DeliveryStrategy, RequestConfig};
pub use flows::{
    After, AfterMethod, Before, ErrorFlow, Flows, LoginFlow, LoginStyle, LogoutAfter, LogoutFlow, RecoveryFlow,
    RecoveryUse, RegistrationFlow, RegistrationStyle, SelfService, SettingsFlow, VerificationFlow,
};
pub use hashing::{Argon2, Bcrypt, ByteSize, CipherAlgorithm, Ciphers, HasherAlgorithm, Hashers, Secrets};
pub use hooks::{ApiKeyPlace, Hook, NotifyRecipients, RequestAuth, WebHook, WebHookResponse};
pub use limits::{AddressBudget, Addresses as AddressBudgets, Growth, KnownDevices, Limits as LimitSettings};
pub use methods::{
    Code, CodeConfig, LaterMethod, Link, LinkConfig, LookupSecret, Methods, MigrateHook, Password, PasswordConfig,
    Profile, Totp, TotpConfig,
};
pub use operations::{
    AccountEnumeration, Cleanup, CleanupSleep, Clients, ClientsHttp, ClientsSmtp, ClientsWebHook, Database,
    FeatureFlags, IdentitySchema, IdentitySection, Log, OAuth2Provider, Security,
};
pub use pages::{Pages, PagesBrand, PagesColors, PagesLinks};
pub use reference::UrlReference;
pub use resolve::{CookieAttributes, FlowName, FlowSettings};
pub use serve::{
    AdminListener, Cors, InboxListener, Listener, PagesListener, PublicListener, RequestLog, Serve, Socket, Tls,
    TlsSource,
};
pub use session::{
    Cookies, RequiredAal, SameSite, Session, SessionCache, SessionCookie, Tokenizer, TokenizerTemplate, Whoami,
};

use foundation::Secret;

/// The schema of the configuration: all legal keys, their meaning and their defaults.
pub const SCHEMA: &str = include_str!("../../../../api/identity.config.schema.json");

/// Everything that the identity service can be told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where data are kept; required in a file. It may hold a password.
    pub dsn: Secret<String>,
    /// Development: cookies without `Secure`, cheap hashes allowed, message bodies visible. Never in production.
    pub dev: bool,
    /// The version of the format that the file was written for; informational.
    pub version: Option<String>,
    /// An operator's name for this state of the configuration.
    pub revision: Option<String>,
    /// The schemas that traits are checked against.
    pub identity: IdentitySection,
    /// Flows and methods that people use by themselves.
    pub selfservice: SelfService,
    /// How long sessions last and how they are carried.
    pub session: Session,
    /// Attributes of all cookies.
    pub cookies: Cookies,
    /// Listeners.
    pub serve: Serve,
    /// How the built-in pages and mails look and speak.
    pub pages: Pages,
    /// Outgoing messages.
    pub courier: Courier,
    /// Keys for cookies, ciphers and page tokens.
    pub secrets: Secrets,
    /// How secrets at rest are encrypted.
    pub ciphers: Ciphers,
    /// How new passwords are hashed.
    pub hashers: Hashers,
    /// Protection that is off by default because clients notice it.
    pub security: Security,
    /// Outgoing requests.
    pub clients: Clients,
    /// Behaviour that differs between generations of clients.
    pub feature_flags: FeatureFlags,
    /// The OAuth 2.0 provider that asks this service who somebody is.
    pub oauth2_provider: OAuth2Provider,
    /// Removal of what has expired.
    pub database: Database,
    /// Log output.
    pub log: Log,
}

impl Settings {
    /// Types a checked document.
    ///
    /// # Errors
    /// When the document does not fit the types; one that passed the schema does.
    pub fn from_value(document: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(document)
    }
}

/// Reads a truth value that the contract types as a text in some places.
fn flag_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Flag(bool),
        Text(String),
    }
    match Option::<Either>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Either::Flag(flag)) => Ok(Some(flag)),
        Some(Either::Text(text)) if text.is_empty() => Ok(None),
        Some(Either::Text(text)) => text.parse().map(Some).map_err(|_| serde::de::Error::custom("write true or false")),
    }
}
