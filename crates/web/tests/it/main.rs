//! The listener and the client over real sockets.

#![expect(clippy::expect_used, reason = "clippy takes only functions marked as tests for tests")]

mod listen;
mod outbound;
