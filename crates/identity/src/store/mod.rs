//! Statements and the functions around them: a file per aggregate. Functions take a transaction and the context of the
//! request, whose tenant every statement names. No rules here, and no HTTP.

pub mod addresses;
pub mod attempts;
pub mod changes;
pub mod codes;
pub mod credentials;
pub mod devices;
pub mod errors;
pub mod flows;
pub mod identities;
pub mod identity_listing;
pub mod pending_changes;
pub mod pending_registrations;
pub mod session_administration;
pub mod sessions;

use database::{DbError, Migration, Row};

/// The tables of this service, in order.
pub fn migrations() -> Vec<Migration> {
    macro_rules! migration {
        ($name:literal) => {
            Migration {
                name: concat!("identity_", $name),
                up: include_str!(concat!("../../migrations/", $name, ".up.sql")),
                down: include_str!(concat!("../../migrations/", $name, ".down.sql")),
            }
        };
    }
    vec![
        migration!("0001_identities"),
        migration!("0002_sessions"),
        migration!("0003_self_service_flows"),
        migration!("0004_codes"),
        migration!("0030_limits"),
        migration!("0040_pending_changes"),
        migration!("0041_pending_registrations"),
    ]
}

/// Reads a column that holds one of a closed set of names.
fn named<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| DbError::Column { column: column.to_owned(), reason: format!("unknown name {text:?}") })
}

/// Reads a column that holds a hash.
fn hash(row: &Row, column: &str) -> Result<Option<[u8; 32]>, DbError> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()))
}
