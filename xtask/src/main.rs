//! Chores of the repository: checks of its shape, the demo, measurements, and tests that break things. What ships is in `app` and `crates`.

mod bench;
mod client;
mod demo;
mod faults;
mod layers;
mod rig;
mod server;
mod sizes;
mod sources;
mod two_nodes;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use foundation::{SystemClock, SystemRng};

/// Chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check that dependencies go strictly down, and that each outside library is where it belongs.
    Layers,
    /// Check that no source file is longer than its readers can bear.
    Sizes,
    /// Play a person's whole story against a running server.
    Demo(demo::Addresses),
    /// Measure a built program, and print the figures beside their goals.
    Bench(bench::Options),
    /// Break things under a built program, and look whether it keeps its word.
    Faults {
        #[command(subcommand)]
        fault: faults::Fault,
    },
    /// Run two nodes on one database behind a proxy, restart and kill them, and look whether they behave as one.
    TwoNodes(two_nodes::Options),
    /// Run the small proxy of examples/two-nodes.
    Proxy {
        /// The port to listen at, on this machine only.
        #[arg(long, default_value_t = 4433)]
        port: u16,
        /// Host and port of each node.
        #[arg(required = true, value_name = "HOST:PORT")]
        nodes: Vec<String>,
    },
    /// Start a built program outside the checkout, on a database of its own, and play the demo against it.
    Walk {
        /// The program.
        #[arg(long)]
        limen: PathBuf,
        /// Where it keeps its data, such as postgres://…; SQLite in a temporary folder if it is not given.
        #[arg(long)]
        dsn: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    match chore {
        Chore::Layers => told(&layers::problems(root()?)?, "layers"),
        Chore::Sizes => told(&sizes::problems(root()?)?, "sizes"),
        Chore::Demo(addresses) => demo::play(addresses, &SystemClock, &SystemRng, &mut output),
        Chore::Bench(options) => bench::run_all(options, &mut output),
        Chore::Faults { fault } => faults::break_it(fault, &mut output),
        Chore::TwoNodes(options) => two_nodes::play(options, &mut output),
        Chore::Proxy { port, nodes } => {
            let proxy = rig::proxy::Proxy::start(*port, nodes)?;
            writeln!(output, "{} in front of {}", proxy.url(), nodes.join(" and "))?;
            loop {
                std::thread::park();
            }
        }
        Chore::Walk { limen, dsn } => {
            let server = server::Running::start(limen, dsn.as_deref())?;
            let played = demo::play(server.addresses(), &SystemClock, &SystemRng, &mut output);
            played.with_context(|| format!("the end of the server's log:\n{}\nthe demo failed", server.log_end()))
        }
    }
}

fn told(problems: &[String], chore: &str) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{chore}: {} found\n- {}", problems.len(), problems.join("\n- "))
}

/// The checkout that this program was built from.
fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no checkout")
}
