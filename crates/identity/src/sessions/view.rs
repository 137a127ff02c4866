//! The wire shapes of sessions and identities (identity-flows.md §9.1, identity-admin.md §1.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foundation::Timestamp;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::model::identity::{Identity, IdentityState};
use crate::model::session::Session;

/// A session as its owner sees it. `None` for the identity where the answer leaves it out.
pub fn session_json(cx: &Context, session: &Session, identity: Option<&Identity>) -> Value {
    let inactive = identity.is_some_and(|identity| identity.state != IdentityState::Active);
    json!({
        "id": session.id,
        "active": session.is_active(cx.now) && !inactive,
        "expires_at": session.expires_at,
        "authenticated_at": session.authenticated_at,
        "authenticator_assurance_level": session.aal,
        "authentication_methods": session.methods,
        "issued_at": session.issued_at,
        "identity": identity.map(|identity| identity_json(cx, identity)),
        "devices": session.devices,
    })
}

/// An identity as it sees itself: without credentials and without what only administrators may know.
pub fn identity_json(cx: &Context, identity: &Identity) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), identity.id.to_string().into());
    if let Some(external_id) = &identity.external_id {
        object.insert("external_id".into(), external_id.clone().into());
    }
    object.insert("schema_id".into(), identity.schema_id.clone().into());
    object.insert("schema_url".into(), schema_url(cx, &identity.schema_id).into());
    object.insert("state".into(), identity.state.as_str().into());
    if let Some(changed) = identity.state_changed_at {
        object.insert("state_changed_at".into(), time(changed));
    }
    object.insert("traits".into(), identity.traits.clone());
    if !identity.verifiable_addresses.is_empty() {
        object.insert("verifiable_addresses".into(), json!(identity.verifiable_addresses));
    }
    if !identity.recovery_addresses.is_empty() {
        object.insert("recovery_addresses".into(), json!(identity.recovery_addresses));
    }
    object.insert("metadata_public".into(), identity.metadata_public.clone().unwrap_or_default());
    object.insert("created_at".into(), time(identity.created_at));
    object.insert("updated_at".into(), time(identity.updated_at));
    object.insert("organization_id".into(), json!(identity.organization_id));
    object.into()
}

/// Where the schema of this id can be read.
pub fn schema_url(cx: &Context, id: &str) -> String {
    format!("{}schemas/{}", cx.settings().public_base_url(), URL_SAFE_NO_PAD.encode(id))
}

fn time(instant: Timestamp) -> Value {
    instant.to_string().into()
}
