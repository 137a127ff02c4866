//! The configured hasher: algorithm, parameters, and making a hash with them.

use super::HashError;
use super::families::{argon2, bcrypt};
use super::nominal::Cost;
use super::stored::StoredHash;

/// The algorithms that new hashes are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Argon2id, RFC 9106.
    Argon2id,
    /// bcrypt, which reads at most 72 bytes of a password.
    Bcrypt,
}

/// Parameters of Argon2id, in the words of RFC 9106.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Parameters {
    /// Memory in KiB: 8 times the parallelism to 1048576.
    pub memory_kib: u32,
    /// Passes over the memory: 1 to 10.
    pub iterations: u32,
    /// Lanes: 1 to 16. They are computed one after the other: the pool already uses every core.
    pub parallelism: u32,
    /// Length of the salt in bytes: 8 to 64.
    pub salt_length: usize,
    /// Length of the hash in bytes: 8 to 128.
    pub key_length: usize,
}

/// How new passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParameters {
    /// The algorithm of new hashes.
    pub algorithm: Algorithm,
    /// Cost of bcrypt, the logarithm of its rounds: 4 to 15.
    pub bcrypt_cost: u32,
    /// Parameters of Argon2id.
    pub argon2: Argon2Parameters,
}

impl HashParameters {
    /// Whether hashes made with these can be checked again.
    ///
    /// # Errors
    /// [`HashError::Parameters`] says what is out of bounds.
    pub fn check(&self) -> Result<(), HashError> {
        let problem = match self.algorithm {
            Algorithm::Bcrypt => bcrypt::problem(self.bcrypt_cost),
            Algorithm::Argon2id => argon2::problem(&self.argon2),
        };
        problem.map_or(Ok(()), |problem| Err(HashError::Parameters(problem)))
    }

    pub(super) fn check_length(&self, password: &str) -> Result<(), HashError> {
        let cut = self.algorithm == Algorithm::Bcrypt && password.len() > bcrypt::MAXIMUM_BYTES;
        if cut { Err(HashError::TooLong { maximum_bytes: bcrypt::MAXIMUM_BYTES }) } else { Ok(()) }
    }

    pub(super) fn salt_length(&self) -> usize {
        match self.algorithm {
            Algorithm::Bcrypt => bcrypt::SALT_LENGTH,
            Algorithm::Argon2id => self.argon2.salt_length,
        }
    }

    pub(super) fn cost(&self) -> Cost {
        match self.algorithm {
            Algorithm::Bcrypt => Cost::bcrypt(self.bcrypt_cost),
            Algorithm::Argon2id => Cost::argon2(self.argon2.memory_kib, self.argon2.iterations),
        }
    }

    pub(super) fn hash(&self, password: &[u8], salt: &[u8]) -> Result<Box<dyn StoredHash>, HashError> {
        Ok(match self.algorithm {
            Algorithm::Bcrypt => Box::new(bcrypt::BcryptHash::make(self.bcrypt_cost, password, salt)),
            Algorithm::Argon2id => Box::new(argon2::Argon2Hash::make(&self.argon2, password, salt)?),
        })
    }
}
