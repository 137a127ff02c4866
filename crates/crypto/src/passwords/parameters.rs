//! The configured hasher: algorithm, parameters, and making a hash with them.

use super::HashError;
use super::families::{argon2, bcrypt};
use super::memory::Memory;
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

    pub(super) fn hash(
        &self,
        password: &[u8],
        salt: &[u8],
        memory: &mut Memory,
    ) -> Result<Box<dyn StoredHash>, HashError> {
        Ok(match self.algorithm {
            Algorithm::Bcrypt => Box::new(bcrypt::BcryptHash::make(self.bcrypt_cost, password, salt)),
            Algorithm::Argon2id => Box::new(argon2::Argon2Hash::make(&self.argon2, password, salt, memory)?),
        })
    }

    /// Takes as long as a hash with these takes longer than what was `spent`. It is work of the same kind and not a
    /// pause: under load it slows down as the hashing does.
    pub(super) fn spend_difference(&self, spent: Cost, memory: &mut Memory) {
        match self.filler(spent) {
            Filler::Bcrypt { units } => bcrypt::spend(units),
            Filler::Argon2 { memory_kib } => argon2::spend(&Argon2Parameters { memory_kib, ..self.argon2 }, memory),
        }
    }

    fn filler(&self, spent: Cost) -> Filler {
        let whole = self.cost().microseconds.max(1);
        let missing = whole.saturating_sub(spent.microseconds);
        match self.algorithm {
            Algorithm::Bcrypt => Filler::Bcrypt { units: (missing << self.bcrypt_cost.min(31)) / whole },
            Algorithm::Argon2id => {
                let memory = u64::from(self.argon2.memory_kib) * missing / whole;
                Filler::Argon2 { memory_kib: u32::try_from(memory).unwrap_or(self.argon2.memory_kib) }
            }
        }
    }
}

/// A part of the configured hasher's work.
#[derive(Debug, PartialEq, Eq)]
enum Filler {
    /// Rounds of key expansion: a bcrypt of cost n has 2 to the power of n.
    Bcrypt { units: u64 },
    /// Argon2 with the configured passes over less memory.
    Argon2 { memory_kib: u32 },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameters(algorithm: Algorithm, bcrypt_cost: u32, memory_kib: u32) -> HashParameters {
        let argon2 = Argon2Parameters { memory_kib, iterations: 2, parallelism: 1, salt_length: 16, key_length: 32 };
        HashParameters { algorithm, bcrypt_cost, argon2 }
    }

    #[test]
    fn nothing_is_added_to_what_costs_as_much_or_more() {
        let bcrypt = parameters(Algorithm::Bcrypt, 10, 64);
        assert_eq!(bcrypt.filler(Cost::bcrypt(10)), Filler::Bcrypt { units: 0 });
        assert_eq!(bcrypt.filler(Cost::bcrypt(11)), Filler::Bcrypt { units: 0 });
        let argon2 = parameters(Algorithm::Argon2id, 10, 19456);
        assert_eq!(argon2.filler(Cost::argon2(19456, 2)), Filler::Argon2 { memory_kib: 0 });
    }

    #[test]
    fn next_to_nothing_takes_all_of_the_filler() {
        assert_eq!(parameters(Algorithm::Bcrypt, 12, 64).filler(Cost::NOTHING), Filler::Bcrypt { units: 4096 });
        let argon2 = parameters(Algorithm::Argon2id, 12, 19456);
        assert_eq!(argon2.filler(Cost::NOTHING), Filler::Argon2 { memory_kib: 19456 });
    }

    proptest! {
        #[test]
        fn a_cheap_hash_with_its_filler_costs_what_the_configured_one_costs(
            argon in any::<bool>(), bcrypt_cost in 8_u32..=15, memory_kib in 16384_u32..=1_048_576, spent in 0..=20_480_u64,
        ) {
            let algorithm = if argon { Algorithm::Argon2id } else { Algorithm::Bcrypt };
            let parameters = parameters(algorithm, bcrypt_cost, memory_kib);
            let filled = match parameters.filler(Cost { memory_kib: 0, microseconds: spent }) {
                Filler::Bcrypt { units } => units * Cost::bcrypt(0).microseconds,
                Filler::Argon2 { memory_kib } => Cost::argon2(memory_kib, 2).microseconds,
            };
            let wanted = parameters.cost().microseconds;
            prop_assert!((spent + filled).abs_diff(wanted) <= 80, "{spent} and {filled} of {wanted}");
        }
    }
}
