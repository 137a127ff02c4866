//! Who asks, and what they brought: the first argument of every use case.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Clock, Rng};

/// What a request carries through all layers down to storage.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Whose data this request may see: every statement names it.
    pub tenant: Uuid,
    /// Appears in the log line of the request and in error bodies.
    pub request_id: String,
    /// The clock's reading when the request arrived. One request knows one present.
    pub now: Timestamp,
    /// The clock itself, for work that waits.
    pub clock: Arc<dyn Clock>,
    /// Where ids, tokens and codes come from.
    pub rng: Arc<dyn Rng>,
    /// The other end of the connection.
    pub client: ClientInfo,
    /// The languages asked for, best first, as BCP 47 tags.
    pub languages: Vec<String>,
}

/// What is known of the program that sent a request.
#[derive(Debug, Clone, Default)]
pub struct ClientInfo {
    /// Its address, through configured proxies; `None` on Unix sockets and for background work.
    pub address: Option<IpAddr>,
    /// Its `User-Agent`, as sent.
    pub user_agent: Option<String>,
    /// City and country, if the proxy in front says so.
    pub location: Option<String>,
}

impl RequestContext {
    /// The context of work that nobody asked for: workers, start-up, tests.
    pub fn background(tenant: Uuid, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self {
            tenant,
            request_id: rng.uuid().to_string(),
            now: clock.now(),
            clock,
            rng,
            client: ClientInfo::default(),
            languages: Vec::new(),
        }
    }
}
