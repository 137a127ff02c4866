//! `limen admin-keys create|list|revoke`: keys that open the admin API to operators' programs. Works on the configured
//! database, whether a server runs or not.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use foundation::{Clock, GoDuration, Rng, SystemClock, SystemRng, Timestamp};
use operators::AdminKey;

use super::config::Environment;
use super::{Files, block_on, open_database};
use crate::{compose, logs};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum AdminKeys {
    /// Make a key and print it: this once.
    Create(Create),
    /// List the names of all keys.
    List(Files),
    /// Take a key back. The next request that shows it is refused.
    Revoke {
        /// Its name.
        name: String,
        #[command(flatten)]
        files: Files,
    },
}

/// Arguments of `limen admin-keys create`.
#[derive(Debug, Args)]
pub struct Create {
    /// What the key is called in lists: whoever uses it, such as `deploy`.
    name: String,
    /// How long it is good for, such as 720h; without this until it is revoked.
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// Does what the arguments say.
///
/// # Errors
/// A database that cannot be reached or has no table of keys yet, a name that is taken or unknown.
pub fn run(what: &AdminKeys, environment: &Environment) -> anyhow::Result<()> {
    let text = match what {
        AdminKeys::Create(create) => block_on(made(create, environment))?,
        AdminKeys::List(files) => block_on(async {
            let keys = open(files, environment).await?.list().await?;
            Ok(keys.iter().map(line).collect())
        })?,
        AdminKeys::Revoke { name, files } => block_on(async {
            if !open(files, environment).await?.revoke(name).await? {
                bail!("there is no key named {name:?}: `limen admin-keys list` has the names");
            }
            Ok(format!("revoked {name}\n"))
        })?,
    };
    logs::say(&text)
}

async fn open(files: &Files, environment: &Environment) -> anyhow::Result<operators::AdminKeys> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let db = open_database(files, environment, Arc::clone(&clock)).await?;
    if !compose::schema().pending(&db).await?.is_empty() {
        bail!("the database is not migrated: run `limen migrate sql up` with the same configuration");
    }
    Ok(operators::AdminKeys::new(db, clock, rng, compose::TENANT))
}

async fn made(create: &Create, environment: &Environment) -> anyhow::Result<String> {
    let lifespan = match &create.expires_in {
        Some(text) => {
            let lifespan: GoDuration = text.parse().with_context(|| format!("--expires-in {text}"))?;
            Some(lifespan.to_std())
        }
        None => None,
    };
    let (_, secret) = open(&create.files, environment).await?.create(&create.name, lifespan).await?;
    // The key alone, so that scripts can take it over.
    Ok(format!("{}\n", secret.expose()))
}

fn line(key: &AdminKey) -> String {
    let day = |instant: Timestamp| instant.strftime("%Y-%m-%d").to_string();
    let ends = key.expires_at.map_or_else(|| "never".to_owned(), day);
    let used = key.last_used_at.map_or_else(|| "never".to_owned(), day);
    format!("{:<24} made {}  expires {ends:<10}  last used {used}\n", key.name, day(key.created_at))
}
