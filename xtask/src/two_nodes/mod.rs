//! Two servers on one PostgreSQL database behind a proxy, as examples/two-nodes sets them up: they behave as one, are restarted
//! one after the other without a failed request, and lose nothing when one of them or the database dies. `scenes` is what is
//! played.

mod scenes;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::rig::postgres::{Cluster, Database};
use crate::rig::proxy::Proxy;
use crate::rig::sink::Sink;
use crate::rig::{Api, Node, Plan, Rig, free_ports};

/// What to play with.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The program.
    #[arg(long)]
    pub limen: PathBuf,
    /// Stories that are told in each scene under load.
    #[arg(long, default_value_t = 200)]
    pub rounds: u32,
    /// What the stories are drawn from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Everything that a scene needs.
pub struct Stage {
    options: Options,
    cluster: Cluster,
    sink: Sink,
    nodes: [Node; 2],
    proxy: Proxy,
    /// How many scenes under load were played: each has people of its own.
    loads: u64,
    /// Dropped after the nodes.
    _database: Database,
    _rig: Rig,
}

impl Stage {
    fn build(options: &Options) -> anyhow::Result<Self> {
        let cluster = Cluster::start(crate::root()?)?;
        let database = Database::create(cluster.url())?;
        let sink = Sink::start()?;
        let [port] = free_ports()?;
        let plan = Plan {
            dsn: Some(database.dsn()),
            smtp: Some(sink.port()),
            public_url: Some(format!("http://127.0.0.1:{port}/")),
            more: json!({
                "serve": {"drain_delay": "1s", "public": {"trusted_proxies": ["127.0.0.1"]}},
                "database": {"cleanup": {"sleep": {"tables": "1s"}}}
            }),
        };
        let rig = Rig::new(&options.limen, &plan)?;
        let mut nodes = [rig.node("first")?, rig.node("second")?];
        // The first one migrates.
        for node in &mut nodes {
            node.start()?;
        }
        let proxy = Proxy::start(port, &[nodes[0].authority(), nodes[1].authority()])?;
        let stage =
            Self { options: options.clone(), cluster, sink, nodes, proxy, loads: 0, _database: database, _rig: rig };
        stage.wait_for_proxy()?;
        Ok(stage)
    }

    /// Both nodes, by way of the proxy.
    fn api(&self) -> Api {
        Api::new(&self.proxy.url(), &self.nodes[0].admin())
    }

    /// Until the proxy sends requests to both.
    fn wait_for_proxy(&self) -> anyhow::Result<()> {
        for _ in 0..3000 {
            if self.proxy.is_ready(0) && self.proxy.is_ready(1) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        anyhow::bail!("the proxy does not see both nodes ready")
    }

    fn logs(&self) -> String {
        let [first, second] = &self.nodes;
        format!("the first node:\n{}\nthe second node:\n{}", first.log_end(), second.log_end())
    }
}

/// Plays all scenes.
///
/// # Errors
/// The first scene that does not go as it should.
pub fn play(options: &Options, output: &mut dyn Write) -> anyhow::Result<()> {
    let mut stage = Stage::build(options)?;
    writeln!(output, "two nodes, seed {}", options.seed)?;
    for (title, scene) in scenes::ALL {
        let told = scene(&mut stage).with_context(|| format!("FAILED: {title}\n{}", stage.logs()))?;
        writeln!(output, "  {title}: {told}")?;
    }
    Ok(())
}
