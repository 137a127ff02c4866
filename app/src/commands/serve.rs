//! `limen serve`: from the configuration to listeners and workers, and back down in order.

use std::sync::Arc;

use anyhow::Context as _;
use foundation::{Rng, Secret, SystemRng};
use identity::Snapshot;
use identity::settings::Settings;
use settings::{Live, Reload};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use web::listen::Drain;

use super::config::{self, Environment, Ready};
use super::{Serve, block_on};
use crate::{compose, first_run, listeners, logs, workers};

/// Serves until a signal.
///
/// # Errors
/// Why the server cannot start.
pub fn run(arguments: &Serve, environment: Environment) -> anyhow::Result<()> {
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let mut files = arguments.files.config.clone();
    let mut made = None;
    if files.is_empty() {
        let first = first_run::ensure(&arguments.files.data, rng.as_ref())?;
        files.push(first.config.clone());
        made = Some(first);
    }
    let mut loader = config::loader(&files, &environment);
    if arguments.dev {
        loader = loader.overrides([("dev".to_owned(), true.into())]);
    }
    let Ready { mut settings, loaded, notices } = config::ready(&loader)?;
    let stand_ins = dev_secrets(&settings, rng.as_ref());
    stand_ins.apply(&mut settings);
    let _last_lines = logs::start(&settings.log);
    if let Some(first) = made {
        let what = if first.created { "made a configuration of its own" } else { "uses its own configuration" };
        tracing::info!(file = %first.config.display(), "limen {what}");
    }
    for notice in notices {
        tracing::warn!("{notice}");
    }
    let auto_migrate = arguments.auto_migrate;
    let snapshot = Arc::new(Live::new(Snapshot::new(settings)?));
    let live = Arc::clone(&snapshot);
    let apply = move |reload: Reload| apply_reload(&live, &stand_ins, reload);
    let interval = std::time::Duration::from_secs(2);
    let watch = settings::watch(loader, loaded, Some(interval), apply)?;
    block_on(serve(snapshot, watch, rng, auto_migrate))
}

/// Puts a changed configuration in force.
fn apply_reload(live: &Live<Snapshot>, stand_ins: &DevSecrets, reload: Reload) -> Result<(), String> {
    let Ready { mut settings, notices, .. } = config::typed(reload.loaded).map_err(|error| format!("{error:#}"))?;
    stand_ins.apply(&mut settings);
    live.set(Snapshot::new(settings).map_err(|error| error.to_string())?);
    for notice in notices {
        tracing::warn!("{notice}");
    }
    Ok(())
}

async fn serve(
    snapshot: Arc<Live<Snapshot>>,
    reload: settings::Watch,
    rng: Arc<dyn Rng>,
    auto_migrate: bool,
) -> anyhow::Result<()> {
    let program = compose::compose(Arc::clone(&snapshot), rng, auto_migrate).await?;
    let (stop, stopped) = watch::channel(false);
    let drain = Drain::default();
    let bound = listeners::bind(&program).await?.with_drain(&drain);
    let workers = workers::start(&program, &stopped);
    for line in bound.describe(&program) {
        tracing::info!("{line}");
    }
    let listening = listeners::serve(bound, &program, &stopped);
    let mut signals = Signals::new()?;
    signals.stop(&reload).await;
    drain.begin();
    let delay = snapshot.get().settings.serve.drain_delay.to_std();
    if !delay.is_zero() {
        tracing::info!(seconds = delay.as_secs_f32(), "stopping soon: not ready any more, and still serving");
        // A second signal says that nobody is to be waited for.
        let _ = tokio::time::timeout(delay, signals.stop(&reload)).await;
    }
    tracing::info!("stopping: open requests are answered first");
    // Listeners first, so that no new work comes; workers then end what they have begun.
    stop.send(true).context("the listeners have ended by themselves")?;
    listening.await;
    workers.await;
    tracing::info!("stopped");
    Ok(())
}

/// What the operating system tells the server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGINT or SIGTERM; SIGHUP reads the configuration again.
    async fn stop(&mut self, reload: &settings::Watch) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => reload.reload(),
            }
        }
    }
}

/// Secrets for development where the configuration has none: fresh at each start, so that they can be no one's default.
struct DevSecrets {
    cookie: Option<String>,
}

fn dev_secrets(settings: &Settings, rng: &dyn Rng) -> DevSecrets {
    let missing = settings.dev && settings.secrets.for_cookies().is_empty();
    DevSecrets { cookie: missing.then(|| rng.alphanumeric(32)) }
}

impl DevSecrets {
    fn apply(&self, settings: &mut Settings) {
        if let Some(cookie) = &self.cookie
            && settings.secrets.for_cookies().is_empty()
        {
            settings.secrets.cookie = vec![Secret::new(cookie.clone())];
        }
    }
}
