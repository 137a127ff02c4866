//! Credentials that come with an identity (identity-admin.md §2.7). What cannot be kept is refused: nothing that was sent
//! is dropped silently.

use crypto::TotpSecret;
use crypto::passwords::{Caller, is_supported};
use foundation::{ApiError, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::Error;
use crate::model::derive::set_credential;
use crate::model::identity::{CredentialKind, CredentialSecret, Identity as Person, LookupCode};
use crate::service::Identity;

/// The `credentials` member of a create or an update.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    #[serde(default)]
    password: Option<Import<PasswordImport>>,
    #[serde(default)]
    totp: Option<Import<TotpImport>>,
    #[serde(default)]
    lookup_secret: Option<Import<LookupImport>>,
    #[serde(default)]
    oidc: Option<Value>,
    #[serde(default)]
    saml: Option<Value>,
    #[serde(default)]
    webauthn: Option<Value>,
    #[serde(default)]
    passkey: Option<Value>,
    #[serde(default)]
    code: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Import<T> {
    #[serde(default = "Option::default")]
    config: Option<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordImport {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    hashed_password: Option<String>,
    #[serde(default)]
    use_password_migration_hook: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TotpImport {
    totp_url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupImport {
    codes: Vec<LookupImportCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupImportCode {
    code: String,
    #[serde(default)]
    used_at: Option<Timestamp>,
}

macro_rules! without_secrets {
    ($($kind:ty),+) => {
        $(impl std::fmt::Debug for $kind {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("[secret]")
            }
        })+
    };
}

without_secrets!(PasswordImport, TotpImport, LookupImport);

/// Checked credentials, ready to be kept: passwords are hashed.
#[derive(Default)]
pub(super) struct Imported {
    hashed_password: Option<String>,
    totp_url: Option<String>,
    codes: Vec<LookupCode>,
}

impl ImportBody {
    /// Whether a password has to be hashed for this.
    pub(super) fn has_plaintext(&self) -> bool {
        self.password_config().is_some_and(|config| config.password.as_deref().is_some_and(|text| !text.is_empty()))
    }

    fn password_config(&self) -> Option<&PasswordImport> {
        self.password.as_ref()?.config.as_ref()
    }

    /// Whether all that was sent can be kept.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let later = [
            ("oidc", &self.oidc),
            ("saml", &self.saml),
            ("webauthn", &self.webauthn),
            ("passkey", &self.passkey),
            ("code", &self.code),
        ];
        if let Some((kind, _)) = later.into_iter().find(|(_, sent)| sent.is_some()) {
            return Err(ApiError::bad_request(format!(
                "Credentials of type {kind} cannot be imported: this version does not keep them. Leave them out, or \
                 wait for a version that does."
            )));
        }
        if let Some(config) = self.password_config() {
            check_password(config)?;
        }
        if let Some(config) = self.totp.as_ref().and_then(|totp| totp.config.as_ref()) {
            check_totp_url(&config.totp_url)?;
        }
        let codes = self.lookup_secret.as_ref().and_then(|lookup| lookup.config.as_ref());
        if codes.is_some_and(|config| config.codes.iter().any(|code| code.code.is_empty())) {
            return Err(ApiError::bad_request("A backup code is empty."));
        }
        Ok(())
    }
}

fn check_password(config: &PasswordImport) -> Result<(), ApiError> {
    if config.use_password_migration_hook == Some(true) {
        return Err(ApiError::bad_request(
            "use_password_migration_hook is not supported in this version: import hashed_password instead.",
        ));
    }
    let plaintext = config.password.as_deref().is_some_and(|text| !text.is_empty());
    match config.hashed_password.as_deref() {
        None | Some("") => Ok(()),
        Some(_) if plaintext => Err(ApiError::bad_request("Send either password or hashed_password, not both.")),
        Some(hash) => check_hash(hash),
    }
}

/// Refuses a hash that no sign-in could be checked against.
pub(super) fn check_hash(hash: &str) -> Result<(), ApiError> {
    is_supported(hash).map_err(|problem| ApiError::bad_request(format!("hashed_password cannot be used: {problem}.")))
}

/// Refuses an address that holds no secret to check codes with (known-faults, identity 9).
pub(super) fn check_totp_url(url: &str) -> Result<(), ApiError> {
    match TotpSecret::from_url(url) {
        Some(_) => Ok(()),
        None => Err(ApiError::bad_request("totp_url is not an otpauth://totp/ URL with a base32 secret.")),
    }
}

impl Identity {
    /// Checks credentials and hashes the password, if there is one.
    pub(super) async fn credentials_import(&self, cx: &Context, body: Option<&ImportBody>) -> Result<Imported, Error> {
        let Some(body) = body else { return Ok(Imported::default()) };
        body.check()?;
        let mut imported = Imported::default();
        if let Some(config) = body.password_config() {
            imported.hashed_password = config.hashed_password.clone().filter(|hash| !hash.is_empty());
            if let Some(password) = config.password.as_deref().filter(|password| !password.is_empty()) {
                imported.hashed_password = Some(self.passwords.hash(Caller::ANYBODY, &cx.rng, password).await?);
            }
        }
        imported.totp_url = body.totp.as_ref().and_then(|totp| totp.config.as_ref()).map(|totp| totp.totp_url.clone());
        if let Some(config) = body.lookup_secret.as_ref().and_then(|lookup| lookup.config.as_ref()) {
            let codes = config.codes.iter();
            imported.codes = codes.map(|code| LookupCode { code: code.code.clone(), used_at: code.used_at }).collect();
        }
        Ok(imported)
    }
}

impl Imported {
    /// Puts the credentials into an identity: a password and an authenticator app replace the present ones, backup
    /// codes are added to them. Passwords get their identifiers from the traits.
    pub(super) fn apply(&self, person: &mut Person, now: Timestamp) {
        if let Some(hash) = &self.hashed_password {
            let secret = CredentialSecret::Password { hashed_password: Some(hash.clone()) };
            let identifiers = identifiers(person, CredentialKind::Password);
            set_credential(person, CredentialKind::Password, identifiers, secret, now);
        }
        if let Some(url) = &self.totp_url {
            let secret = CredentialSecret::Totp { totp_url: url.clone(), last_used_step: None };
            set_credential(person, CredentialKind::Totp, vec![person.id.to_string()], secret, now);
        }
        if !self.codes.is_empty() {
            let mut codes = match person.credential(CredentialKind::LookupSecret).map(|known| &known.secret) {
                Some(CredentialSecret::LookupSecret { recovery_codes }) => recovery_codes.clone(),
                _ => Vec::new(),
            };
            codes.extend(self.codes.iter().cloned());
            let secret = CredentialSecret::LookupSecret { recovery_codes: codes };
            set_credential(person, CredentialKind::LookupSecret, vec![person.id.to_string()], secret, now);
        }
    }
}

/// What the identity is found by with a credential of this kind, as known so far.
pub(super) fn identifiers(person: &Person, kind: CredentialKind) -> Vec<String> {
    person.credential(kind).map(|credential| credential.identifiers.clone()).unwrap_or_default()
}
