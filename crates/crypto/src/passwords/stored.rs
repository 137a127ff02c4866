//! Reading stored hashes: which family a text belongs to, and what all families share. Each family has a file.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::families::{argon2, bcrypt, hmac, md5_crypt, pbkdf2, plain, scrypt, sha_crypt};
use super::memory::Memory;
use super::nominal::Cost;
use super::parameters::HashParameters;

/// Why a hash can't be used. The texts go into the answer to an import.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum UnsupportedHash {
    /// No known prefix.
    #[error("the password hash does not match any known hash format")]
    Unknown,
    /// A known prefix, and something else after it than the format says.
    #[error("the password hash is not a well-formed {0} hash")]
    Malformed(&'static str),
    /// Checking it would take too much time or memory, or proves too little.
    #[error("the password hash is out of bounds: {0}")]
    Bounds(&'static str),
}

/// A stored hash that a password can be checked against.
pub(super) trait StoredHash: Send {
    /// Whether `password` is the one, in a time that does not tell how near it is. `memory` is for those that need much.
    fn matches(&self, password: &[u8], memory: &mut Memory) -> bool;

    /// What a check costs.
    fn cost(&self) -> Cost;

    /// Whether a new hash would have the same algorithm and parameters.
    fn is_current(&self, _parameters: &HashParameters) -> bool {
        false
    }

    /// The text to store. Only what new hashes are made with has one.
    fn encode(&self) -> String {
        String::new()
    }
}

pub(super) type Parsed = Result<Box<dyn StoredHash>, UnsupportedHash>;

type Parser = fn(&str) -> Parsed;

/// Prefix, and what reads the whole text. Order does not matter: no prefix begins with another.
const FAMILIES: &[(&str, Parser)] = &[
    ("$2$", bcrypt::parse),
    ("$2a$", bcrypt::parse),
    ("$2b$", bcrypt::parse),
    ("$2y$", bcrypt::parse),
    ("$2z$", bcrypt::parse),
    ("$argon2id$", argon2::parse),
    ("$argon2i$", argon2::parse),
    ("$scrypt$", scrypt::parse),
    ("$firescrypt$", scrypt::parse_firebase),
    ("$pbkdf2-sha", pbkdf2::parse),
    ("$md5-crypt$", md5_crypt::parse),
    ("$sha256-crypt$", sha_crypt::parse),
    ("$sha512-crypt$", sha_crypt::parse),
    ("{SSHA}", plain::parse_ldap),
    ("{SSHA256}", plain::parse_ldap),
    ("{SSHA512}", plain::parse_ldap),
    ("$sha1$", plain::parse_layout),
    ("$sha256$", plain::parse_layout),
    ("$sha512$", plain::parse_layout),
    ("$md5$", plain::parse_layout),
    ("$hmac-", hmac::parse),
];

pub(super) fn parse(stored: &str) -> Parsed {
    let (_, parse) = FAMILIES.iter().find(|(prefix, _)| stored.starts_with(prefix)).ok_or(UnsupportedHash::Unknown)?;
    parse(stored)
}

/// Whether an account can be imported with this hash.
///
/// # Errors
/// When its format is unknown, when it is malformed, or when a check would cost too much.
pub fn is_supported(stored: &str) -> Result<(), UnsupportedHash> {
    parse(stored).map(drop)
}

/// Checks that a digest is long enough to prove something. An empty one would match every password.
pub(super) fn long_enough(digest: &[u8]) -> Result<(), UnsupportedHash> {
    match digest.len() {
        0..8 => Err(UnsupportedHash::Bounds("the digest is shorter than 8 bytes")),
        8..=128 => Ok(()),
        _ => Err(UnsupportedHash::Bounds("the digest is longer than 128 bytes")),
    }
}

/// The fields between the `$` signs, when there are exactly so many. The first one is empty.
pub(super) fn fields<const N: usize>(stored: &str) -> Option<[&str; N]> {
    let fields: Vec<&str> = stored.split('$').collect();
    fields.try_into().ok()
}

/// The numbers of a field like `m=19456,t=2,p=1`, whose names stand in this order.
pub(super) fn numbers<const N: usize>(field: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut numbers = [0; N];
    let mut parts = field.split(',');
    for (number, name) in numbers.iter_mut().zip(names) {
        let digits = parts.next()?.strip_prefix(name)?.strip_prefix('=')?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A number too large for the type is out of every bound, which is what the family says of the largest.
        *number = if digits.is_empty() { return None } else { digits.parse().unwrap_or(u32::MAX) };
    }
    parts.next().is_none().then_some(numbers)
}

pub(super) fn padded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(super) fn unpadded(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}
