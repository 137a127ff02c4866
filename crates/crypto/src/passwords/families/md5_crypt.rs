//! crypt(3) with MD5: `$md5-crypt$<salt>$<hash>`. No kept library of our digest generation has it; it is for
//! checking what old systems stored, and nothing is made with it.

use md5::{Digest as _, Md5};

use crate::macs::same;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields};

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The bytes of the digest in the order of their encoding, three to four characters; the last stands alone.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
const LAST: usize = 11;
const MOST_SALT: usize = 8;
const ROUNDS: usize = 1000;
/// The work grows with the length: a thousand rounds over a megabyte would hold a core for seconds.
const MAXIMUM_BYTES: usize = 1024;

struct Md5CryptHash {
    salt: Vec<u8>,
    hash: Vec<u8>,
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("MD5-crypt");
    let Some(["", _, salt, hash]) = fields(stored) else {
        return Err(malformed);
    };
    if salt.len() > MOST_SALT || hash.len() != 22 || !hash.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return Err(malformed);
    }
    Ok(Box::new(Md5CryptHash { salt: salt.into(), hash: hash.into() }))
}

impl StoredHash for Md5CryptHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        password.len() <= MAXIMUM_BYTES && same(&encode(&derive(password, &self.salt)), &self.hash)
    }

    fn cost(&self) -> Cost {
        Cost::rounds(ROUNDS as u64, 16)
    }
}

fn derive(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut outer = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    for piece in password.chunks(16) {
        outer.update(&inner[..piece.len()]);
    }
    // The bits of the length choose between a zero byte and the first byte of the password.
    let mut length = password.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { &[0] } else { &password[..1] });
        length >>= 1;
    }
    let mut digest: [u8; 16] = outer.finalize().into();
    for round in 0..ROUNDS {
        let (odd, digest_bytes) = (round & 1 == 1, digest);
        let mut hasher = Md5::new();
        hasher.update(if odd { password } else { &digest_bytes });
        if round % 3 != 0 {
            hasher.update(salt);
        }
        if round % 7 != 0 {
            hasher.update(password);
        }
        hasher.update(if odd { &digest_bytes } else { password });
        digest = hasher.finalize().into();
    }
    digest
}

fn encode(digest: &[u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(22);
    let mut push = |mut bits: u32, characters: usize| {
        for _ in 0..characters {
            text.push(ALPHABET[(bits & 63) as usize]);
            bits >>= 6;
        }
    };
    for [high, middle, low] in ORDER {
        push(u32::from(digest[high]) << 16 | u32::from(digest[middle]) << 8 | u32::from(digest[low]), 4);
    }
    push(u32::from(digest[LAST]), 2);
    text
}
