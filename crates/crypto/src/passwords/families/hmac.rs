//! HMAC under a key that stands beside it: `$hmac-sha256$<base64 of the code in hexadecimal>$<base64 of the key>`.

use crate::macs::same;
use crate::passwords::digests::Digest;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields, padded};

const DIGESTS: &[(&str, Digest)] = &[
    ("hmac-md4", Digest::Md4),
    ("hmac-md5", Digest::Md5),
    ("hmac-sha1", Digest::Sha1),
    ("hmac-sha224", Digest::Sha224),
    ("hmac-sha256", Digest::Sha256),
    ("hmac-sha384", Digest::Sha384),
    ("hmac-sha512", Digest::Sha512),
];

struct HmacHash {
    digest: Digest,
    key: Vec<u8>,
    code: Vec<u8>,
}

pub(in crate::passwords) fn parse(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("HMAC");
    let Some(["", name, code, key]) = fields(stored) else {
        return Err(malformed);
    };
    let digest = DIGESTS.iter().find(|(known, _)| *known == name).ok_or(UnsupportedHash::Unknown)?.1;
    let code = padded(code).and_then(|hexadecimal| hex::decode(hexadecimal).ok()).ok_or(malformed.clone())?;
    let key = padded(key).ok_or(malformed.clone())?;
    if code.len() != digest.length() {
        return Err(malformed);
    }
    Ok(Box::new(HmacHash { digest, key, code }))
}

impl StoredHash for HmacHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        same(&self.digest.hmac(&self.key, password), &self.code)
    }

    fn cost(&self) -> Cost {
        Cost::NOTHING
    }
}
