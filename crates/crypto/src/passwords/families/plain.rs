//! One round of a digest over the password and a salt. LDAP: `{SSHA}<base64 of digest and salt>`. By a layout:
//! `$sha1$pf=<base64 of a text with {SALT} and {PASSWORD}>$<salt>$<hash>`. Without a salt: `$md5$<hash>`.

use crate::macs::same;
use crate::passwords::digests::Digest;
use crate::passwords::memory::Memory;
use crate::passwords::nominal::Cost;
use crate::passwords::stored::{Parsed, StoredHash, UnsupportedHash, fields, padded};

const PASSWORD: &[u8] = b"{PASSWORD}";
const SALT: &[u8] = b"{SALT}";

const LDAP: &[(&str, Digest)] =
    &[("{SSHA}", Digest::Sha1), ("{SSHA256}", Digest::Sha256), ("{SSHA512}", Digest::Sha512)];

struct PlainHash {
    digest: Digest,
    layout: Vec<Part>,
    hash: Vec<u8>,
}

/// A piece of what is hashed.
enum Part {
    Fixed(Vec<u8>),
    Password,
}

pub(in crate::passwords) fn parse_ldap(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("SSHA");
    let found = LDAP.iter().find_map(|(prefix, digest)| Some((*digest, stored.strip_prefix(prefix)?)));
    let (digest, text) = found.ok_or(malformed.clone())?;
    let mut hash = padded(text).ok_or(malformed.clone())?;
    if hash.len() <= digest.length() {
        return Err(malformed);
    }
    let salt = hash.split_off(digest.length());
    Ok(Box::new(PlainHash { digest, layout: vec![Part::Password, Part::Fixed(salt)], hash }))
}

pub(in crate::passwords) fn parse_layout(stored: &str) -> Parsed {
    let malformed = UnsupportedHash::Malformed("salted digest");
    let (name, layout, hash) = if let Some(["", name, layout, salt, hash]) = fields(stored) {
        let layout = layout.strip_prefix("pf=").and_then(padded).ok_or(malformed.clone())?;
        (name, parts(&layout, &padded(salt).ok_or(malformed.clone())?), hash)
    } else if let Some(["", "md5", hash]) = fields(stored) {
        ("md5", vec![Part::Password], hash)
    } else {
        return Err(malformed);
    };
    let digest = match name {
        "md5" => Digest::Md5,
        "sha1" => Digest::Sha1,
        "sha256" => Digest::Sha256,
        "sha512" => Digest::Sha512,
        _ => return Err(malformed),
    };
    if !layout.iter().any(|part| matches!(part, Part::Password)) {
        return Err(UnsupportedHash::Bounds("the layout has no {PASSWORD}: every password would match"));
    }
    let hash = padded(hash).filter(|hash| hash.len() == digest.length()).ok_or(malformed)?;
    Ok(Box::new(PlainHash { digest, layout, hash }))
}

/// Replaces the salt, in one pass: what stands in the salt or the password is never read as a placeholder.
fn parts(layout: &[u8], salt: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = layout;
    let mut fixed = Vec::new();
    while let Some((first, others)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(SALT) {
            fixed.extend_from_slice(salt);
            rest = after;
        } else if let Some(after) = rest.strip_prefix(PASSWORD) {
            parts.push(Part::Fixed(std::mem::take(&mut fixed)));
            parts.push(Part::Password);
            rest = after;
        } else {
            fixed.push(*first);
            rest = others;
        }
    }
    parts.push(Part::Fixed(fixed));
    parts
}

impl StoredHash for PlainHash {
    fn matches(&self, password: &[u8], _memory: &mut Memory) -> bool {
        let mut hashed = Vec::new();
        for part in &self.layout {
            hashed.extend_from_slice(match part {
                Part::Fixed(bytes) => bytes,
                Part::Password => password,
            });
        }
        same(&self.digest.of(&hashed), &self.hash)
    }

    fn cost(&self) -> Cost {
        Cost::NOTHING
    }
}
