//! What the configuration says about web hooks (`clients.web_hook`), handed over by who composes the program.

use foundation::{GoDuration, Secret};

/// Delivery of web hooks.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// What requests are signed with, newest first; they are not signed without.
    pub signing_secrets: Vec<Secret<String>>,
    /// How often a queued hook is tried again before it is given up.
    pub retries: u32,
    /// Deliveries at a time to one receiver, of this process.
    pub per_host: usize,
    /// Deliveries at a time altogether, of this process.
    pub at_once: usize,
    /// The time of one attempt of a worker.
    pub timeout: GoDuration,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self { signing_secrets: Vec::new(), retries: 10, per_host: 4, at_once: 64, timeout: GoDuration::from_secs(20) }
    }
}
