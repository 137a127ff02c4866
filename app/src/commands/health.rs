//! `limen health`: whether a server is ready, for images that carry no other program which could ask.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use web::{OutboundClient, OutboundPolicy};

use super::block_on;
use crate::logs;

/// Arguments of `limen health`.
#[derive(Debug, Args)]
pub struct Health {
    /// What to ask; an answer of 200 means ready.
    #[arg(long, default_value = "http://127.0.0.1:4434/health/ready")]
    url: String,
}

/// Asks once.
///
/// # Errors
/// No answer, or one that says why the server is not ready.
pub fn run(arguments: &Health) -> anyhow::Result<()> {
    // It asks the machine that it runs on: a private address is the usual case.
    let policy = OutboundPolicy {
        disallow_private: false,
        timeout: Duration::from_secs(3),
        retries: 0,
        ..OutboundPolicy::default()
    };
    block_on(async {
        let client = OutboundClient::new(policy)?;
        let answer = client.get(&arguments.url).await.with_context(|| format!("{} does not answer", arguments.url))?;
        if answer.status != 200 {
            bail!("not ready ({}): {}", answer.status, String::from_utf8_lossy(&answer.body).trim_end());
        }
        logs::say("ready\n")
    })
}
