//! `/admin/identities` (identity-admin.md §2.1–§2.7, §2.10).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use foundation::{ApiError, Uuid};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde::de::DeserializeOwned;
use serde_json::Value;
use web::reply;

use super::failure::{Answer, Failure};
use crate::administration::view::{Shown, identity_json, identity_written_json};
use crate::administration::{CreateBody, Listed, Listing, UpdateBody, Wanted, no_such_identity, parse_patch};
use crate::http::Asked;
use crate::http::paging::{self, Numbered, Sizes};
use crate::http::query::Query;
use crate::service::Identity;

const PATH: &str = "/admin/identities";
const SIZES: Sizes = Sizes { default: 250, most: 500 };
const MOST_IDS: usize = 500;
/// How far numbered pages lead; keys have no such bound.
const FURTHEST: i64 = 1000;

/// `GET /admin/identities`
pub async fn list(State(identity): State<Identity>, Asked(cx): Asked, query: Query) -> Answer {
    let kinds = query.include_credential()?;
    let wanted = wanted(&query)?;
    let numbered = numbered(&query)?;
    let with_credentials = !kinds.is_empty() || wanted.identifier.is_some();
    let listing = listing(&query, wanted, with_credentials, numbered)?;
    let listed = identity.identities_list(&cx, &listing).await?;
    let shown = if with_credentials { Shown::Credentials(&kinds) } else { Shown::Nothing };
    let body: Vec<Value> = listed.identities.iter().map(|person| identity_json(&cx, person, shown)).collect();
    let mut response = reply::json(200, &body);
    match numbered {
        Some(page) => page.link(&mut response, PATH, &query, listed.total.unwrap_or_default()),
        None => link_by_key(&mut response, &query, &listing, &listed),
    }
    Ok(response)
}

fn wanted(query: &Query) -> Result<Wanted, ApiError> {
    Ok(Wanted {
        ids: query.ids("ids", MOST_IDS)?,
        identifier: query.get("credentials_identifier").map(str::to_owned),
        identifier_prefix: query.get("preview_credentials_identifier_similar").map(str::to_owned),
        organization: query.id("organization_id")?,
    })
}

/// Numbered pages are the older way, and are used where nothing asks for the newer one.
fn numbered(query: &Query) -> Result<Option<Numbered>, ApiError> {
    if query.get("page").is_none() || query.get("page_size").is_some() || query.get("page_token").is_some() {
        return Ok(None);
    }
    let page = Numbered::asked(query, SIZES)?;
    if page.offset() > FURTHEST {
        return Err(ApiError::bad_request(format!(
            "Numbered pages lead no further than {FURTHEST} items: use page_size and page_token."
        )));
    }
    Ok(Some(page))
}

fn listing(
    query: &Query,
    wanted: Wanted,
    with_credentials: bool,
    numbered: Option<Numbered>,
) -> Result<Listing, ApiError> {
    let listing = Listing { wanted, with_credentials, after: Uuid::nil(), offset: 0, limit: 0, counted: false };
    if let Some(page) = numbered {
        return Ok(Listing { offset: page.offset(), limit: page.size, counted: true, ..listing });
    }
    let wrong = |_| ApiError::bad_request("The page token is not valid.");
    let after = query.get("page_token").map(str::parse::<Uuid>).transpose().map_err(wrong)?;
    let limit = SIZES.asked(query, &["page_size", "per_page"])?;
    Ok(Listing { after: after.unwrap_or_default(), limit, ..listing })
}

/// A page token is the id behind which the page begins.
fn link_by_key(response: &mut Response, query: &Query, listing: &Listing, listed: &Listed) {
    let behind = |id: Uuid| vec![("page_size", listing.limit.to_string()), ("page_token", id.to_string())];
    let mut links = vec![("first", behind(Uuid::nil()))];
    if let Some(last) = listed.identities.last().filter(|_| listed.more) {
        links.push(("next", behind(last.id)));
    }
    paging::link(response, PATH, query, links);
}

/// `POST /admin/identities`
pub async fn create(State(identity): State<Identity>, Asked(cx): Asked, body: Bytes) -> Answer {
    let body: CreateBody = json(&body)?;
    let person = identity.identity_create(&cx, &body).await?;
    let mut response = reply::json(201, &identity_written_json(&cx, &person, 0));
    // Without /admin, as the contract has it; both lead there.
    let location = format!("{}identities/{}", cx.settings().admin_base_url(), person.id);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /admin/identities`: many at once.
pub async fn batch(State(identity): State<Identity>, Asked(cx): Asked, body: Bytes) -> Answer {
    Ok(reply::json(200, &identity.identity_batch(&cx, &json(&body)?).await?))
}

/// `GET /admin/identities/{id}`
pub async fn find(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>, query: Query) -> Answer {
    let kinds = query.include_credential()?;
    let found = identity.identity_find(&cx, id_in_path(&id)?).await?.ok_or_else(no_such_identity)?;
    Ok(reply::json(200, &identity_json(&cx, &found, Shown::Credentials(&kinds))))
}

/// `GET /admin/identities/by/external/{external_id}`
pub async fn find_by_external_id(
    State(identity): State<Identity>,
    Asked(cx): Asked,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let kinds = query.include_credential()?;
    let found = identity.identity_find_by_external_id(&cx, &id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("There is no identity of this external id."))?;
    Ok(reply::json(200, &identity_json(&cx, &found, Shown::Credentials(&kinds))))
}

/// `PUT /admin/identities/{id}`
pub async fn update(
    State(identity): State<Identity>,
    Asked(cx): Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body: UpdateBody = declared_json(&headers, &body)?;
    let person = identity.identity_update(&cx, id_in_path(&id)?, &body).await?;
    Ok(reply::json(200, &identity_written_json(&cx, &person, 1)))
}

/// `PATCH /admin/identities/{id}`
pub async fn patch(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>, body: Bytes) -> Answer {
    let person = identity.identity_patch(&cx, id_in_path(&id)?, &parse_patch(&body)?).await?;
    Ok(reply::json(200, &identity_json(&cx, &person, Shown::Credentials(&[]))))
}

/// `DELETE /admin/identities/{id}`
pub async fn remove(State(identity): State<Identity>, Asked(cx): Asked, Path(id): Path<String>) -> Answer {
    identity.identity_delete(&cx, id_in_path(&id)?).await?;
    Ok(reply::no_content())
}

/// `DELETE /admin/identities/{id}/credentials/{type}`
pub async fn credential_remove(
    State(identity): State<Identity>,
    Asked(cx): Asked,
    Path((id, kind)): Path<(String, String)>,
) -> Answer {
    identity.credential_delete(&cx, id_in_path(&id)?, &kind).await?;
    Ok(reply::no_content())
}

/// What is no id names no identity.
fn id_in_path(text: &str) -> Result<Uuid, Failure> {
    text.parse().map_err(|_| no_such_identity().into())
}

/// Reads a body, whatever its content type says.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request(format!("The body cannot be used: {error}.")))
}

/// Reads a body that has to say that it is JSON.
fn declared_json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, ApiError> {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !named.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(ApiError::bad_request("Send the body as JSON, with Content-Type: application/json."));
    }
    json(body)
}
