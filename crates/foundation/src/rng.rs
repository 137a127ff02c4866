//! Randomness as a parameter: nothing but [`SystemRng`] asks the operating system.

use std::sync::Mutex;

use uuid::Uuid;

/// A source of unpredictable bytes, and the shapes that limen makes of them.
pub trait Rng: Send + Sync + std::fmt::Debug {
    /// Fills `target` with random bytes.
    fn fill(&self, target: &mut [u8]);

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// `length` characters, each drawn evenly from `alphabet` (2 to 256 ASCII characters).
    fn text(&self, length: usize, alphabet: &[u8]) -> String {
        // Bytes at or above the largest multiple of the alphabet's length would favour its first characters.
        let limit = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(length);
        let mut pool = [0; 64];
        while text.len() < length {
            self.fill(&mut pool);
            let even = pool.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < limit);
            text.extend(even.take(length - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
        }
        text
    }

    /// `length` characters out of `A-Z a-z 0-9`: about 5.95 bits each.
    fn alphanumeric(&self, length: usize) -> String {
        self.text(length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    }

    /// `length` decimal digits.
    fn digits(&self, length: usize) -> String {
        self.text(length, b"0123456789")
    }
}

/// The operating system's generator.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[expect(clippy::expect_used, reason = "without randomness no secret can be made: the process must end")]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for randomness")]
    fn fill(&self, target: &mut [u8]) {
        getrandom::fill(target).expect("the operating system gives random bytes");
    }
}

/// A repeatable generator for tests. Predictable: never for secrets of real people.
#[derive(Debug)]
pub struct SeededRng(Mutex<u64>);

impl SeededRng {
    /// The generator that `seed` names.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Rng for SeededRng {
    fn fill(&self, target: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in target.chunks_mut(8) {
            // SplitMix64 (Steele, Lea, Flood 2014)
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_version_4() {
        assert_eq!(SystemRng.uuid().get_version_num(), 4);
    }

    #[test]
    fn texts_keep_to_their_alphabet_and_length() {
        let text = SystemRng.alphanumeric(1000);
        assert_eq!(text.len(), 1000);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(SystemRng.digits(6).bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn every_digit_is_about_as_likely() {
        let text = SeededRng::new(7).digits(100_000);
        for digit in b'0'..=b'9' {
            let count = text.bytes().filter(|byte| *byte == digit).count();
            assert!((9_500..10_500).contains(&count), "{} came {count} times", char::from(digit));
        }
    }
}
