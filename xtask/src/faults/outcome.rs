//! What a run has come to, in a few lines.

use std::io::Write;
use std::sync::atomic::Ordering;

use anyhow::bail;

use super::audit::Findings;
use super::ledger::Ledger;

/// A run that is over.
pub struct Outcome<'a> {
    /// Its name and its seed.
    pub title: String,
    /// What was broken, and how often.
    pub broken: String,
    /// What people were told.
    pub ledger: &'a Ledger,
    /// What is there.
    pub findings: Findings,
    /// What the server logged.
    pub log: String,
}

impl Outcome<'_> {
    /// Prints it.
    ///
    /// # Errors
    /// Promises that were broken.
    pub fn tell(&self, output: &mut dyn Write) -> anyhow::Result<()> {
        let number = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::Relaxed);
        let (ledger, found) = (self.ledger, &self.findings);
        writeln!(output, "{}: {}", self.title, self.broken)?;
        writeln!(
            output,
            "  {} stories: {} requests answered, {} without an answer, {} told to try again",
            number(&ledger.told),
            number(&ledger.answered),
            number(&ledger.unknown) - number(&ledger.turned_away),
            number(&ledger.turned_away),
        )?;
        writeln!(
            output,
            "  {} accounts and {} sessions as acknowledged; changes of a password without an answer: {} whole, {} not done",
            found.accounts, found.sessions, found.open_changes.0, found.open_changes.1
        )?;
        writeln!(output, "  {} mails arrived, {} of them twice, none more often", found.mails, found.twice)?;
        let complaints = ledger.complaints();
        if complaints.is_empty() {
            writeln!(output, "  nothing that was acknowledged is lost, nothing is half-done")?;
            return Ok(());
        }
        // What a 500 was about is told in the log alone.
        let faults = self.log.lines().filter(|line| line.contains("a request failed") || line.contains("panicked"));
        for line in faults.take(10) {
            writeln!(output, "  the log: {line}")?;
        }
        let shown: Vec<String> = complaints.iter().take(20).map(|one| one.chars().take(400).collect()).collect();
        bail!("{}: {} promises were broken\n- {}", self.title, complaints.len(), shown.join("\n- "))
    }
}
