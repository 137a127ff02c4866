//! Web hooks: requests to servers of the operator that tell what happened here. `delivery` makes one attempt, `worker`
//! empties the queue. Which flow calls which hook, and what its body says, is decided elsewhere.
//!
//! A hook whose answer matters is sent at once ([`Courier::hook_send`]). Any other is queued inside the transaction of
//! what it tells about ([`enqueue_hook`]) and delivered at least once: by a worker of any node, or first of all by the
//! request that queued it and waits for the result ([`Courier::hook_deliver_held`]), whose hold is a lease like a
//! worker's.

pub(crate) mod delivery;
mod settings;
mod worker;

use database::Tx;
use foundation::{GoDuration, RequestContext, Uuid};
use serde::{Deserialize, Serialize};
use url::Url;

pub use delivery::{HookAnswer, HookFailure};
pub use settings::HookSettings;
pub use worker::HookReport;

use crate::store::hooks::{self, ClaimedHook, HookEnding};
use crate::{Courier, CourierError};

/// A request to be sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct HookRequest {
    /// The operator's label, or where in which flow the hook stands. For logs.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// The receiver.
    pub url: String,
    /// Headers, credentials among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl std::fmt::Debug for HookRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HookRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A hook that is ready to be sent or queued.
#[derive(Debug, Clone)]
pub struct PreparedHook {
    /// What receivers tell repeated deliveries by: the same for every attempt.
    pub id: Uuid,
    pub(crate) request: HookRequest,
    pub(crate) host: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) hold: Uuid,
}

/// Who delivers a queued hook first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// A worker, as soon as one looks.
    Worker,
    /// The request that queues it, by [`Courier::hook_deliver_held`] after the commit. Should it die, a worker.
    Request,
}

/// What sealed contents are sealed for: they open for nothing else.
const PURPOSE: &str = "courier/hook";

/// How long the request that queued a hook may hold it: its transaction and its attempts.
const HOLD: GoDuration = GoDuration::from_secs(90);

impl Courier {
    /// Gives a hook its id and seals it. Writes nothing.
    pub fn hook_prepare(&self, request: HookRequest) -> PreparedHook {
        let host = Url::parse(&request.url).ok().and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(format!("{host}:{}", url.port_or_known_default().unwrap_or_default()))
        });
        let plain = serde_json::to_vec(&request).unwrap_or_default();
        let sealed = self.sealer.seal(&*self.rng, PURPOSE, &plain);
        PreparedHook { id: self.rng.uuid(), request, host: host.unwrap_or_default(), sealed, hold: self.rng.uuid() }
    }

    pub(crate) fn hook_open(&self, sealed: &[u8]) -> Option<HookRequest> {
        serde_json::from_slice(&self.sealer.open(PURPOSE, sealed)?).ok()
    }

    /// Sends a hook that is not queued, up to three times, and gives the last answer whatever its status.
    ///
    /// # Errors
    /// [`HookFailure`] if no answer came.
    pub async fn hook_send(&self, hook: &PreparedHook) -> Result<HookAnswer, HookFailure> {
        let result = delivery::send_patiently(self, hook.id, &hook.request).await;
        let outcome = if result.as_ref().is_ok_and(HookAnswer::is_success) { "delivered" } else { "failed" };
        self.metrics.count("hook", outcome);
        result
    }

    /// Delivers a hook that was queued with [`First::Request`], up to three times, and writes down how it went. What
    /// failed goes to the workers, unless the receiver said that it takes it never.
    ///
    /// # Errors
    /// [`HookFailure`] if no answer came.
    pub async fn hook_deliver_held(&self, hook: &PreparedHook, tenant: Uuid) -> Result<HookAnswer, HookFailure> {
        let result = delivery::send_patiently(self, hook.id, &hook.request).await;
        let claimed = ClaimedHook {
            id: hook.id,
            tenant,
            lease: hook.hold,
            name: hook.request.name.clone(),
            host: hook.host.clone(),
            sealed: Vec::new(),
            attempts: 1,
        };
        let ending = self.hook_ending(&result, 1);
        self.hook_record(&claimed, &ending).await;
        result
    }

    /// Hands a hook that was queued with [`First::Request`] to the workers: the request does not come to deliver it.
    pub async fn hook_release(&self, hook: &PreparedHook, tenant: Uuid) {
        let claimed = ClaimedHook {
            id: hook.id,
            tenant,
            lease: hook.hold,
            name: hook.request.name.clone(),
            host: hook.host.clone(),
            sealed: Vec::new(),
            attempts: 0,
        };
        let ending = HookEnding::Again(self.clock.now(), "not tried yet".to_owned());
        self.hook_record(&claimed, &ending).await;
        self.nudge();
    }
}

/// Queues a hook in the caller's transaction: a rolled-back one sends nothing. After the commit call
/// [`Courier::nudge`], or with [`First::Request`] deliver it.
///
/// # Errors
/// What the database says.
pub async fn enqueue_hook(
    tx: &mut Tx,
    cx: &RequestContext,
    hook: &PreparedHook,
    first: First,
) -> Result<(), CourierError> {
    let held = (first == First::Request).then(|| (hook.hold, cx.clock.now() + HOLD));
    Ok(hooks::insert(tx, cx, hook, held).await?)
}
