//! What happens after a flow, besides the flow itself: decided before the transaction, done inside it or told after it.

use foundation::ApiError;
use serde_json::{Value, json};

use super::engine::page_url;
use super::verification::SpawnedVerification;
use super::visit::Audience;
use crate::context::Context;
use crate::model::flow::{FlowKind, Transport};
use crate::model::identity::{Identity as Person, VerifiableAddress};
use crate::settings::{Hook, NotifyRecipients};

/// What the hooks of a flow ask for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Wanted {
    /// Registration: the client gets the session.
    pub session: bool,
    /// The client is sent to the proof of the address.
    pub show_verification_ui: bool,
    /// An unproved address is asked to be proved.
    pub verification: bool,
    /// Only somebody with a proved address may sign in.
    pub require_verified_address: bool,
    /// All other sessions end.
    pub revoke_active_sessions: bool,
    /// Addresses that were there before are told.
    pub notify: Option<NotifyRecipients>,
    /// A new address counts once it is proved.
    pub verify_new_address: bool,
}

impl Wanted {
    /// Whether the client is sent to the proof of an address: by the hook, or as earlier releases of the reference server
    /// did in any case (`legacy_continue_with_verification_ui`).
    pub fn shows_verification(self, cx: &Context) -> bool {
        self.show_verification_ui || cx.settings().feature_flags.legacy_continue_with_verification_ui
    }
}

/// Reads a list of hooks, but for web hooks: `web_hooks` calls those. Others that come later have been named in the log at
/// start, or have kept the server from starting.
pub fn wanted(hooks: &[Hook]) -> Wanted {
    let mut wanted = Wanted::default();
    for hook in hooks {
        match hook {
            Hook::Session => wanted.session = true,
            Hook::ShowVerificationUi => wanted.show_verification_ui = true,
            Hook::Verification => wanted.verification = true,
            Hook::RequireVerifiedAddress => wanted.require_verified_address = true,
            Hook::RevokeActiveSessions => wanted.revoke_active_sessions = true,
            Hook::NotifyPreviousAddresses { recipients } => wanted.notify = Some(*recipients),
            Hook::VerifyNewAddress => wanted.verify_new_address = true,
            Hook::WebHook(_) | Hook::Organization => {}
        }
    }
    wanted
}

/// The address that is asked to be proved: the first in the schema's order that is not.
pub fn unverified(identity: &Person) -> Option<&VerifiableAddress> {
    identity.verifiable_addresses.iter().find(|address| !address.verified)
}

/// The item that sends a client to the proof of an address.
pub fn show_verification_item(cx: &Context, spawned: &SpawnedVerification) -> Value {
    let mut flow = json!({"id": spawned.flow.id, "verifiable_address": spawned.address});
    if spawned.flow.transport == Transport::Browser {
        flow["url"] = page_url(cx.settings(), FlowKind::Verification, spawned.flow.id).into();
    }
    json!({"action": "show_verification_ui", "flow": flow})
}

/// The item with the page's URL in it, for apps too: an app without a session has nothing but a browser to go on with.
fn with_page(cx: &Context, spawned: &SpawnedVerification, mut item: Value) -> Value {
    item["flow"]["url"] = page_url(cx.settings(), FlowKind::Verification, spawned.flow.id).into();
    item
}

/// The item that sends the browser of a page somewhere.
pub fn redirect_item(url: &str) -> Value {
    json!({"action": "redirect_browser_to", "redirect_browser_to": url})
}

/// The item that hands an app its token.
pub fn token_item(token: &str) -> Value {
    json!({"action": "set_ory_session_token", "ory_session_token": token})
}

/// The refusal of somebody without a proved address; the HTTP status and the body's code differ (§7.1).
pub fn verified_address_required(cx: &Context, spawned: &SpawnedVerification) -> ApiError {
    ApiError::forbidden("Prove your address first: a code or link is on its way to it.")
        .id("session_verified_address_required")
        .code(400)
        .detail("continue_with", json!([with_page(cx, spawned, show_verification_item(cx, spawned))]))
}

/// The refusal of a page's script that has to send its browser elsewhere.
pub fn browser_location_change(url: &str) -> ApiError {
    ApiError::new(422)
        .id("browser_location_change_required")
        .reason("The browser has to go to the address in redirect_browser_to.")
        .beside("redirect_browser_to", url)
}

/// The refusal of somebody who is signed in already.
pub fn already_signed_in() -> ApiError {
    ApiError::bad_request("A valid session was shown: sign out first, or ask for refresh=true.")
        .id("session_already_available")
}

/// Whether an audience reads JSON.
pub fn reads_json(audience: Audience) -> bool {
    audience != Audience::Browser
}
