//! The secret that ties a browser to the forms it was shown, and the tokens made of it. Where tokens are demanded is
//! decided by the flows.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foundation::Rng;

const LENGTH: usize = 32;

/// The secret in a browser's CSRF cookie.
#[derive(Clone)]
pub struct CsrfSecret([u8; LENGTH]);

impl std::fmt::Debug for CsrfSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[csrf secret]")
    }
}

impl CsrfSecret {
    /// A new secret.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut secret = [0; LENGTH];
        rng.fill(&mut secret);
        Self(secret)
    }

    /// Reads the cookie's value; `None` if limen did not write it.
    pub fn from_cookie(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub fn to_cookie(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// A token for a form: a one-time pad, followed by the secret under it. Each call gives another text, so that
    /// compressed pages do not give the secret away byte by byte (BREACH).
    pub fn mask(&self, rng: &dyn Rng) -> String {
        let mut token = [0; 2 * LENGTH];
        let (pad, masked) = token.split_at_mut(LENGTH);
        rng.fill(pad);
        for ((masked, pad), secret) in masked.iter_mut().zip(pad.iter()).zip(self.0) {
            *masked = *pad ^ secret;
        }
        STANDARD.encode(token)
    }

    /// True if `token` is this secret, masked or raw. The time taken does not depend on where they differ.
    pub fn accepts(&self, token: &str) -> bool {
        let Ok(sent) = STANDARD.decode(token) else { return false };
        let unmasked: Vec<u8> = match sent.len() {
            LENGTH => sent,
            len if len == 2 * LENGTH => {
                let (pad, masked) = sent.split_at(LENGTH);
                pad.iter().zip(masked).map(|(pad, masked)| pad ^ masked).collect()
            }
            _ => return false,
        };
        verify_slices_are_equal(&unmasked, &self.0).is_ok()
    }

    /// What a flow keeps of the secret: enough to tell its browser, useless to forge a token.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// True if this secret has `fingerprint`.
    pub fn is(&self, fingerprint: &[u8]) -> bool {
        verify_slices_are_equal(&self.fingerprint(), fingerprint).is_ok()
    }
}

/// The name of the CSRF cookie of the service at `public_base_url`, which is taken as it is configured.
pub fn cookie_name(public_base_url: &str) -> String {
    format!("csrf_token_{}", hex::encode(sha256(public_base_url.as_bytes())))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use foundation::SeededRng;

    use super::*;

    #[test]
    fn a_masked_and_a_raw_token_are_accepted_and_each_rendering_differs() {
        let rng = SeededRng::new(1);
        let secret = CsrfSecret::generate(&rng);
        let (first, second) = (secret.mask(&rng), secret.mask(&rng));
        assert_ne!(first, second);
        assert_eq!(STANDARD.decode(&first).expect("base64").len(), 64);
        assert!(secret.accepts(&first) && secret.accepts(&second) && secret.accepts(&secret.to_cookie()));
    }

    #[test]
    fn foreign_changed_and_broken_tokens_are_refused() {
        let rng = SeededRng::new(1);
        let (mine, other) = (CsrfSecret::generate(&rng), CsrfSecret::generate(&rng));
        assert!(!mine.accepts(&other.mask(&rng)));
        assert!(!mine.accepts(&other.to_cookie()));
        let mut changed = STANDARD.decode(mine.mask(&rng)).expect("base64");
        changed[40] ^= 1;
        assert!(!mine.accepts(&STANDARD.encode(changed)));
        for broken in ["", "AAAA", "not base64!", &STANDARD.encode([0; 64]), &STANDARD.encode([0; 96])] {
            assert!(!mine.accepts(broken), "{broken}");
        }
    }

    #[test]
    fn the_cookie_survives_the_trip_and_others_are_refused() {
        let rng = SeededRng::new(2);
        let secret = CsrfSecret::generate(&rng);
        let back = CsrfSecret::from_cookie(&secret.to_cookie()).expect("its own cookie");
        assert!(back.is(&secret.fingerprint()));
        assert!(!CsrfSecret::generate(&rng).is(&secret.fingerprint()));
        assert!(!back.is(&[]));
        assert!(CsrfSecret::from_cookie("AAAA").is_none());
        assert!(CsrfSecret::from_cookie("*").is_none());
    }

    #[test]
    fn the_cookie_name_is_the_hash_of_the_address() {
        assert_eq!(
            cookie_name("http://127.0.0.1:4433/"),
            format!("csrf_token_{}", "806060ca5bf70dff3caa0e5c860002aade9d470a5a4dce73bcfa7ba10778f481")
        );
        assert_ne!(cookie_name("http://a"), cookie_name("http://a/"));
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", CsrfSecret([7; 32])), "[csrf secret]");
    }
}
