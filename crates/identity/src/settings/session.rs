//! `session` and `cookies`. What a cookie finally looks like is worked out in `resolve`.

use std::collections::BTreeMap;

use foundation::GoDuration;
use serde::Deserialize;

use super::hashing::ByteSize;
use crate::model::identity::Aal;

/// `session`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Session {
    /// How long a session lasts.
    pub lifespan: GoDuration,
    /// How long before its end it can be extended; unset: at any time.
    pub earliest_possible_extend: Option<GoDuration>,
    /// The session cookie.
    pub cookie: SessionCookie,
    /// The session check.
    pub whoami: Whoami,
    /// Session checks from memory.
    pub cache: SessionCache,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            lifespan: GoDuration::from_secs(24 * 3600),
            earliest_possible_extend: None,
            cookie: SessionCookie::default(),
            whoami: Whoami::default(),
            cache: SessionCache::default(),
        }
    }
}

/// `session.cookie`. Read it with [`super::Settings::session_cookie`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SessionCookie {
    /// Its name.
    pub name: String,
    /// Whether it outlives the browser.
    pub persistent: bool,
    /// Overrides `cookies.domain`.
    pub domain: Option<String>,
    /// Overrides `cookies.path`.
    pub path: Option<String>,
    /// Overrides `cookies.same_site`.
    pub same_site: Option<SameSite>,
    /// Whether it travels over TLS only; it does not follow `cookies.secure`.
    #[serde(deserialize_with = "super::flag_or_text")]
    pub secure: Option<bool>,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: "ory_kratos_session".to_owned(),
            persistent: true,
            domain: None,
            path: None,
            same_site: None,
            secure: None,
        }
    }
}

/// `session.whoami`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Whoami {
    /// The assurance that a session check asks for.
    pub required_aal: RequiredAal,
    /// JSON Web Tokens of sessions.
    pub tokenizer: Tokenizer,
}

/// `session.cache`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SessionCache {
    /// Whether session checks are answered from memory.
    pub enabled: bool,
    /// About how much memory they take.
    pub capacity: ByteSize,
    /// How long what is in memory counts without word from the database.
    pub bound: GoDuration,
}

impl Default for SessionCache {
    fn default() -> Self {
        Self { enabled: true, capacity: ByteSize::from_bytes(96 << 20), bound: GoDuration::from_secs(1) }
    }
}

/// `session.whoami.tokenizer`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tokenizer {
    /// By the name that clients ask for.
    pub templates: BTreeMap<String, TokenizerTemplate>,
}

/// How a session becomes a JSON Web Token.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct TokenizerTemplate {
    /// How long the token lasts.
    pub ttl: GoDuration,
    /// A URI of the Jsonnet that makes claims.
    pub claims_mapper_url: Option<String>,
    /// A URI of the signing keys.
    pub jwks_url: String,
    /// `id` or `external_id`.
    pub subject_source: String,
}

impl Default for TokenizerTemplate {
    fn default() -> Self {
        Self {
            ttl: GoDuration::from_secs(60),
            claims_mapper_url: None,
            jwks_url: String::new(),
            subject_source: "id".to_owned(),
        }
    }
}

/// The assurance that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredAal {
    /// One factor is enough.
    Aal1,
    /// Two, of those who have set up two.
    #[default]
    HighestAvailable,
}

impl RequiredAal {
    /// Whether a session of level `session` is enough, of somebody who can reach `available`.
    pub fn is_met(self, session: Aal, available: Aal) -> bool {
        match self {
            Self::Aal1 => session >= Aal::Aal1,
            Self::HighestAvailable => session >= available.max(Aal::Aal1),
        }
    }
}

/// `cookies`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Cookies {
    /// Unset: the host alone.
    pub domain: Option<String>,
    /// Below which path they are sent.
    pub path: String,
    /// Whether other sites' requests carry them.
    pub same_site: SameSite,
    /// Whether they travel over TLS only; unset: yes, but not with `dev`.
    #[serde(deserialize_with = "super::flag_or_text")]
    pub secure: Option<bool>,
}

impl Default for Cookies {
    fn default() -> Self {
        Self { domain: None, path: "/".to_owned(), same_site: SameSite::Lax, secure: None }
    }
}

/// The `SameSite` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum SameSite {
    /// Never from other sites.
    Strict,
    /// From other sites by top-level navigation only.
    #[default]
    Lax,
    /// Always; browsers then demand `Secure`.
    None,
}
