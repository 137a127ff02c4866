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
