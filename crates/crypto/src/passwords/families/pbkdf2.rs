//! PBKDF2 (RFC 8018): `$pbkdf2-sha256$i=100000,l=32$<salt>$<hash>`.

use crate::macs::same;
use crate::passwords::digests::Digest;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields, long_enough, numbers, unpadded};

const MOST_ITERATIONS: u32 = 10_000_000;

struct Pbkdf2Hash {
    digest: Digest,
    iterations: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("PBKDF2");
    let Some(["", name, parameters, salt, hash]) = fields(stored) else {
        return Err(malformed);
    };
    let digest = digest(name.strip_prefix("pbkdf2-sha").ok_or(malformed.clone())?).ok_or(malformed.clone())?;
    // The stated length is not used: the reference server derives as many bytes as the hash has.
    let [iterations, _] = numbers(parameters, ["i", "l"]).ok_or(malformed.clone())?;
    if !(1..=MOST_ITERATIONS).contains(&iterations) {
        return Err(UnsupportedHash::Bounds("the iterations of PBKDF2 must be 1 to 10000000"));
    }
    let salt = unpadded(salt).ok_or(malformed.clone())?;
    let hash = unpadded(hash).ok_or(malformed)?;
    long_enough(&hash)?;
    Ok(Box::new(Pbkdf2Hash { digest, iterations, salt, hash }))
}

/// As the reference server reads the names, surprises included: stored hashes were checked like this when they were made.
fn digest(number: &str) -> Option<Digest> {
    match number {
        "1" => Some(Digest::Sha1),
        "224" => Some(Digest::Sha3_224),
        "384" => Some(Digest::Sha3_384),
        "512" => Some(Digest::Sha512),
        other if (1..=3).contains(&other.len()) && other.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Digest::Sha256)
        }
        _ => None,
    }
}

impl StoredHash for Pbkdf2Hash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        same(&self.digest.pbkdf2(password, &self.salt, self.iterations, self.hash.len()), &self.hash)
    }

    fn cost(&self) -> Cost {
        let blocks = self.hash.len().div_ceil(self.digest.length());
        Cost::rounds(u64::from(self.iterations) * blocks as u64, self.digest.length())
    }
}
