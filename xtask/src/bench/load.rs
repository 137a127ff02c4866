//! Loads one address over kept-alive connections, each with a thread of its own, for a fixed time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::talk::Talk;

/// What is asked, again and again.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host and port.
    pub authority: String,
    /// The path.
    pub path: String,
    /// The session token to send.
    pub token: Option<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Measured {
    /// Answers in a second.
    pub rate: f64,
    /// How long each took, shortest first.
    times: Vec<Duration>,
    /// Answers other than 200.
    pub refused: usize,
}

impl Measured {
    /// How many answers there were.
    pub fn answers(&self) -> usize {
        self.times.len()
    }

    /// The time that this share of the answers took at most.
    pub fn percentile(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "far fewer than 2^52 samples, and a share of them"
        )]
        let index = (last as f64 * share).round() as usize;
        self.times.get(index).copied().unwrap_or_default()
    }
}

/// How hard to ask.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// The next request follows the answer.
    Full,
    /// So many requests a second over all connections, whether or not the server keeps up: a late answer delays none, and
    /// the wait counts.
    Rate(f64),
}

/// Asks for a while.
pub fn run(target: &Target, connections: u32, time: Duration, pace: Pace) -> anyhow::Result<Measured> {
    let start = Instant::now();
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|number| scope.spawn(move || ask(target, start, time, interval(pace, connections), number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread of the load ended early")))
            .collect::<Vec<_>>()
    });
    let mut all = Measured::default();
    for part in parts {
        let part = part?;
        all.times.extend(part.times);
        all.refused += part.refused;
    }
    all.times.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
    let count = all.times.len() as f64;
    all.rate = count / start.elapsed().as_secs_f64();
    Ok(all)
}

fn interval(pace: Pace, connections: u32) -> Option<Duration> {
    match pace {
        Pace::Full => None,
        Pace::Rate(rate) => Some(Duration::from_secs_f64(f64::from(connections) / rate.max(1.0))),
    }
}

fn ask(
    target: &Target,
    start: Instant,
    time: Duration,
    interval: Option<Duration>,
    number: u32,
) -> anyhow::Result<Measured> {
    let mut talk = Talk::open(&target.authority)?;
    let request = talk.request("GET", &target.path, target.token.as_deref(), None);
    let mut part = Measured::default();
    // Spread over the interval, so that not all connections ask at the same moment.
    let mut due = start + interval.unwrap_or_default().mul_f64(f64::from(number % 97) / 97.0);
    while start.elapsed() < time {
        match interval {
            Some(interval) => {
                sleep(due.saturating_duration_since(Instant::now()));
                let status = talk.send(&request)?;
                part.count(status, due.elapsed());
                due += interval;
            }
            None => {
                let began = Instant::now();
                let status = talk.send(&request)?;
                part.count(status, began.elapsed());
            }
        }
    }
    Ok(part)
}

impl Measured {
    fn count(&mut self, status: u16, took: Duration) {
        self.times.push(took);
        self.refused += usize::from(status != 200);
    }
}

/// Does something again and again on several threads while something else is measured.
pub fn beside<T>(
    threads: u32,
    work: impl Fn(u32) -> anyhow::Result<()> + Sync,
    measure: impl FnOnce() -> T,
) -> anyhow::Result<(T, u32)> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| {
                let (done, work) = (&done, &work);
                scope.spawn(move || {
                    let mut times = 0;
                    while !done.load(Ordering::Relaxed) {
                        work(number)?;
                        times += 1;
                    }
                    anyhow::Ok(times)
                })
            })
            .collect();
        let measured = measure();
        done.store(true, Ordering::Relaxed);
        let mut times = 0;
        for thread in running {
            times += thread.join().unwrap_or_else(|_| bail!("a thread beside the measurement ended early"))?;
        }
        Ok((measured, times))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers with 200 to all, and with 503 to every third.
    fn server(answers: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            for number in 1..=answers {
                let mut line = String::from("-");
                while !line.trim_end().is_empty() {
                    line.clear();
                    stream.read_line(&mut line).unwrap();
                }
                let status = if number % 3 == 0 { 503 } else { 200 };
                write!(stream.get_mut(), "HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
            }
        });
        authority
    }

    #[test]
    fn answers_are_counted_on_one_connection() {
        let mut talk = Talk::open(&server(3)).unwrap();
        let request = talk.request("GET", "/", None, None);
        let mut measured = Measured::default();
        for _ in 0..3 {
            let status = talk.send(&request).unwrap();
            measured.count(status, Duration::from_millis(1));
        }
        assert_eq!((measured.times.len(), measured.refused), (3, 1));
        assert!(talk.send(&request).is_err(), "the server is gone");
    }

    #[test]
    fn percentiles_are_of_sorted_times() {
        let times = (0..=100).map(Duration::from_millis).collect();
        let measured = Measured { rate: 0.0, times, refused: 0 };
        assert_eq!(measured.percentile(0.5), Duration::from_millis(50));
        assert_eq!(measured.percentile(0.99), Duration::from_millis(99));
        assert_eq!(Measured::default().percentile(0.99), Duration::ZERO);
    }

    #[test]
    fn a_rate_is_shared_by_the_connections() {
        assert_eq!(interval(Pace::Rate(100.0), 10), Some(Duration::from_millis(100)));
        assert_eq!(interval(Pace::Full, 10), None);
    }
}
