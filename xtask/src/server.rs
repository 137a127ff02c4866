//! Starts a built program as a newcomer would, outside the checkout: in development, with the configuration that it makes
//! for itself, in a temporary folder. Only its ports are moved to free ones.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::client::{Request, send};
use crate::demo::Addresses;
use crate::rig::free_ports;

/// The ports of the configuration that limen makes: public API, admin API, pages, inbox.
const PORTS: [u16; 4] = [4433, 4434, 4455, 4436];

/// A running program; dropping it ends it and removes its folder.
pub struct Running {
    child: Child,
    addresses: Addresses,
    folder: TempDir,
}

impl Running {
    /// Starts the program and waits until it answers.
    pub fn start(limen: &Path, dsn: Option<&str>) -> anyhow::Result<Self> {
        let limen = limen.canonicalize().with_context(|| format!("{} is not there: make build", limen.display()))?;
        let folder = tempfile::Builder::new().prefix("limen walk ").tempdir()?;
        let config = folder.path().join("data/limen.yml");
        first_configuration(&limen, folder.path(), &config)?;
        let ports = free_ports()?;
        std::fs::write(&config, moved(&std::fs::read_to_string(&config)?, ports))?;
        let child = spawn(&limen, folder.path(), "log", dsn)?;
        let at = |port: u16| format!("http://localhost:{port}");
        let addresses = Addresses { public: at(ports[0]), admin: at(ports[1]), inbox: at(ports[3]) };
        let mut running = Self { child, addresses, folder };
        running.wait()?;
        Ok(running)
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let url = format!("{}/health/ready", self.addresses.public);
        for _ in 0..10_000 {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended at once ({status}):\n{}", self.log_end());
            }
            let request = Request { method: "GET", url: &url, token: None, body: None };
            if send(&request).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(3));
        }
        bail!("the program is not ready after 30 seconds:\n{}", self.log_end())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; its folder goes away either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration as the first start makes it. That start is ended as soon as the file is there.
fn first_configuration(limen: &Path, folder: &Path, config: &Path) -> anyhow::Result<()> {
    let mut first = spawn(limen, folder, "first-log", Some("memory"))?;
    let mut tries = 0;
    while !config.exists() && tries < 300 && first.try_wait()?.is_none() {
        tries += 1;
        sleep(Duration::from_millis(20));
    }
    // A taken port may have ended it already.
    let _ = first.kill();
    first.wait()?;
    if !config.exists() {
        let log = std::fs::read_to_string(folder.join("first-log")).unwrap_or_default();
        bail!("the program made no configuration:\n{log}");
    }
    Ok(())
}

fn spawn(limen: &Path, folder: &Path, log: &str, dsn: Option<&str>) -> anyhow::Result<Child> {
    let log = File::create(folder.join(log))?;
    let mut command = Command::new(limen);
    command.args(["serve", "identity", "--dev", "--auto-migrate", "--data"]).arg(folder.join("data"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).env_remove("DSN");
    if let Some(dsn) = dsn {
        command.env("DSN", dsn);
    }
    command.spawn().with_context(|| format!("{} does not run", limen.display()))
}

/// Moves every port of a configuration, by way of names, as a new port may be the old one of another listener.
fn moved(configuration: &str, ports: [u16; 4]) -> String {
    let mut text = configuration.to_owned();
    for (index, port) in PORTS.iter().enumerate() {
        text = text.replace(&format!("localhost:{port}"), &format!("localhost:@{index}@"));
        text = text.replace(&format!("port: {port}"), &format!("port: @{index}@"));
    }
    for (index, port) in ports.iter().enumerate() {
        text = text.replace(&format!("@{index}@"), &port.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ports_move_at_once_and_secrets_stay() {
        let text = "port: 4433\nurl: http://localhost:4455/login\nport: 4434\nsecret: a4433b\n";
        let expected = "port: 4434\nurl: http://localhost:4436/login\nport: 4433\nsecret: a4433b\n";
        assert_eq!(moved(text, [4434, 4433, 4436, 4455]), expected);
    }
}
