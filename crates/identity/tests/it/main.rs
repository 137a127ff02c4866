//! The identity service through its routes, on every database: a file per route. Started without listeners; requests go
//! straight into the routers.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod admin;
mod bodies;
mod breaches;
mod continuity;
mod cut_cable;
mod identifier_first;
mod known_faults;
mod limits;
mod login;
mod maintenance;
mod new_address;
mod quiet_registration;
mod recovery;
mod registration;
mod second_factor;
mod session_cache;
mod sessions;
mod settings;
mod storage;
mod verification;
mod walks;
mod web_hooks;
