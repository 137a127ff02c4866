//! What the store tells the change feed: that what was remembered of a session or an identity counts no more. Every function
//! that changes what a session check says calls one of these in the same transaction; a test looks for those that forget
//! (`tests/it/storage.rs`).

use database::{Change, Tx};
use foundation::{RequestContext, Uuid};

/// The topic of single sessions.
pub const SESSION: &str = "session";
/// The topic of identities: their sessions are meant with them.
pub const IDENTITY: &str = "identity";

/// This session changed or ended.
pub fn session_changed(tx: &mut Tx, cx: &RequestContext, id: Uuid) {
    tx.changed(Change::one(cx.tenant, SESSION, id));
}

/// Sessions changed that are too many to list.
pub fn sessions_changed(tx: &mut Tx, cx: &RequestContext) {
    tx.changed(Change::all(cx.tenant, SESSION));
}

/// This identity, or what hangs on it, changed.
pub fn identity_changed(tx: &mut Tx, cx: &RequestContext, id: Uuid) {
    tx.changed(Change::one(cx.tenant, IDENTITY, id));
}
