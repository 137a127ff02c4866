//! The digests that imported hashes name, old ones among them. New hashes use none of these.

use hmac::{Hmac, KeyInit as _, Mac as _, SimpleHmac};
use sha2::Digest as _;

/// A digest by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Md4,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_384,
}

macro_rules! with {
    ($digest:expr, $type:ident => $body:expr, $($variant:ident = $implementation:ty),+) => {
        match $digest {
            $(Digest::$variant => {
                type $type = $implementation;
                $body
            })+
        }
    };
}

/// Runs one body with the type of the digest that a [`Digest`] stands for.
macro_rules! with_digest {
    ($digest:expr, $type:ident => $body:expr) => {
        with!($digest, $type => $body,
            Md4 = md4::Md4, Md5 = md5::Md5, Sha1 = sha1::Sha1,
            Sha224 = sha2::Sha224, Sha256 = sha2::Sha256, Sha384 = sha2::Sha384, Sha512 = sha2::Sha512,
            Sha3_224 = sha3::Sha3_224, Sha3_384 = sha3::Sha3_384)
    };
}

/// The same with the type of its HMAC: SHA-3 works with the plain one only, which is slower.
macro_rules! with_hmac {
    ($digest:expr, $type:ident => $body:expr) => {
        with!($digest, $type => $body,
            Md4 = Hmac<md4::Md4>, Md5 = Hmac<md5::Md5>, Sha1 = Hmac<sha1::Sha1>,
            Sha224 = Hmac<sha2::Sha224>, Sha256 = Hmac<sha2::Sha256>,
            Sha384 = Hmac<sha2::Sha384>, Sha512 = Hmac<sha2::Sha512>,
            Sha3_224 = SimpleHmac<sha3::Sha3_224>, Sha3_384 = SimpleHmac<sha3::Sha3_384>)
    };
}

impl Digest {
    pub(super) fn of(self, data: &[u8]) -> Vec<u8> {
        with_digest!(self, D => D::digest(data).to_vec())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        with_hmac!(self, M => {
            let mut mac = M::new_from_slice(key).expect("every length is a key");
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        })
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], iterations: u32, length: usize) -> Vec<u8> {
        let mut derived = vec![0; length];
        let outcome = with_hmac!(self, M => pbkdf2::pbkdf2::<M>(password, salt, iterations, &mut derived));
        outcome.expect("every length is a key");
        derived
    }

    /// Bytes of its output.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md4 | Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha3_224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 => 64,
        }
    }
}
