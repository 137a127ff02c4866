//! Identity schemas: what traits a person may have, and what they mean (identity-admin.md §1.6–1.9).
//!
//! Here: reading and compiling schemas, checking traits against them, what follows from traits (identifiers and
//! addresses), the form fields of traits, and the normal form of identifiers. Not here: storing identities, flows.

mod annotations;
mod compiled;
mod error;
mod fields;
mod formats;
mod normalise;
mod problems;
mod references;
mod registry;
mod serving;
mod sources;

#[cfg(test)]
mod compile_tests;
#[cfg(test)]
mod field_tests;
#[cfg(test)]
mod registry_tests;
#[cfg(test)]
mod validate_tests;

pub use compiled::{Derived, IdentitySchema, Rules};
pub use error::SchemaError;
pub use normalise::{normalise_email, normalise_identifier, normalise_phone};
pub use problems::Problem;
pub use references::Documents;
pub use registry::Schemas;
pub use sources::Fetch;
