//! The routes of this service. A handler reads the request, calls one use case and renders its answer; rules live elsewhere.

pub mod admin;
mod budgets;
mod paging;
pub mod public;
mod query;
pub mod render;
pub mod request;

pub use request::Asked;
