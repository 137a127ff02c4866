//! Identities, what they prove themselves with, and where they are reached (identity-admin.md §1).

use foundation::{Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether an identity may sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityState {
    /// It may.
    #[default]
    Active,
    /// It may not, and its sessions do not count.
    Inactive,
}

impl IdentityState {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

/// A person or program that can sign in.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Given by the server.
    pub id: Uuid,
    /// The operator's own id, at most 64 characters, unique.
    pub external_id: Option<String>,
    /// The schema of its traits.
    pub schema_id: String,
    /// Whether it may sign in.
    pub state: IdentityState,
    /// When that changed last.
    pub state_changed_at: Option<Timestamp>,
    /// What it says about itself; valid by its schema.
    pub traits: Value,
    /// What the operator keeps about it and shows to it.
    pub metadata_public: Option<Value>,
    /// What the operator keeps about it and does not show to it.
    pub metadata_admin: Option<Value>,
    /// The organization it belongs to; kept, without behaviour.
    pub organization_id: Option<Uuid>,
    /// The highest assurance its credentials allow, as computed at the last change of them.
    pub available_aal: Aal,
    /// Where it can prove to be reached, in the order of the schema.
    pub verifiable_addresses: Vec<VerifiableAddress>,
    /// Where a lost access can be restored.
    pub recovery_addresses: Vec<RecoveryAddress>,
    /// What it proves itself with; at most one of each type. Empty unless loaded.
    pub credentials: Vec<Credential>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Identity {
    /// The credential of this type, if loaded and present.
    pub fn credential(&self, kind: CredentialKind) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.kind == kind)
    }
}

/// How sure it is that a session belongs to its identity: the Authenticator Assurance Level (after NIST SP 800-63B).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aal {
    /// Nothing was proved.
    #[default]
    Aal0,
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
}

impl Aal {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aal0 => "aal0",
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }

    /// The level of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "aal0" => Some(Self::Aal0),
            "aal1" => Some(Self::Aal1),
            "aal2" => Some(Self::Aal2),
            _ => None,
        }
    }
}

/// The types of credentials that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A password hash; identifiers are the traits that the schema marks.
    Password,
    /// The secret of an authenticator app.
    Totp,
    /// Backup codes.
    LookupSecret,
}

impl CredentialKind {
    /// All of them, in the order that views show them.
    pub const ALL: [Self; 3] = [Self::Password, Self::Totp, Self::LookupSecret];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::LookupSecret => "lookup_secret",
        }
    }

    /// The type of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Something an identity proves itself with.
#[derive(Debug, Clone, PartialEq)]
pub struct Credential {
    /// Which type.
    pub kind: CredentialKind,
    /// What the identity is found by when it signs in with this.
    pub identifiers: Vec<String>,
    /// The secret part.
    pub secret: CredentialSecret,
    /// The version of the secret's form.
    pub version: i64,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The secret part of a credential, as the wire's `config` shows it to administrators who ask.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CredentialSecret {
    /// An `otpauth:` URL.
    Totp {
        /// The URL, secret included.
        totp_url: String,
        /// The last time step whose code was accepted: a code works once.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_used_step: Option<i64>,
    },
    /// Backup codes.
    LookupSecret {
        /// The codes.
        recovery_codes: Vec<LookupCode>,
    },
    /// A hash in a modular crypt or PHC format. `None`: the identity has identifiers but cannot sign in with a password.
    Password {
        /// The hash.
        #[serde(skip_serializing_if = "Option::is_none")]
        hashed_password: Option<String>,
    },
}

impl CredentialSecret {
    /// Reads the secret of a credential of this kind. The kind has to be known: every object looks like a password without
    /// a hash.
    ///
    /// # Errors
    /// When the JSON is not of the kind's form.
    pub fn read(kind: CredentialKind, config: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Password {
            #[serde(default)]
            hashed_password: Option<String>,
        }
        #[derive(Deserialize)]
        struct Totp {
            totp_url: String,
            #[serde(default)]
            last_used_step: Option<i64>,
        }
        #[derive(Deserialize)]
        struct LookupSecret {
            recovery_codes: Vec<LookupCode>,
        }
        Ok(match kind {
            CredentialKind::Password => {
                let Password { hashed_password } = serde_json::from_value(config)?;
                Self::Password { hashed_password }
            }
            CredentialKind::Totp => {
                let Totp { totp_url, last_used_step } = serde_json::from_value(config)?;
                Self::Totp { totp_url, last_used_step }
            }
            CredentialKind::LookupSecret => {
                let LookupSecret { recovery_codes } = serde_json::from_value(config)?;
                Self::LookupSecret { recovery_codes }
            }
        })
    }
}

impl std::fmt::Debug for CredentialSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// A backup code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupCode {
    /// The code.
    pub code: String,
    /// When it was used; a used code works no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// How an address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By mail.
    Email,
    /// By text message.
    Sms,
}

impl Channel {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// The channel of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "email" => Some(Self::Email),
            "sms" => Some(Self::Sms),
            _ => None,
        }
    }
}

/// How far the proof of an address has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are the contract's status names")]
pub enum AddressStatus {
    Pending,
    Sent,
    Completed,
}

impl AddressStatus {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Completed => "completed",
        }
    }

    /// The status of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pending" => Some(Self::Pending),
            "sent" => Some(Self::Sent),
            "completed" => Some(Self::Completed),
            _ => None,
        }
    }
}

/// An address whose owner can prove it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifiableAddress {
    /// Given by the server.
    pub id: Uuid,
    /// Normalised.
    pub value: String,
    /// Whether it was proved.
    pub verified: bool,
    /// How it is reached.
    pub via: Channel,
    /// How far the proof has come.
    pub status: AddressStatus,
    /// When it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An address by which a lost access can be restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryAddress {
    /// Given by the server.
    pub id: Uuid,
    /// Normalised.
    pub value: String,
    /// How it is reached.
    pub via: Channel,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
