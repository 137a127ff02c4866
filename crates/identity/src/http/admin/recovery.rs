//! `/admin/recovery`: an administrator lets somebody back in (identity-admin.md §2.13).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use foundation::{ApiError, Uuid};
use serde::Deserialize;
use serde_json::json;
use web::reply;

use super::failure::Answer;
use super::identities::json as read;
use crate::http::Asked;
use crate::http::query::Query;
use crate::model::flow::Transport;
use crate::service::Identity;

#[derive(Debug, Deserialize)]
struct RecoveryBody {
    /// Without one, it is the identity that nobody is.
    #[serde(default)]
    identity_id: Uuid,
    #[serde(default)]
    expires_in: Option<String>,
    #[serde(default)]
    flow_type: Option<String>,
}

impl RecoveryBody {
    fn expires_in(&self) -> Option<&str> {
        self.expires_in.as_deref().filter(|text| !text.is_empty())
    }

    fn transport(&self) -> Result<Transport, ApiError> {
        match self.flow_type.as_deref() {
            None | Some("" | "browser") => Ok(Transport::Browser),
            Some("api") => Ok(Transport::Api),
            Some(other) => Err(ApiError::bad_request(format!("{other:?} is no flow_type: send browser or api."))),
        }
    }
}

/// `POST /admin/recovery/code`
pub async fn code(State(identity): State<Identity>, Asked(cx): Asked, body: Bytes) -> Answer {
    let body: RecoveryBody = read(&body)?;
    let transport = body.transport()?;
    let made = identity.recovery_code_create(&cx, body.identity_id, body.expires_in(), transport).await?;
    let body = json!({
        "recovery_link": made.recovery_link,
        "recovery_code": made.recovery_code,
        "expires_at": made.expires_at,
    });
    Ok(unescaped(201, &body))
}

/// `POST /admin/recovery/link`
pub async fn link(State(identity): State<Identity>, Asked(cx): Asked, query: Query, body: Bytes) -> Answer {
    let body: RecoveryBody = read(&body)?;
    let return_to = query.get("return_to");
    let made = identity.recovery_link_create(&cx, body.identity_id, body.expires_in(), return_to).await?;
    Ok(unescaped(200, &json!({"recovery_link": made.recovery_link, "expires_at": made.expires_at})))
}

/// People copy the link: `&` stays as it is.
fn unescaped(status: u16, body: &serde_json::Value) -> Response {
    reply::json_unescaped(status, body)
}
