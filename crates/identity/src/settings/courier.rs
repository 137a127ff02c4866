//! `courier`: how messages leave, and what they say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use foundation::{GoDuration, Secret};
use serde::Deserialize;

use super::RequestAuth;

/// `courier`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Courier {
    /// How often a message is tried again before it is given up.
    pub message_retries: u32,
    /// How the queue is emptied.
    pub worker: Worker,
    /// How mail leaves.
    pub delivery_strategy: DeliveryStrategy,
    /// The mail server.
    pub smtp: Smtp,
    /// A service that sends mail for us.
    pub http: CourierHttp,
    /// Channels besides mail.
    pub channels: Vec<Channel>,
    /// A folder of templates that replace the built-in ones.
    pub template_override_path: Option<PathBuf>,
    /// Single templates that replace the built-in ones.
    pub templates: Templates,
}

impl Default for Courier {
    fn default() -> Self {
        Self {
            message_retries: 5,
            worker: Worker::default(),
            delivery_strategy: DeliveryStrategy::Smtp,
            smtp: Smtp::default(),
            http: CourierHttp::default(),
            channels: Vec::new(),
            template_override_path: None,
            templates: Templates::default(),
        }
    }
}

/// `courier.worker`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// Messages at a time.
    pub pull_count: u32,
    /// Rest between two looks.
    pub pull_wait: GoDuration,
}

impl Default for Worker {
    fn default() -> Self {
        Self { pull_count: 10, pull_wait: GoDuration::from_secs(1) }
    }
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStrategy {
    /// To a mail server.
    Smtp,
    /// To an HTTP service.
    Http,
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
    /// Added to each mail.
    pub headers: BTreeMap<String, String>,
    /// How we greet.
    pub local_name: String,
    /// A client certificate.
    pub client_cert_path: Option<PathBuf>,
    /// Its key.
    pub client_key_path: Option<PathBuf>,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            connection_uri: None,
            from_address: "no-reply@ory.kratos.sh".to_owned(),
            from_name: None,
            headers: BTreeMap::new(),
            local_name: "localhost".to_owned(),
            client_cert_path: None,
            client_key_path: None,
        }
    }
}

/// `courier.http`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CourierHttp {
    /// The request that sends one mail.
    pub request_config: Option<RequestConfig>,
}

/// An outgoing request that an operator describes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct RequestConfig {
    /// Where to.
    pub url: String,
    /// The HTTP method.
    pub method: String,
    /// Sent as they are.
    pub headers: BTreeMap<String, String>,
    /// How this server proves who it is.
    pub auth: Option<RequestAuth>,
    /// A URI of the Jsonnet that makes the body.
    pub body: Option<String>,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self { url: String::new(), method: "POST".to_owned(), headers: BTreeMap::new(), auth: None, body: None }
    }
}

/// An entry of `courier.channels`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// `sms`.
    pub id: String,
    /// `http`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The request that sends one message.
    pub request_config: RequestConfig,
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
}

impl Templates {
    /// The sources of a template by its wire name (`recovery_code_valid`); none for a name without override.
    pub fn source(&self, template_type: &str) -> Option<&TemplateChannels> {
        if template_type == "verifiable_address_changed" {
            return Some(&self.verifiable_address_changed);
        }
        let (name, outcome) = template_type.rsplit_once('_')?;
        let outcomes = match name {
            "recovery" => &self.recovery,
            "recovery_code" => &self.recovery_code,
            "verification" => &self.verification,
            "verification_code" => &self.verification_code,
            "login_code" => &self.login_code,
            "registration_code" => &self.registration_code,
            _ => return None,
        };
        match outcome {
            "valid" => Some(&outcomes.valid),
            "invalid" => Some(&outcomes.invalid),
            _ => None,
        }
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
    /// Short message; it has a plain body alone.
    pub sms: TemplateSource,
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
    use super::*;

    #[test]
    fn templates_are_found_by_their_wire_name() {
        let templates: Templates = serde_json::from_value(serde_json::json!({
            "recovery_code": {"valid": {"email": {"subject": "base64://YQ=="}}},
            "verifiable_address_changed": {"sms": {"body": {"plaintext": "base64://Yg=="}}},
        }))
        .unwrap();
        let subject = |name: &str| templates.source(name).and_then(|channels| channels.email.subject.clone());
        assert_eq!(subject("recovery_code_valid").as_deref(), Some("base64://YQ=="));
        assert_eq!(subject("recovery_code_invalid"), None);
        assert_eq!(subject("recovery_valid"), None);
        assert!(templates.source("stub").is_none());
        let changed = templates.source("verifiable_address_changed").unwrap();
        assert_eq!(changed.sms.body.plaintext.as_deref(), Some("base64://Yg=="));
    }
}
