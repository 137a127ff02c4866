//! `selfservice.methods`: what people prove themselves with.

use foundation::GoDuration;
use serde::Deserialize;

use super::RequestConfig;

/// `selfservice.methods`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Methods {
    /// Changes to traits.
    pub profile: Profile,
    /// Passwords.
    pub password: Password,
    /// One-time codes by mail.
    pub code: Code,
    /// Links by mail.
    pub link: Link,
    /// Authenticator apps.
    pub totp: Totp,
    /// Recovery codes on paper.
    pub lookup_secret: LookupSecret,
    /// Sign-in through another provider.
    pub oidc: LaterMethod,
    /// Security keys.
    pub webauthn: LaterMethod,
    /// Passkeys.
    pub passkey: LaterMethod,
}

/// `selfservice.methods.profile`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// On or off.
    pub enabled: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// `selfservice.methods.password`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Password {
    /// On or off.
    pub enabled: bool,
    /// What a new password must be like.
    pub config: PasswordConfig,
}

impl Default for Password {
    fn default() -> Self {
        Self { enabled: true, config: PasswordConfig::default() }
    }
}

/// `selfservice.methods.password.config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct PasswordConfig {
    /// Whether new passwords are looked up among known breaches.
    pub haveibeenpwned_enabled: bool,
    /// The host that answers, with its port if it is not the usual one; or the URL below which a copy of the list answers.
    pub haveibeenpwned_host: String,
    /// In how many breaches a password may have been seen.
    pub max_breaches: u32,
    /// Whether a password passes when nobody answers.
    pub ignore_network_errors: bool,
    /// In characters.
    pub min_password_length: u32,
    /// Whether a password may not be like the identifier.
    pub identifier_similarity_check_enabled: bool,
    /// Asks an older system at the first sign-in.
    pub migrate_hook: MigrateHook,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            haveibeenpwned_enabled: true,
            haveibeenpwned_host: "api.pwnedpasswords.com".to_owned(),
            max_breaches: 0,
            ignore_network_errors: true,
            min_password_length: 8,
            identifier_similarity_check_enabled: true,
            migrate_hook: MigrateHook::default(),
        }
    }
}

/// `selfservice.methods.password.config.migrate_hook`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct MigrateHook {
    /// On or off.
    pub enabled: bool,
    /// The request.
    pub config: RequestConfig,
}

/// `selfservice.methods.code`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Code {
    /// For recovery and verification.
    pub enabled: bool,
    /// As a first factor.
    pub passwordless_enabled: bool,
    /// As a second factor.
    pub mfa_enabled: bool,
    /// How codes behave.
    pub config: CodeConfig,
}

impl Default for Code {
    fn default() -> Self {
        Self { enabled: true, passwordless_enabled: false, mfa_enabled: false, config: CodeConfig::default() }
    }
}

/// `selfservice.methods.code.config`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct CodeConfig {
    /// How long a code can be used.
    pub lifespan: GoDuration,
    /// How often one flow may try.
    pub max_submissions: u32,
    /// Whether addresses without a code credential may sign in by code too.
    pub missing_credential_fallback_enabled: bool,
}

impl Default for CodeConfig {
    fn default() -> Self {
        Self { lifespan: GoDuration::from_secs(3600), max_submissions: 5, missing_credential_fallback_enabled: false }
    }
}

/// `selfservice.methods.link`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    /// On or off.
    pub enabled: bool,
    /// How links behave.
    pub config: LinkConfig,
}

/// `selfservice.methods.link.config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LinkConfig {
    /// How long a link can be used.
    pub lifespan: GoDuration,
    /// Overrides the public base URL in links. Read it with [`super::Settings::link_base_url`].
    pub base_url: Option<url::Url>,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { lifespan: GoDuration::from_secs(3600), base_url: None }
    }
}

/// `selfservice.methods.totp`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Totp {
    /// On or off.
    pub enabled: bool,
    /// How apps show it.
    pub config: TotpConfig,
}

/// `selfservice.methods.totp.config`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TotpConfig {
    /// The name in the app. Read it with [`super::Settings::totp_issuer`].
    pub issuer: Option<String>,
}

/// `selfservice.methods.lookup_secret`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct LookupSecret {
    /// On or off.
    pub enabled: bool,
}

/// A method that this release does not have: start-up refuses it when it is enabled.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LaterMethod {
    /// On or off.
    pub enabled: bool,
}
