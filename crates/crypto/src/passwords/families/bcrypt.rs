//! bcrypt: `$2a$12$<22 characters of salt><31 characters of hash>`. All versions but the faulty `$2x$` compute the same.

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::macs::same;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::parameters::{Algorithm, HashParameters};
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields};

/// What bcrypt reads of a password.
pub(in crate::passwords) const MAXIMUM_BYTES: usize = 72;
pub(in crate::passwords) const SALT_LENGTH: usize = 16;

/// Some systems wrote salts whose unused last bits are set.
const ENCODING: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

pub(in crate::passwords) struct BcryptHash {
    cost: u32,
    salt: [u8; SALT_LENGTH],
    hash: [u8; 23],
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("bcrypt");
    let Some(["", _, cost, salt_and_hash]) = fields(stored) else {
        return Err(malformed);
    };
    if cost.len() != 2 || !cost.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed);
    }
    let cost = cost.parse().map_err(|_| malformed.clone())?;
    problem(cost).map_or(Ok(()), |problem| Err(UnsupportedHash::Bounds(problem)))?;
    let (salt, hash) = salt_and_hash.split_at_checked(22).ok_or(malformed.clone())?;
    let decoded = |text: &str| ENCODING.decode(text).map_err(|_| malformed.clone());
    let salt = decoded(salt)?.try_into().map_err(|_| malformed.clone())?;
    let hash = decoded(hash)?.try_into().map_err(|_| malformed.clone())?;
    Ok(Box::new(BcryptHash { cost, salt, hash }))
}

/// What is out of bounds.
pub(in crate::passwords) fn problem(cost: u32) -> Option<&'static str> {
    (!(4..=15).contains(&cost)).then_some("the cost of bcrypt must be 4 to 15")
}

/// Works for as long as so many rounds of key expansion take. A hash of cost n has 2 to the power of n: their sum is
/// the number in binary. Fewer than 16 are not worth doing.
pub(in crate::passwords) fn spend(units: u64) {
    for cost in (4..32).filter(|cost| units >> cost & 1 == 1) {
        std::hint::black_box(derive(cost, b"nobody", [0; SALT_LENGTH]));
    }
}

impl BcryptHash {
    /// The caller sees to the length of the password, [`MAXIMUM_BYTES`], and of the salt.
    pub(in crate::passwords) fn make(cost: u32, password: &[u8], salt: &[u8]) -> Self {
        let mut exact = [0; SALT_LENGTH];
        exact.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
        Self { cost, salt: exact, hash: derive(cost, password, exact) }
    }
}

impl StoredHash for BcryptHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        // A password that was cut is not the one that was set; it is computed all the same, for its time.
        let equal = same(&derive(self.cost, password, self.salt), &self.hash);
        equal && password.len() <= MAXIMUM_BYTES
    }

    fn cost(&self) -> Cost {
        Cost::bcrypt(self.cost)
    }

    fn is_current(&self, parameters: &HashParameters) -> bool {
        parameters.algorithm == Algorithm::Bcrypt && parameters.bcrypt_cost == self.cost
    }

    fn encode(&self) -> String {
        format!("$2a${:02}${}{}", self.cost, ENCODING.encode(self.salt), ENCODING.encode(self.hash))
    }
}

fn derive(cost: u32, password: &[u8], salt: [u8; SALT_LENGTH]) -> [u8; 23] {
    // The terminating zero counts, where there is room for it.
    let mut terminated = [0; MAXIMUM_BYTES];
    let length = password.len().min(MAXIMUM_BYTES);
    terminated[..length].copy_from_slice(&password[..length]);
    let used = (length + 1).min(MAXIMUM_BYTES);
    let output = bcrypt::bcrypt(cost.clamp(4, 31), salt, &terminated[..used]);
    let mut hash = [0; 23];
    hash.copy_from_slice(&output[..23]);
    hash
}
