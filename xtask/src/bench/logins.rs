//! Sign-ins and registrations, end to end, beside what the machine's Argon2id gives when it does nothing else.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use super::place::Place;
use super::table::Row;
use super::talk::Talk;

const TIME: Duration = Duration::from_secs(8);
const RAW_SECONDS: u32 = 4;
/// The parameters of the configuration that limen makes for itself.
pub const MEMORY_KIB: u32 = 64 * 1024;
const ITERATIONS: u32 = 2;
const PASSWORD: &str = "harbour-7-lantern-bench";

/// Sign-ins by 8 and by 64 people at a time, and registrations by 8; the bare rate is taken before, between and after.
pub fn rows(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    make_people(place, 64)?;
    let mut raw = vec![raw_rate(place)?];
    let mut figures = Vec::new();
    for clients in [8, 64] {
        let rate = rate(place, clients, |talk, number, _| {
            let path = talk.begin("login")?;
            let body = json!({"method": "password", "identifier": email(number), "password": PASSWORD});
            talk.ask("POST", &path, Some(&body))
        })?;
        raw.push(raw_rate(place)?);
        figures.push((format!("sign-ins by {clients} people at a time"), rate, Some(0.95)));
    }
    let rate = rate(place, 8, |talk, number, round| {
        let path = talk.begin("registration")?;
        let email = format!("new-{number}-{round}@bench.test");
        let body = json!({"method": "password", "password": PASSWORD, "traits": {"email": email}});
        talk.ask("POST", &path, Some(&body))
    })?;
    raw.push(raw_rate(place)?);
    figures.push(("registrations by 8 people at a time".to_owned(), rate, None));
    // Before and after each figure, as other programs on the machine come and go.
    let rows = figures.into_iter().enumerate().map(|(index, (what, rate, least))| {
        let bare = f64::midpoint(raw[index], raw[index + 1]);
        Row {
            what,
            engine: place.engine,
            figure: format!("{rate:.1}/s"),
            yardstick: format!("bare Argon2id: {bare:.1}/s"),
            ratio: Some(rate / bare),
            goal: least.map_or("", |_| "≥ 0.95"),
            met: least.map(|least| rate / bare >= least),
        }
    });
    Ok(rows.collect())
}

fn email(number: u32) -> String {
    format!("person-{number}@bench.test")
}

/// Makes people who can sign in.
pub fn make_people(place: &Place<'_>, count: u32) -> anyhow::Result<()> {
    let mut talk = Talk::open(&place.node.authority())?;
    for number in 0..count {
        let path = talk.begin("registration")?;
        let body = json!({"method": "password", "password": PASSWORD, "traits": {"email": email(number)}});
        let (status, answer) = talk.ask("POST", &path, Some(&body))?;
        ensure!(status == 200, "a registration answers {status}: {answer}");
    }
    Ok(())
}

/// A sign-in of one of those people: its session token.
pub fn sign_in(place: &Place<'_>, number: u32) -> anyhow::Result<String> {
    let mut talk = Talk::open(&place.node.authority())?;
    let path = talk.begin("login")?;
    let body = json!({"method": "password", "identifier": email(number), "password": PASSWORD});
    let (status, answer) = talk.ask("POST", &path, Some(&body))?;
    answer["session_token"].as_str().map(str::to_owned).with_context(|| format!("no session ({status}): {answer}"))
}

/// How often in a second `work` is done by `clients` people who do nothing else, each from an address of their own.
fn rate(
    place: &Place<'_>,
    clients: u32,
    work: impl Fn(&mut Talk, u32, u32) -> anyhow::Result<(u16, serde_json::Value)> + Sync,
) -> anyhow::Result<f64> {
    let (authority, over) = (place.node.authority(), AtomicBool::new(false));
    let (done, took) = std::thread::scope(|scope| {
        let begun = Instant::now();
        let threads: Vec<_> = (0..clients)
            .map(|number| {
                let (authority, over, work) = (&authority, &over, &work);
                scope.spawn(move || {
                    let mut talk = Talk::open_as(authority, format!("203.0.113.{}", number + 1))?;
                    let mut done = 0_u32;
                    while !over.load(Ordering::Relaxed) {
                        let (status, answer) = work(&mut talk, number, done)?;
                        ensure!(status == 200, "an answer is {status}: {answer}");
                        // What ends after the bell does not count.
                        done += u32::from(!over.load(Ordering::Relaxed));
                    }
                    Ok(done)
                })
            })
            .collect();
        std::thread::sleep(TIME);
        over.store(true, Ordering::Relaxed);
        let took = begun.elapsed();
        let done: anyhow::Result<Vec<u32>> =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread ended early"))).collect();
        (done, took)
    });
    Ok(f64::from(done?.iter().sum::<u32>()) / took.as_secs_f64())
}

/// The bare rate, on as many threads as the server hashes on.
fn raw_rate(place: &Place<'_>) -> anyhow::Result<f64> {
    let threads = std::thread::available_parallelism()?.get();
    let program = &place.options.hash_rate;
    let output = Command::new(program)
        .args([threads.to_string(), RAW_SECONDS.to_string(), MEMORY_KIB.to_string(), ITERATIONS.to_string()])
        .output()
        .with_context(|| {
            format!("{} does not run: cargo build --release -p crypto --example hash_rate", program.display())
        })?;
    String::from_utf8(output.stdout)?.trim().parse().context("hash_rate gives no rate")
}
