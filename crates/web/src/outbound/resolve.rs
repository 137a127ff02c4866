//! Names become addresses here, at the moment of dialling: an answer of the name service that was checked earlier could
//! be another one by now (DNS rebinding).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::is_public;

/// Asks a name service.
pub(super) trait Lookup: Send + Sync + std::fmt::Debug {
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The name service of the operating system.
#[derive(Debug)]
pub(super) struct System;

impl Lookup for System {
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|socket| socket.ip()).collect()) })
    }
}

/// All addresses of the name are private.
#[derive(Debug, thiserror::Error)]
#[error("no such host on the public internet")]
pub(super) struct NotPublic;

/// What reqwest dials by. With `public_only`, private addresses are left out, and if none is left it fails.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) public_only: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, public_only) = (self.lookup.addresses(name.as_str().to_owned()), self.public_only);
        Box::pin(async move {
            let mut addresses = found.await?;
            if public_only {
                addresses.retain(|address| is_public(*address));
                if addresses.is_empty() {
                    return Err(NotPublic.into());
                }
            }
            // The port is the URL's; 0 asks reqwest to put it there.
            let sockets: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(sockets)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name service whose answers change with each question, as in a rebinding attack.
    #[derive(Debug)]
    struct Changing(parking_lot::Mutex<Vec<Vec<&'static str>>>);

    impl Lookup for Changing {
        fn addresses(&self, _host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let answer = self.0.lock().remove(0);
            Box::pin(async move { Ok(answer.into_iter().map(|text| text.parse().expect("an address")).collect()) })
        }
    }

    async fn dialled(resolver: &Guarded) -> Result<Vec<String>, String> {
        let found = resolver.resolve("rebinding.example".parse().expect("a name")).await;
        found.map(|sockets| sockets.map(|socket| socket.ip().to_string()).collect()).map_err(|cause| cause.to_string())
    }

    fn resolver(public_only: bool) -> Guarded {
        let answers = vec![vec!["1.1.1.1"], vec!["127.0.0.1", "8.8.8.8", "fe80::1"], vec!["10.0.0.1", "::1"]];
        Guarded { lookup: Arc::new(Changing(answers.into())), public_only }
    }

    #[tokio::test]
    async fn every_answer_is_checked_and_private_addresses_are_never_dialled() {
        let guarded = resolver(true);
        assert_eq!(dialled(&guarded).await, Ok(vec!["1.1.1.1".to_owned()]));
        assert_eq!(dialled(&guarded).await, Ok(vec!["8.8.8.8".to_owned()]));
        assert_eq!(dialled(&guarded).await, Err(NotPublic.to_string()));
    }

    #[tokio::test]
    async fn without_the_restriction_all_are_dialled() {
        let open = resolver(false);
        assert_eq!(dialled(&open).await, Ok(vec!["1.1.1.1".to_owned()]));
        assert_eq!(dialled(&open).await.map(|all| all.len()), Ok(3));
    }
}
