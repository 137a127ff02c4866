//! Verification: somebody proves that an address is theirs, by a code or a link that was sent there.

mod spawned;

pub use spawned::{SpawnedVerification, prepare_spawned};
