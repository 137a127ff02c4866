//! The time between the order to stop and the end. Load balancers look at a server's readiness every so often and go on
//! sending requests until then: a server that stopped at once would refuse those.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the server is about to stop. Clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// From now on the server says that it is not ready, and closes connections after their next answer.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether a request for this path asks if the server takes requests.
    pub(super) fn is_readiness(&self, path: &str) -> bool {
        path == "/health/ready" || path == "/admin/health/ready"
    }
}
