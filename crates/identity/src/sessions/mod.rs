//! Sessions: the one gate through which they are made, how they are carried, what they are good for, and how they end.

pub mod cache;
pub mod cookie;
pub mod current;
pub mod gate;
pub mod own;
pub mod view;
pub mod whoami;

pub use current::{Current, require_aal};
pub use gate::Proof;
