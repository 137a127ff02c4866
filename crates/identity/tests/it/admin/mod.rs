//! The admin routes.

mod batch;
mod create;
mod credentials;
mod listing;
mod messages;
mod operations;
mod patch;
mod recovery;
mod sessions;
mod update;
