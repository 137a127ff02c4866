//! The listener and the client over real sockets.

mod listen;
mod outbound;
