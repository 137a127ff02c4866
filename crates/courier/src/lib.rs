//! Messages to people: a durable outbox, and the inbox that stands in for mail servers during development.
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
pub mod inbox;
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
    settings: CurrentSettings,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    transport: Transport,
    /// Wakes the worker of this process.
    queued: tokio::sync::Notify,
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
            sources: sources::Sources::new(outbound, clock.clone()),
            languages: Languages::embedded(),
            settings,
            clock,
            rng,
            transport,
            queued: tokio::sync::Notify::new(),
            arrivals: inbox::Arrivals::default(),
            recording: tokio::sync::Mutex::default(),
        }
    }

    /// Tells the worker of this process that something was queued, so that it leaves at once. To be called after the
    /// transaction with [`enqueue`] was committed; forgetting it costs `courier.worker.pull_wait`.
    pub fn nudge(&self) {
        self.queued.notify_one();
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
    ]
}
