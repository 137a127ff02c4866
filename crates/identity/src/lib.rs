//! The identity service: sign-up, sign-in, verification, recovery, settings, second factors and sessions, and their
//! administration; wire-compatible with Ory Kratos.
//!
//! Read in this order: [`model`] (what it speaks of), `flows/` (the engine and a file per kind of flow), `strategies/`
//! (what people prove themselves with: a folder each), `sessions/` (the one gate, and what a session is good for),
//! `administration/` (the use cases behind the admin API), `store/` (SQL), `http/` (routes).

mod administration;
mod context;
mod error;
pub mod flows;
pub mod http;
mod limits;
mod maintenance;
pub mod model;
pub mod schema;
mod service;
mod sessions;
pub mod settings;
mod store;
mod strategies;

pub use administration::{Resealed, credentials_reseal};
pub use context::{Context, Snapshot, SnapshotError};
pub use error::Error;
pub use limits::Limits;
pub use maintenance::Cleaned;
pub use service::{Deps, Identity};
pub use store::migrations;
