//! The disk under SQLite runs full, and there is room again. The file system is a small one in memory, which takes root.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foundation::SeededRng;

use super::ledger::{Ledger, below};
use super::story::Stories;
use super::{Outcome, Run, TOGETHER, audit};
use crate::rig::sink::Sink;
use crate::rig::{Plan, Rig};

const SIZE_MB: usize = 32;
/// The disk is not full for longer than this.
const LONGEST_ROOM: Duration = Duration::from_secs(10);

pub fn run(run: &Run, output: &mut dyn Write) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("limen-disk-").tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path())? else {
        writeln!(output, "disk: SKIPPED, as only root may mount a small file system (mount -t tmpfs)")?;
        return Ok(());
    };
    let file = disk.path.join("limen.db");
    let sink = Sink::start()?;
    let dsn = format!("sqlite://{}", file.display());
    let plan = Plan { dsn: Some(dsn), smtp: Some(sink.port()), ..Plan::default() };
    let rig = Rig::new(&run.limen, &plan)?;
    let mut node = rig.node("node")?;
    node.start()?;
    let api = node.api();
    let ledger = Ledger::default();
    let (over, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let stories = Stories { api: &api, ledger: &ledger, gapless: false, enough: &enough };
    let filled = std::thread::scope(|scope| {
        scope.spawn(|| {
            stories.play(run.rounds, TOGETHER, run.seed);
            over.store(true, Ordering::Relaxed);
        });
        let filled = fill_until(&disk, &ledger, &over, &SeededRng::new(run.seed));
        enough.store(true, Ordering::Relaxed);
        filled
    })?;
    ensure!(node.exited()?.is_none(), "the server did not stay: {}", node.log_end());
    let told = node.log().lines().filter(|line| line.contains("the disk of the database is full")).count();
    ensure!(filled == 0 || told > 0, "the log says nothing of a full disk");
    let findings = audit(&api, &ledger, &sink)?;
    let integrity = integrity(&file)?;
    let title = format!("disk, seed {}", run.seed);
    let broken = format!("the disk was full {filled} times; {integrity}");
    Outcome { title, broken, ledger: &ledger, findings, log: node.log() }.tell(output)
}

fn fill_until(disk: &SmallDisk, ledger: &Ledger, over: &AtomicBool, rng: &SeededRng) -> anyhow::Result<u32> {
    let mut filled = 0;
    while !over.load(Ordering::Relaxed) {
        // Room for some answers each time, however slow the machine is.
        let (begun, last) = (Instant::now(), ledger.answered.load(Ordering::Relaxed) + 10 + below(rng, 50) as usize);
        while ledger.answered.load(Ordering::Relaxed) < last
            && begun.elapsed() < LONGEST_ROOM
            && !over.load(Ordering::Relaxed)
        {
            sleep(Duration::from_millis(2));
        }
        disk.fill()?;
        filled += 1;
        sleep(Duration::from_millis(u64::from(200 + below(rng, 500))));
        disk.make_room()?;
    }
    Ok(filled)
}

/// What SQLite's own check says.
fn integrity(file: &Path) -> anyhow::Result<String> {
    let Ok(output) =
        Command::new("sqlite3").arg(file).arg("PRAGMA integrity_check; PRAGMA foreign_key_check;").output()
    else {
        return Ok("the integrity of the file was NOT CHECKED, as sqlite3 is not installed".to_owned());
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(output.status.success() && text == "ok", "SQLite finds the file damaged: {text}");
    Ok("SQLite finds the file whole".to_owned())
}

/// A file system of a few megabytes. Dropping it takes it away.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None` where this is not allowed.
    fn mount(path: &Path) -> anyhow::Result<Option<Self>> {
        let options = format!("size={SIZE_MB}m");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "limen"]).arg(path).output();
        let mounted = status.is_ok_and(|output| output.status.success());
        Ok(mounted.then(|| Self { path: path.to_owned() }))
    }

    fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::create(self.path.join("ballast")).context("no ballast")?;
        let chunk = vec![0; 64 * 1024];
        // Until there is no room, down to the last page.
        while file.write_all(&chunk).is_ok() {}
        let mut rest = File::create(self.path.join("ballast-2"))?;
        while rest.write_all(&chunk[..512]).is_ok() {}
        Ok(())
    }

    fn make_room(&self) -> anyhow::Result<()> {
        for name in ["ballast", "ballast-2"] {
            std::fs::remove_file(self.path.join(name))?;
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server may still have its files open.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
