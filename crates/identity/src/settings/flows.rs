//! `selfservice`: the flows, their pages, lifespans and hooks. What a method may do is in `methods`.

use std::collections::BTreeMap;

use foundation::GoDuration;
use serde::Deserialize;

use super::hooks::{self, Hook};
use super::{Methods, RequiredAal, UrlReference};

/// `selfservice`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SelfService {
    /// Where a browser goes when nothing else says; required in a file.
    pub default_browser_return_url: UrlReference,
    /// Where clients may ask to be sent back to. A text, because hosts may start with `*.`.
    pub allowed_return_urls: Vec<String>,
    /// The flows.
    pub flows: Flows,
    /// The methods.
    pub methods: Methods,
}

/// `selfservice.flows`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Flows {
    /// Sign-in.
    pub login: LoginFlow,
    /// Sign-up.
    pub registration: RegistrationFlow,
    /// Changes to one's own account.
    pub settings: SettingsFlow,
    /// Back into an account without its password.
    pub recovery: RecoveryFlow,
    /// Proof that an address is one's own.
    pub verification: VerificationFlow,
    /// Sign-out.
    pub logout: LogoutFlow,
    /// The page for errors.
    pub error: ErrorFlow,
}

const HOUR: GoDuration = GoDuration::from_secs(3600);

/// `selfservice.flows.login`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LoginFlow {
    /// The page that shows the flow.
    pub ui_url: Option<UrlReference>,
    /// How long a flow can be used.
    pub lifespan: GoDuration,
    /// One form for all methods, or the identifier first.
    pub style: LoginStyle,
    /// Hooks at the start.
    pub before: Before,
    /// Hooks and return URL at the end.
    pub after: After,
}

impl Default for LoginFlow {
    fn default() -> Self {
        Self {
            ui_url: None,
            lifespan: HOUR,
            style: LoginStyle::Unified,
            before: Before::default(),
            after: After::default(),
        }
    }
}

/// How the sign-in page asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStyle {
    /// All methods on one form.
    Unified,
    /// First the identifier, then what it can sign in with.
    IdentifierFirst,
}

/// `selfservice.flows.registration`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct RegistrationFlow {
    /// Whether people can sign up by themselves.
    pub enabled: bool,
    /// The page that shows the flow.
    pub ui_url: Option<UrlReference>,
    /// How long a flow can be used.
    pub lifespan: GoDuration,
    /// Whether a conflict tells which methods the existing account has.
    pub login_hints: bool,
    /// One form, or the profile first. Read it with [`super::Settings::registration_style`].
    pub style: RegistrationStyle,
    /// The older way to write `style: unified`.
    pub enable_legacy_one_step: bool,
    /// Hooks at the start.
    pub before: Before,
    /// Hooks and return URL at the end.
    pub after: After,
}

impl Default for RegistrationFlow {
    fn default() -> Self {
        Self {
            enabled: true,
            ui_url: None,
            lifespan: HOUR,
            login_hints: false,
            style: RegistrationStyle::ProfileFirst,
            enable_legacy_one_step: false,
            before: Before::default(),
            after: After::default(),
        }
    }
}

/// How the sign-up page asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationStyle {
    /// First the traits, then the method.
    ProfileFirst,
    /// All on one form.
    Unified,
}

/// `selfservice.flows.settings`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SettingsFlow {
    /// The page that shows the flow.
    pub ui_url: Option<UrlReference>,
    /// How long a flow can be used.
    pub lifespan: GoDuration,
    /// How recent a sign-in must be for changes to credentials.
    pub privileged_session_max_age: GoDuration,
    /// The assurance that this flow asks for.
    pub required_aal: RequiredAal,
    /// Hooks at the start.
    pub before: Before,
    /// Hooks and return URL at the end.
    pub after: After,
}

impl Default for SettingsFlow {
    fn default() -> Self {
        Self {
            ui_url: None,
            lifespan: HOUR,
            privileged_session_max_age: HOUR,
            required_aal: RequiredAal::HighestAvailable,
            before: Before::default(),
            after: After::default(),
        }
    }
}

/// `selfservice.flows.recovery`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct RecoveryFlow {
    /// Whether people can recover by themselves.
    pub enabled: bool,
    /// The page that shows the flow.
    pub ui_url: Option<UrlReference>,
    /// How long a flow can be used.
    pub lifespan: GoDuration,
    /// Code or link.
    #[serde(rename = "use")]
    pub use_: RecoveryUse,
    /// Whether unknown addresses get a mail that says so.
    pub notify_unknown_recipients: bool,
    /// Hooks at the start.
    pub before: Before,
    /// Hooks and return URL at the end.
    pub after: After,
}

impl Default for RecoveryFlow {
    fn default() -> Self {
        Self {
            enabled: false,
            ui_url: None,
            lifespan: HOUR,
            use_: RecoveryUse::Code,
            notify_unknown_recipients: false,
            before: Before::default(),
            after: After::default(),
        }
    }
}

/// `selfservice.flows.verification`: the same keys as recovery.
pub type VerificationFlow = RecoveryFlow;

/// What a recovery or verification message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryUse {
    /// Six digits to type.
    Code,
    /// A link to follow.
    Link,
}

/// `selfservice.flows.logout`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LogoutFlow {
    /// Whether the browser is told to forget what it stores for the site.
    pub clear_browser_data: bool,
    /// Where to go then.
    pub after: LogoutAfter,
}

/// `selfservice.flows.logout.after`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LogoutAfter {
    /// Overrides `selfservice.default_browser_return_url`.
    pub default_browser_return_url: Option<UrlReference>,
}

/// `selfservice.flows.error`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ErrorFlow {
    /// The page that shows errors.
    pub ui_url: Option<UrlReference>,
}

/// `selfservice.flows.<flow>.before`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    /// Run when a flow starts.
    pub hooks: Vec<Hook>,
}

/// `selfservice.flows.<flow>.after`. Read it with [`super::Settings::after`], which knows what replaces what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct After {
    /// For all methods that do not say.
    pub default_browser_return_url: Option<UrlReference>,
    /// For all methods that have no list of their own.
    #[serde(deserialize_with = "hooks::session_last")]
    pub hooks: Vec<Hook>,
    /// By name of the method.
    #[serde(flatten)]
    pub methods: BTreeMap<String, AfterMethod>,
}

/// `selfservice.flows.<flow>.after.<method>`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AfterMethod {
    /// Overrides that of the flow.
    pub default_browser_return_url: Option<UrlReference>,
    /// Replaces the flow's list when it is not empty; `session` stands last.
    #[serde(deserialize_with = "hooks::session_last")]
    pub hooks: Vec<Hook>,
}
