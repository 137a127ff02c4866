//! Opens sockets and serves a router on them: TCP or Unix, plain or TLS, with limits on how long clients may take and
//! an orderly end. Which listeners there are is decided by the application.

mod drain;
mod io;
mod serve;
mod socket;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;

pub use drain::Drain;
pub use io::BodyTimeout;
pub use serve::serve;
pub use socket::bind;
pub use tls::{PemSource, TlsFiles};

/// Where to listen.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The part of the configuration that describes this listener, such as `serve.public`: named in errors.
    pub key: String,
    /// The socket.
    pub address: ListenAddress,
    /// With it, TLS 1.2 or newer is spoken; without it, plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// The socket of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port. Port 0 takes a free one.
    Tcp {
        /// Name or address of the interface; empty for all of them.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(UnixSocket),
}

/// A Unix socket and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its file.
    pub path: PathBuf,
    /// Its permission bits, such as 0o755.
    pub mode: u32,
    /// The name or number of its owner; empty for who runs limen.
    pub owner: String,
    /// The name or number of its group; empty for the group of who runs limen.
    pub group: String,
}

impl Listen {
    /// A listener of the configuration's `host` and `port`, where a host of the form `unix:/path` is a Unix socket
    /// with mode 0755.
    pub fn new(key: impl Into<String>, host: &str, port: u16) -> Self {
        let address = match host.strip_prefix("unix:") {
            Some(path) => ListenAddress::Unix(UnixSocket {
                path: PathBuf::from(path.strip_prefix("//").unwrap_or(path)),
                mode: 0o755,
                owner: String::new(),
                group: String::new(),
            }),
            None => ListenAddress::Tcp { host: host.to_owned(), port },
        };
        Self { key: key.into(), address, tls: None }
    }
}

/// A socket that is open, before anything is served on it.
pub struct Bound {
    socket: socket::Socket,
    tls: Option<(Arc<tls::Certificates>, TlsAcceptor)>,
    drain: Drain,
}

impl fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bound").field("socket", &self.socket).field("tls", &self.is_tls()).finish()
    }
}

impl Bound {
    /// The same socket, whose clients are sent away politely from the beginning of `drain` on.
    #[must_use]
    pub fn with_drain(self, drain: Drain) -> Self {
        Self { drain, ..self }
    }

    /// The TCP address, with the real port where 0 was asked for; `None` for a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.socket.local_address()
    }

    /// True if TLS is spoken.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the first byte of a request, or of a connection, to the end of the headers; also for the TLS handshake.
    pub head: Duration,
    /// From the headers to the end of the request body.
    pub read: Duration,
    /// Without any progress while an answer is written.
    pub write: Duration,
    /// Between two requests on one connection.
    pub idle: Duration,
    /// From the order to stop until what is still running is cut off.
    pub drain: Duration,
}

impl Timeouts {
    /// The contract's limits for the public listener.
    pub const PUBLIC: Self = Self::of_seconds(5, 15, 60, 120);
    /// The contract's limits for the admin listener.
    pub const ADMIN: Self = Self::of_seconds(5, 30, 120, 600);

    const fn of_seconds(head: u64, read: u64, write: u64, idle: u64) -> Self {
        Self {
            head: Duration::from_secs(head),
            read: Duration::from_secs(read),
            write: Duration::from_secs(write),
            idle: Duration::from_secs(idle),
            drain: Duration::from_secs(120),
        }
    }
}

/// Why a listener cannot be opened. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody listens there already.
    #[error(
        "{address} is already in use by another program: stop it, or change {key}.port (for a Unix socket {key}.host)"
    )]
    InUse {
        /// The listener's key.
        key: String,
        /// The address as configured.
        address: String,
    },
    /// The operating system refuses.
    #[error("{address} cannot be opened: {cause}. Change {key}.host or {key}.port")]
    Refused {
        /// The listener's key.
        key: String,
        /// The address as configured.
        address: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The owner, group or mode of a Unix socket cannot be set.
    #[error("the socket {path} cannot be given to its owner: {cause}. Change {key}.socket")]
    Ownership {
        /// The listener's key.
        key: String,
        /// The file.
        path: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS cannot be set up: {reason}. Change {key}.tls")]
    Tls {
        /// The listener's key.
        key: String,
        /// What is wrong, without any key material.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_name_a_unix_socket() {
        for host in ["unix:/run/limen.sock", "unix:///run/limen.sock"] {
            let ListenAddress::Unix(socket) = Listen::new("serve.public", host, 0).address else { panic!("{host}") };
            assert_eq!((socket.path.to_str(), socket.mode), (Some("/run/limen.sock"), 0o755));
        }
        let tcp = ListenAddress::Tcp { host: "0.0.0.0".into(), port: 4433 };
        assert_eq!(Listen::new("serve.public", "0.0.0.0", 4433).address, tcp);
    }
}
