//! One attempt to deliver a hook: its headers, its signature, and what its answer means.

use std::time::Duration;

use crypto::WebhookKeys;
use foundation::Uuid;
use http::Method;
use tokio::time::timeout;
use web::outbound::OutboundError;
use web::{OutboundRequest, OutboundResponse};

use super::HookRequest;
use crate::Courier;
use crate::store::hooks::HookEnding;

/// What a receiver answered.
#[derive(Debug, Clone)]
pub struct HookAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl HookAnswer {
    /// True for a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why a receiver gave no answer. The texts name its host and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookFailure {
    /// It took too long.
    #[error("{0}")]
    Timeout(String),
    /// It cannot be reached, or its answer is no HTTP or too long.
    #[error("{0}")]
    Unreachable(String),
    /// The request cannot be sent by what the configuration says: its address, its method, a header.
    #[error("{0}")]
    Refused(String),
}

/// While somebody waits: the time for all attempts together, and the attempts (identity-admin.md §10.5).
const BUDGET: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The most bytes of an answer.
const LONGEST_ANSWER: usize = 5 << 20;

/// Statuses by which a receiver says that it has read the request and will never take it.
const NEVER: [u16; 5] = [400, 410, 413, 415, 422];

/// Sends while somebody waits: again after a failed connection, a 429 or a 5xx, within half a minute.
pub(super) async fn send_patiently(
    courier: &Courier,
    id: Uuid,
    request: &HookRequest,
) -> Result<HookAnswer, HookFailure> {
    let attempts = async {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match send(courier, id, request, BUDGET).await {
                Ok(answer) if answer.status < 500 && answer.status != 429 => return Ok(answer),
                Err(HookFailure::Refused(reason)) => return Err(HookFailure::Refused(reason)),
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        send(courier, id, request, BUDGET).await
    };
    match timeout(BUDGET, attempts).await {
        Ok(result) => result,
        Err(_) => Err(HookFailure::Timeout("the receiver did not answer in time".to_owned())),
    }
}

/// One attempt.
pub(super) async fn send(
    courier: &Courier,
    id: Uuid,
    request: &HookRequest,
    patience: Duration,
) -> Result<HookAnswer, HookFailure> {
    let built = build(courier, id, request)?.timeout(patience);
    match courier.outbound.send(built).await {
        Ok(OutboundResponse { status, body, .. }) => Ok(HookAnswer { status, body: body.to_vec() }),
        Err(error @ OutboundError::Timeout { .. }) => Err(HookFailure::Timeout(error.to_string())),
        Err(error @ (OutboundError::Refused { .. } | OutboundError::Address(_) | OutboundError::Policy(_))) => {
            Err(HookFailure::Refused(error.to_string()))
        }
        Err(error) => Err(HookFailure::Unreachable(error.to_string())),
    }
}

fn build(courier: &Courier, id: Uuid, request: &HookRequest) -> Result<OutboundRequest, HookFailure> {
    let refused = |error: OutboundError| HookFailure::Refused(error.to_string());
    let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| HookFailure::Refused(format!("{:?} is no HTTP method", request.method)))?;
    let mut built =
        OutboundRequest::new(method, request.url.clone()).retries(0).redirects(0).response_cap(LONGEST_ANSWER);
    for (name, value) in &request.headers {
        built = built.header(name, value).map_err(refused)?;
    }
    let id = id.to_string();
    let settings = (courier.settings)();
    let now = courier.clock.now().as_second();
    built = built.header("Ory-Webhook-Request-ID", &courier.rng.uuid().to_string()).map_err(refused)?;
    built = built.header("Ory-Webhook-Trigger-ID", &id).map_err(refused)?;
    built = built.header("webhook-id", &id).map_err(refused)?;
    built = built.header("webhook-timestamp", &now.to_string()).map_err(refused)?;
    let keys = WebhookKeys::new(&settings.hooks.signing_secrets);
    if let Some(signature) = keys.sign(&id, now, request.body.as_bytes()) {
        built = built.header("webhook-signature", &signature).map_err(refused)?;
    }
    built.body = request.body.clone().into();
    Ok(built)
}

impl Courier {
    /// What the result of attempt number `attempts` means for a queued hook.
    pub(super) fn hook_ending(&self, result: &Result<HookAnswer, HookFailure>, attempts: i64) -> HookEnding {
        let reason = match result {
            Ok(answer) if answer.is_success() => return HookEnding::Delivered,
            Ok(answer) if NEVER.contains(&answer.status) => {
                return HookEnding::Dead(format!("the receiver answered {}", answer.status));
            }
            Ok(answer) => format!("the receiver answered {}", answer.status),
            Err(failure) => failure.to_string(),
        };
        let allowed = i64::from((self.settings)().hooks.retries) + 1;
        if attempts >= allowed {
            return HookEnding::Dead(reason);
        }
        HookEnding::Again(self.clock.now() + self.hook_pause(attempts), reason)
    }
}
