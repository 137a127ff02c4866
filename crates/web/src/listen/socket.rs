//! Opening and accepting: TCP and Unix sockets. No HTTP.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use super::tls::Certificates;
use super::{Bound, Drain, Listen, ListenAddress, ListenError, TlsFiles, UnixSocket};

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Socket {
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small and written at once; waiting to fill a packet only delays them.
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

/// Opens the socket of a listener and loads its certificate.
///
/// # Errors
///
/// See [`ListenError`].
pub async fn bind(listen: &Listen) -> Result<Bound, ListenError> {
    let key = listen.key.clone();
    let tls = listen.tls.as_ref().map(secured).transpose();
    let tls = tls.map_err(|reason| ListenError::Tls { key: key.clone(), reason })?;
    let socket = match &listen.address {
        ListenAddress::Tcp { host, port } => {
            let host = if host.is_empty() { "0.0.0.0" } else { host };
            let bound = TcpListener::bind((host.trim_matches(['[', ']']), *port)).await;
            Socket::Tcp(bound.map_err(|cause| refused(key, format!("{host}:{port}"), cause))?)
        }
        ListenAddress::Unix(unix) => Socket::Unix(bind_unix(&key, unix).await?),
    };
    Ok(Bound { socket, tls, drain: Drain::default() })
}

fn secured(files: &TlsFiles) -> Result<(Arc<Certificates>, TlsAcceptor), String> {
    let certificates = Certificates::load(files)?;
    let config = certificates.server_config().map_err(|cause| cause.to_string())?;
    Ok((certificates, config.into()))
}

fn refused(key: String, address: String, cause: io::Error) -> ListenError {
    match cause.kind() {
        ErrorKind::AddrInUse => ListenError::InUse { key, address },
        _ => ListenError::Refused { key, address, cause },
    }
}

async fn bind_unix(key: &str, unix: &UnixSocket) -> Result<UnixListener, ListenError> {
    remove_left_over(&unix.path).await;
    let path = unix.path.display().to_string();
    let listener = UnixListener::bind(&unix.path).map_err(|cause| refused(key.to_owned(), path.clone(), cause))?;
    give_away(unix).map_err(|cause| ListenError::Ownership { key: key.to_owned(), path, cause })?;
    Ok(listener)
}

/// Removes the socket of a process that ended without doing so. A socket that somebody answers on, and any other kind
/// of file, stays.
async fn remove_left_over(path: &Path) {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && UnixStream::connect(path).await.is_err_and(|cause| cause.kind() == ErrorKind::ConnectionRefused) {
        // If this fails, bind says why.
        let _ = std::fs::remove_file(path);
    }
}

fn give_away(unix: &UnixSocket) -> io::Result<()> {
    let owner = id_of(&unix.owner, "/etc/passwd")?;
    let group = id_of(&unix.group, "/etc/group")?;
    if owner.is_some() || group.is_some() {
        chown(&unix.path, owner, group)?;
    }
    std::fs::set_permissions(&unix.path, std::fs::Permissions::from_mode(unix.mode))
}

/// The number of a user or group: the third column of both files, the first being the name.
fn id_of(name: &str, file: &str) -> io::Result<Option<u32>> {
    if name.is_empty() {
        return Ok(None);
    }
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    let lines = std::fs::read_to_string(file)?;
    let mut entries = lines.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.find(|columns| columns.first() == Some(&name));
    let number = entry.and_then(|columns| columns.get(2)?.parse().ok());
    number.map(Some).ok_or_else(|| io::Error::new(ErrorKind::NotFound, format!("{file} does not name {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &Path) -> Listen {
        Listen::new("serve.admin", &format!("unix:{}", path.display()), 0)
    }

    #[tokio::test]
    async fn a_taken_port_is_said_clearly() {
        let first = bind(&Listen::new("serve.public", "127.0.0.1", 0)).await.expect("a free port");
        let port = first.local_address().expect("tcp").port();
        let refused = bind(&Listen::new("serve.public", "127.0.0.1", port)).await.expect_err("taken");
        assert!(matches!(refused, ListenError::InUse { .. }));
        let text = refused.to_string();
        assert!(
            text.contains("already in use") && text.contains("serve.public.port") && text.contains(&port.to_string()),
            "{text}"
        );
    }

    #[tokio::test]
    async fn an_impossible_address_names_its_key() {
        let refused = bind(&Listen::new("serve.admin", "192.0.2.1", 0)).await.expect_err("not ours");
        assert!(refused.to_string().contains("serve.admin.host"), "{refused}");
    }

    #[tokio::test]
    async fn a_unix_socket_gets_its_mode_and_a_left_over_one_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.sock");
        let mut listen = unix(&path);
        let ListenAddress::Unix(socket) = &mut listen.address else { panic!("unix") };
        socket.mode = 0o600;
        let first = bind(&listen).await.expect("free");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(matches!(bind(&listen).await.expect_err("in use"), ListenError::InUse { .. }));
        drop(first);
        assert!(path.exists());
        bind(&listen).await.expect("nobody answers there any more");
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("precious");
        std::fs::write(&path, "data").expect("a file");
        assert!(bind(&unix(&path)).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "data");
    }

    #[test]
    fn owners_are_names_or_numbers() {
        assert_eq!(id_of("", "/etc/passwd").expect("none"), None);
        assert_eq!(id_of("1234", "/etc/passwd").expect("a number"), Some(1234));
        assert_eq!(id_of("root", "/etc/passwd").expect("everywhere"), Some(0));
        assert!(id_of("nobody-has-this-name", "/etc/passwd").is_err());
    }
}
