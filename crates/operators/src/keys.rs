//! API keys: made, listed, revoked and checked.

use std::sync::Arc;
use std::time::Duration;

use crypto::AdminApiKey;
use database::{Db, DbError, read, transact};
use foundation::{Clock, RequestContext, Rng, Timestamp, Uuid};

use crate::store;

/// How exactly the last use is kept.
const USE_IS_NOTED: Duration = Duration::from_secs(3600);
/// The longest name.
const NAME_LENGTH: usize = 64;

/// What is known of a key. Never the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminKey {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it; one key a name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within an hour.
    pub last_used_at: Option<Timestamp>,
}

/// Why a key cannot be made, listed, revoked or checked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is a key of this name.
    #[error("there is a key named {0:?} already: revoke it first, or choose another name")]
    NameTaken(String),
    /// The name cannot be used.
    #[error("a key's name has 1 to 64 letters, digits, dots, hyphens and underscores")]
    Name,
    /// It would expire at once, or after the end of time.
    #[error("a key cannot expire before it is made, nor after the year 9999")]
    Expiry,
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The keys of a tenant.
#[derive(Clone)]
pub struct AdminKeys {
    db: Db,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    tenant: Uuid,
}

impl AdminKeys {
    /// The keys in this database.
    pub fn new(db: Db, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>, tenant: Uuid) -> Self {
        Self { db, clock, rng, tenant }
    }

    fn context(&self) -> RequestContext {
        RequestContext::background(self.tenant, Arc::clone(&self.clock), Arc::clone(&self.rng))
    }

    /// Makes a key. What is given is the only sight of it.
    ///
    /// # Errors
    /// A name that is taken or unusable, a lifespan that ends at no time, the database.
    pub async fn create(&self, name: &str, lifespan: Option<Duration>) -> Result<(AdminKey, AdminApiKey), KeyError> {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > NAME_LENGTH || !name.bytes().all(usable) {
            return Err(KeyError::Name);
        }
        let cx = self.context();
        let expires_at = match lifespan {
            Some(lifespan) if lifespan.is_zero() => return Err(KeyError::Expiry),
            Some(lifespan) => Some(cx.now.checked_add(lifespan).map_err(|_| KeyError::Expiry)?),
            None => None,
        };
        let secret = AdminApiKey::generate(self.rng.as_ref());
        let key =
            AdminKey { id: cx.rng.uuid(), name: name.to_owned(), created_at: cx.now, expires_at, last_used_at: None };
        let added = transact!(&self.db, |tx| -> Result<bool, DbError> {
            store::key_insert(tx, &cx, &key, &secret.digest()).await
        })
        .await?;
        if added { Ok((key, secret)) } else { Err(KeyError::NameTaken(name.to_owned())) }
    }

    /// All keys, by name; expired ones too.
    ///
    /// # Errors
    /// The database.
    pub async fn list(&self) -> Result<Vec<AdminKey>, KeyError> {
        let cx = self.context();
        Ok(read!(&self.db, |tx| -> Result<Vec<AdminKey>, DbError> { store::key_list(tx, &cx).await }).await?)
    }

    /// Takes a key back: the next request with it is refused. `false`: there is none of this name.
    ///
    /// # Errors
    /// The database.
    pub async fn revoke(&self, name: &str) -> Result<bool, KeyError> {
        let cx = self.context();
        Ok(transact!(&self.db, |tx| -> Result<bool, DbError> { store::key_remove(tx, &cx, name).await }).await?)
    }

    /// The key that somebody shows, if it is one and has not expired.
    ///
    /// # Errors
    /// The database.
    pub async fn check(&self, shown: &str) -> Result<Option<AdminKey>, KeyError> {
        let cx = self.context();
        let hash = AdminApiKey::presented(shown).digest();
        let found =
            read!(&self.db, |tx| -> Result<Option<AdminKey>, DbError> { store::key_find(tx, &cx, &hash).await })
                .await?;
        let Some(key) = found.filter(|key| key.expires_at.is_none_or(|end| cx.now < end)) else { return Ok(None) };
        let before = cx.now.checked_sub(USE_IS_NOTED).unwrap_or(Timestamp::MIN);
        if key.last_used_at.is_none_or(|last| last < before) {
            let noted =
                transact!(&self.db, |tx| -> Result<(), DbError> { store::key_used(tx, &cx, key.id, before).await });
            // The key is good whether or not its use can be noted: on a full disk, say.
            if let Err(cause) = noted.await {
                tracing::warn!(%cause, key = key.name, "the use of an admin API key cannot be noted");
            }
        }
        Ok(Some(key))
    }
}
