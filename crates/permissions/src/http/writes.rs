//! PUT, PATCH and DELETE of `serve.write`.

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use url::form_urlencoded;
use web::{RequestId, reply};

use super::query::Query;
use super::{answer, body, json, with_token};
use crate::failure::Failure;
use crate::model::{Change, RelationTuple, Subject};
use crate::service::Permissions;

/// The largest body: a PATCH of about 200,000 relationships.
pub(super) const CAP: usize = 32 * 1024 * 1024;

/// PUT /admin/relation-tuples
pub(super) async fn put(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let written = async {
        let tuple: RelationTuple = json(&body(&headers, sent, CAP).await?)?;
        let written = permissions.transact(vec![Change::Insert(tuple.clone())], &[]).await?;
        let mut response = with_token(reply::json(201, &tuple), &permissions.tokens.write(written.revision));
        if let Ok(location) = HeaderValue::try_from(format!("/relation-tuples?{}", query_of(&tuple))) {
            response.headers_mut().insert(LOCATION, location);
        }
        Ok(response)
    };
    answer(&id, written.await)
}

/// A relationship as the query that finds it.
fn query_of(tuple: &RelationTuple) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("namespace", &tuple.namespace)
        .append_pair("object", &tuple.object)
        .append_pair("relation", &tuple.relation);
    match &tuple.subject {
        Subject::Id(id) => query.append_pair("subject_id", id),
        Subject::Set(set) => query
            .append_pair("subject_set.namespace", &set.namespace)
            .append_pair("subject_set.object", &set.object)
            .append_pair("subject_set.relation", &set.relation),
    };
    query.finish()
}

/// A change as clients write it: both members may be missing, which is refused with a reason.
#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    relation_tuple: Option<RelationTuple>,
}

impl Delta {
    fn change(self) -> Result<Change, Failure> {
        let tuple = self.relation_tuple.ok_or_else(|| Failure::bad_request("A change needs its relation_tuple."))?;
        match self.action.as_deref() {
            Some("insert") => Ok(Change::Insert(tuple)),
            Some("delete") => Ok(Change::Delete(tuple)),
            other => Err(Failure::bad_request(format!(
                "A change has the action insert or delete, not {}.",
                other.unwrap_or_default()
            ))),
        }
    }
}

/// PATCH /admin/relation-tuples
pub(super) async fn patch(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let written = async {
        // Elements that are null are refused here; they end in a panic of the reference server.
        let deltas: Option<Vec<Delta>> = json(&body(&headers, sent, CAP).await?)?;
        let changes = deltas.unwrap_or_default().into_iter().map(Delta::change).collect::<Result<_, _>>()?;
        let written = permissions.transact(changes, &[]).await?;
        Ok(with_token(reply::no_content(), &permissions.tokens.write(written.revision)))
    };
    answer(&id, written.await)
}

/// DELETE /admin/relation-tuples. A filter in the wrong place, or under a wrong name, would mean no filter: so whatever is
/// not understood refuses the whole.
pub(super) async fn delete(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let removed = async {
        let query = Query::parse(query.as_deref());
        let mut wrong = Vec::new();
        if query.get("namespace").is_none() {
            wrong.push("namespace is needed".to_owned());
        }
        let others = query.others();
        if !others.is_empty() && others != ["subject"] {
            wrong.push(format!("{} is no part of a filter", others.join(", ")));
        }
        if !body(&headers, sent, CAP).await?.is_empty() {
            wrong.push("the filter stands in the query, and there is no body".to_owned());
        }
        if !wrong.is_empty() {
            return Err(Failure::from(foundation::ApiError::bad_request(wrong.join("; "))));
        }
        let removed = permissions.delete_all_matching(&query.filter()?).await?;
        Ok(with_token(reply::no_content(), &permissions.tokens.write(removed.revision)))
    };
    answer(&id, removed.await)
}
