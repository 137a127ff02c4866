//! Whether the time that an answer takes tells a known account from an unknown one: Welch's t over many samples of each, drawn in
//! a random order on one connection. Below 4.5 nothing can be told from so many samples.
//!
//! Hashing is made cheap here, so that everything else shows. Of both kinds together the slowest twentieth is dropped: delays by
//! other work on the machine, which hit either kind.

use std::time::Instant;

use anyhow::ensure;
use foundation::{Rng as _, SeededRng};
use serde_json::{Value, json};

use super::place::Place;
use super::table::Row;
use super::talk::Talk;

const KNOWN: u32 = 100;
const MOST: f64 = 4.5;

/// Sign-in, recovery and verification.
pub fn rows(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    super::logins::make_people(place, KNOWN)?;
    let kinds: [(&str, Body, u16); 3] = [
        ("login", |email| json!({"method": "password", "identifier": email, "password": "not-the-password-1"}), 400),
        ("recovery", |email| json!({"method": "code", "email": email}), 200),
        ("verification", |email| json!({"method": "code", "email": email}), 200),
    ];
    kinds.iter().map(|(kind, body, status)| row(place, kind, *body, *status)).collect()
}

type Body = fn(&str) -> Value;

fn row(place: &Place<'_>, kind: &str, body: Body, expected: u16) -> anyhow::Result<Row> {
    let rng = SeededRng::new(place.options.seed);
    let mut talk = Talk::open(&place.node.authority())?;
    let mut samples: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let wanted = place.options.samples as usize;
    // The first ones warm up and are not counted.
    for round in 0..2 * wanted + 200 {
        let mut drawn = [0; 2];
        rng.fill(&mut drawn);
        let known = drawn[0] % 2 == 0;
        let number = u32::from(drawn[1]) % KNOWN;
        let email = if known { format!("person-{number}@bench.test") } else { format!("nobody-{number}@bench.test") };
        let path = talk.begin(kind)?;
        let request = talk.request("POST", &path, None, Some(&body(&email)));
        let begun = Instant::now();
        let status = talk.send(&request)?;
        let took = begun.elapsed().as_secs_f64();
        ensure!(status == expected, "{kind} answers {status} to {email}");
        if round >= 200 {
            samples[usize::from(known)].push(took);
        }
    }
    let [unknown, known] = trimmed(samples);
    let t = welch(&known, &unknown);
    Ok(Row {
        what: format!("{kind}: known and unknown accounts by time, Welch's t"),
        engine: place.engine,
        figure: format!("{t:.2}"),
        yardstick: format!("{} and {} µs, {} samples", micros(&known), micros(&unknown), known.len() + unknown.len()),
        ratio: None,
        goal: "|t| < 4.5",
        met: Some(t.abs() < MOST),
    })
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

fn micros(of: &[f64]) -> String {
    format!("{:.0}", mean(of) * 1e6)
}

/// Without the slowest twentieth of all: one limit for both kinds, so that it favours none.
fn trimmed(samples: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
    let mut all: Vec<f64> = samples.iter().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let limit = all.get(all.len() * 19 / 20).copied().unwrap_or(f64::INFINITY);
    samples.map(|kind| kind.into_iter().filter(|time| *time <= limit).collect())
}

/// Welch, "The generalization of Student's problem when several different population variances are involved", 1947.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let part = |of: &[f64]| {
        let mean = mean(of);
        let variance = of.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (of.len() as f64 - 1.0);
        (mean, variance / of.len() as f64)
    };
    let ((first, one), (second, other)) = (part(one), part(other));
    (first - second) / (one + other).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_and_none_does_not() {
        // By hand: means 2 and 4, variances 1 and 4, three samples each: t = -2 / sqrt(1/3 + 4/3).
        let t = welch(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
        assert!((t + 2.0 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{t}");
        let noise = |shift: f64| -> Vec<f64> { (0..1000).map(|n| f64::from(n % 17) + shift).collect() };
        assert!(welch(&noise(0.0), &noise(0.0)).abs() < 1e-9);
        assert!(welch(&noise(1.0), &noise(0.0)) > 4.5);
    }

    #[test]
    fn the_slowest_of_both_kinds_are_dropped_by_one_limit() {
        let fast: Vec<f64> = (0..100).map(f64::from).collect();
        let slow: Vec<f64> = (100..200).map(f64::from).collect();
        let [fast, slow] = trimmed([fast, slow]);
        assert_eq!((fast.len(), slow.len()), (100, 91));
    }
}
