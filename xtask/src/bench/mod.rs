//! A few figures of a built program, taken over loopback in about half a minute: `load` asks, `table` prints. The goals
//! are in performance/README.md. Load and server share the machine, so only ratios say something about the program.

mod load;
mod table;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::client::{Request, send};
use crate::server::Running;
use load::{Measured, Pace, Target, beside, run};
use table::Row;

const CONNECTIONS: u32 = 16;
const TIME: Duration = Duration::from_secs(4);
const PASSWORD: &str = "harbour-7-lantern-bench";
const EMAIL: &str = "bench@example.org";

/// Measures and prints.
///
/// # Errors
/// A program that does not start or answers with errors. A goal that is not met is no error: machines are noisy.
pub fn run_all(limen: &Path, output: &mut dyn Write) -> anyhow::Result<()> {
    let mut rows = vec![size(limen)?];
    let server = Running::start(limen, None)?;
    rows.push(start(&server));
    rows.extend(memory(&server)?);
    let public = &server.addresses().public;
    let token = register(public, &server.addresses().admin)?;
    let authority = public.trim_start_matches("http://").to_owned();
    let target = |path: &str, token: Option<&String>| Target {
        authority: authority.clone(),
        path: path.to_owned(),
        token: token.cloned(),
    };
    let whoami = target("/sessions/whoami", Some(&token));
    // The first round warms caches and connections.
    run(&whoami, CONNECTIONS, Duration::from_secs(1), Pace::Full)?;
    let alive = full(&target("/health/alive", None))?;
    let warm = full(&whoami)?;
    rows.push(against("GET /sessions/whoami", &warm, &alive, "≥ 0.6", Some(0.6)));
    rows.push(half_load(&whoami, &warm)?);
    rows.push(under_logins(&whoami, public)?);
    let flows = full(&target("/self-service/login/api", None))?;
    rows.push(against("GET /self-service/login/api (a flow made and stored)", &flows, &alive, "", None));
    table::print(&rows, output)?;
    Ok(())
}

fn full(target: &Target) -> anyhow::Result<Measured> {
    let measured = run(target, CONNECTIONS, TIME, Pace::Full)?;
    ensure!(measured.refused == 0, "{} answers of {} were not 200", measured.refused, target.path);
    Ok(measured)
}

fn size(limen: &Path) -> anyhow::Result<Row> {
    let bytes = std::fs::metadata(limen).with_context(|| format!("{} is not there", limen.display()))?.len();
    let row = Row {
        what: "the program's file",
        figure: megabytes(bytes),
        yardstick: String::new(),
        ratio: None,
        goal: "< 30 MB",
        met: Some(bytes < 30_000_000),
    };
    Ok(row)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn start(server: &Running) -> Row {
    let took = server.ready_after();
    let figure = format!("{} ms", took.as_millis());
    let met = Some(took < Duration::from_millis(100));
    Row { what: "start to ready, empty SQLite", figure, yardstick: String::new(), ratio: None, goal: "< 100 ms", met }
}

/// Resident memory before anybody asked anything; nothing where the system does not tell.
fn memory(server: &Running) -> anyhow::Result<Option<Row>> {
    let file = format!("/proc/{}/status", server.pid());
    let Ok(status) = std::fs::read_to_string(file) else { return Ok(None) };
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let bytes = kilobytes.context("/proc does not tell the resident memory")? * 1024;
    let (figure, met) = (megabytes(bytes), Some(bytes < 40_000_000));
    Ok(Some(Row { what: "resident memory, idle", figure, yardstick: String::new(), ratio: None, goal: "< 40 MB", met }))
}

fn against(what: &'static str, figure: &Measured, yardstick: &Measured, goal: &'static str, least: Option<f64>) -> Row {
    let ratio = figure.rate / yardstick.rate;
    Row {
        what,
        figure: format!("{:.0}/s", figure.rate),
        yardstick: format!("/health/alive: {:.0}/s", yardstick.rate),
        ratio: Some(ratio),
        goal,
        met: least.map(|least| ratio >= least),
    }
}

fn half_load(whoami: &Target, full: &Measured) -> anyhow::Result<Row> {
    let measured = run(whoami, CONNECTIONS, TIME, Pace::Rate(full.rate / 2.0))?;
    ensure!(measured.refused == 0, "{} of the session checks were refused", measured.refused);
    let met = Some(measured.percentile(0.99) < Duration::from_millis(2));
    let yardstick = format!("at {:.0}/s", measured.rate);
    Ok(Row {
        what: "the same at half load, p99",
        figure: milliseconds(&measured),
        yardstick,
        ratio: None,
        goal: "< 2 ms",
        met,
    })
}

fn milliseconds(measured: &Measured) -> String {
    format!("{:.2} ms", measured.percentile(0.99).as_secs_f64() * 1000.0)
}

/// Session checks at a modest rate while as many people sign in as the machine can hash passwords for.
fn under_logins(whoami: &Target, public: &str) -> anyhow::Result<Row> {
    let measure = || run(whoami, CONNECTIONS, TIME, Pace::Rate(200.0));
    let (measured, logins) = beside(8, || login(public).map(|_| ()), measure)?;
    let measured = measured?;
    let met = measured.refused == 0 && measured.percentile(0.99) <= Duration::from_millis(20);
    let yardstick =
        format!("beside {:.1} sign-ins/s, {} refused", f64::from(logins) / TIME.as_secs_f64(), measured.refused);
    let what = "session checks while sign-ins saturate the machine, p99";
    Ok(Row {
        what,
        figure: milliseconds(&measured),
        yardstick,
        ratio: None,
        goal: "≤ 20 ms, none refused",
        met: Some(met),
    })
}

fn flow(public: &str, kind: &str, body: &Value) -> anyhow::Result<Value> {
    let url = format!("{public}/self-service/{kind}/api");
    let begun = send(&Request { method: "GET", url: &url, token: None, body: None })?;
    let action = begun.body.pointer("/ui/action").and_then(Value::as_str).context("the flow has no action")?;
    let done = send(&Request { method: "POST", url: action, token: None, body: Some(body) })?;
    ensure!(done.status == 200, "{kind} answered {}: {}", done.status, done.body);
    Ok(done.body)
}

/// An account, and a session of it.
fn register(public: &str, admin: &str) -> anyhow::Result<String> {
    let credentials = json!({"password": {"config": {"password": PASSWORD}}});
    let body = json!({"schema_id": "default", "traits": {"email": EMAIL}, "credentials": credentials});
    let url = format!("{}/admin/identities", admin.trim_end_matches('/'));
    let made = send(&Request { method: "POST", url: &url, token: None, body: Some(&body) })?;
    ensure!(made.status == 201, "the account was not made: {} {}", made.status, made.body);
    login(public)
}

fn login(public: &str) -> anyhow::Result<String> {
    let done = flow(public, "login", &json!({"method": "password", "identifier": EMAIL, "password": PASSWORD}))?;
    done["session_token"].as_str().map(str::to_owned).context("the sign-in gives no session")
}
