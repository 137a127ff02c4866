//! Flows: a form that somebody fills in, in one or several steps (identity-flows.md §2).

use foundation::{Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::identity::Aal;
use super::ui::Container;

/// What a flow is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are the contract's flow names")]
pub enum FlowKind {
    Login,
    Registration,
    Settings,
    Recovery,
    Verification,
}

impl FlowKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Login, Self::Registration, Self::Settings, Self::Recovery, Self::Verification];

    /// The name in paths, in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Settings => "settings",
            Self::Recovery => "recovery",
            Self::Verification => "verification",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who fills the form in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A browser, with cookies: by forms and redirects, or from the script of a page.
    Browser,
    /// A native app, with tokens.
    Api,
}

impl Transport {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Api => "api",
        }
    }
}

/// How far a flow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was proved yet.
    ChooseMethod,
    /// A code or a link is on its way.
    SentEmail,
    /// Done: the flow takes no more input.
    PassedChallenge,
    /// Settings: the form is shown.
    ShowForm,
    /// Settings: the last change was saved.
    Success,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ChooseMethod, Self::SentEmail, Self::PassedChallenge, Self::ShowForm, Self::Success];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChooseMethod => "choose_method",
            Self::SentEmail => "sent_email",
            Self::PassedChallenge => "passed_challenge",
            Self::ShowForm => "show_form",
            Self::Success => "success",
        }
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A flow as it is stored; the wire shape is made in `flows/view.rs`.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Given by the server; knowing it is not enough to use a browser's flow.
    pub id: Uuid,
    /// What it is for.
    pub kind: FlowKind,
    /// Who fills it in.
    pub transport: Transport,
    /// How far it has come.
    pub state: State,
    /// The method that was tried last, or for which the form was made.
    pub active: Option<String>,
    /// The absolute URL that began it, query included: `return_to` is read from it.
    pub request_url: String,
    /// SHA-256 of the CSRF secret of the browser that began it.
    pub csrf: Option<[u8; 32]>,
    /// Whose it is (settings), or whom it recovered.
    pub identity_id: Option<Uuid>,
    /// Login: the assurance to reach.
    pub requested_aal: Aal,
    /// Login: whether somebody who is signed in proves again who they are.
    pub refresh: bool,
    /// Registration: the identity schema that was chosen.
    pub schema_id: Option<String>,
    /// The form.
    pub ui: Container,
    /// What no client may see.
    pub context: FlowContext,
    /// What the client sent along with this submission, for mails and for the answer to it. Never stored.
    pub transient_payload: Map<String, Value>,
    /// Tries of codes, tokens and second factors so far.
    pub submit_count: i64,
    /// When it began.
    pub issued_at: Timestamp,
    /// From then on it takes no input.
    pub expires_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a flow remembers and no client may see. Stored sealed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowContext {
    /// Settings: the `otpauth:` URL of the authenticator app being set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp_url: Option<String>,
    /// Settings: new backup codes that were shown and not yet confirmed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lookup_codes: Vec<String>,
    /// Settings: whether the stored backup codes are shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lookup_revealed: bool,
    /// Recovery: made by an administrator, so that no browser began it and no CSRF cookie is there to check.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub csrf_exempt: bool,
    /// Registration, second step: the traits that the first step accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_traits: Option<Value>,
    /// Login, second step of identifier-first: the identifier that was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Recovery and verification: the address that a code or link was asked for, as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Verification: the code that a mailed link carried, to be filled in. Here, because the form is stored in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Settings: a change that waits until its person has proved again who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
}

/// A submission that waits.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Parked {
    /// SHA-256 of the token in the cookie of the browser that sent it.
    pub token_hash: [u8; 32],
    /// What was sent.
    pub input: Map<String, Value>,
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Parked([secret])")
    }
}

impl Flow {
    /// Whether the flow has ended at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// The organization that the flow was begun for; what is no UUID is none.
    pub fn organization_id(&self) -> Option<Uuid> {
        self.requested("organization").and_then(|text| Uuid::parse_str(&text).ok())
    }

    /// A parameter of the URL that began the flow; empty counts as absent.
    pub fn requested(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&self.request_url).ok()?;
        let (_, value) = url.query_pairs().find(|(key, _)| key == name)?;
        (!value.is_empty()).then(|| value.into_owned())
    }
}
