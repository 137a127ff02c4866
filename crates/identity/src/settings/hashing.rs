//! `secrets`, `ciphers` and `hashers`.

use foundation::{GoDuration, Secret};
use serde::Deserialize;

/// `secrets`: in each list the first makes, all read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// Stands in for `cookie`.
    pub default: Vec<Secret<String>>,
    /// Cookies, codes and tokens. Read it with [`Secrets::for_cookies`].
    pub cookie: Vec<Secret<String>>,
    /// Secrets at rest. Read it with [`Secrets::at_rest`].
    pub cipher: Vec<Secret<String>>,
    /// Page tokens. Read it with [`Secrets::for_page_tokens`].
    pub pagination: Vec<Secret<String>>,
}

impl Secrets {
    /// The secrets for cookies, codes and tokens: their own list, else the default one. Empty when neither is set.
    pub fn for_cookies(&self) -> &[Secret<String>] {
        if self.cookie.is_empty() { &self.default } else { &self.cookie }
    }

    /// The secrets for page tokens: their own list, else those of cookies.
    pub fn for_page_tokens(&self) -> &[Secret<String>] {
        if self.pagination.is_empty() { self.for_cookies() } else { &self.pagination }
    }

    /// The secrets for what is kept at rest: those of `cipher` seal, and those of cookies only open what was sealed before
    /// there were any. A file without `cipher` seals with those of cookies.
    pub fn at_rest(&self) -> Vec<Secret<String>> {
        self.cipher.iter().chain(self.for_cookies()).cloned().collect()
    }

    /// The entries of `cipher` that the reference server would use: those of exactly 32 bytes.
    pub fn cipher_keys(&self) -> impl Iterator<Item = Secret<[u8; 32]>> + '_ {
        self.cipher.iter().filter_map(|secret| <[u8; 32]>::try_from(secret.reveal().as_bytes()).ok()).map(Secret::new)
    }
}

/// `ciphers`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Ciphers {
    /// How secrets at rest are encrypted.
    pub algorithm: CipherAlgorithm,
}

/// How secrets at rest are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum CipherAlgorithm {
    /// Not at all.
    #[default]
    #[serde(rename = "noop")]
    Noop,
    /// AES-256-GCM.
    #[serde(rename = "aes")]
    Aes,
    /// XChaCha20-Poly1305.
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20Poly1305,
}

/// `hashers`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Hashers {
    /// For new passwords.
    pub algorithm: HasherAlgorithm,
    /// Argon2id.
    pub argon2: Argon2,
    /// bcrypt. Read its cost with [`super::Settings::bcrypt_cost`].
    pub bcrypt: Bcrypt,
}

/// How new passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HasherAlgorithm {
    /// Argon2id.
    Argon2,
    /// bcrypt.
    #[default]
    Bcrypt,
}

/// `hashers.bcrypt`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Bcrypt {
    /// Two to the power of it.
    pub cost: u32,
}

impl Default for Bcrypt {
    fn default() -> Self {
        Self { cost: 12 }
    }
}

/// `hashers.argon2`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct Argon2 {
    /// Memory of one hash.
    pub memory: ByteSize,
    /// Passes.
    pub iterations: u32,
    /// Lanes; unset: see [`Argon2::lanes`].
    pub parallelism: Option<u32>,
    /// Bytes of salt.
    pub salt_length: u32,
    /// Bytes of hash.
    pub key_length: u32,
    /// How long one hash should take.
    pub expected_duration: GoDuration,
    /// How far from that is still fine.
    pub expected_deviation: GoDuration,
    /// Memory set aside for hashing.
    pub dedicated_memory: ByteSize,
}

impl Argon2 {
    /// Lanes: as configured, else twice the number of processors.
    pub fn lanes(&self) -> u32 {
        self.parallelism.unwrap_or_else(|| {
            let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            u32::try_from(processors.saturating_mul(2)).unwrap_or(2)
        })
    }
}

impl Default for Argon2 {
    fn default() -> Self {
        Self {
            memory: ByteSize::from_bytes(128 << 20),
            iterations: 1,
            parallelism: None,
            salt_length: 16,
            key_length: 32,
            expected_duration: GoDuration::from_millis(500),
            expected_deviation: GoDuration::from_millis(500),
            dedicated_memory: ByteSize::from_bytes(1 << 30),
        }
    }
}

/// A number of bytes, written `128MB`. Units step by 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// In KiB, cut; at most `u32::MAX`. The unit of Argon2's parameter.
    pub fn kib(self) -> u32 {
        u32::try_from(self.0 / 1024).unwrap_or(u32::MAX)
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit_start = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_start);
        let power = ["B", "KB", "MB", "GB", "TB", "PB", "EB"].iter().position(|name| *name == unit);
        let number = number.parse::<u64>().ok();
        let bytes = number.zip(power).and_then(|(number, power)| number.checked_mul(1_u64 << (10 * power)));
        bytes.map(Self).ok_or_else(|| format!("{text:?} is no size: write a number and B, KB, MB, GB, TB, PB or EB"))
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_step_by_1024() {
        assert_eq!("128MB".parse::<ByteSize>().map(ByteSize::kib), Ok(131_072));
        assert_eq!("17B".parse::<ByteSize>().map(ByteSize::bytes), Ok(17));
        for text in ["", "MB", "1", "1mb", "1.5GB", "99EB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn cipher_keys_have_32_bytes_and_never_come_from_elsewhere() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let mut secrets = Secrets { default: vec![secret(&"d".repeat(32))], ..Secrets::default() };
        assert_eq!(secrets.cipher_keys().count(), 0);
        secrets.cipher = vec![secret(&"a".repeat(33)), secret(&"b".repeat(32))];
        let keys: Vec<_> = secrets.cipher_keys().collect();
        assert_eq!(keys, [Secret::new([b'b'; 32])]);
    }

    #[test]
    fn cookie_secrets_fall_back_to_the_default_list() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let mut secrets = Secrets { default: vec![secret("d")], ..Secrets::default() };
        assert_eq!(secrets.for_cookies(), [secret("d")]);
        assert_eq!(secrets.for_page_tokens(), [secret("d")]);
        secrets.cookie = vec![secret("c")];
        assert_eq!(secrets.for_cookies(), [secret("c")]);
    }
}
