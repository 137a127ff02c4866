//! Flows: what they do with a submission, whatever its method. The sequence is the same for all kinds: load, guard (owner,
//! CSRF, expiry, assurance), pick the strategy, count the attempt, submit, look the outcome up, save in one transaction, say
//! what came of it. A file per kind; what they share is in `engine`.

pub mod challenges;
pub mod engine;
pub mod errors;
pub mod hooks;
pub mod input;
mod limited;
pub mod login;
pub mod logout;
pub mod nodes;
pub mod recovery;
pub mod registration;
pub mod return_to;
pub mod settings;
pub mod transitions;
pub mod verification;
pub mod view;
pub mod visit;
mod web_hooks;
