//! `limen migrate sql [up|status|down]`.

use std::sync::Arc;

use clap::Args;
use foundation::{Clock, SystemClock};

use super::config::Environment;
use super::{Files, block_on, open_database};
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
    block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let db = open_database(&arguments.files, environment, Arc::clone(&clock)).await?;
        let schema = compose::schema();
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
