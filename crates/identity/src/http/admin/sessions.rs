//! `/admin/sessions` and `/admin/identities/{id}/sessions` (identity-admin.md §2.12).

use axum::body::Bytes;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foundation::ApiError;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use web::reply;

use super::failure::Answer;
use super::identities::json;
use crate::administration::view::{Expand, session_json, session_listed_json};
use crate::administration::{SessionCursor, SessionPage};
use crate::context::Context;
use crate::http::Asked;
use crate::http::paging::{self, Numbered, Sizes};
use crate::http::query::{Query, path_id};
use crate::service::Identity;

const PATH: &str = "/admin/sessions";
const SIZES: Sizes = Sizes { default: 250, most: 1000 };

/// `GET /admin/sessions`
pub async fn list(State(identity): State<Identity>, Asked(cx): Asked, query: Query) -> Answer {
    let expand = expand(&query)?;
    let active = query.flag("active")?;
    let size = SIZES.asked(&query, &["page_size", "per_page"])?;
    let after = query.get("page_token").map(token_read).transpose()?;
    let page = identity.sessions_list(&cx, active, after, size).await?;
    let mut response = reply::json(200, &shown(&cx, &page, expand));
    let mut links = vec![("first", vec![("page_size", size.to_string())])];
    if let Some((last, _)) = page.sessions.last().filter(|_| page.more) {
        let token = token_write((last.issued_at, last.id));
        links.push(("next", vec![("page_size", size.to_string()), ("page_token", token)]));
    }
    paging::link(&mut response, PATH, &query, links);
    Ok(response)
}

/// `GET /admin/identities/{id}/sessions`
pub async fn list_of(
    State(identity): State<Identity>,
    Asked(cx): Asked,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let id = path_id(&id)?;
    let active = query.flag("active")?;
    let asked = Numbered::asked(&query, SIZES)?;
    let page = identity.sessions_list_of(&cx, id, active, asked.size, asked.offset()).await?;
    let mut response = reply::json(200, &shown(&cx, &page, Expand { identity: true, devices: true }));
    let path = format!("/admin/identities/{id}/sessions");
    asked.link(&mut response, &path, &query, page.total.unwrap_or_default());
    Ok(response)
}

/// `DELETE /admin/identities/{id}/sessions`
pub async fn remove_of(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>) -> Answer {
    identity.sessions_delete_of(&cx, path_id(&id)?).await?;
    Ok(reply::no_content())
}

/// `GET /admin/sessions/{id}`
pub async fn find(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>, query: Query) -> Answer {
    let expand = expand(&query)?;
    let (session, owner) = identity.session_find(&cx, path_id(&id)?).await?;
    Ok(reply::json(200, &session_json(&cx, &session, &owner, expand)))
}

/// `DELETE /admin/sessions/{id}`
pub async fn disable(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>) -> Answer {
    identity.session_disable(&cx, path_id(&id)?).await?;
    let mut response = reply::no_content();
    // There is no body, and yet the contract names its type.
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// `PATCH /admin/sessions/{id}/extend`
pub async fn extend(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>) -> Answer {
    let extended = identity.session_extend(&cx, path_id(&id)?).await?;
    if cx.settings().feature_flags.faster_session_extend {
        return Ok(reply::no_content());
    }
    let expand = Expand { identity: true, devices: false };
    Ok(reply::json(200, &session_json(&cx, &extended.session, &extended.identity, expand)))
}

/// `POST /admin/sessions`
pub async fn manage(State(identity): State<Identity>, Asked(cx): Asked, body: Bytes) -> Answer {
    Ok(reply::json(200, &identity.sessions_manage(&cx, &json(&body)?).await?))
}

fn shown(cx: &Context, page: &SessionPage, expand: Expand) -> Vec<Value> {
    page.sessions.iter().map(|(session, owner)| session_listed_json(cx, session, owner, expand)).collect()
}

fn expand(query: &Query) -> Result<Expand, ApiError> {
    let mut expand = Expand::default();
    for name in query.all("expand") {
        match name.to_lowercase().as_str() {
            "identity" => expand.identity = true,
            "devices" => expand.devices = true,
            _ => return Err(ApiError::bad_request(format!("{name:?} cannot be expanded: send identity or devices."))),
        }
    }
    Ok(expand)
}

fn token_write((issued_at, id): SessionCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("created_at={issued_at}/id={id}"))
}

fn token_read(token: &str) -> Result<SessionCursor, ApiError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?).ok()?;
        let (issued_at, id) = text.strip_prefix("created_at=")?.split_once("/id=")?;
        Some((issued_at.parse().ok()?, id.parse().ok()?))
    };
    read().ok_or_else(|| ApiError::bad_request("The page token is not valid."))
}

#[cfg(test)]
mod tests {
    use foundation::{Timestamp, Uuid};

    use super::*;

    #[test]
    fn page_tokens_are_read_back_and_nothing_else_is() {
        let cursor = (Timestamp::from_microsecond(1_700_000_000_123_456).unwrap(), Uuid::from_u128(7));
        assert_eq!(token_read(&token_write(cursor)), Ok(cursor));
        for token in ["nonsense", "", "Y3JlYXRlZF9hdD0", "%%"] {
            assert_eq!(token_read(token).unwrap_err().status, 400, "{token}");
        }
    }

    #[test]
    fn expansions_are_named_in_any_case() {
        let expand = expand(&Query::parse("expand=Identity&expand=devices")).unwrap();
        assert!(expand.identity && expand.devices);
        assert!(super::expand(&Query::parse("expand=nonsense")).is_err());
    }
}
