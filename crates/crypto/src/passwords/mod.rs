//! Hashing and checking passwords: the configured hasher, every format that accounts are imported with, and the pool
//! that bounds what hashing may take. What a good password is, is not decided here.

mod digests;
mod families;
mod figures;
mod memory;
mod nominal;
mod parameters;
mod pool;
mod queue;
mod stored;

use std::sync::Arc;

use foundation::{Rng, Secret};
use parking_lot::RwLock;
use prometheus_client::registry::Registry;

use self::memory::Memory;
pub use self::parameters::{Algorithm, Argon2Parameters, HashParameters};
use self::pool::Pool;
pub use self::pool::PoolLimits;
pub use self::queue::Caller;
use self::stored::StoredHash;
pub use self::stored::{UnsupportedHash, is_supported};

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HashError {
    /// As much is waiting as may wait: the client tries again later (429 with Retry-After).
    #[error("password hashing is busy, try again in {retry_after_seconds} seconds")]
    Busy {
        /// When there is likely room again.
        retry_after_seconds: u32,
    },
    /// The configured hasher ignores what comes after so many bytes, and no password is cut silently.
    #[error("the password is longer than {maximum_bytes} bytes")]
    TooLong {
        /// The longest password, in bytes of UTF-8.
        maximum_bytes: usize,
    },
    /// The stored hash can't be checked: no password matches it.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedHash),
    /// The configured parameters are outside of what is supported.
    #[error("the password hashing parameters are not usable: {0}")]
    Parameters(&'static str),
    /// The server stops, or the hasher failed.
    #[error("password hashing was interrupted")]
    Interrupted,
}

/// What checking a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether the stored hash has another algorithm or other parameters than configured: hash the password again.
    pub outdated: bool,
}

/// Hashes and checks passwords, no more at a time than the machine bears.
#[derive(Debug)]
pub struct PasswordHashing {
    parameters: RwLock<HashParameters>,
    pool: Pool,
}

impl PasswordHashing {
    /// With these parameters, within these limits.
    pub fn new(parameters: HashParameters, pool: PoolLimits) -> Self {
        Self { parameters: RwLock::new(parameters), pool: Pool::new(pool) }
    }

    /// Takes other parameters for what comes from now on.
    pub fn reconfigure(&self, parameters: HashParameters) {
        *self.parameters.write() = parameters;
    }

    /// How many passwords wait for their turn.
    pub fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// How many passwords are being hashed.
    pub fn running(&self) -> usize {
        self.pool.running()
    }

    /// Adds what is counted to a registry: queue, waits, times and refusals.
    pub fn register(&self, registry: &mut Registry) {
        self.pool.figures().register(registry);
    }

    /// The text to store for `password`.
    ///
    /// # Errors
    /// [`HashError::TooLong`] when the configured algorithm would cut the password, [`HashError::Busy`] when too much
    /// is waiting.
    pub async fn hash(&self, caller: Caller, rng: &Arc<dyn Rng>, password: &str) -> Result<String, HashError> {
        let parameters = *self.parameters.read();
        parameters.check()?;
        parameters.check_length(password)?;
        let mut salt = vec![0; parameters.salt_length()];
        rng.fill(&mut salt);
        let password = Secret::new(password.to_owned());
        self.pool
            .run(caller, parameters.cost(), move |memory| {
                parameters.hash(password.reveal().as_bytes(), &salt, memory).map(|hash| hash.encode())
            })
            .await?
    }

    /// Whether `password` is the one that `stored` was made of. A password that is not, costs as much as with the
    /// configured hasher even where `stored` is cheaper: the time does not tell an old account from an unknown one.
    ///
    /// # Errors
    /// [`HashError::Unsupported`] when `stored` can't be checked (it costs the same), [`HashError::Busy`] when too
    /// much is waiting.
    pub async fn verify(&self, caller: Caller, password: &str, stored: &str) -> Result<Verified, HashError> {
        let parameters = *self.parameters.read();
        let stored = match stored::parse(stored) {
            Ok(stored) => stored,
            Err(unsupported) => {
                self.verify_nobody(caller, password).await?;
                return Err(unsupported.into());
            }
        };
        let password = Secret::new(password.to_owned());
        let cost = stored.cost().peak(parameters.cost());
        self.pool
            .run(caller, cost, move |memory| verify(&*stored, parameters, password.reveal().as_bytes(), memory))
            .await
    }

    /// What an unknown identifier, or an account without a password, costs: as much as checking a password with the
    /// configured hasher. It never matches.
    ///
    /// # Errors
    /// [`HashError::Busy`] when too much is waiting, as for a known identifier.
    pub async fn verify_nobody(&self, caller: Caller, password: &str) -> Result<(), HashError> {
        let parameters = *self.parameters.read();
        let password = Secret::new(password.to_owned());
        self.pool
            .run(caller, parameters.cost(), move |memory| {
                let salt = vec![0; parameters.salt_length()];
                // What comes out is of no use, only that it took its time.
                std::hint::black_box(parameters.hash(password.reveal().as_bytes(), &salt, memory).is_ok());
            })
            .await
    }
}

fn verify(stored: &dyn StoredHash, parameters: HashParameters, password: &[u8], memory: &mut Memory) -> Verified {
    let matches = stored.matches(password, memory);
    if !matches {
        parameters.spend_difference(stored.cost(), memory);
    }
    Verified { matches, outdated: !stored.is_current(&parameters) }
}

/// What the range API of breached passwords needs of `password`: the first five characters of its SHA-1 (upper-case
/// hexadecimal), which are sent, and the other 35, which stay here and are compared.
pub fn sha1_prefix(password: &str) -> (String, String) {
    use sha1::Digest as _;
    let mut prefix = hex::encode_upper(sha1::Sha1::digest(password.as_bytes()));
    let suffix = prefix.split_off(5);
    (prefix, suffix)
}

#[cfg(test)]
mod tests;
