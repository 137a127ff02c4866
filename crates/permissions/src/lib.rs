//! Who may do what: relationship-based access control, in the wire contract of Ory Keto.
//!
//! `model/` holds relationships, namespaces and what both are made of; `language/` reads the permission language (OPL)
//! into namespaces; `engine/` answers questions over them and knows no I/O. `store/` keeps relationships and the log of
//! their changes; `replica` follows that log into memory; `service` and its use cases (`questions`, `changes`, `lists`)
//! stand on both; `http/` and `grpc/` speak for it.

mod changes;
mod counters;
pub mod engine;
mod error;
pub mod exam;
mod failure;
mod feed;
mod grpc;
pub mod http;
pub mod import;
pub mod language;
mod lists;
pub mod model;
mod policy;
mod questions;
mod reach;
mod replica;
mod service;
pub mod settings;
pub mod store;
mod stored;
mod token;

pub use changes::{Precondition, Removed, Written};
pub use counters::Counters;
pub use error::PermissionError;
pub use failure::Failure;
pub use feed::Event;
pub use lists::Page;
pub use policy::Policy;
pub use questions::{Ask, Checked};
pub use reach::{NamesPage, Reach};
pub use replica::Replica;
pub use service::{Deps, Inner, Permissions, StartError};
pub use store::migrations;
pub use token::{Consistency, Tokens};
