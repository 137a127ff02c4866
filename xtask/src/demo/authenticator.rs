//! The person's authenticator app (RFC 6238). A server takes the codes of the step before, of this and of the next one,
//! each once and in order: using them in that order spares the story waiting for the next half minute.

use anyhow::{Context as _, ensure};
use foundation::Timestamp;
use totp_rs::{Builder, Secret};

const STEP_SECONDS: i64 = 30;

/// An app that knows one secret.
pub struct Authenticator {
    secret: Secret,
    last: i64,
}

impl Authenticator {
    /// An app into which the secret was typed, in base32.
    pub fn new(base32: &str) -> anyhow::Result<Self> {
        let secret = Secret::try_from_base32(base32).ok().context("the secret is not base32")?;
        Ok(Self { secret, last: 0 })
    }

    /// The earliest code that is accepted now and was not used yet.
    pub fn code(&mut self, now: Timestamp) -> anyhow::Result<String> {
        let present = now.as_second().div_euclid(STEP_SECONDS);
        let step = (self.last + 1).max(present - 1);
        ensure!(step <= present + 1, "all codes that a server accepts now are used up");
        self.last = step;
        let counter = u64::try_from(step).context("the clock stands before 1970")?;
        let generator = Builder::new().with_secret(self.secret.clone()).with_step_duration(1).build_noncompliant();
        Ok(generator.generate(counter).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_three_codes_in_half_a_minute_and_no_fourth() {
        // RFC 6238, appendix B: the secret is "12345678901234567890"; 59 s is step 1, whose code is 287082.
        let mut app = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let now = Timestamp::from_second(59).unwrap();
        let codes = [(); 2].map(|()| app.code(now).unwrap());
        assert_eq!(codes[0], "287082");
        assert_ne!(codes[1], codes[0]);
        assert!(app.code(now).is_err());
        let later = Timestamp::from_second(1_111_111_109).unwrap();
        assert!(app.code(later).is_ok());
        assert_eq!(app.code(later).unwrap(), "081804");
    }
}
