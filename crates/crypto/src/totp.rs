//! One-time passwords of authenticator apps (RFC 6238): SHA-1, six digits, a new one every 30 seconds. Other settings
//! are not offered: several apps ignore them silently.

use foundation::{Rng, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Secret as SharedSecret};

use crate::macs::same;
pub use crate::qr::qr_png_data_uri;

const STEP_SECONDS: i64 = 30;

/// Everything but the unreserved characters of RFC 3986: apps show a `+` for a space as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secret that an account shares with an authenticator app.
#[derive(Clone)]
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// A fresh one of 160 bits, what RFC 4226 recommends.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = vec![0; 20];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret in an `otpauth://totp/…` URL. Nothing else of the URL counts: the reference server, which wrote
    /// the stored ones, checks codes with the same fixed settings whatever the URL says.
    pub fn from_url(url: &str) -> Option<Self> {
        let url = url::Url::parse(url).ok()?;
        if url.scheme() != "otpauth" || url.host_str() != Some("totp") {
            return None;
        }
        let secret = url.query_pairs().find(|(name, _)| name == "secret")?.1;
        Self::from_base32(&secret)
    }

    /// A secret as apps show it: letter case, spaces, hyphens and padding do not matter.
    pub fn from_base32(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .filter(|character| !matches!(character, ' ' | '-' | '='))
            .collect::<String>()
            .to_ascii_uppercase();
        let secret = SharedSecret::try_from_base32(&plain).ok()?;
        (!secret.as_bytes().is_empty()).then(|| Self(secret.as_bytes().to_vec()))
    }

    /// The secret for typing into an app: base32 without padding.
    pub fn to_base32(&self) -> String {
        self.shared().to_base32()
    }

    /// The URL that an app reads (the de-facto key URI format).
    pub fn to_url(&self, issuer: &str, account: &str) -> String {
        let issuer = utf8_percent_encode(issuer, ESCAPED);
        let account = utf8_percent_encode(account, ESCAPED);
        let secret = self.to_base32();
        format!("otpauth://totp/{issuer}:{account}?algorithm=SHA1&digits=6&issuer={issuer}&period=30&secret={secret}")
    }

    /// Whether `code` is the password of this moment, of the step before or of the step after; the answer is its
    /// step. The caller stores that step, and passes it as `last_used_step` from then on: a code works once, and
    /// none from before it works.
    pub fn check(&self, code: &str, now: Timestamp, last_used_step: Option<i64>) -> Option<i64> {
        let code = code.trim();
        let present = now.as_second().div_euclid(STEP_SECONDS);
        let mut found = None;
        // No early end: how long it takes does not tell which step was near.
        for step in present - 1..=present + 1 {
            let Ok(counter) = u64::try_from(step) else { continue };
            if same(self.code(counter).as_bytes(), code.as_bytes()) {
                found = Some(step);
            }
        }
        found.filter(|step| last_used_step.is_none_or(|last| *step > last))
    }

    fn code(&self, counter: u64) -> String {
        // The builder's checks refuse secrets under 128 bits, which existing accounts have.
        let generator = Builder::new().with_secret(self.shared()).with_step_duration(1).build_noncompliant();
        generator.generate(counter).to_string()
    }

    fn shared(&self) -> SharedSecret {
        SharedSecret::new(self.0.clone().into_boxed_slice())
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TotpSecret([secret])")
    }
}

#[cfg(test)]
mod tests {
    use foundation::SeededRng;
    use proptest::prelude::*;

    use super::*;

    fn rfc_secret() -> TotpSecret {
        TotpSecret(b"12345678901234567890".to_vec())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        // Appendix B, SHA-1; the last six of the eight digits there.
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc_secret().check(code, at(second), None), Some(second / 30), "at {second}");
        }
    }

    #[test]
    fn a_code_holds_for_its_step_and_one_step_around() {
        let step = 1_111_111_111 / 30;
        for (now, accepted) in [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)]
        {
            let answer = rfc_secret().check("050471", at(now * 30), None);
            assert_eq!(answer, accepted.then_some(step), "{} steps off", now - step);
        }
    }

    #[test]
    fn a_code_works_once() {
        let now = at(1_111_111_111);
        let step = rfc_secret().check("050471", now, None);
        assert!(step.is_some());
        assert_eq!(rfc_secret().check("050471", now, step), None);
        assert_eq!(rfc_secret().check("050471", now, step.map(|step| step + 1)), None);
        assert_eq!(rfc_secret().check("050471", now, step.map(|step| step - 1)), step);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for code in ["", "50471", "0050471", "+50471", "05047a", "0504710", "٠٥٠٤٧١"] {
            assert_eq!(rfc_secret().check(code, at(1_111_111_111), None), None, "{code}");
        }
        assert!(rfc_secret().check(" 050471 ", at(1_111_111_111), None).is_some());
    }

    #[test]
    fn times_before_1970_have_no_code() {
        assert_eq!(rfc_secret().check("050471", at(-100), None), None);
    }

    #[test]
    fn a_fresh_secret_has_160_bits_and_does_not_print() {
        let secret = TotpSecret::generate(&SeededRng::new(1));
        assert_eq!(secret.0.len(), 20);
        assert_eq!(format!("{secret:?}"), "TotpSecret([secret])");
    }

    #[test]
    fn a_url_of_the_reference_server_is_read_and_written() {
        let url = "otpauth://totp/Conformance:ada?algorithm=SHA1&digits=6&issuer=Conformance&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        assert_eq!(TotpSecret::from_url(url).unwrap().to_url("Conformance", "ada"), url);
    }

    #[test]
    fn what_is_no_totp_url_gives_no_secret() {
        for url in [
            "",
            "otpauth://hotp/a?secret=JBSWY3DP",
            "https://totp/a?secret=JBSWY3DP",
            "otpauth://totp/a",
            "otpauth://totp/a?secret=",
            "otpauth://totp/a?secret=1!",
        ] {
            assert!(TotpSecret::from_url(url).is_none(), "{url}");
        }
    }

    #[test]
    fn base32_is_read_as_people_write_it() {
        let secret = TotpSecret::from_base32("jbsw y3dp-ehpk 3pxp=").unwrap();
        assert_eq!(secret.to_base32(), "JBSWY3DPEHPK3PXP");
    }

    proptest! {
        #[test]
        fn every_issuer_and_account_fits_in_a_url(issuer: String, account: String, seed: u64) {
            let secret = TotpSecret::generate(&SeededRng::new(seed));
            let url = secret.to_url(&issuer, &account);
            prop_assert_eq!(&TotpSecret::from_url(&url).unwrap().0, &secret.0);
            let parsed = url::Url::parse(&url).unwrap();
            let shown = parsed.query_pairs().find(|(name, _)| name == "issuer").unwrap().1.into_owned();
            prop_assert_eq!(shown, issuer);
            prop_assert!(!url.contains('+') && !url.contains(' '));
        }
    }
}
