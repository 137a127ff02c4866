//! Values that only this installation can read and nobody can alter (XChaCha20-Poly1305): cookies, and what is
//! encrypted at rest. A sealed value opens for the purpose that it was sealed for, and for no other.
//!
//! Layout: one version byte, a nonce of 24 bytes, the ciphertext with its tag.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use foundation::{Rng, Secret};

use crate::keys::{KeyRing, NoKey, Usage};

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;

/// Seals with the first secret, opens with any.
pub struct Sealer(KeyRing);

/// What became of a value that was to be sealed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// It is sealed under the newest secret already.
    Current,
    /// Sealed under the newest secret.
    Renewed(Vec<u8>),
    /// It opens with none of the secrets.
    Unreadable,
}

impl Sealer {
    /// With these secrets, the newest first.
    ///
    /// # Errors
    /// When there is no secret.
    pub fn new(keys: Vec<Secret<String>>) -> Result<Self, NoKey> {
        KeyRing::new(&keys).map(Self)
    }

    /// Seals `plaintext` for `purpose`.
    #[expect(clippy::expect_used, reason = "the cipher refuses only plaintexts above 256 GiB")]
    pub fn seal(&self, rng: &dyn Rng, purpose: &str, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        rng.fill(&mut nonce);
        let ciphertext = cipher(&self.0.newest(Usage::Sealing, purpose))
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: &associated(purpose) })
            .expect("the plaintext fits in memory");
        [&[VERSION], nonce.as_slice(), &ciphertext].concat()
    }

    /// What was sealed for `purpose`, or nothing when it was altered, was sealed for something else or under a
    /// secret that is gone.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>()?;
        let associated = associated(purpose);
        self.0.all(Usage::Sealing, purpose).find_map(|key| {
            cipher(&key).decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &associated }).ok()
        })
    }

    /// Seals a value anew if another secret than the newest sealed it.
    pub fn renew(&self, rng: &dyn Rng, purpose: &str, sealed: &[u8]) -> Renewal {
        let Some(plaintext) = self.open(purpose, sealed) else { return Renewal::Unreadable };
        let newest = cipher(&self.0.newest(Usage::Sealing, purpose));
        let associated = associated(purpose);
        let parts = sealed.get(1..).and_then(<[u8]>::split_first_chunk::<NONCE_LENGTH>);
        let current = parts.is_some_and(|(nonce, ciphertext)| {
            newest.decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &associated }).is_ok()
        });
        if current { Renewal::Current } else { Renewal::Renewed(self.seal(rng, purpose, &plaintext)) }
    }

    /// [`Sealer::seal`] as text that a cookie or a URL takes unchanged (base64url without padding).
    pub fn seal_text(&self, rng: &dyn Rng, purpose: &str, plaintext: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(rng, purpose, plaintext))
    }

    /// [`Sealer::open`] of such a text.
    pub fn open_text(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        self.open(purpose, &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealer([secret])")
    }
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

fn associated(purpose: &str) -> Vec<u8> {
    [&[VERSION], purpose.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use foundation::SeededRng;
    use proptest::prelude::*;

    use super::*;

    fn sealer(secrets: &[&str]) -> Sealer {
        Sealer::new(secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect()).unwrap()
    }

    #[test]
    fn without_a_secret_nothing_is_sealed() {
        assert_eq!(Sealer::new(vec![]).err(), Some(NoKey));
    }

    #[test]
    fn the_secrets_do_not_print() {
        assert_eq!(format!("{:?}", sealer(&["hunter2"])), "Sealer([secret])");
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let (sealer, rng) = (sealer(&["a secret"]), SeededRng::new(1));
        assert_ne!(sealer.seal(&rng, "session", b"value"), sealer.seal(&rng, "session", b"value"));
    }

    #[test]
    fn a_value_of_an_older_secret_is_renewed_once() {
        let rng = SeededRng::new(1);
        let old = sealer(&["the old secret"]).seal(&rng, "session", b"value");
        let both = sealer(&["the new secret", "the old secret"]);
        let Renewal::Renewed(renewed) = both.renew(&rng, "session", &old) else { panic!("it was not renewed") };
        assert_eq!(both.renew(&rng, "session", &renewed), Renewal::Current);
        let new = sealer(&["the new secret"]);
        assert_eq!(new.open("session", &renewed).as_deref(), Some(b"value".as_slice()));
        assert_eq!(new.renew(&rng, "session", &old), Renewal::Unreadable);
        assert_eq!(both.renew(&rng, "another purpose", &old), Renewal::Unreadable);
    }

    #[test]
    fn an_unknown_version_does_not_open() {
        let sealer = sealer(&["a secret"]);
        let mut sealed = sealer.seal(&SeededRng::new(1), "session", b"value");
        sealed[0] = 2;
        assert_eq!(sealer.open("session", &sealed), None);
    }

    #[test]
    fn text_that_is_not_base64url_does_not_open() {
        assert_eq!(sealer(&["a secret"]).open_text("session", "a+b/="), None);
        assert_eq!(sealer(&["a secret"]).open_text("session", ""), None);
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(plaintext: Vec<u8>, purpose: String, seed: u64) {
            let (sealer, rng) = (sealer(&["a secret"]), SeededRng::new(seed));
            prop_assert_eq!(sealer.open(&purpose, &sealer.seal(&rng, &purpose, &plaintext)), Some(plaintext.clone()));
            let text = sealer.seal_text(&rng, &purpose, &plaintext);
            prop_assert_eq!(sealer.open_text(&purpose, &text), Some(plaintext));
        }

        #[test]
        fn any_altered_bit_is_noticed(plaintext: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
            let sealer = sealer(&["a secret"]);
            let mut sealed = sealer.seal(&SeededRng::new(3), "session", &plaintext);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(sealer.open("session", &sealed), None);
        }

        #[test]
        fn a_cut_value_does_not_open(plaintext: Vec<u8>, at: prop::sample::Index) {
            let sealer = sealer(&["a secret"]);
            let sealed = sealer.seal(&SeededRng::new(3), "session", &plaintext);
            prop_assert_eq!(sealer.open("session", &sealed[..at.index(sealed.len())]), None);
        }

        #[test]
        fn a_value_opens_for_its_purpose_alone(plaintext: Vec<u8>, purpose: String, other: String) {
            prop_assume!(purpose != other);
            let sealer = sealer(&["a secret"]);
            prop_assert_eq!(sealer.open(&other, &sealer.seal(&SeededRng::new(3), &purpose, &plaintext)), None);
        }

        #[test]
        fn rotation_keeps_old_values_until_the_secret_goes(plaintext: Vec<u8>, old in ".{1,40}", new in ".{1,40}") {
            prop_assume!(old != new);
            let rng = SeededRng::new(3);
            let sealed = sealer(&[&old]).seal(&rng, "session", &plaintext);
            let rotated = sealer(&[&new, &old]);
            prop_assert_eq!(rotated.open("session", &sealed), Some(plaintext.clone()));
            prop_assert_eq!(sealer(&[&new]).open("session", &sealed), None);
            let fresh = rotated.seal(&rng, "session", &plaintext);
            prop_assert_eq!(sealer(&[&new]).open("session", &fresh), Some(plaintext));
        }
    }
}
