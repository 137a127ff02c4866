//! Messages, services and clients of `api/proto`, generated and checked in, so that a build needs no compiler of protocol
//! buffers. Nothing here is written by hand: change the files in `api/proto`, then
//! `cargo run --manifest-path crates/protocol/generator/Cargo.toml`.
//!
//! A crate of its own: it is large, and this way it is compiled once and not with each change of the services.

#![allow(missing_docs)]

#[path = "generated/mod.rs"]
mod generated;

pub use generated::{limen, ory};

/// All descriptors, for server reflection.
pub static DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

#[cfg(test)]
mod tests {
    /// What was generated from is kept beside it: a change of `api/proto` without new code is found here.
    #[test]
    fn the_code_is_that_of_the_definitions() {
        let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../api/proto"));
        let kept = include_str!("generated/sources.txt");
        let mut files = 0;
        for part in kept.split("=== ").skip(1) {
            let (name, text) = part.split_once('\n').expect("a name");
            assert_eq!(std::fs::read_to_string(root.join(name)).expect(name), text, "{name}: generate again");
            files += 1;
        }
        assert_eq!(files, 9);
    }
}
