//! Reading again when files change, with the old state kept when the new one is wrong.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::{Config, PollWatcher, RecursiveMode, Watcher};
use serde_json::Value;

use crate::merge::{Path, at};
use crate::{Loaded, Loader, Problem, SettingsError};

/// A changed configuration.
#[derive(Debug, Clone)]
pub struct Reload {
    /// The new state; what needs a restart has its old value in it.
    pub loaded: Loaded,
    /// The keys that changed and take effect.
    pub changed: Vec<String>,
    /// The keys that changed and take effect at the next start.
    pub needs_restart: Vec<String>,
}

/// Compares what is in force with what the files say now.
#[derive(Debug)]
pub struct Reloader {
    loader: Loader,
    in_force: Loaded,
    last_read: Value,
}

impl Reloader {
    /// Starts from what was loaded.
    pub fn new(loader: Loader, loaded: Loaded) -> Self {
        Self { last_read: loaded.value().clone(), in_force: loaded, loader }
    }

    /// Reads again. `None`: nothing has changed since the last look.
    ///
    /// # Errors
    /// What is wrong; the old state stays in force.
    pub fn reload(&mut self) -> Result<Option<Reload>, SettingsError> {
        let mut loaded = self.loader.load()?;
        if *loaded.value() == self.last_read {
            return Ok(None);
        }
        self.last_read = loaded.value().clone();
        let paths = differences(self.in_force.value(), loaded.value());
        let (fixed, free): (Vec<Path>, Vec<Path>) = paths.into_iter().partition(needs_restart);
        let names = |paths: &[Path]| paths.iter().map(|path| loaded.named(path)).collect();
        let (changed, needs_restart) = (names(&free), names(&fixed));
        for path in &fixed {
            let old = at(self.in_force.value(), path);
            loaded.restore(path, old, self.in_force.origin(&path.join(".")).cloned());
        }
        Ok(Some(Reload { loaded, changed, needs_restart }))
    }

    /// Notes that a reload was put in force.
    pub fn accept(&mut self, loaded: Loaded) {
        self.in_force = loaded;
    }
}

/// What is fixed at start: the database, listeners, logs, and the guard of outgoing requests, which a change of files
/// must not open.
fn needs_restart(path: &Path) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["serve", "public", "cors", "allowed_origins", ..] => false,
        ["serve" | "dsn" | "log" | "tracing" | "profiling", ..] => true,
        ["clients", "http", ..] | ["secrets", "cipher", ..] => true,
        _ => false,
    }
}

/// The paths of values that differ; a list is one value.
fn differences(old: &Value, new: &Value) -> Vec<Path> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    leaves(old, &mut Vec::new(), &mut before);
    leaves(new, &mut Vec::new(), &mut after);
    let gone = before.iter().filter(|(path, value)| after.get(*path) != Some(value)).map(|(path, _)| path.clone());
    let come = after.keys().filter(|path| !before.contains_key(*path)).cloned();
    let mut paths: Vec<Path> = gone.chain(come).collect();
    paths.sort();
    paths
}

fn leaves<'a>(value: &'a Value, path: &mut Path, found: &mut BTreeMap<Path, &'a Value>) {
    match value {
        Value::Object(map) if !map.is_empty() || path.is_empty() => {
            for (key, value) in map {
                path.push(key.clone());
                leaves(value, path, found);
                path.pop();
            }
        }
        _ => {
            found.insert(path.clone(), value);
        }
    }
}

enum Signal {
    Changed,
    Now,
    Stop,
}

/// A running watch; it ends when this is dropped.
pub struct Watch {
    watcher: PollWatcher,
    signals: Sender<Signal>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Watch")
    }
}

impl Watch {
    /// Reads again now, for example on SIGHUP.
    pub fn reload(&self) {
        // The thread outlives this sender's owner; a failed send means that the program ends.
        let _ = self.signals.send(Signal::Now);
    }

    /// Looks at the files now instead of at the next interval.
    pub fn look(&self) {
        if let Err(error) = self.watcher.poll() {
            tracing::warn!(%error, "the configuration files could not be looked at");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.signals.send(Signal::Stop);
    }
}

/// How long files must have been quiet before they are read: an editor writes in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// Looks at the files in this interval (unset: only when told to), and calls `apply` with each valid change. When
/// `apply` refuses, the old state stays in force.
///
/// The content is looked at, by path: files that are replaced by rename, by a link that points elsewhere, or on a network
/// file system are noticed alike, which notifications of the operating system do not promise.
///
/// # Errors
/// Files that cannot be watched.
pub fn watch(
    loader: Loader,
    loaded: Loaded,
    interval: Option<Duration>,
    apply: impl FnMut(Reload) -> Result<(), String> + Send + 'static,
) -> Result<Watch, SettingsError> {
    let (signals, inbox) = channel();
    let events = signals.clone();
    let config = Config::default().with_compare_contents(true);
    let config = interval.map_or_else(|| config.with_manual_polling(), |interval| config.with_poll_interval(interval));
    let on_event = move |event: notify::Result<notify::Event>| {
        if event.is_ok() {
            let _ = events.send(Signal::Changed);
        }
    };
    let files = loader.file_paths().to_vec();
    let cannot = |error: notify::Error| {
        let file = error.paths.first().or(files.first()).cloned().unwrap_or_default();
        SettingsError::from(Problem::Unreadable { file, reason: format!("cannot be watched: {error}") })
    };
    let mut watcher = PollWatcher::new(on_event, config).map_err(cannot)?;
    for file in &files {
        watcher.watch(file, RecursiveMode::NonRecursive).map_err(cannot)?;
    }
    let reloader = Reloader::new(loader, loaded);
    std::thread::Builder::new().name("settings".to_owned()).spawn(move || run(reloader, &inbox, apply)).map_err(
        |error| Problem::Unreadable { file: files.first().cloned().unwrap_or_default(), reason: error.to_string() },
    )?;
    Ok(Watch { watcher, signals })
}

fn run(mut reloader: Reloader, inbox: &Receiver<Signal>, mut apply: impl FnMut(Reload) -> Result<(), String>) {
    loop {
        match inbox.recv() {
            Ok(Signal::Now) => {}
            Ok(Signal::Changed) => match until_quiet(inbox) {
                Some(()) => {}
                None => return,
            },
            Ok(Signal::Stop) | Err(_) => return,
        }
        match reloader.reload() {
            Ok(None) => tracing::debug!("the configuration is unchanged"),
            Ok(Some(reload)) => put_in_force(&mut reloader, reload, &mut apply),
            Err(error) => tracing::error!(%error, "the changed configuration is wrong; the old one stays in force"),
        }
    }
}

fn put_in_force(reloader: &mut Reloader, reload: Reload, apply: &mut impl FnMut(Reload) -> Result<(), String>) {
    if !reload.needs_restart.is_empty() {
        tracing::error!(keys = reload.needs_restart.join(", "), "these changes take effect at the next start only");
    }
    let (loaded, changed) = (reload.loaded.clone(), reload.changed.join(", "));
    match apply(reload) {
        Ok(()) => {
            tracing::info!(keys = changed, "the configuration was read again");
            reloader.accept(loaded);
        }
        Err(reason) => tracing::error!(reason, "the changed configuration is wrong; the old one stays in force"),
    }
}

/// Waits until nothing has happened for a moment. `None`: the watch has ended.
fn until_quiet(inbox: &Receiver<Signal>) -> Option<()> {
    loop {
        match inbox.recv_timeout(QUIET) {
            Ok(Signal::Changed | Signal::Now) => {}
            Err(RecvTimeoutError::Timeout) => return Some(()),
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
