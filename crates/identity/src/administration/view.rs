//! What administrators see of identities and sessions (identity-admin.md §1.2).

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::model::identity::{Credential, CredentialKind, Identity};
use crate::model::session::Session;
use crate::sessions::view;

/// How much of the credentials is shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// Nothing: they were not loaded.
    Nothing,
    /// Types and identifiers, and the secrets of these types.
    Credentials(&'a [CredentialKind]),
}

/// An identity as administrators see it.
pub fn identity_json(cx: &Context, identity: &Identity, shown: Shown<'_>) -> Value {
    let mut object = object(view::identity_json(cx, identity));
    object.insert("metadata_admin".into(), identity.metadata_admin.clone().unwrap_or_default());
    if let Shown::Credentials(secrets) = shown
        && !identity.credentials.is_empty()
    {
        let credentials = identity.credentials.iter();
        let by_kind: Map<String, Value> = credentials
            .map(|credential| (credential.kind.as_str().to_owned(), credential_json(credential, 1, secrets)))
            .collect();
        object.insert("credentials".into(), by_kind.into());
    }
    object.into()
}

/// The answer to a write. It leaves `metadata_admin` out where there is none; `version` is 0 for an identity that was
/// just made and 1 afterwards (§2.3).
pub fn identity_written_json(cx: &Context, identity: &Identity, version: i64) -> Value {
    let mut object = object(identity_json(cx, identity, Shown::Credentials(&[])));
    if identity.metadata_admin.is_none() {
        object.remove("metadata_admin");
    }
    if let Some(Value::Object(credentials)) = object.get_mut("credentials") {
        for credential in credentials.values_mut() {
            credential["version"] = version.into();
        }
    }
    object.into()
}

fn credential_json(credential: &Credential, version: i64, secrets: &[CredentialKind]) -> Value {
    let mut object = Map::new();
    object.insert("type".into(), credential.kind.as_str().into());
    object.insert("identifiers".into(), json!(credential.identifiers));
    if secrets.contains(&credential.kind) {
        object.insert("config".into(), json!(credential.secret));
    }
    object.insert("version".into(), version.into());
    object.insert("created_at".into(), json!(credential.created_at));
    object.insert("updated_at".into(), json!(credential.updated_at));
    object.into()
}

/// A session in a list of all sessions: there, devices that were not asked for are null and no empty list.
pub fn session_listed_json(cx: &Context, session: &Session, identity: &Identity, expand: Expand) -> Value {
    let mut json = session_json(cx, session, identity, expand);
    if !expand.devices {
        json["devices"] = Value::Null;
    }
    json
}

/// What of a session's surroundings is told with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expand {
    /// Whose it is.
    pub identity: bool,
    /// Where it began.
    pub devices: bool,
}

/// A session as administrators see it.
pub fn session_json(cx: &Context, session: &Session, identity: &Identity, expand: Expand) -> Value {
    let mut object = object(view::session_json(cx, session, Some(identity)));
    let shown = if expand.identity { identity_json(cx, identity, Shown::Nothing) } else { Value::Null };
    object.insert("identity".into(), shown);
    if !expand.devices {
        object.insert("devices".into(), json!([]));
    }
    object.into()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
