//! `courier` of the configuration, with the names of the files and the contract's defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use foundation::{GoDuration, Secret};
use serde::Deserialize;

use crate::built_in::Brand;
use crate::hooks::HookSettings;
use crate::template::TemplateKind;

/// `courier`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct CourierSettings {
    /// How often a message is tried again before it is given up: 5 make six attempts.
    pub message_retries: u32,
    /// How the queue is emptied.
    pub worker: Worker,
    /// The mail server.
    pub smtp: Smtp,
    /// A folder of templates that replace the built-in ones.
    pub template_override_path: Option<PathBuf>,
    /// Single templates that replace the built-in ones.
    pub templates: Templates,
    /// How long messages that were delivered or given up stay listed. An extension; default 30 days.
    pub retention: GoDuration,
    /// Keeps subject and bodies of finished messages readable by the admin API. Set by who composes the program, in
    /// development only; no key of the file.
    #[serde(skip)]
    pub keep_contents: bool,
    /// How the built-in mails look, from `pages`; handed over by who composes the program.
    #[serde(skip)]
    pub brand: Brand,
    /// `clients.smtp.disallow_private_ip_ranges`, handed over by who composes the program.
    #[serde(skip)]
    pub refuse_private_addresses: bool,
    /// `clients.web_hook`, handed over by who composes the program.
    #[serde(skip)]
    pub hooks: HookSettings,
}

impl Default for CourierSettings {
    fn default() -> Self {
        Self {
            message_retries: 5,
            worker: Worker::default(),
            smtp: Smtp::default(),
            template_override_path: None,
            templates: Templates::default(),
            retention: GoDuration::from_secs(30 * 24 * 3600),
            keep_contents: false,
            brand: Brand::default(),
            refuse_private_addresses: false,
            hooks: HookSettings::default(),
        }
    }
}

/// `courier.worker`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// Messages that are taken at a time.
    pub pull_count: u32,
    /// Rest between two looks at the queue.
    pub pull_wait: GoDuration,
    /// How long a worker may hold a message; when it has died, another one takes the message after that. A delivery gets
    /// three fifths of it, so that its result is written down in time.
    pub lease: GoDuration,
}

impl Worker {
    /// How long one delivery may take.
    pub fn longest_delivery(&self) -> Duration {
        self.lease.to_std() * 3 / 5
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self { pull_count: 10, pull_wait: GoDuration::from_secs(1), lease: GoDuration::from_secs(150) }
    }
}

/// `courier.smtp`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Smtp {
    /// `smtp://` or `smtps://`, with user, password and switches in the query.
    pub connection_uri: Option<Secret<String>>,
    /// The sender's address.
    pub from_address: String,
    /// The sender's name.
    pub from_name: Option<String>,
    /// Added to each mail; `Cc` and `Bcc` are delivered too.
    pub headers: BTreeMap<String, String>,
    /// How we greet the server.
    pub local_name: String,
    /// A client certificate (PEM).
    pub client_cert_path: Option<PathBuf>,
    /// Its key (PEM).
    pub client_key_path: Option<PathBuf>,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            connection_uri: None,
            // The reference server's default: filters of existing installations know it.
            from_address: "no-reply@ory.kratos.sh".to_owned(),
            from_name: None,
            headers: BTreeMap::new(),
            local_name: "localhost".to_owned(),
            client_cert_path: None,
            client_key_path: None,
        }
    }
}

/// `courier.templates`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Templates {
    /// Recovery by link.
    pub recovery: TemplateOutcomes,
    /// Recovery by code.
    pub recovery_code: TemplateOutcomes,
    /// Verification by link.
    pub verification: TemplateOutcomes,
    /// Verification by code.
    pub verification_code: TemplateOutcomes,
    /// Sign-in by code.
    pub login_code: TemplateOutcomes,
    /// Sign-up by code.
    pub registration_code: TemplateOutcomes,
    /// An address was changed.
    pub verifiable_address_changed: TemplateChannels,
    /// Somebody signed up with an address that has an account. The contract has no such mail and so no key for it: whoever
    /// wants another text uses `template_override_path`.
    #[serde(skip)]
    pub registration_known: TemplateChannels,
}

impl Templates {
    /// Where the parts of this mail come from, if not from us.
    pub fn email(&self, kind: TemplateKind) -> &TemplateSource {
        let channels = match kind {
            TemplateKind::RegistrationKnown => &self.registration_known,
            TemplateKind::RecoveryValid => &self.recovery.valid,
            TemplateKind::RecoveryInvalid => &self.recovery.invalid,
            TemplateKind::RecoveryCodeValid => &self.recovery_code.valid,
            TemplateKind::RecoveryCodeInvalid => &self.recovery_code.invalid,
            TemplateKind::VerificationValid => &self.verification.valid,
            TemplateKind::VerificationInvalid => &self.verification.invalid,
            TemplateKind::VerificationCodeValid => &self.verification_code.valid,
            TemplateKind::VerificationCodeInvalid => &self.verification_code.invalid,
            TemplateKind::LoginCodeValid => &self.login_code.valid,
            TemplateKind::RegistrationCodeValid => &self.registration_code.valid,
            TemplateKind::VerifiableAddressChanged => &self.verifiable_address_changed,
        };
        &channels.email
    }
}

/// The texts for a known and for an unknown recipient.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TemplateOutcomes {
    /// To somebody with an account.
    pub valid: TemplateChannels,
    /// To somebody without.
    pub invalid: TemplateChannels,
}

/// The texts by channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TemplateChannels {
    /// Mail.
    pub email: TemplateSource,
}

/// Where the parts of a template come from: `http(s)://`, `file://` or `base64://`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TemplateSource {
    /// The subject.
    pub subject: Option<String>,
    /// The body.
    pub body: TemplateBody,
}

/// The body's two forms.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TemplateBody {
    /// Plain text.
    pub plaintext: Option<String>,
    /// HTML.
    pub html: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_are_the_contracts() {
        let settings: CourierSettings = serde_json::from_value(json!({})).unwrap();
        assert_eq!(settings.message_retries, 5);
        assert_eq!(settings.worker.pull_count, 10);
        assert_eq!(settings.worker.pull_wait, GoDuration::from_secs(1));
        assert_eq!(settings.smtp.from_address, "no-reply@ory.kratos.sh");
        assert_eq!(settings.smtp.local_name, "localhost");
    }

    #[test]
    fn the_files_names_are_read() {
        let settings: CourierSettings = serde_json::from_value(json!({
            "message_retries": 1,
            "worker": {"pull_count": 2, "pull_wait": "100ms"},
            "delivery_strategy": "smtp",
            "smtp": {"connection_uri": "smtp://u:hunter2@mail:25", "headers": {"X-A": "b"}},
            "templates": {
                "recovery_code": {"valid": {"email": {"subject": "base64://YQ=="}, "sms": {}}},
                "verifiable_address_changed": {"email": {"body": {"html": "file:///a"}}}
            }
        }))
        .unwrap();
        assert_eq!(settings.templates.email(TemplateKind::RecoveryCodeValid).subject.as_deref(), Some("base64://YQ=="));
        assert_eq!(settings.templates.email(TemplateKind::RecoveryValid).subject, None);
        let changed = settings.templates.email(TemplateKind::VerifiableAddressChanged);
        assert_eq!(changed.body.html.as_deref(), Some("file:///a"));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
