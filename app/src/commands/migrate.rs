//! `limen migrate sql [up|status|down]`.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use database::{Db, check_ownership};
use foundation::{Clock, SystemClock};

use super::config::{self, Environment};
use super::{Files, block_on};
use crate::{compose, logs};

/// Arguments of `limen migrate sql`.
#[derive(Debug, Args)]
pub struct Sql {
    /// What to do.
    #[arg(value_parser = ["up", "status", "down"], default_value = "up")]
    action: String,
    /// How many migrations `down` takes back.
    #[arg(long, default_value_t = 1)]
    steps: usize,
    /// Don't ask; accepted for compatibility, as nothing is asked.
    #[arg(short, long)]
    yes: bool,
    /// Read the DSN from the environment; accepted for compatibility, as it is read in any case.
    #[arg(short = 'e', long)]
    read_from_env: bool,
    #[command(flatten)]
    files: Files,
}

/// Does what the arguments say to the configured database.
///
/// # Errors
/// A database that cannot be reached, is another program's, or refuses a migration.
pub fn run(arguments: &Sql, environment: &Environment) -> anyhow::Result<()> {
    let dsn = dsn(arguments, environment)?;
    block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let db = Db::open(&dsn, Arc::clone(&clock)).await?;
        let schema = compose::schema();
        check_ownership(&db, &schema).await?;
        let text = match arguments.action.as_str() {
            "status" => {
                let rows = schema.status(&db).await?;
                let line = |row: &database::MigrationStatus| {
                    format!("{:<9} {}\n", if row.applied.is_some() { "applied" } else { "pending" }, row.name)
                };
                rows.iter().map(line).collect()
            }
            "down" => told("taken back", &schema.down(&db, arguments.steps).await?),
            _ => told("applied", &schema.up(&db, clock.now()).await?),
        };
        logs::say(&text)
    })
}

fn told(what: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "nothing to do\n".to_owned();
    }
    names.iter().map(|name| format!("{what} {name}\n")).collect()
}

fn dsn(arguments: &Sql, environment: &Environment) -> anyhow::Result<String> {
    if let Some(dsn) = environment.get("DSN").filter(|dsn| !dsn.is_empty()) {
        return Ok(dsn.clone());
    }
    let loaded = config::loader(&arguments.files.present(), environment).load_unchecked()?;
    let dsn = loaded.value().get("dsn").and_then(|dsn| dsn.as_str()).map(str::to_owned);
    dsn.context("there is no dsn: name a configuration file with -c, or set DSN")
}
