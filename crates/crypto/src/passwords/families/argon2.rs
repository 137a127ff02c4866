//! Argon2id and Argon2i, version 19 (RFC 9106), as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.

use argon2::{Algorithm as Variant, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::macs::same;
use crate::passwords::HashError;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::parameters::{Algorithm, Argon2Parameters, HashParameters};
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields, long_enough, numbers, unpadded};

const MOST_MEMORY_KIB: u32 = 1_048_576;
const MOST_ITERATIONS: u32 = 10;
const MOST_PARALLELISM: u32 = 16;

pub(in crate::passwords) struct Argon2Hash {
    variant: Variant,
    parameters: Argon2Parameters,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("Argon2");
    let Some(["", name, "v=19", parameters, salt, hash]) = fields(stored) else {
        return Err(malformed);
    };
    let variant = match name {
        "argon2id" => Variant::Argon2id,
        "argon2i" => Variant::Argon2i,
        _ => return Err(malformed),
    };
    let [memory_kib, iterations, parallelism] = numbers(parameters, ["m", "t", "p"]).ok_or(malformed.clone())?;
    let salt = unpadded(salt).ok_or(malformed.clone())?;
    let hash = unpadded(hash).ok_or(malformed)?;
    long_enough(&hash)?;
    let (salt_length, key_length) = (salt.len(), hash.len());
    let parameters = Argon2Parameters { memory_kib, iterations, parallelism, salt_length, key_length };
    problem(&parameters).map_or(Ok(()), |problem| Err(UnsupportedHash::Bounds(problem)))?;
    Ok(Box::new(Argon2Hash { variant, parameters, salt, hash }))
}

/// What is out of bounds.
pub(in crate::passwords) fn problem(parameters: &Argon2Parameters) -> Option<&'static str> {
    let Argon2Parameters { memory_kib, iterations, parallelism, salt_length, key_length } = *parameters;
    let checks = [
        ((1..=MOST_PARALLELISM).contains(&parallelism), "Argon2 parallelism must be 1 to 16"),
        ((1..=MOST_ITERATIONS).contains(&iterations), "Argon2 iterations must be 1 to 10"),
        (memory_kib <= MOST_MEMORY_KIB, "Argon2 memory must be at most 1048576 KiB"),
        (memory_kib >= 8 * parallelism.min(MOST_PARALLELISM), "Argon2 memory must be at least 8 KiB for each lane"),
        ((8..=64).contains(&salt_length), "Argon2 salts must be 8 to 64 bytes long"),
        ((8..=128).contains(&key_length), "Argon2 keys must be 8 to 128 bytes long"),
    ];
    checks.into_iter().find(|(fine, _)| !fine).map(|(_, problem)| problem)
}

/// Works for as long as a hash with these parameters takes. Less memory than there must be is no work worth doing.
pub(in crate::passwords) fn spend(parameters: &Argon2Parameters, memory: &mut Memory) {
    std::hint::black_box(derive(Variant::Argon2id, parameters, b"nobody", &[0; 16], memory).is_ok());
}

impl Argon2Hash {
    pub(in crate::passwords) fn make(
        parameters: &Argon2Parameters,
        password: &[u8],
        salt: &[u8],
        memory: &mut Memory,
    ) -> Result<Self, HashError> {
        let hash = derive(Variant::Argon2id, parameters, password, salt, memory)
            .map_err(|_| HashError::Parameters("Argon2 refused its parameters, or memory is short"))?;
        Ok(Self { variant: Variant::Argon2id, parameters: *parameters, salt: salt.to_vec(), hash })
    }
}

impl StoredHash for Argon2Hash {
    fn matches(&self, password: &[u8], memory: &mut Memory) -> bool {
        derive(self.variant, &self.parameters, password, &self.salt, memory).is_ok_and(|hash| same(&hash, &self.hash))
    }

    fn cost(&self) -> Cost {
        Cost::argon2(self.parameters.memory_kib, self.parameters.iterations)
    }

    fn is_current(&self, parameters: &HashParameters) -> bool {
        let configured = parameters.algorithm == Algorithm::Argon2id && parameters.argon2 == self.parameters;
        configured && self.variant == Variant::Argon2id
    }

    fn encode(&self) -> String {
        let Argon2Parameters { memory_kib, iterations, parallelism, .. } = self.parameters;
        let (name, salt, hash) =
            (self.variant.as_str(), STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        format!("${name}$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${hash}")
    }
}

fn derive(
    variant: Variant,
    parameters: &Argon2Parameters,
    password: &[u8],
    salt: &[u8],
    memory: &mut Memory,
) -> Result<Vec<u8>, argon2::Error> {
    let Argon2Parameters { memory_kib, iterations, parallelism, key_length, .. } = *parameters;
    let settings = Params::new(memory_kib, iterations, parallelism, Some(key_length))?;
    let mut hash = vec![0; key_length];
    let blocks = memory.kib(settings.block_count()).ok_or(argon2::Error::OutOfMemory)?;
    Argon2::new(variant, Version::V0x13, settings).hash_password_into_with_memory(password, salt, &mut hash, blocks)?;
    Ok(hash)
}
