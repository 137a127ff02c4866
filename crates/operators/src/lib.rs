//! Who may operate a server: the API keys that admin listeners demand once they can be reached from other machines.
//!
//! A key is made on the command line, told once and stored as a hash; each request that shows one is looked up anew, so
//! that a revoked key is refused by the next request on every node. What a key may do (scopes) and who did what (the audit
//! log) belong here too, once they exist. No rule of a service does.

mod keys;
mod require;
mod store;

pub use keys::{AdminKey, AdminKeys, KeyError};
pub use require::{Demanded, require};
pub use store::migrations;
