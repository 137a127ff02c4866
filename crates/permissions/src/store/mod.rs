//! Statements and the functions around them: the head, the tuples, the log. Functions take a transaction and the tenant,
//! which every statement names. No rules here, and no HTTP.

pub mod heads;
mod keys;
pub mod listing;
pub mod revisions;
pub mod tuples;

use database::Migration;

/// The tables of this service, in order.
pub fn migrations() -> Vec<Migration> {
    macro_rules! migration {
        ($name:literal) => {
            Migration {
                name: concat!("permissions_", $name),
                up: include_str!(concat!("../../migrations/", $name, ".up.sql")),
                down: include_str!(concat!("../../migrations/", $name, ".down.sql")),
            }
        };
    }
    vec![migration!("0100_tuples")]
}
