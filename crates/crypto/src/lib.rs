//! Everything that hides, proves or is hard to guess: password hashes, sealed values, authentication codes over
//! data, tokens and codes, one-time passwords. Callers name a purpose and get a fit answer; which algorithm gives
//! it is decided here alone. Time and randomness come in as arguments. Nothing here stores or sends anything.

mod keys;
pub mod macs;
pub mod passwords;
mod qr;
pub mod sealing;
pub mod tokens;
pub mod totp;
pub mod webhooks;

pub use keys::NoKey;
pub use macs::{Macs, same};
pub use passwords::{HashError, HashParameters, PasswordHashing, PoolLimits, UnsupportedHash, Verified};
pub use sealing::{Renewal, Sealer};
pub use tokens::{AdminApiKey, LinkToken, LogoutToken, OneTimeCode, SessionToken};
pub use totp::TotpSecret;
pub use webhooks::WebhookKeys;
