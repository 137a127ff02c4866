//! Figures of a built program, taken over loopback: each group on a fresh server, on SQLite and, where a server is given, on
//! PostgreSQL. `load` and `talk` ask, `table` prints. The goals are in performance/README.md. Load and server share the machine, so
//! only ratios say something about the program.

mod enumeration;
pub mod load;
mod logins;
mod place;
mod table;
mod talk;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use load::{Measured, Pace, Target, beside, run};
pub use place::Options;
use place::Place;
use table::Row;

const CONNECTIONS: u32 = 16;
const TIME: Duration = Duration::from_secs(4);

type Group = fn(&Place<'_>) -> anyhow::Result<Vec<Row>>;

/// The groups, whether passwords cost there what they cost people, and what measures them.
const GROUPS: &[(&str, bool, Group)] = &[
    ("start", true, start),
    ("whoami", true, whoami),
    ("flood", true, flood),
    ("flows", true, flows),
    ("logins", true, logins::rows),
    ("enumeration", false, enumeration::rows),
];

/// Measures and prints.
///
/// # Errors
/// A program that does not start or answers with errors. A goal that is not met is no error: machines are noisy.
pub fn run_all(options: &Options, output: &mut dyn Write) -> anyhow::Result<()> {
    let wanted = |group: &str| options.only.is_empty() || options.only.iter().any(|only| only == group);
    let known = |name: &String| name == "size" || GROUPS.iter().any(|(group, ..)| group == name);
    if let Some(stranger) = options.only.iter().find(|name| !known(name)) {
        anyhow::bail!("there is no group {stranger}: cargo xtask bench --help lists them");
    }
    let mut rows = Vec::new();
    if wanted("size") {
        rows.push(size(options)?);
    }
    for (name, real, measure) in GROUPS.iter().filter(|(name, ..)| wanted(name)) {
        for engine in [None].into_iter().chain(options.postgres.as_deref().map(Some)) {
            writeln!(output, "measuring: {name}, {}", engine.map_or("SQLite", |_| "PostgreSQL"))?;
            let place = Place::start(options, engine, *real)?;
            let measured = measure(&place);
            rows.extend(measured.with_context(|| format!("{name}\nThe end of the log:\n{}", place.node.log_end()))?);
        }
    }
    writeln!(output, "seed {}, {} cores", options.seed, std::thread::available_parallelism()?)?;
    table::print(&rows, output)?;
    Ok(())
}

fn size(options: &Options) -> anyhow::Result<Row> {
    let limen = &options.limen;
    let bytes = std::fs::metadata(limen).with_context(|| format!("{} is not there", limen.display()))?.len();
    let met = Some(bytes < 30_000_000);
    Ok(plain("the program's file".into(), "", megabytes(bytes), String::new(), "< 30 MB", met))
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// A row without a ratio.
fn plain(
    what: String,
    engine: &'static str,
    figure: String,
    yardstick: String,
    goal: &'static str,
    met: Option<bool>,
) -> Row {
    Row { what, engine, figure, yardstick, ratio: None, goal, met }
}

fn start(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    let took = place.ready_after;
    let what = "start to ready, empty database, migrations included".to_owned();
    // The goal is about SQLite; over a network it depends on that.
    let met = (place.engine == "SQLite").then_some(took < Duration::from_millis(100));
    let mut rows = vec![plain(what, place.engine, format!("{} ms", took.as_millis()), String::new(), "< 100 ms", met)];
    if let Some(bytes) = memory(place)? {
        let met = Some(bytes < 40_000_000);
        rows.push(plain("resident memory, idle".into(), place.engine, megabytes(bytes), String::new(), "< 40 MB", met));
    }
    Ok(rows)
}

/// Resident memory; nothing where the system does not tell.
fn memory(place: &Place<'_>) -> anyhow::Result<Option<u64>> {
    let file = format!("/proc/{}/status", place.node.pid().context("the server is gone")?);
    let Ok(status) = std::fs::read_to_string(file) else { return Ok(None) };
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(Some(kilobytes.context("/proc does not tell the resident memory")? * 1024))
}

fn full(target: &Target) -> anyhow::Result<Measured> {
    // The first round warms caches and connections.
    run(target, CONNECTIONS, Duration::from_secs(1), Pace::Full)?;
    let measured = run(target, CONNECTIONS, TIME, Pace::Full)?;
    ensure!(measured.refused == 0, "{} answers of {} were not 200", measured.refused, target.path);
    Ok(measured)
}

fn session(place: &Place<'_>) -> anyhow::Result<Target> {
    logins::make_people(place, 8)?;
    let token = logins::sign_in(place, 0)?;
    Ok(place.target("/sessions/whoami", Some(&token)))
}

fn whoami(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    let whoami = session(place)?;
    let alive = full(&place.target("/health/alive", None))?;
    let warm = full(&whoami)?;
    let first = against("GET /sessions/whoami", place, &warm, &alive, "≥ 0.6", Some(0.6));
    let half = run(&whoami, CONNECTIONS, TIME, Pace::Rate(warm.rate / 2.0))?;
    ensure!(half.refused == 0, "{} of the session checks were refused", half.refused);
    let met = Some(half.percentile(0.99) < Duration::from_millis(2));
    let what = "the same at half load, p99".to_owned();
    let second = plain(what, place.engine, milliseconds(&half), format!("at {:.0}/s", half.rate), "< 2 ms", met);
    Ok(vec![first, second])
}

fn flows(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    let alive = full(&place.target("/health/alive", None))?;
    let made = full(&place.target("/self-service/login/api", None))?;
    Ok(vec![against("GET /self-service/login/api (a flow made and stored)", place, &made, &alive, "", None)])
}

fn against(
    what: &str,
    place: &Place<'_>,
    figure: &Measured,
    yardstick: &Measured,
    goal: &'static str,
    least: Option<f64>,
) -> Row {
    let ratio = figure.rate / yardstick.rate;
    Row {
        what: what.to_owned(),
        engine: place.engine,
        figure: format!("{:.0}/s", figure.rate),
        yardstick: format!("/health/alive: {:.0}/s", yardstick.rate),
        ratio: Some(ratio),
        goal,
        met: least.map(|least| ratio >= least),
    }
}

fn milliseconds(measured: &Measured) -> String {
    format!("{:.2} ms", measured.percentile(0.99).as_secs_f64() * 1000.0)
}

/// Session checks at a modest rate while more people sign in than the machine can hash passwords for.
fn flood(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    let whoami = session(place)?;
    let measure = || run(&whoami, CONNECTIONS, TIME, Pace::Rate(200.0));
    let (measured, logins) = beside(8, |number| logins::sign_in(place, number).map(drop), measure)?;
    let measured = measured?;
    let met = measured.refused == 0 && measured.percentile(0.99) <= Duration::from_millis(20);
    let yardstick =
        format!("beside {:.1} sign-ins/s, {} refused", f64::from(logins) / TIME.as_secs_f64(), measured.refused);
    let what = "session checks while sign-ins saturate the machine, p99".to_owned();
    Ok(vec![plain(what, place.engine, milliseconds(&measured), yardstick, "≤ 20 ms, none refused", Some(met))])
}
