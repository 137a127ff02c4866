//! From a configured secret to keys: one independent key for each use and purpose (HKDF-SHA256, RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use foundation::Secret;

/// No secret is configured where one is needed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no secret is configured")]
pub struct NoKey;

/// The configured secrets, the newest first.
pub(crate) struct KeyRing {
    newest: Prk,
    older: Vec<Prk>,
}

impl KeyRing {
    pub(crate) fn new(secrets: &[Secret<String>]) -> Result<Self, NoKey> {
        let mut extracted = secrets
            .iter()
            .filter(|secret| !secret.reveal().is_empty())
            .map(|secret| Salt::new(HKDF_SHA256, b"limen").extract(secret.reveal().as_bytes()));
        let newest = extracted.next().ok_or(NoKey)?;
        Ok(Self { newest, older: extracted.collect() })
    }

    /// The key that writes.
    pub(crate) fn newest(&self, usage: Usage, purpose: &str) -> [u8; 32] {
        derive(&self.newest, usage, purpose)
    }

    /// The keys that read, the one that writes first.
    pub(crate) fn all(&self, usage: Usage, purpose: &str) -> impl Iterator<Item = [u8; 32]> {
        std::iter::once(&self.newest).chain(&self.older).map(move |key| derive(key, usage, purpose))
    }
}

/// What a derived key is used for. The first byte of HKDF's info, so that no purpose of one use gives the key of another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Usage {
    Sealing = 1,
    Authentication = 2,
}

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA256 fails only for outputs above 8160 bytes")]
fn derive(key: &Prk, usage: Usage, purpose: &str) -> [u8; 32] {
    let mut derived = [0; 32];
    key.expand(&[&[usage as u8], purpose.as_bytes()], KeyLength)
        .and_then(|output| output.fill(&mut derived))
        .expect("32 bytes are within HKDF's reach");
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_or_an_empty_one_is_refused() {
        assert_eq!(KeyRing::new(&[]).err(), Some(NoKey));
        assert_eq!(KeyRing::new(&[Secret::new(String::new())]).err(), Some(NoKey));
    }

    #[test]
    fn each_use_and_each_purpose_has_its_own_key() {
        let ring = KeyRing::new(&[Secret::new("a secret".to_owned())]).unwrap();
        let key = ring.newest(Usage::Sealing, "session");
        assert_ne!(key, ring.newest(Usage::Authentication, "session"));
        assert_ne!(key, ring.newest(Usage::Sealing, "continuity"));
        assert_eq!(key, ring.newest(Usage::Sealing, "session"));
    }
}
