//! `limen serve`: from the configuration to listeners and workers, and back down in order.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use foundation::{Rng, Secret, SystemRng};
use identity::Snapshot;
use identity::settings::{Log, Settings};
use settings::{Live, Reload};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use web::listen::Drain;

use super::config::{self, Environment, Ready};
use super::{Serve, block_on};
use crate::{compose, first_run, listeners, logs, permission_service, workers};

/// How often the files of the configuration are looked at.
const LOOK: std::time::Duration = std::time::Duration::from_secs(2);

/// A service's settings in force, and what keeps them so.
struct Configured<T> {
    live: Arc<Live<T>>,
    watch: settings::Watch,
}

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
    let wanted = wanted(&arguments.services, &files)?;
    let has = |name: &str| wanted.iter().any(|wanted| wanted == name);
    let mut notices = Vec::new();
    let permissions = match has("permissions") {
        true => Some(permission_settings(&files, &environment, &mut notices)?),
        false => None,
    };
    let identity = match has("identity") {
        true => Some(identity_settings(arguments, &files, &environment, rng.as_ref(), &mut notices)?),
        false => None,
    };
    let _last_lines = match (&identity, &permissions) {
        (Some(identity), _) => Some(logs::start(&identity.live.get().settings.log)),
        (None, Some(permissions)) => Some(logs::start(&log_of(&permissions.live.get()))),
        (None, None) => None,
    };
    if let Some(first) = made {
        let what = if first.created { "made a configuration of its own" } else { "uses its own configuration" };
        tracing::info!(file = %first.config.display(), "limen {what}");
    }
    for notice in notices {
        tracing::warn!("{notice}");
    }
    block_on(serve(identity, permissions, rng, arguments.auto_migrate))
}

/// The services that are named; else those that the files have sections for.
fn wanted(named: &[String], files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let sections = settings::sections(files)?;
    // A kratos.yml has no section for anything else, and need not have one for itself.
    let mut wanted: Vec<String> =
        sections.into_iter().filter(|name| matches!(*name, "identity" | "permissions")).map(str::to_owned).collect();
    if wanted.is_empty() {
        wanted.push("identity".to_owned());
    }
    Ok(wanted)
}

fn identity_settings(
    arguments: &Serve,
    files: &[PathBuf],
    environment: &Environment,
    rng: &dyn Rng,
    notices: &mut Vec<String>,
) -> anyhow::Result<Configured<Snapshot>> {
    let mut loader = config::loader(files, environment);
    if arguments.dev {
        loader = loader.overrides([("dev".to_owned(), true.into())]);
    }
    let Ready { mut settings, loaded, notices: found } = config::ready(&loader)?;
    notices.extend(found);
    let stand_ins = dev_secrets(&settings, rng);
    stand_ins.apply(&mut settings);
    let live = Arc::new(Live::new(Snapshot::new(settings)?));
    let in_force = Arc::clone(&live);
    let apply = move |reload: Reload| apply_reload(&in_force, &stand_ins, reload);
    let watch = settings::watch(loader, loaded, Some(LOOK), apply)?;
    Ok(Configured { live, watch })
}

fn permission_settings(
    files: &[PathBuf],
    environment: &Environment,
    notices: &mut Vec<String>,
) -> anyhow::Result<Configured<permissions::settings::Settings>> {
    let loader = config::permissions_loader(files, environment);
    let loaded = loader.load()?;
    let (settings, found) = config::permissions_typed(&loaded)?;
    notices.extend(found);
    let live = Arc::new(Live::new(settings));
    let in_force = Arc::clone(&live);
    let apply = move |reload: Reload| {
        let (settings, notices) = config::permissions_typed(&reload.loaded).map_err(|error| format!("{error:#}"))?;
        in_force.set(settings);
        for notice in notices {
            tracing::warn!("{notice}");
        }
        Ok(())
    };
    let watch = settings::watch(loader, loaded, Some(LOOK), apply)?;
    Ok(Configured { live, watch })
}

/// The permission service's words for logs are those of identity.
fn log_of(settings: &permissions::settings::Settings) -> Log {
    Log { level: settings.log.level.clone(), format: settings.log.format.clone(), ..Log::default() }
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
    identity: Option<Configured<Snapshot>>,
    permissions: Option<Configured<permissions::settings::Settings>>,
    rng: Arc<dyn Rng>,
    auto_migrate: bool,
) -> anyhow::Result<()> {
    let metrics = compose::metrics();
    let (stop, stopped) = watch::channel(false);
    let (drain, mut delay) = (Drain::default(), std::time::Duration::ZERO);
    let mut reloads = Vec::new();
    let mut running: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
    let mut database = None;
    if let Some(Configured { live, watch }) = identity {
        let dsn = live.get().settings.dsn.reveal().clone();
        let db = compose::open(&dsn, auto_migrate).await?;
        database = Some((dsn, db.clone()));
        let program = compose::compose(db, live, Arc::clone(&metrics), Arc::clone(&rng)).await?;
        delay = program.snapshot.get().settings.serve.drain_delay.to_std();
        let bound = listeners::bind(&program).await?.with_drain(&drain);
        let workers = workers::start(&program, &stopped);
        for line in bound.describe(&program) {
            tracing::info!("{line}");
        }
        let listening = listeners::serve(bound, &program, &stopped);
        // Listeners first, so that no new work comes; workers then end what they have begun.
        running.push(Box::pin(async move {
            listening.await;
            workers.await;
        }));
        reloads.push(watch);
    }
    if let Some(Configured { live, watch }) = permissions {
        let dsn = live.get().dsn.reveal().clone();
        // Services of one database share its connections; `memory` would be two databases otherwise.
        let db = match database {
            Some((known, db)) if known == dsn => db,
            _ => compose::open(&dsn, auto_migrate).await?,
        };
        let program = permission_service::Program::compose(db, live, metrics, rng).await?;
        let bound = program.bind().await?.with_drain(&drain);
        for line in bound.describe() {
            tracing::info!("{line}");
        }
        running.push(Box::pin(program.serve(bound, &stopped)));
        reloads.push(watch);
    }
    let mut signals = Signals::new()?;
    signals.stop(&reloads).await;
    drain.begin();
    if !delay.is_zero() {
        tracing::info!(seconds = delay.as_secs_f32(), "stopping soon: not ready any more, and still serving");
        // A second signal says that nobody is to be waited for.
        let _ = tokio::time::timeout(delay, signals.stop(&reloads)).await;
    }
    tracing::info!("stopping: open requests are answered first");
    stop.send(true).context("the listeners have ended by themselves")?;
    futures::future::join_all(running).await;
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
    async fn stop(&mut self, reloads: &[settings::Watch]) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => reloads.iter().for_each(settings::Watch::reload),
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
