//! Who may do what: relationship-based access control, in the wire contract of Ory Keto.
//!
//! `model/` holds relationships, namespaces and what both are made of; `language/` reads the permission language (OPL)
//! into namespaces; `engine/` answers questions over them and knows no I/O.

pub mod engine;
mod error;
pub mod exam;
pub mod import;
pub mod language;
pub mod model;

pub use error::PermissionError;
