//! A server to measure: a fresh one for each group of figures, on one of the engines.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::load::Target;
use super::logins;
use crate::rig::postgres::Database;
use crate::rig::{Node, Plan, Rig};

/// What to measure, and with what.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The program; a release build says most.
    #[arg(long)]
    pub limen: PathBuf,
    /// The program that tells the bare rate of Argon2id: an example of crates/crypto.
    #[arg(long, default_value = "target/release/examples/hash_rate")]
    pub hash_rate: PathBuf,
    /// A PostgreSQL server on which databases may be made: all figures are taken there too.
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Only these groups: size, start, whoami, flood, flows, logins, enumeration.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub only: Vec<String>,
    /// What samples are drawn from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Samples of each kind where times are compared.
    #[arg(long, default_value_t = 10_000)]
    pub samples: u32,
}

/// A running server.
pub struct Place<'a> {
    /// As asked for.
    pub options: &'a Options,
    /// The name of the engine.
    pub engine: &'static str,
    /// The server.
    pub node: Node,
    /// How long its start took.
    pub ready_after: std::time::Duration,
    _rig: Rig,
    _database: Option<Database>,
}

impl<'a> Place<'a> {
    /// A fresh server. With `real` hashing costs what it costs in limen's own configuration, else next to nothing.
    pub fn start(options: &'a Options, postgres: Option<&str>, real: bool) -> anyhow::Result<Self> {
        let database = postgres.map(Database::create).transpose()?;
        let mut more = json!({
            "serve": {"public": {"trusted_proxies": ["127.0.0.1"]}},
            "security": {"account_enumeration": {"mitigate": true}}
        });
        if real {
            more["hashers"] = hashers();
        }
        let rig =
            Rig::new(&options.limen, &Plan { dsn: database.as_ref().map(Database::dsn), more, ..Plan::default() })?;
        let mut node = rig.node("node")?;
        let ready_after = node.start()?;
        let engine = if postgres.is_some() { "PostgreSQL" } else { "SQLite" };
        Ok(Self { options, engine, node, ready_after, _rig: rig, _database: database })
    }

    /// A path of its public API.
    pub fn target(&self, path: &str, token: Option<&str>) -> Target {
        Target { authority: self.node.authority(), path: path.to_owned(), token: token.map(str::to_owned) }
    }
}

fn hashers() -> Value {
    let memory = format!("{}KB", logins::MEMORY_KIB);
    json!({"algorithm": "argon2", "argon2": {"memory": memory, "iterations": 2, "parallelism": 1}})
}
