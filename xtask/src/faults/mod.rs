//! Breaks things under a running server and looks whether it keeps its word. `story` is what people do meanwhile, `ledger` what
//! they were told, `audit` the comparison in the end; each of the other files breaks something else. The seed draws the
//! stories and the moments; how far the server has come at such a moment is its own affair, so a run is repeated in kind, not
//! step by step.

mod audit;
mod database;
mod disk;
mod kill;
pub mod ledger;
mod mail;
mod outcome;
pub mod story;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

pub use audit::{Findings, audit};
pub use outcome::Outcome;

/// What to break.
#[derive(Debug, Subcommand)]
pub enum Fault {
    /// Kill the server at random moments while people sign up, sign in, change passwords and get mails.
    Kill {
        #[command(flatten)]
        run: Run,
        /// A PostgreSQL server on which a database may be made; SQLite if it is not given.
        #[arg(long, value_name = "URL")]
        postgres: Option<String>,
    },
    /// Crash PostgreSQL under the server and start it again, several times: a PostgreSQL server of its own.
    Database {
        #[command(flatten)]
        run: Run,
    },
    /// Fill the disk under SQLite and make room again. Needs root, for a small file system.
    Disk {
        #[command(flatten)]
        run: Run,
    },
    /// A mail server that is down, slow, refuses one recipient, and hangs up in the middle of a mail.
    Mail {
        #[command(flatten)]
        run: Run,
    },
}

/// How much of it.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// The program.
    #[arg(long)]
    pub limen: PathBuf,
    /// How many stories are told.
    #[arg(long, default_value_t = 1000)]
    pub rounds: u32,
    /// What the stories and the moments are drawn from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// How many people live their stories at the same time.
const TOGETHER: u32 = 8;

/// Breaks it.
///
/// # Errors
/// Each promise that was broken.
pub fn break_it(fault: &Fault, output: &mut dyn Write) -> anyhow::Result<()> {
    match fault {
        Fault::Kill { run, postgres } => kill::run(run, postgres.as_deref(), output),
        Fault::Database { run } => database::run(run, output),
        Fault::Disk { run } => disk::run(run, output),
        Fault::Mail { run } => mail::run(run, output),
    }
}
