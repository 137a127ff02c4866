//! Where log lines go: to standard error, many at a time. A call to the system for each line costs more than most requests
//! do. Warnings and errors are written at once, with all that was said before; the rest waits for [`REST`] at most.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits for company.
const REST: Duration = Duration::from_millis(50);
/// So many bytes are not kept waiting.
const FULL: usize = 64 * 1024;

/// Lines on their way to standard error.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    waiting: Mutex<Vec<u8>>,
    some: Condvar,
    buffered: bool,
}

/// One line.
pub struct Line<'a> {
    lines: &'a Shared,
    urgent: bool,
}

/// Writes what waits when it is dropped.
pub struct Last(Lines);

impl Lines {
    /// Each line is written at once: for people who watch.
    pub fn unbuffered() -> Self {
        Self::new(false)
    }

    /// Lines wait for each other for a moment.
    pub fn buffered() -> Self {
        let lines = Self::new(true);
        let shared = Arc::clone(&lines.0);
        let writing = std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_forever());
        // Without a thread nothing may wait.
        if writing.is_err() { Self::new(false) } else { lines }
    }

    fn new(buffered: bool) -> Self {
        Self(Arc::new(Shared { waiting: Mutex::default(), some: Condvar::new(), buffered }))
    }

    /// To be kept until the program ends.
    pub fn flush_at_end(&self) -> Last {
        Last(self.clone())
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        write(&mut self.0.0.lock());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_forever(&self) {
        loop {
            let mut waiting = self.lock();
            while waiting.is_empty() {
                waiting = self.some.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            std::thread::sleep(REST);
            write(&mut self.lock());
        }
    }
}

/// Under the lock, so that lines stay in their order. Where standard error is closed there is nobody to tell.
fn write(waiting: &mut Vec<u8>) {
    let _ = io::stderr().lock().write_all(waiting);
    waiting.clear();
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: &self.0, urgent: true }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        Line { lines: &self.0, urgent: *about.level() <= Level::WARN }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lines.lock();
        let first = waiting.is_empty();
        waiting.extend_from_slice(bytes);
        if self.urgent || !self.lines.buffered || waiting.len() >= FULL {
            write(&mut waiting);
        } else if first {
            self.lines.some.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(lines: &Lines, urgent: bool, text: &[u8]) -> usize {
        Line { lines: &lines.0, urgent }.write_all(text).unwrap();
        lines.0.lock().len()
    }

    #[test]
    fn plain_lines_wait_for_company_and_urgent_ones_take_them_along() {
        let lines = Lines::new(true);
        assert_eq!(waits(&lines, false, b"one\n"), 4);
        assert_eq!(waits(&lines, false, b"two\n"), 8);
        assert_eq!(waits(&lines, true, b"urgent\n"), 0);
        assert_eq!(waits(&lines, false, &vec![b'\n'; FULL]), 0);
        assert_eq!(waits(&lines, false, b"last\n"), 5);
        drop(lines.flush_at_end());
        assert_eq!(lines.0.lock().len(), 0);
        assert_eq!(waits(&Lines::unbuffered(), false, b"seen\n"), 0);
    }
}
