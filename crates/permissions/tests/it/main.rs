//! Tests of the engine and the language through what they offer to the rest of the program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod consistency;
mod differential;
mod known_faults;
mod language;
mod naive;
mod random;
mod revisions;
mod rpc;
mod server;
mod storage;
mod trees;
mod wire_faults;
