//! Texts that open something: session, logout and link tokens, one-time codes, lookup codes. Databases keep a digest
//! or an authentication code of them, never the text (lookup codes excepted: their owner may see them again).

use aws_lc_rs::digest::{SHA256, digest};
use foundation::Rng;

use crate::macs::Macs;

macro_rules! token {
    ($(#[$documentation:meta])* $name:ident, $prefix:literal) => {
        $(#[$documentation])*
        ///
        /// Either fresh or presented by somebody: that it is known is for a lookup by its digest to say.
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            /// A fresh one: 32 characters (190 bits) after the prefix.
            pub fn generate(rng: &dyn Rng) -> Self {
                Self(format!(concat!($prefix, "{}"), rng.alphanumeric(32)))
            }

            /// What somebody presented as such a token.
            pub fn presented(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// What is stored and looked up: SHA-256 of the text. A fast hash is enough for 190 random bits.
            pub fn digest(&self) -> [u8; 32] {
                let mut bytes = [0; 32];
                bytes.copy_from_slice(digest(&SHA256, self.0.as_bytes()).as_ref());
                bytes
            }

            /// The text, for the person whom it belongs to.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "([secret])"))
            }
        }
    };
}

token!(
    /// Shows a session: in the cookie of a browser, in a header of an app.
    SessionToken,
    "ory_st_"
);
token!(
    /// Ends one browser session.
    LogoutToken,
    "ory_lo_"
);
token!(
    /// Opens admin listeners to an operator's program. Scanners of source code know it by its beginning.
    AdminApiKey,
    "limen_ak_"
);
token!(
    /// Ties what a browser sent and has to wait to that browser.
    ContinuityToken,
    ""
);
token!(
    /// Shows a browser in which somebody signed in before. It proves nobody.
    DeviceToken,
    "limen_dv_"
);
token!(
    /// The secret part of a mailed recovery or verification link.
    LinkToken,
    ""
);

/// A code of six digits that was sent to an address, fresh or typed in by somebody. A million values are quickly
/// tried: it is stored as an authentication code under a secret, and attempts are counted.
#[derive(Clone)]
pub struct OneTimeCode(String);

impl OneTimeCode {
    /// A fresh one.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(rng.digits(6))
    }

    /// What somebody typed.
    pub fn presented(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What is stored.
    pub fn tag(&self, macs: &Macs, purpose: &str) -> [u8; 32] {
        macs.tag(purpose, self.0.as_bytes())
    }

    /// What may be stored for it, one for each secret.
    pub fn tags(&self, macs: &Macs, purpose: &str) -> Vec<[u8; 32]> {
        macs.tags(purpose, self.0.as_bytes())
    }

    /// The digits, for the message that carries them.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OneTimeCode([secret])")
    }
}

/// Twelve different lookup codes of eight lowercase letters and digits (41 bits each).
pub fn lookup_codes(rng: &dyn Rng) -> Vec<String> {
    let mut codes: Vec<String> = Vec::with_capacity(12);
    while codes.len() < 12 {
        let code = rng.text(8, b"abcdefghijklmnopqrstuvwxyz0123456789");
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use foundation::{Secret, SeededRng};

    use super::*;

    #[test]
    fn tokens_have_the_shapes_that_clients_know() {
        let rng = SeededRng::new(1);
        for (text, prefix) in [
            (SessionToken::generate(&rng).expose().to_owned(), "ory_st_"),
            (LogoutToken::generate(&rng).expose().to_owned(), "ory_lo_"),
            (LinkToken::generate(&rng).expose().to_owned(), ""),
        ] {
            let rest = text.strip_prefix(prefix).unwrap();
            assert_eq!(rest.len(), 32);
            assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
        }
    }

    #[test]
    fn a_digest_is_sha_256_of_the_text() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(LinkToken::presented("abc").digest()), expected);
        assert_ne!(LinkToken::presented("abC").digest(), LinkToken::presented("abc").digest());
    }

    #[test]
    fn nothing_prints() {
        let rng = SeededRng::new(1);
        assert_eq!(format!("{:?}", SessionToken::generate(&rng)), "SessionToken([secret])");
        assert_eq!(format!("{:?}", LogoutToken::generate(&rng)), "LogoutToken([secret])");
        assert_eq!(format!("{:?}", LinkToken::generate(&rng)), "LinkToken([secret])");
        assert_eq!(format!("{:?}", OneTimeCode::generate(&rng)), "OneTimeCode([secret])");
    }

    #[test]
    fn a_code_is_six_digits_and_found_by_what_was_stored() {
        let code = OneTimeCode::generate(&SeededRng::new(1));
        assert_eq!(code.expose().len(), 6);
        assert!(code.expose().bytes().all(|byte| byte.is_ascii_digit()));

        let secret = |text: &str| Secret::new(text.to_owned());
        let stored = code.tag(&Macs::new(vec![secret("old")]).unwrap(), "login");
        let rotated = Macs::new(vec![secret("new"), secret("old")]).unwrap();
        let typed = OneTimeCode::presented(code.expose());
        assert!(typed.tags(&rotated, "login").contains(&stored));
        assert!(!typed.tags(&rotated, "recovery").contains(&stored));
        assert!(!OneTimeCode::presented("x").tags(&rotated, "login").contains(&stored));
    }

    #[test]
    fn lookup_codes_are_twelve_and_different() {
        let mut codes = lookup_codes(&SeededRng::new(1));
        assert!(codes.iter().all(|code| code.len() == 8));
        assert!(
            codes.iter().flat_map(|code| code.bytes()).all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        );
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 12);
    }
}
