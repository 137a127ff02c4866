//! GET and POST of `serve.read`: lists, checks, trees, namespaces.

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use web::body::DEFAULT_CAP;
use web::{RequestId, reply};

use super::query::Query;
use super::{answer, body, json_object, with_token};
use crate::PermissionError;
use crate::engine::{Tree, TreeKind};
use crate::failure::Failure;
use crate::model::{RelationTuple, Subject, SubjectSet};
use crate::questions::{Ask, Checked};
use crate::service::Permissions;

/// GET /relation-tuples
pub(super) async fn list(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let listed = async {
        let query = Query::parse(query.as_deref());
        let size = query.number("page_size")?;
        let page = permissions.list(&query.filter()?, size, query.get("page_token").unwrap_or_default()).await?;
        Ok(reply::json(200, &json!({"relation_tuples": page.tuples, "next_page_token": page.next})))
    };
    answer(&id, listed.await)
}

/// Whether an answer of no is also told by the status.
#[derive(Clone, Copy)]
enum Style {
    ByStatus,
    InBody,
}

/// GET /relation-tuples/check
pub(super) async fn check_get(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&id, by_query(&permissions, query.as_deref(), Style::ByStatus).await)
}

/// GET /relation-tuples/check/openapi
pub(super) async fn decide_get(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&id, by_query(&permissions, query.as_deref(), Style::InBody).await)
}

async fn by_query(permissions: &Permissions, query: Option<&str>, style: Style) -> Result<Response, Failure> {
    let query = Query::parse(query);
    let ask = query.ask(&permissions.tokens)?;
    check(permissions, &query.tuple()?, &ask, style).await
}

/// POST /relation-tuples/check
pub(super) async fn check_post(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    answer(&id, by_body(&permissions, query.as_deref(), &headers, sent, Style::ByStatus).await)
}

/// POST /relation-tuples/check/openapi
pub(super) async fn decide_post(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    answer(&id, by_body(&permissions, query.as_deref(), &headers, sent, Style::InBody).await)
}

/// A relationship, and values for conditions beside it.
#[derive(Deserialize)]
struct Asked {
    #[serde(flatten)]
    tuple: RelationTuple,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

async fn by_body(
    permissions: &Permissions,
    query: Option<&str>,
    headers: &HeaderMap,
    sent: Body,
    style: Style,
) -> Result<Response, Failure> {
    let query = Query::parse(query);
    let mut ask = query.ask(&permissions.tokens)?;
    let asked: Asked = json_object(&body(headers, sent, DEFAULT_CAP).await?)?;
    ask.context = asked.context.unwrap_or_default();
    check(permissions, &asked.tuple, &ask, style).await
}

async fn check(permissions: &Permissions, tuple: &RelationTuple, ask: &Ask, style: Style) -> Result<Response, Failure> {
    let checked = match permissions.check(tuple, ask).await {
        // Nobody has a relation in a namespace that is not there.
        Err(Failure::Question(PermissionError::UnknownNamespace(_))) => {
            Checked { allowed: false, missing: Vec::new(), revision: permissions.replica.held() }
        }
        other => other?,
    };
    let status = match style {
        Style::ByStatus if !checked.allowed => 403,
        _ => 200,
    };
    Ok(with_token(reply::json(status, &decision(&checked)), &permissions.tokens.write(checked.revision)))
}

fn decision(checked: &Checked) -> Value {
    let mut told = Map::from_iter([("allowed".to_owned(), checked.allowed.into())]);
    if !checked.missing.is_empty() {
        told.insert("missing_context".to_owned(), checked.missing.clone().into());
    }
    told.into()
}

/// A batch. What is no relationship is that item's error; an item that is nothing at all refuses the whole (it ends the
/// reference server).
#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    tuples: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

/// POST /relation-tuples/batch/check
pub(super) async fn batch(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let checked = async {
        let query = Query::parse(query.as_deref());
        let mut ask = query.ask(&permissions.tokens)?;
        let sent: Batch = json_object(&body(&headers, sent, DEFAULT_CAP).await?)?;
        ask.context = sent.context.unwrap_or_default();
        let read = |item: Map<String, Value>| {
            RelationTuple::deserialize(Value::Object(item))
                .map_err(|error| Failure::bad_request(format!("This is no relationship: {error}")))
        };
        let tuples: Vec<_> = sent.tuples.unwrap_or_default().into_iter().map(read).collect();
        let (answers, revision) = permissions.check_batch(&tuples, &ask).await?;
        let results: Vec<Value> = answers
            .into_iter()
            .map(|answer| match answer {
                Ok(checked) => decision(&checked),
                Err(failure) => json!({"allowed": false, "error": told(failure)}),
            })
            .collect();
        Ok(with_token(reply::json(200, &json!({"results": results})), &permissions.tokens.write(revision)))
    };
    answer(&id, checked.await)
}

/// An error in one text: why, if there is a why.
pub(crate) fn told(failure: Failure) -> String {
    let error = failure.into_api();
    error.reason.clone().unwrap_or_else(|| error.message.clone())
}

/// GET /relation-tuples/expand
pub(super) async fn expand(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let expanded = async {
        let query = Query::parse(query.as_deref());
        let ask = query.ask(&permissions.tokens)?;
        let part = |name: &str| query.get(name).unwrap_or_default();
        let set = SubjectSet::new(part("namespace"), part("object"), part("relation"));
        let (tree, revision) = permissions.expand(&set, &ask).await?;
        Ok(with_token(reply::json(200, &tree_json(&tree)), &permissions.tokens.write(revision)))
    };
    answer(&id, expanded.await)
}

/// A tree in the words of the contract. Of a tuple only the subject means something.
fn tree_json(tree: &Tree) -> Value {
    let kind = match tree.kind {
        _ if tree.children.is_empty() => "leaf",
        TreeKind::Union => "union",
        TreeKind::Intersection => "intersection",
        TreeKind::Exclusion => "exclusion",
        TreeKind::Leaf => "leaf",
    };
    let mut tuple = json!({"namespace": "", "object": "", "relation": ""});
    match &tree.subject {
        Some(Subject::Id(id)) => tuple["subject_id"] = id.clone().into(),
        Some(Subject::Set(set)) => tuple["subject_set"] = json!(set),
        None => {}
    }
    let mut node = json!({"type": kind, "tuple": tuple});
    if !tree.children.is_empty() {
        node["children"] = tree.children.iter().map(tree_json).collect();
    }
    node
}

/// GET /namespaces
pub(super) async fn namespaces(State(permissions): State<Permissions>) -> Response {
    let policy = permissions.policy();
    let mut names: Vec<&str> =
        policy.program.schema().namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    names.sort_unstable();
    if names.is_empty() {
        return reply::json(200, &json!({}));
    }
    let list: Vec<Value> = names.into_iter().map(|name| json!({"name": name})).collect();
    reply::json(200, &json!({"namespaces": list}))
}
