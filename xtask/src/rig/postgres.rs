//! PostgreSQL for rigs: a database on a server that runs, or a server of one's own that can be stopped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail, ensure};
use foundation::{Rng, SystemRng};
use tempfile::TempDir;

/// A database on a server. Dropping it drops it.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes one on the server of this URL. A commit is acknowledged there only when it is written down, whatever the
    /// server's own setting: those of test servers are relaxed.
    pub fn create(server: &str) -> anyhow::Result<Self> {
        let name = format!("limen_rig_{}", SystemRng.uuid().simple());
        psql(server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))?;
        let made = Self { server: server.to_owned(), name };
        psql(server, &format!("ALTER DATABASE {} SET synchronous_commit = on", made.name))?;
        Ok(made)
    }

    /// How limen reaches it.
    pub fn dsn(&self) -> String {
        with_database(&self.server, &self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server may have gone before, with all its databases.
        let _ = psql(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// The path of the URL is the database: everything between the last slash and the options.
fn with_database(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, None), |(address, rest)| (address, Some(rest)));
    let host = address.rsplit_once('/').map_or(address, |(host, _)| host);
    options.map_or_else(|| format!("{host}/{name}"), |options| format!("{host}/{name}?{options}"))
}

fn psql(server: &str, statement: &str) -> anyhow::Result<String> {
    let program = psql_program().context("psql is missing: install PostgreSQL's client programs")?;
    let output = Command::new(program).args(["-X", "-q", "-A", "-t", "-d", server, "-c", statement]).output()?;
    text_of(&output)
}

fn psql_program() -> Option<PathBuf> {
    let on_path = Command::new("psql").arg("--version").output().is_ok();
    if on_path {
        return Some("psql".into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.flatten().map(|version| version.path().join("bin/psql")).filter(|file| file.is_file()).max()
}

fn text_of(output: &Output) -> anyhow::Result<String> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A server of our own, in a folder of its own. Dropping it removes it.
pub struct Cluster {
    folder: TempDir,
    url: String,
}

impl Cluster {
    /// Makes and starts it. `None` if PostgreSQL is not installed.
    pub fn start(checkout: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("limen-cluster-").tempdir()?;
        // The script keeps its notes beside the folder that it lies in: a copy has a server of its own.
        let scripts = folder.path().join("xtask");
        std::fs::create_dir(&scripts)?;
        std::fs::copy(checkout.join("xtask/postgres.sh"), scripts.join("postgres.sh"))?;
        let mut cluster = Self { folder, url: String::new() };
        cluster.url = cluster.script("start")?;
        Ok(cluster)
    }

    /// How to reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it at once, as a crash would.
    pub fn crash(&self) -> anyhow::Result<()> {
        self.script("stop").map(drop)
    }

    /// Starts it again.
    pub fn restart(&self) -> anyhow::Result<()> {
        let url = self.script("start")?;
        ensure!(url == self.url, "the server came back elsewhere: somebody took its port");
        Ok(())
    }

    fn script(&self, what: &str) -> anyhow::Result<String> {
        // Not `output`: the server would keep the pipe open. The script says little, into a file.
        let told = self.folder.path().join("told");
        let script = self.folder.path().join("xtask/postgres.sh");
        let to = std::fs::File::create(&told)?;
        let status = Command::new("sh").arg(script).arg(what).stdout(to.try_clone()?).stderr(to).status()?;
        let text = std::fs::read_to_string(&told)?.trim().to_owned();
        ensure!(status.success(), "xtask/postgres.sh {what}: {text}");
        Ok(text)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.script("remove");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_put_into_the_url() {
        assert_eq!(
            with_database("postgres://a@h:1/postgres?sslmode=disable", "x"),
            "postgres://a@h:1/x?sslmode=disable"
        );
        assert_eq!(with_database("postgres://a@h:1/postgres", "x"), "postgres://a@h:1/x");
    }
}
