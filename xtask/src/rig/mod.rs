//! A place to run built programs in: a temporary folder with a configuration, free ports, a mail server that keeps what it
//! gets, PostgreSQL servers that can be stopped, a proxy. What is done with them is the business of `faults`, `two_nodes`
//! and `bench`.

mod client;
mod config;
mod node;
pub mod postgres;
pub mod proxy;
pub mod sink;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;

pub use client::Api;
pub use config::Plan;
pub use node::{Node, Stop};

/// A folder, a configuration in it, and the ports of one server or of several that share all but their ports.
pub struct Rig {
    folder: TempDir,
    limen: PathBuf,
    document: Value,
}

impl Rig {
    /// A rig for the program `limen`, configured by `plan`.
    pub fn new(limen: &Path, plan: &Plan) -> anyhow::Result<Self> {
        let limen = limen.canonicalize().with_context(|| format!("{} is not there: make build", limen.display()))?;
        let folder = tempfile::Builder::new().prefix("limen-rig-").tempdir()?;
        let schema = folder.path().join("person.schema.json");
        std::fs::write(&schema, config::person_schema().to_string())?;
        let dsn = plan.dsn.clone().unwrap_or_else(|| format!("sqlite://{}/limen.db", folder.path().display()));
        let document = config::document(plan, &dsn, &schema);
        Ok(Self { folder, limen, document })
    }

    /// A server of this rig, on ports of its own. It is not started.
    pub fn node(&self, name: &str) -> anyhow::Result<Node> {
        let ports = free_ports::<2>()?;
        let mut document = self.document.clone();
        config::set_ports(&mut document, ports);
        let file = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&file, document.to_string())?;
        Ok(Node::new(&self.limen, &file, self.folder.path().join(format!("{name}.log")), ports))
    }
}

/// Different free ports: all are held until all are known.
pub fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ() {
        let mut ports = free_ports::<4>().unwrap().to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 4);
    }
}
