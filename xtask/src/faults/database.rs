//! The database goes and comes back, under load. The server stays: it says so (503, with when to try again), lives on, and goes
//! on by itself.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foundation::SeededRng;

use super::ledger::{Ledger, below};
use super::story::Stories;
use super::{Outcome, Run, TOGETHER, audit};
use crate::client::{Request, send};
use crate::rig::postgres::{Cluster, Database};
use crate::rig::sink::Sink;
use crate::rig::{Node, Plan, Rig};

/// How soon the server has to be of use again once the database is back.
const RECOVERY: Duration = Duration::from_secs(15);

pub fn run(run: &Run, output: &mut dyn Write) -> anyhow::Result<()> {
    let cluster = Cluster::start(crate::root()?)?;
    let database = Database::create(cluster.url())?;
    let sink = Sink::start()?;
    let plan = Plan { dsn: Some(database.dsn()), smtp: Some(sink.port()), ..Plan::default() };
    let rig = Rig::new(&run.limen, &plan)?;
    let mut node = rig.node("node")?;
    node.start()?;
    let pid = node.pid();
    let ledger = Ledger::default();
    let (over, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let api = node.api();
    let stories = Stories { api: &api, ledger: &ledger, gapless: false, enough: &enough };
    let crashes = std::thread::scope(|scope| {
        scope.spawn(|| {
            stories.play(run.rounds, TOGETHER, run.seed);
            over.store(true, Ordering::Relaxed);
        });
        let crashes = crash_until(&cluster, &mut node, &over, &SeededRng::new(run.seed));
        enough.store(true, Ordering::Relaxed);
        crashes
    })?;
    ensure!(node.exited()?.is_none() && node.pid() == pid, "the server did not stay: {}", node.log_end());
    let findings = audit(&api, &ledger, &sink)?;
    let title = format!("database, seed {}", run.seed);
    let broken = format!(
        "PostgreSQL crashed {} times; the server was ready again {} ms after it at the latest",
        crashes.count,
        crashes.slowest.as_millis()
    );
    Outcome { title, broken, ledger: &ledger, findings, log: node.log() }.tell(output)
}

#[derive(Default)]
struct Crashes {
    count: u32,
    slowest: Duration,
}

fn crash_until(cluster: &Cluster, node: &mut Node, over: &AtomicBool, rng: &SeededRng) -> anyhow::Result<Crashes> {
    let mut crashes = Crashes::default();
    while !over.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(u64::from(300 + below(rng, 2500))));
        cluster.crash()?;
        crashes.count += 1;
        look_while_gone(node)?;
        sleep(Duration::from_millis(u64::from(below(rng, 1500))));
        cluster.restart()?;
        let begun = Instant::now();
        node.wait_ready(RECOVERY).context("the server does not recover")?;
        crashes.slowest = crashes.slowest.max(begun.elapsed());
    }
    Ok(crashes)
}

/// What the server says while there is no database: it lives, is not ready, and turns people away politely.
fn look_while_gone(node: &Node) -> anyhow::Result<()> {
    let ask = |path: &str| {
        let url = format!("{}{path}", node.public());
        send(&Request { method: "GET", url: &url, token: None, body: None })
    };
    let status = ask("/health/alive")?.status;
    ensure!(status == 200, "/health/alive answers {status} without a database");
    let status = ask("/health/ready")?.status;
    ensure!(status == 503, "/health/ready answers {status} without a database");
    let begun = Instant::now();
    let answer = ask("/self-service/login/api")?;
    ensure!(
        answer.status == 503 && answer.retry_after.is_some(),
        "a flow begins with {} (Retry-After: {:?}) without a database",
        answer.status,
        answer.retry_after
    );
    ensure!(begun.elapsed() < Duration::from_secs(12), "it took {} s to say no", begun.elapsed().as_secs());
    Ok(())
}
