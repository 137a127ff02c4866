//! SIGKILL at random moments, while the server works and while it starts.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use foundation::{Rng, SeededRng};

use super::ledger::{Ledger, below};
use super::story::Stories;
use super::{Outcome, Run, TOGETHER, audit};
use crate::rig::postgres::Database;
use crate::rig::sink::{Manner, Sink};
use crate::rig::{Node, Plan, Rig, Stop};

/// A server lives for fewer answers than this; counted so, and not by time, as machines differ.
const MOST_ANSWERS: u32 = 80;
/// Nor longer than this, whatever it answers.
const LONGEST_LIFE: Duration = Duration::from_secs(5);

pub fn run(run: &Run, postgres: Option<&str>, output: &mut dyn Write) -> anyhow::Result<()> {
    let database = postgres.map(Database::create).transpose()?;
    let sink = Sink::start()?;
    // So long that a kill in the middle of a delivery is no rare event.
    sink.behave(Manner::Slow(Duration::from_millis(5)));
    let plan = Plan { dsn: database.as_ref().map(Database::dsn), smtp: Some(sink.port()), ..Plan::default() };
    let rig = Rig::new(&run.limen, &plan)?;
    let mut node = rig.node("node")?;
    node.start()?;
    let ledger = Ledger::default();
    let kills = while_killing(&mut node, run, &ledger)?;
    let findings = audit(&node.api(), &ledger, &sink)?;
    let engine = if postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    let title = format!("kill, {engine}, seed {}", run.seed);
    let broken = format!("the server was killed {kills} times");
    Outcome { title, broken, ledger: &ledger, findings, log: node.log() }.tell(output)
}

/// Kills the server again and again until all stories are told, and leaves it running.
fn while_killing(node: &mut Node, run: &Run, ledger: &Ledger) -> anyhow::Result<u32> {
    let api = node.api();
    let (over, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let stories = Stories { api: &api, ledger, gapless: false, enough: &enough };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            stories.play(run.rounds, TOGETHER, run.seed);
            over.store(true, Ordering::Relaxed);
        });
        let killed = kill_until(node, ledger, &over, &SeededRng::new(run.seed));
        // Should the server not come up again, nobody has to wait for it.
        enough.store(true, Ordering::Relaxed);
        killed
    })
}

fn kill_until(node: &mut Node, ledger: &Ledger, over: &AtomicBool, rng: &dyn Rng) -> anyhow::Result<u32> {
    let answered = || ledger.answered.load(Ordering::Relaxed);
    let mut kills = 0;
    while !over.load(Ordering::Relaxed) {
        let (born, last) = (Instant::now(), answered() + below(rng, MOST_ANSWERS) as usize);
        while answered() < last && born.elapsed() < LONGEST_LIFE && !over.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(u64::from(below(rng, 30))));
        node.stop(Stop::Kill)?;
        kills += 1;
        if below(rng, 5) == 0 {
            node.spawn()?;
            sleep(Duration::from_millis(u64::from(below(rng, 200))));
            node.stop(Stop::Kill)?;
            kills += 1;
        }
        node.start()?;
    }
    Ok(kills)
}
