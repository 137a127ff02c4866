//! Hook entries, `{hook, config}`, and the request that a web hook makes. Running them is the flow engine's work.

use std::collections::BTreeMap;

use foundation::Secret;
use serde::Deserialize;

/// One entry of a `hooks` list.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Entry")]
pub enum Hook {
    /// Call a URL.
    WebHook(Box<WebHook>),
    /// Sign the new person in; always last.
    Session,
    /// Tell the client which verification flow was started.
    ShowVerificationUi,
    /// Start a verification of the first unverified address at sign-in.
    Verification,
    /// Refuse a sign-in without a verified address.
    RequireVerifiedAddress,
    /// End the person's other sessions.
    RevokeActiveSessions,
    /// Let a changed address count only once it is verified.
    VerifyNewAddress,
    /// Tell earlier addresses of the change.
    NotifyPreviousAddresses {
        /// Which of them.
        recipients: NotifyRecipients,
    },
    /// Enterprise sign-on by organisation: accepted, without effect.
    Organization,
}

/// Whom `notify_previous_addresses` writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyRecipients {
    /// Addresses that the change removed.
    #[default]
    Removed,
    /// All that were verified before.
    AllVerified,
    /// All that were there before.
    All,
}

#[derive(Deserialize)]
struct Entry {
    hook: String,
    #[serde(default)]
    config: serde_json::Value,
}

impl TryFrom<Entry> for Hook {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let named = |error: serde_json::Error| format!("hook {}: {error}", entry.hook);
        Ok(match entry.hook.as_str() {
            "web_hook" => Self::WebHook(serde_json::from_value(entry.config).map_err(named)?),
            "session" => Self::Session,
            "show_verification_ui" => Self::ShowVerificationUi,
            "verification" => Self::Verification,
            "require_verified_address" => Self::RequireVerifiedAddress,
            "revoke_active_sessions" => Self::RevokeActiveSessions,
            "verify_new_address" => Self::VerifyNewAddress,
            "notify_previous_addresses" => {
                let recipients = match entry.config.get("recipients") {
                    Some(written) => serde_json::from_value(written.clone()).map_err(named)?,
                    None => NotifyRecipients::default(),
                };
                Self::NotifyPreviousAddresses { recipients }
            }
            "organization" | "b2b_sso" => Self::Organization,
            other => return Err(format!("there is no hook {other}")),
        })
    }
}

/// Reads a list and moves `session` to its end: it writes the answer, so nothing can follow it.
pub(super) fn session_last<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Hook>, D::Error> {
    let mut hooks = Vec::<Hook>::deserialize(deserializer)?;
    hooks.sort_by_key(|hook| matches!(hook, Hook::Session));
    Ok(hooks)
}

/// `config` of a `web_hook`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct WebHook {
    /// A label for events and logs.
    pub id: Option<String>,
    /// Where to.
    pub url: String,
    /// The HTTP method.
    pub method: String,
    /// Sent as they are; `Content-Type` decides how the body is encoded.
    pub headers: BTreeMap<String, String>,
    /// A URI of the Jsonnet that makes the body.
    pub body: Option<String>,
    /// How this server proves who it is.
    pub auth: Option<RequestAuth>,
    /// The older way to say that the answer may stop the flow.
    pub can_interrupt: bool,
    /// What becomes of the answer.
    pub response: WebHookResponse,
    /// Whether deliveries are reported as events.
    pub emit_analytics_event: bool,
}

impl Default for WebHook {
    fn default() -> Self {
        Self {
            id: None,
            url: String::new(),
            method: "POST".to_owned(),
            headers: BTreeMap::new(),
            body: None,
            auth: None,
            can_interrupt: false,
            response: WebHookResponse::default(),
            emit_analytics_event: true,
        }
    }
}

/// `config.response` of a `web_hook`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct WebHookResponse {
    /// Do not wait for the answer.
    pub ignore: bool,
    /// Read the answer: it may stop the flow or change the identity.
    pub parse: bool,
}

/// `auth` of an outgoing request.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", content = "config", rename_all = "snake_case")]
pub enum RequestAuth {
    /// A key in a header or cookie.
    ApiKey {
        /// The header's or cookie's name.
        name: String,
        /// The key.
        value: Secret<String>,
        /// Where it goes.
        #[serde(rename = "in")]
        place: ApiKeyPlace,
    },
    /// HTTP Basic.
    BasicAuth {
        /// The user.
        user: String,
        /// The password.
        password: Secret<String>,
    },
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}
