//! Sessions: that an identity proved itself, how, when, and until when that counts (identity-flows.md §9).

use foundation::{Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use super::identity::Aal;

/// A session as it is stored; the wire shape is made in `http/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Given by the server.
    pub id: Uuid,
    /// Whose it is.
    pub identity_id: Uuid,
    /// Whether it was not ended by anybody. See [`Session::is_active`].
    pub active: bool,
    /// From then on it does not count.
    pub expires_at: Timestamp,
    /// When the identity last proved itself: what privileged changes look at.
    pub authenticated_at: Timestamp,
    /// When it was made.
    pub issued_at: Timestamp,
    /// What follows from the methods below.
    pub aal: Aal,
    /// Each proof, in order; the same method may come again.
    pub methods: Vec<AuthenticationMethod>,
    /// Where it began.
    pub devices: Vec<Device>,
}

impl Session {
    /// Whether the session itself counts at `now`. The state of its identity counts too.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.active && self.expires_at > now
    }
}

/// One proof of who somebody is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthenticationMethod {
    /// Which method.
    pub method: Method,
    /// The level that it proves on its own.
    pub aal: Aal,
    /// When.
    pub completed_at: Timestamp,
}

/// The methods that can prove who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are the contract's method names")]
pub enum Method {
    Password,
    Totp,
    LookupSecret,
    CodeRecovery,
    LinkRecovery,
}

/// A device on which a session began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Given by the server.
    pub id: Uuid,
    /// Without a port.
    pub ip_address: Option<String>,
    /// At most 512 bytes.
    pub user_agent: Option<String>,
    /// City and country, if a proxy in front says so; else empty.
    pub location: Option<String>,
}

/// The assurance that follows from a list of proofs: two levels need a first and a second factor (§9.2).
pub fn assurance(methods: &[AuthenticationMethod]) -> Aal {
    let has = |level| methods.iter().any(|method| method.aal == level);
    match (methods.is_empty(), has(Aal::Aal1), has(Aal::Aal2)) {
        (true, ..) => Aal::Aal0,
        (_, true, true) => Aal::Aal2,
        _ => Aal::Aal1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_factors_make_the_second_level_and_a_lone_second_factor_does_not() {
        let proof = |method, aal| AuthenticationMethod { method, aal, completed_at: Timestamp::UNIX_EPOCH };
        let password = proof(Method::Password, Aal::Aal1);
        let totp = proof(Method::Totp, Aal::Aal2);
        assert_eq!(assurance(&[]), Aal::Aal0);
        assert_eq!(assurance(std::slice::from_ref(&password)), Aal::Aal1);
        assert_eq!(assurance(std::slice::from_ref(&totp)), Aal::Aal1);
        assert_eq!(assurance(&[totp, password]), Aal::Aal2);
    }
}
