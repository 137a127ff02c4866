//! `/admin/courier/messages` (identity-admin.md §4.2).

use axum::extract::{Path, State};
use courier::{MessageFilter, MessageStatus, PageRequest};
use foundation::ApiError;
use web::reply;

use super::failure::Answer;
use crate::http::Asked;
use crate::http::paging::{self, Sizes};
use crate::http::query::{Query, path_id};
use crate::service::Identity;

const PATH: &str = "/admin/courier/messages";
const SIZES: Sizes = Sizes { default: 10, most: 500 };

/// `GET /admin/courier/messages`
pub async fn list(State(identity): State<Identity>, Asked(cx): Asked, query: Query) -> Answer {
    let size = SIZES.asked(&query, &["page_size"])?;
    let filter = MessageFilter { status: status(&query)?, recipient: query.get("recipient").map(str::to_owned) };
    let page = PageRequest { size: u32::try_from(size).ok(), token: query.get("page_token").map(str::to_owned) };
    let listed = identity.messages_list(&cx, &filter, &page).await?;
    let mut response = reply::json(200, &listed.messages);
    let behind = |token: String| vec![("page_size", listed.size.to_string()), ("page_token", token)];
    let mut links = vec![("first", behind(listed.first))];
    links.extend(listed.next.map(|next| ("next", behind(next))));
    paging::link(&mut response, PATH, &query, links);
    Ok(response)
}

fn status(query: &Query) -> Result<Option<MessageStatus>, ApiError> {
    let wrong = |name: &str| {
        ApiError::bad_request(format!("{name:?} is no status: send queued, processing, sent or abandoned."))
    };
    query.get("status").map(|name| MessageStatus::from_name(name).ok_or_else(|| wrong(name))).transpose()
}

/// `GET /admin/courier/messages/{id}`
pub async fn find(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>) -> Answer {
    let found = identity.message_find(&cx, path_id(&id)?).await?;
    Ok(reply::json(200, &found.ok_or_else(|| ApiError::not_found("There is no message of this id."))?))
}
