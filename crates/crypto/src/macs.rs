//! Authentication codes over data (HMAC-SHA256) under rotating secrets: how codes are stored and looked up.

use aws_lc_rs::hmac;
use foundation::Secret;
use subtle::ConstantTimeEq;

use crate::keys::{KeyRing, NoKey, Usage};

/// Makes authentication codes. The first secret writes; every secret is tried when something is looked up.
pub struct Macs(KeyRing);

impl Macs {
    /// With these secrets, the newest first.
    ///
    /// # Errors
    /// When there is no secret.
    pub fn new(keys: Vec<Secret<String>>) -> Result<Self, NoKey> {
        KeyRing::new(&keys).map(Self)
    }

    /// The code to store for `data`.
    pub fn tag(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        sign(&self.0.newest(Usage::Authentication, purpose), data)
    }

    /// The codes under which `data` may be stored, one for each secret, the newest first.
    pub fn tags(&self, purpose: &str, data: &[u8]) -> Vec<[u8; 32]> {
        self.0.all(Usage::Authentication, purpose).map(|key| sign(&key, data)).collect()
    }
}

impl std::fmt::Debug for Macs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Macs([secret])")
    }
}

/// Whether two values are equal, in a time that depends on their lengths alone.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

fn sign(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    sign_with(key, data)
}

/// The HMAC-SHA256 of `data` under a key of any length.
pub(crate) fn sign_with(key: &[u8], data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn macs(secrets: &[&str]) -> Macs {
        Macs::new(secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect()).unwrap()
    }

    #[test]
    fn without_a_secret_there_are_no_codes() {
        assert_eq!(Macs::new(vec![]).err(), Some(NoKey));
    }

    #[test]
    fn the_secrets_do_not_print() {
        assert_eq!(format!("{:?}", macs(&["hunter2"])), "Macs([secret])");
    }

    #[test]
    fn comparison_needs_equal_lengths_and_bytes() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }

    proptest! {
        #[test]
        fn a_code_is_found_after_its_secret_was_rotated(data: Vec<u8>, old in ".{1,40}", new in ".{1,40}") {
            prop_assume!(old != new);
            let stored = macs(&[&old]).tag("code", &data);
            prop_assert!(macs(&[&new, &old]).tags("code", &data).contains(&stored));
            prop_assert!(!macs(&[&new]).tags("code", &data).contains(&stored));
        }

        #[test]
        fn a_code_holds_for_its_purpose_and_data_alone(data: Vec<u8>, other: Vec<u8>) {
            let macs = macs(&["a secret"]);
            prop_assert_ne!(macs.tag("login", &data), macs.tag("recovery", &data));
            prop_assume!(data != other);
            prop_assert_ne!(macs.tag("login", &data), macs.tag("login", &other));
        }
    }
}
