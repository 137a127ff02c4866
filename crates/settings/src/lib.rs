//! From files and environment variables to one checked document, with a memory of where each value came from, and to
//! snapshots that change while the program runs. It knows how configuration is read; what the keys mean, their types and
//! defaults belong to each service.
//!
//! [`Loader`] reads and checks, [`Loaded`] answers questions about the result, [`watch`] repeats it on change and
//! [`Live`] holds what is in force. The schema is the one source of legal keys: environment variables, defaults,
//! explanations and the list of what a release does not have yet all come from it, by these annotations:
//!
//! - `x-limen-secret: true`: the value is never shown;
//! - `x-limen-env: false` or a name: not read from the environment, or from that variable;
//! - `x-limen-later: accept | refuse`: this release does not have it;
//! - `x-limen-because`: why a rule between several keys holds, for its error.

mod check;
mod document;
mod environment;
mod error;
mod explain;
mod later;
mod live;
mod loader;
mod merge;
mod nearest;
mod schema;
mod watch;

pub use document::{sections, to_yaml};
pub use error::{KeyProblem, Problem, SettingsError};
pub use explain::Explanation;
pub use later::{LaterKey, LaterKind};
pub use live::Live;
pub use loader::{Dialect, Loaded, Loader};
pub use merge::Origin;
pub use watch::{Reload, Reloader, Watch, watch};
