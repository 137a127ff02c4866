//! scrypt (RFC 7914): `$scrypt$ln=16384,r=8,p=1$<salt>$<hash>`, where `ln` holds N itself, as the reference server
//! has it; and Firebase's variant, which encrypts a key of the project with what scrypt gives, where `ln` is log2 N:
//! `$firescrypt$ln=14,r=8,p=1$<salt>$<hash>$<salt separator>$<signer key>`.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use scrypt::Params;

use crate::macs::same;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields, long_enough, numbers, padded};

const MOST_LOG_N: u8 = 17;

struct ScryptHash {
    settings: Settings,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

struct FirebaseHash {
    settings: Settings,
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Settings {
    log_n: u8,
    r: u32,
    p: u32,
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("scrypt");
    let Some(["", _, parameters, salt, hash]) = fields(stored) else {
        return Err(malformed);
    };
    let [n, r, p] = numbers(parameters, ["ln", "r", "p"]).ok_or(malformed.clone())?;
    if !n.is_power_of_two() || n < 2 {
        return Err(UnsupportedHash::Bounds("N of scrypt must be a power of two"));
    }
    let settings = Settings::within_bounds(n.ilog2(), r, p)?;
    let salt = padded(salt).ok_or(malformed.clone())?;
    let hash = padded(hash).ok_or(malformed)?;
    long_enough(&hash)?;
    Ok(Box::new(ScryptHash { settings, salt, hash }))
}

pub(in crate::passwords) fn parse_firebase(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("Firebase scrypt");
    let Some(["", _, parameters, salt, hash, separator, signer_key]) = fields(stored) else {
        return Err(malformed);
    };
    let [log_n, r, p] = numbers(parameters, ["ln", "r", "p"]).ok_or(malformed.clone())?;
    let settings = Settings::within_bounds(log_n, r, p)?;
    let decoded = |text: &str| padded(text).ok_or(malformed.clone());
    let salt = [decoded(salt)?, decoded(separator)?].concat();
    let (hash, signer_key) = (decoded(hash)?, decoded(signer_key)?);
    long_enough(&hash)?;
    Ok(Box::new(FirebaseHash { settings, salt, signer_key, hash }))
}

impl Settings {
    fn within_bounds(log_n: u32, r: u32, p: u32) -> Result<Self, UnsupportedHash> {
        let log_n = u8::try_from(log_n).unwrap_or(u8::MAX);
        let checks = [
            ((1..=MOST_LOG_N).contains(&log_n), "N of scrypt must be 2 to 131072"),
            ((1..=8).contains(&r), "r of scrypt must be 1 to 8"),
            ((1..=10).contains(&p), "p of scrypt must be 1 to 10"),
        ];
        match checks.into_iter().find(|(fine, _)| !fine) {
            Some((_, problem)) => Err(UnsupportedHash::Bounds(problem)),
            None => Ok(Self { log_n, r, p }),
        }
    }

    fn derive(self, password: &[u8], salt: &[u8], length: usize) -> Option<Vec<u8>> {
        let parameters = Params::new(self.log_n, self.r, self.p).ok()?;
        let mut derived = vec![0; length];
        scrypt::scrypt(password, salt, &parameters, &mut derived).ok()?;
        Some(derived)
    }

    fn cost(self) -> Cost {
        Cost::scrypt(self.log_n, self.r, self.p)
    }
}

impl StoredHash for ScryptHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        let derived = self.settings.derive(password, &self.salt, self.hash.len());
        derived.is_some_and(|derived| same(&derived, &self.hash))
    }

    fn cost(&self) -> Cost {
        self.settings.cost()
    }
}

impl StoredHash for FirebaseHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        let derived = self.settings.derive(password, &self.salt, 32);
        let encrypted = derived.and_then(|key| encrypt(&key, &self.signer_key));
        encrypted.is_some_and(|encrypted| same(&encrypted, &self.hash))
    }

    fn cost(&self) -> Cost {
        self.settings.cost()
    }
}

/// AES-256 in counter mode from zero: the key is used for this one text only.
fn encrypt(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut encrypted = text.to_vec();
    key.less_safe_encrypt(&mut encrypted, EncryptionContext::Iv128(FixedLength::from([0; 16]))).ok()?;
    Some(encrypted)
}
