//! What follows from traits and credentials: addresses, identifiers, the assurance that can be reached. Computed anew at
//! every write, whoever writes.

use foundation::{Rng, Timestamp};

use super::identity::{
    Aal, AddressStatus, Credential, CredentialKind, CredentialSecret, Identity, RecoveryAddress, VerifiableAddress,
};
use crate::schema::Derived;

/// Gives an identity new traits and what follows from them. Addresses that still follow keep their rows, and with them
/// their proof; a password credential gets the new identifiers.
pub fn take_traits(identity: &mut Identity, derived: Derived, now: Timestamp, rng: &dyn Rng) {
    let before = std::mem::take(&mut identity.verifiable_addresses);
    identity.verifiable_addresses = derived
        .verifiable
        .into_iter()
        .map(|(via, value)| {
            let kept = before.iter().find(|address| address.via == via && address.value == value);
            kept.cloned().unwrap_or_else(|| VerifiableAddress {
                id: rng.uuid(),
                value,
                verified: false,
                via,
                status: AddressStatus::Pending,
                verified_at: None,
                created_at: now,
                updated_at: now,
            })
        })
        .collect();
    let before = std::mem::take(&mut identity.recovery_addresses);
    identity.recovery_addresses = derived
        .recovery
        .into_iter()
        .map(|(via, value)| {
            let kept = before.iter().find(|address| address.via == via && address.value == value);
            kept.cloned().unwrap_or_else(|| RecoveryAddress {
                id: rng.uuid(),
                value,
                via,
                created_at: now,
                updated_at: now,
            })
        })
        .collect();
    for credential in &mut identity.credentials {
        if credential.kind == CredentialKind::Password {
            credential.identifiers.clone_from(&derived.password_identifiers);
        }
    }
    identity.traits = derived.traits;
    identity.updated_at = now;
}

/// Sets the secret of a credential, making the credential if there is none.
pub fn set_credential(
    identity: &mut Identity,
    kind: CredentialKind,
    identifiers: Vec<String>,
    secret: CredentialSecret,
    now: Timestamp,
) {
    match identity.credentials.iter_mut().find(|credential| credential.kind == kind) {
        Some(credential) => {
            credential.identifiers = identifiers;
            credential.secret = secret;
            credential.updated_at = now;
        }
        None => identity.credentials.push(Credential {
            kind,
            identifiers,
            secret,
            version: 0,
            created_at: now,
            updated_at: now,
        }),
    }
    identity.available_aal = available_aal(&identity.credentials);
}

/// Removes a credential, if there is one.
pub fn remove_credential(identity: &mut Identity, kind: CredentialKind) {
    identity.credentials.retain(|credential| credential.kind != kind);
    identity.available_aal = available_aal(&identity.credentials);
}

/// The highest assurance that these credentials allow: any second factor gives the second level, even without a first
/// (identity-admin.md §1.4).
pub fn available_aal(credentials: &[Credential]) -> Aal {
    if credentials.iter().any(is_second_factor) {
        Aal::Aal2
    } else if credentials.iter().any(is_first_factor) {
        Aal::Aal1
    } else {
        Aal::Aal0
    }
}

/// Whether somebody can begin a session with this credential alone.
pub fn is_first_factor(credential: &Credential) -> bool {
    matches!(&credential.secret, CredentialSecret::Password { hashed_password: Some(_) } if !credential.identifiers.is_empty())
}

/// Whether this credential raises a session to the second level.
pub fn is_second_factor(credential: &Credential) -> bool {
    match &credential.secret {
        CredentialSecret::Password { .. } => false,
        CredentialSecret::Totp { totp_url, .. } => totp_url.starts_with("otpauth:"),
        CredentialSecret::LookupSecret { recovery_codes } => !recovery_codes.is_empty(),
    }
}
