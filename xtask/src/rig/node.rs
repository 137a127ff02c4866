//! One server process: started, waited for, killed, told to stop.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Api;
use crate::client::{Request, send};

/// A server of a rig. Dropping it ends it.
pub struct Node {
    limen: PathBuf,
    config: PathBuf,
    log: PathBuf,
    ports: [u16; 2],
    child: Option<Child>,
}

/// How a server is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGKILL: it has no say.
    Kill,
    /// SIGTERM: it ends in order.
    Orderly,
}

impl Node {
    pub(super) fn new(limen: &Path, config: &Path, log: PathBuf, ports: [u16; 2]) -> Self {
        Self { limen: limen.to_owned(), config: config.to_owned(), log, ports, child: None }
    }

    /// Its public API.
    pub fn public(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Its admin API.
    pub fn admin(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Both APIs, for people.
    pub fn api(&self) -> Api {
        Api::new(&self.public(), &self.admin())
    }

    /// Host and port of the public API.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it and waits until it is ready; says how long that took.
    pub fn start(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.spawn()?;
        self.wait_ready(Duration::from_secs(60))?;
        Ok(begun.elapsed())
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.limen);
        command.args(["serve", "identity", "--dev", "--auto-migrate", "-c"]).arg(&self.config);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).env_clear();
        let child = command.spawn().with_context(|| format!("{} does not run", self.limen.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it is ready.
    pub fn wait_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let url = format!("{}/health/ready", self.public());
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Some(status) = self.exited()? {
                bail!("the server ended by itself ({status}):\n{}", self.log_end());
            }
            let request = Request { method: "GET", url: &url, token: None, body: None };
            if send(&request).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(3));
        }
        bail!("the server is not ready after {} seconds:\n{}", patience.as_secs(), self.log_end())
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?),
            None => bail!("the server was not started"),
        }
    }

    /// Ends it and waits for its end.
    pub fn stop(&mut self, how: Stop) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        match how {
            Stop::Kill => child.kill()?,
            Stop::Orderly => {
                let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
                if !told.success() {
                    bail!("the server cannot be told to stop");
                }
            }
        }
        let status = child.wait()?;
        if how == Stop::Orderly && !status.success() {
            bail!("the server did not end in order ({status}):\n{}", self.log_end());
        }
        Ok(())
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.stop(Stop::Kill);
    }
}
