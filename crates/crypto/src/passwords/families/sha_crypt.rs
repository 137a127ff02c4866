//! crypt(3) with SHA-256 and SHA-512: `$sha512-crypt$rounds=5000$<salt>$<hash>`, where the rounds may be missing.

use sha_crypt::{PasswordVerifier as _, ShaCrypt};

use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash};

/// The work grows with the square of the password's length: a long one would hold a core for minutes.
const MAXIMUM_BYTES: usize = 1024;
const DEFAULT_ROUNDS: u32 = 5000;

struct ShaCryptHash {
    /// As crypt(3) writes it.
    text: String,
    rounds: u32,
    digest_bytes: usize,
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("SHA-crypt");
    let (identifier, digest_bytes, rest) = if let Some(rest) = stored.strip_prefix("$sha256-crypt$") {
        ("$5$", 32_usize, rest)
    } else if let Some(rest) = stored.strip_prefix("$sha512-crypt$") {
        ("$6$", 64, rest)
    } else {
        return Err(malformed);
    };
    let fields: Vec<&str> = rest.split('$').collect();
    let (rounds, salt, hash) = match fields[..] {
        [salt, hash] => (DEFAULT_ROUNDS, salt, hash),
        [rounds, salt, hash] => {
            let digits = rounds.strip_prefix("rounds=").ok_or(malformed.clone())?;
            (digits.parse().map_err(|_| malformed.clone())?, salt, hash)
        }
        _ => return Err(malformed),
    };
    if !(1000..=5_000_000).contains(&rounds) {
        return Err(UnsupportedHash::Bounds("the rounds of SHA-crypt must be 1000 to 5000000"));
    }
    let alphabet = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'));
    if hash.len() != (digest_bytes * 4).div_ceil(3)
        || !alphabet(hash)
        || salt.len() > 16
        || !alphabet(salt)
        || salt.is_empty()
    {
        return Err(malformed);
    }
    Ok(Box::new(ShaCryptHash { text: format!("{identifier}rounds={rounds}${salt}${hash}"), rounds, digest_bytes }))
}

impl StoredHash for ShaCryptHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        password.len() <= MAXIMUM_BYTES && ShaCrypt::default().verify_password(password, self.text.as_str()).is_ok()
    }

    fn cost(&self) -> Cost {
        Cost::rounds(u64::from(self.rounds), self.digest_bytes)
    }
}
