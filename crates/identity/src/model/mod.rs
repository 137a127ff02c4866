//! What the service speaks of: identities, credentials, addresses, sessions, flows and their forms. Types, invariants
//! and wire shapes; pure: no database, no HTTP, no configuration.

pub mod derive;
pub mod flow;
pub mod identity;
pub mod message;
pub mod session;
pub mod ui;
