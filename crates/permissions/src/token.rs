//! Snapshot tokens: which state of which store. Opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foundation::Uuid;

use crate::failure::Failure;

/// What the reference server has in the place of a token: it means nothing, and is taken for no wish at all.
const PLACEHOLDER: &str = "not yet implemented";

/// Which state is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consistency {
    /// All that was acknowledged before the question.
    #[default]
    Latest,
    /// At least this revision.
    AtLeast(u64),
    /// This revision and no other.
    Exactly(u64),
}

/// Writes and reads the tokens of one store.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    store: [u8; 4],
}

impl Tokens {
    /// Of the store with this id.
    pub fn new(store_id: Uuid) -> Self {
        let bytes = store_id.as_bytes();
        Self { store: [bytes[0], bytes[1], bytes[2], bytes[3]] }
    }

    /// The token of a revision.
    pub fn write(&self, revision: u64) -> String {
        let mut bytes = self.store.to_vec();
        bytes.extend(revision.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The revision of a token; `None` where there is no wish.
    ///
    /// # Errors
    /// 400 for what is no token, or one of another store.
    pub fn read(&self, token: &str) -> Result<Option<u64>, Failure> {
        if token.is_empty() || token == PLACEHOLDER {
            return Ok(None);
        }
        let wrong = || Failure::bad_request("The snapshot token is not one that this server gave out.");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let (store, revision) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
        if *store != self.store {
            return Err(Failure::bad_request("The snapshot token is of another store."));
        }
        Ok(Some(u64::from_be_bytes(revision.try_into().map_err(|_| wrong())?)))
    }

    /// At least what a token says; without one the latest.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn at_least(&self, token: &str) -> Result<Consistency, Failure> {
        Ok(self.read(token)?.map_or(Consistency::Latest, Consistency::AtLeast))
    }

    /// Exactly what a token says; without one the latest.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn exactly(&self, token: &str) -> Result<Consistency, Failure> {
        Ok(self.read(token)?.map_or(Consistency::Latest, Consistency::Exactly))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_belong_to_one_store() {
        let tokens = Tokens::new(Uuid::from_u128(7 << 96));
        for revision in [0, 1, 1 << 40, u64::MAX] {
            assert_eq!(tokens.read(&tokens.write(revision)).unwrap(), Some(revision));
        }
        let strange = Tokens::new(Uuid::from_u128(8 << 96)).write(5);
        let longer = tokens.write(5) + "AAAA";
        for text in [strange.as_str(), longer.as_str(), "x", "AAAA", "%"] {
            assert!(tokens.read(text).is_err(), "{text}");
        }
        assert_eq!(tokens.at_least(PLACEHOLDER).unwrap(), Consistency::Latest);
        assert_eq!(tokens.exactly("").unwrap(), Consistency::Latest);
    }
}
