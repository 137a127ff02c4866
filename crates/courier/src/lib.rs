//! Messages to people and web hooks to programs: a durable outbox, and the inbox that stands in for mail servers and
//! receivers of hooks during development.
//!
//! A message is composed outside a transaction ([`Courier::compose`]: templates may come from the network), queued
//! inside the transaction of what it tells about ([`enqueue`]: both happen or neither), and delivered by workers
//! ([`Courier::run`]) that claim rows by lease, on any node, until it is sent or given up.
//!
//! The only crate that speaks SMTP. No rule about who gets which mail belongs here.

mod built_in;
mod compose;
mod delivery;
mod error;
pub mod hooks;
pub mod inbox;
mod metrics;
mod settings;
mod sources;
mod store;
mod template;
mod worker;

use std::sync::Arc;

use crypto::Sealer;
use database::{Db, Migration};
use foundation::{Clock, Languages, Rng};
use web::OutboundClient;

pub use built_in::Brand;
pub use compose::Composed;
pub use error::CourierError;
pub use hooks::{First, HookRequest, HookSettings, PreparedHook, enqueue_hook};
pub use settings::{
    CourierSettings, Smtp, TemplateBody, TemplateChannels, TemplateOutcomes, TemplateSource, Templates, Worker,
};
pub use store::listing::{Dispatch, Message, MessageFilter, MessagePage, PageRequest};
pub use store::messages::{MessageStatus, enqueue};
pub use template::{TemplateData, TemplateKind};
pub use worker::Report;

/// Where the present settings come from: asked for each message.
pub type CurrentSettings = Arc<dyn Fn() -> Arc<CourierSettings> + Send + Sync>;

/// Where messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// To the mail server of `courier.smtp`.
    Smtp,
    /// Into the development inbox.
    Inbox,
}

/// Composes, keeps and delivers messages.
pub struct Courier {
    db: Db,
    sealer: Arc<Sealer>,
    sources: sources::Sources,
    languages: Languages,
    outbound: OutboundClient,
    settings: CurrentSettings,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    transport: Transport,
    /// Wakes the worker of this process.
    queued: tokio::sync::Notify,
    /// Wakes the worker of hooks of this process.
    hooks_queued: tokio::sync::Notify,
    metrics: metrics::CourierMetrics,
    arrivals: inbox::Arrivals,
    /// One result is written at a time: written together, they would only give way to each other.
    recording: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Courier").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl Courier {
    /// Puts a courier together. `sealer` holds `secrets.cipher` (or what stands in for it).
    pub fn new(
        db: Db,
        sealer: Arc<Sealer>,
        outbound: OutboundClient,
        settings: CurrentSettings,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        transport: Transport,
    ) -> Self {
        Self {
            db,
            sealer,
            languages: Languages::embedded(),
            sources: sources::Sources::new(outbound.clone(), clock.clone()),
            outbound,
            settings,
            clock,
            rng,
            transport,
            queued: tokio::sync::Notify::new(),
            hooks_queued: tokio::sync::Notify::new(),
            metrics: metrics::CourierMetrics::default(),
            arrivals: inbox::Arrivals::default(),
            recording: tokio::sync::Mutex::default(),
        }
    }

    /// Tells the workers of this process that something was queued, so that it leaves at once. To be called after the
    /// transaction with [`enqueue`] or [`enqueue_hook`] was committed; forgetting it costs `courier.worker.pull_wait`.
    pub fn nudge(&self) {
        self.queued.notify_one();
        self.hooks_queued.notify_one();
    }

    /// The text at `address`: `http(s)://`, `file://`, `base64://` or a path. What comes from other servers serves for a
    /// minute.
    ///
    /// # Errors
    /// Why it cannot be read, without secrets of the address.
    pub async fn source(&self, address: &str) -> Result<Arc<str>, CourierError> {
        self.sources.text(address).await
    }
}

/// The schema changes of this crate.
pub fn migrations() -> Vec<Migration> {
    vec![
        Migration {
            name: "0010_courier_messages",
            up: include_str!("../migrations/0010_courier_messages.up.sql"),
            down: include_str!("../migrations/0010_courier_messages.down.sql"),
        },
        Migration {
            name: "0011_inbox_messages",
            up: include_str!("../migrations/0011_inbox_messages.up.sql"),
            down: include_str!("../migrations/0011_inbox_messages.down.sql"),
        },
        Migration {
            name: "0012_courier_hooks",
            up: include_str!("../migrations/0012_courier_hooks.up.sql"),
            down: include_str!("../migrations/0012_courier_hooks.down.sql"),
        },
        Migration {
            name: "0013_inbox_hooks",
            up: include_str!("../migrations/0013_inbox_hooks.up.sql"),
            down: include_str!("../migrations/0013_inbox_hooks.down.sql"),
        },
    ]
}
