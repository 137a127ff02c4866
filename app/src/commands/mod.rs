//! The command line.

pub mod admin_keys;
pub mod config;
pub mod health;
pub mod migrate;
pub mod permissions;
pub mod secrets;
pub mod serve;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use database::{Db, check_ownership};
use foundation::Clock;

use crate::{compose, logs};

/// Identity and access infrastructure in one program.
#[derive(Debug, Parser)]
#[command(name = "limen", version, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve: listeners and workers, until a signal ends them.
    Serve(Serve),
    /// Bring the database to the tables that this release needs.
    Migrate {
        #[command(subcommand)]
        what: Migrate,
    },
    /// Keys that open the admin API to operators' programs.
    #[command(subcommand)]
    AdminKeys(admin_keys::AdminKeys),
    /// The secrets of the configuration.
    Secrets {
        #[command(subcommand)]
        what: Secrets,
    },
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        what: Config,
    },
    /// Ask the permission service, and work with its relationships and definitions.
    #[command(subcommand)]
    Permissions(permissions::Permissions),
    /// Say whether a server is ready; exit status 0 if it is.
    Health(health::Health),
    /// Say which release this is.
    Version,
    /// The inside of a child process that evaluates Jsonnet for `serve`.
    #[command(hide = true)]
    JsonnetWorker {
        /// Bytes of memory.
        memory: u64,
    },
}

/// Arguments of `limen serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The services to serve; all that are configured if none is named.
    #[arg(value_parser = ["identity", "permissions"])]
    pub services: Vec<String>,
    #[command(flatten)]
    pub files: Files,
    /// Development: cookies without Secure, mail to the built-in inbox. Never in production.
    #[arg(long)]
    pub dev: bool,
    /// Migrate the database at start. SQLite does so in any case.
    #[arg(long)]
    pub auto_migrate: bool,
    /// Accepted for compatibility: messages are always delivered.
    #[arg(long, hide = true)]
    pub watch_courier: bool,
    /// Accepted for compatibility: nothing is ever reported to anybody.
    #[arg(long, hide = true)]
    pub sqa_opt_out: bool,
}

/// Where the configuration is.
#[derive(Debug, Args, Clone)]
pub struct Files {
    /// A configuration file (YAML or JSON); later ones override earlier ones.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// Where a server without a configuration file makes its own.
    #[arg(long, value_name = "FOLDER", default_value = ".limen")]
    pub data: PathBuf,
}

impl Files {
    /// The files that are named, else the one of the data folder, if it is there.
    pub fn present(&self) -> Vec<PathBuf> {
        let own = self.data.join("limen.yml");
        if self.config.is_empty() && own.is_file() { vec![own] } else { self.config.clone() }
    }
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// The database's tables.
    Sql(migrate::Sql),
}

#[derive(Debug, Subcommand)]
enum Secrets {
    /// Seal what is kept at rest under the first of secrets.cipher, so that the others can go.
    Reseal(Files),
}

#[derive(Debug, Subcommand)]
enum Config {
    /// Say whether a server with this configuration would start.
    Check(Files),
    /// Say what a key means, what it is, and where that comes from.
    Explain {
        /// The key, with dots: session.lifespan
        key: String,
        #[command(flatten)]
        files: Files,
    },
    /// Print all keys that have a default.
    Defaults,
}

/// The environment: read here, once, and passed on.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Does what the arguments say.
///
/// # Errors
/// What the person at the terminal needs to know.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Command::JsonnetWorker { memory } = arguments.command {
        return Ok(scripting::jsonnet::worker::run(memory)?);
    }
    let environment = environment();
    match arguments.command {
        Command::Serve(serve) => serve::run(&serve, environment),
        Command::Migrate { what: Migrate::Sql(sql) } => migrate::run(&sql, &environment),
        Command::AdminKeys(what) => admin_keys::run(&what, &environment),
        Command::Secrets { what: Secrets::Reseal(files) } => secrets::reseal(&files, &environment),
        Command::Config { what: Config::Check(files) } => logs::say(&config::check(&files.present(), &environment)?),
        Command::Config { what: Config::Explain { key, files } } => {
            logs::say(&config::explain(&files.present(), &environment, &key)?)
        }
        Command::Config { what: Config::Defaults } => logs::say(&config::defaults()?),
        Command::Permissions(what) => permissions::run(&what, &environment),
        Command::Health(health) => health::run(&health),
        Command::Version => logs::say(&format!("limen {}", env!("CARGO_PKG_VERSION"))),
        Command::JsonnetWorker { .. } => Ok(()),
    }
}

/// Opens the configured database, for commands that work beside a server.
///
/// # Errors
/// No DSN, a database that cannot be reached or holds the tables of another program.
async fn open_database(files: &Files, environment: &config::Environment, clock: Arc<dyn Clock>) -> anyhow::Result<Db> {
    let db = Db::open(&dsn(files, environment)?, clock).await?;
    check_ownership(&db, &compose::schema()).await?;
    Ok(db)
}

fn dsn(files: &Files, environment: &config::Environment) -> anyhow::Result<String> {
    if let Some(dsn) = environment.get("DSN").filter(|dsn| !dsn.is_empty()) {
        return Ok(dsn.clone());
    }
    let loaded = config::loader(&files.present(), environment).load_unchecked()?;
    let dsn = loaded.value().get("dsn").and_then(|dsn| dsn.as_str()).map(str::to_owned);
    dsn.context("there is no dsn: name a configuration file with -c, or set DSN")
}

/// Runs asynchronous work to its end.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
