//! What limen offers beyond the contract: lists of objects and subjects, the feed of changes, transactions under
//! preconditions, deletion up to a limit.

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use web::{RequestId, reply};

use super::query::Query;
use super::writes::CAP;
use super::{answer, body, json_object, with_token};
use crate::changes::Precondition;
use crate::failure::Failure;
use crate::feed::Event;
use crate::model::{Change, SubjectQuery, SubjectSet, TupleQuery};
use crate::reach::Reach;
use crate::service::Permissions;

/// GET /relation-tuples/objects
pub(super) async fn objects(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let listed = async {
        let query = Query::parse(query.as_deref());
        let subject = query.whole_subject()?;
        let reach = Reach::objects(query.needed("namespace")?, query.needed("relation")?, &subject);
        page(&permissions, &query, &reach, "objects").await
    };
    answer(&id, listed.await)
}

/// GET /relation-tuples/subjects
pub(super) async fn subjects(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let listed = async {
        let query = Query::parse(query.as_deref());
        let set = SubjectSet::new(query.needed("namespace")?, query.needed("object")?, query.needed("relation")?);
        page(&permissions, &query, &Reach::subjects(&set), "subject_ids").await
    };
    answer(&id, listed.await)
}

async fn page(permissions: &Permissions, query: &Query, reach: &Reach, name: &str) -> Result<Response, Failure> {
    let ask = query.ask(&permissions.tokens)?;
    let token = query.get("page_token").unwrap_or_default();
    let page = permissions.reach(reach, &ask, query.number("page_size")?, token).await?;
    let mut told = json!({ name: page.names, "next_page_token": page.next });
    if page.undecided > 0 {
        told["undecided"] = page.undecided.into();
    }
    Ok(with_token(reply::json(200, &told), &permissions.tokens.write(page.revision)))
}

/// GET /relation-tuples/explain
pub(super) async fn explain(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let explained = async {
        let query = Query::parse(query.as_deref());
        let ask = query.ask(&permissions.tokens)?;
        let (explanation, revision) = permissions.explain(&query.tuple()?, &ask).await?;
        let told = json!({"allowed": explanation.decision.allowed(), "reason": explanation.why});
        Ok(with_token(reply::json(200, &told), &permissions.tokens.write(revision)))
    };
    answer(&id, explained.await)
}

/// GET /relation-tuples/watch: a line of JSON for each revision.
pub(super) async fn watch(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
) -> Response {
    let watched = async {
        let query = Query::parse(query.as_deref());
        let namespace = query.get("namespace").map(str::to_owned);
        let events = permissions.watch(query.get("snaptoken").unwrap_or_default(), namespace).await?;
        let lines = events.map(|event| Ok::<_, std::convert::Infallible>(line(event)));
        let mut response = Response::new(Body::from_stream(lines));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        Ok(response)
    };
    answer(&id, watched.await)
}

fn line(event: Result<Event, Failure>) -> Bytes {
    let value = match event {
        Ok(event) => json!({"snaptoken": event.token, "changes": event.changes}),
        Err(failure) => failure.into_api().to_body(None),
    };
    Bytes::from(format!("{value}\n"))
}

#[derive(Deserialize)]
struct Filter {
    namespace: Option<String>,
    object: Option<String>,
    relation: Option<String>,
    subject_id: Option<String>,
    subject_set: Option<SubjectSet>,
}

impl Filter {
    fn query(self) -> Result<TupleQuery, Failure> {
        let subject = match (self.subject_id, self.subject_set) {
            (Some(_), Some(_)) => return Err(Failure::bad_request("Write subject_id or subject_set, not both.")),
            (Some(id), None) => Some(SubjectQuery::Id(id)),
            (None, set) => set.map(SubjectQuery::Set),
        };
        Ok(TupleQuery { namespace: self.namespace, object: self.object, relation: self.relation, subject })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Exists,
    Absent,
}

#[derive(Deserialize)]
struct Condition {
    kind: Kind,
    filter: Filter,
}

#[derive(Deserialize)]
struct Transaction {
    changes: Vec<Change>,
    #[serde(default)]
    preconditions: Vec<Condition>,
}

/// POST /admin/relation-tuples/transact
pub(super) async fn transact(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let written = async {
        let sent: Transaction = json_object(&body(&headers, sent, CAP).await?)?;
        let conditions = sent.preconditions.into_iter().map(|condition| {
            let query = condition.filter.query()?;
            Ok(match condition.kind {
                Kind::Exists => Precondition::Exists(query),
                Kind::Absent => Precondition::Absent(query),
            })
        });
        let conditions = conditions.collect::<Result<Vec<_>, Failure>>()?;
        let written = permissions.transact(sent.changes, &conditions).await?;
        let token = permissions.tokens.write(written.revision);
        let told: Value = json!({"snaptoken": token, "inserted": written.inserted, "deleted": written.deleted});
        Ok(with_token(reply::json(200, &told), &token))
    };
    answer(&id, written.await)
}

#[derive(Deserialize)]
struct Deletion {
    filter: Filter,
    limit: i64,
}

/// POST /admin/relation-tuples/delete
pub(super) async fn delete(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let removed = async {
        let sent: Deletion = json_object(&body(&headers, sent, CAP).await?)?;
        let most = permissions.settings().limit.max_delete_size;
        if !(1..=most).contains(&sent.limit) {
            return Err(Failure::bad_request(format!("limit is between 1 and {most}.")));
        }
        let removed = permissions.delete_matching(&sent.filter.query()?, sent.limit).await?;
        let token = permissions.tokens.write(removed.revision);
        let told = json!({"snaptoken": token, "deleted": removed.deleted, "more": removed.more});
        Ok(with_token(reply::json(200, &told), &token))
    };
    answer(&id, removed.await)
}
