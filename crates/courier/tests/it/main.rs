//! The courier through its public surface, on both databases, against a small mail server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod composing;
mod delivering;
mod faults;
mod hooks;
mod inbox;
mod listing;
mod mail_server;
mod schema;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use courier::{Courier, CourierError, CourierSettings, Message, TemplateData, TemplateKind, Transport, enqueue};
use crypto::Sealer;
use database::testing::TestDatabase;
use database::{Db, Schema, read, transact};
use foundation::{ManualClock, RequestContext, Rng, Secret, SeededRng, Uuid};
use web::{OutboundClient, OutboundPolicy};

fn schema() -> Schema {
    let mut migrations = database::feed::migrations();
    migrations.extend(courier::migrations());
    Schema { migrations }
}

/// A courier on a database of its own.
struct Harness {
    db: Db,
    clock: Arc<ManualClock>,
    rng: Arc<dyn Rng>,
    settings: Arc<Mutex<Arc<CourierSettings>>>,
    courier: Arc<Courier>,
    tenant: Uuid,
    _database: Option<TestDatabase>,
}

impl Harness {
    fn on(db: Db, transport: Transport, settings: CourierSettings) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-01T10:00:00Z".parse().unwrap()));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(11));
        let settings = Arc::new(Mutex::new(Arc::new(settings)));
        let courier = another(&db, &clock, &rng, &settings, transport);
        Self { db, clock, rng, settings, courier, tenant: Uuid::from_u128(1), _database: None }
    }

    /// One for each database.
    async fn all(transport: Transport, settings: CourierSettings) -> Vec<Self> {
        let mut all = Vec::new();
        for database in TestDatabase::all(&schema()).await {
            let mut harness = Self::on(database.db.clone(), transport, settings.clone());
            harness._database = Some(database);
            all.push(harness);
        }
        all
    }

    async fn one(transport: Transport, settings: CourierSettings) -> Self {
        let database = TestDatabase::sqlite().await;
        schema().up(&database.db, database.db.clock().now()).await.unwrap();
        let mut harness = Self::on(database.db.clone(), transport, settings);
        harness._database = Some(database);
        harness
    }

    fn cx(&self) -> RequestContext {
        RequestContext::background(self.tenant, self.clock.clone(), self.rng.clone())
    }

    fn set(&self, settings: CourierSettings) {
        *self.settings.lock().unwrap() = Arc::new(settings);
    }

    /// Queues a recovery code mail.
    async fn queue(&self, to: &str) -> Uuid {
        let cx = self.cx();
        let composed = self.courier.compose(&cx, TemplateKind::RecoveryCodeValid, to, code()).await.unwrap();
        transact!(self.db, |tx| -> Result<Uuid, CourierError> { enqueue(tx, &cx, &composed).await }).await.unwrap()
    }

    async fn message(&self, id: Uuid) -> Message {
        let cx = self.cx();
        let found = read!(self.db, |tx| -> Result<Option<Message>, CourierError> {
            self.courier.message_find(tx, &cx, id).await
        })
        .await;
        found.unwrap().unwrap()
    }

    /// A courier on the same database that goes out in another way.
    fn with_outbound(&self, outbound: OutboundClient) -> Arc<Courier> {
        reaching(&self.db, &self.clock, &self.rng, &self.settings, Transport::Inbox, outbound)
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn another(
    db: &Db,
    clock: &Arc<ManualClock>,
    rng: &Arc<dyn Rng>,
    settings: &Arc<Mutex<Arc<CourierSettings>>>,
    transport: Transport,
) -> Arc<Courier> {
    let outbound = OutboundClient::new(OutboundPolicy { retries: 0, ..OutboundPolicy::default() }).unwrap();
    reaching(db, clock, rng, settings, transport, outbound)
}

fn reaching(
    db: &Db,
    clock: &Arc<ManualClock>,
    rng: &Arc<dyn Rng>,
    settings: &Arc<Mutex<Arc<CourierSettings>>>,
    transport: Transport,
    outbound: OutboundClient,
) -> Arc<Courier> {
    let sealer = Arc::new(Sealer::new(vec![Secret::new("a secret of thirty-two characters".to_owned())]).unwrap());
    let settings = settings.clone();
    let current = Arc::new(move || settings.lock().unwrap().clone());
    Arc::new(Courier::new(db.clone(), sealer, outbound, current, clock.clone(), rng.clone(), transport))
}

fn code() -> TemplateData {
    TemplateData {
        request_url: "http://localhost:4433/self-service/recovery/browser".to_owned(),
        recovery_code: Some("123456".to_owned()),
        expires_in_minutes: Some(60),
        ..TemplateData::default()
    }
}
