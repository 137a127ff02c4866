//! PermissionsService and ChangesService of limen's own package.

use std::pin::Pin;

use buffa::MessageField;
use buffa_types::google::protobuf::{Struct, Timestamp};
use connectrpc::{ConnectError, Encodable, RequestContext, Response, ServiceRequest, ServiceResult, ServiceStream};
use foundation::Timestamp as Instant;
use futures::stream::{self, Stream, StreamExt as _};
use protocol::limen::permissions::v1 as limen;
use serde_json::{Map, Value};

use super::Rpc;
use super::failure::{invalid, refusal};
use crate::changes::Precondition;
use crate::engine::{Explained, Holds};
use crate::model::{Change, ConditionCall, RelationTuple, Subject, SubjectQuery, SubjectSet, TupleQuery};
use crate::questions::Ask;
use crate::reach::{NamesPage, Reach};
use crate::service::Permissions;
use crate::token::Consistency;

type Optional<T> = MessageField<T, buffa::Inline<T>>;

fn set(message: &limen::SubjectSet) -> SubjectSet {
    SubjectSet::new(&message.namespace, &message.object, &message.relation)
}

fn values(message: Option<&Struct>) -> Result<Map<String, Value>, ConnectError> {
    match message.map(serde_json::to_value).transpose() {
        Ok(Some(Value::Object(map))) => Ok(map),
        Ok(None) => Ok(Map::new()),
        _ => Err(invalid("The context cannot be read.")),
    }
}

fn tuple(message: Option<&limen::Tuple>) -> Result<RelationTuple, ConnectError> {
    let message = message.ok_or_else(|| invalid("A tuple is needed."))?;
    let subject = match &message.subject {
        Some(limen::tuple::Subject::SubjectId(id)) => Subject::Id(id.clone()),
        Some(limen::tuple::Subject::SubjectSet(found)) => Subject::Set(set(found)),
        None => return Err(invalid("A subject is needed: an id or a set.")),
    };
    let mut tuple = RelationTuple::new(&message.namespace, &message.object, &message.relation, subject);
    if let Some(at) = message.expires_at.as_option() {
        let at = Instant::new(at.seconds, at.nanos).map_err(|_| invalid("expires_at is no time."))?;
        tuple.expires_at = Some(at);
    }
    if let Some(condition) = message.condition.as_option() {
        let context = values(condition.context.as_option())?;
        tuple.condition = Some(ConditionCall { name: condition.name.clone(), context });
    }
    Ok(tuple)
}

fn tuple_message(tuple: &RelationTuple) -> limen::Tuple {
    let subject = match &tuple.subject {
        Subject::Id(id) => limen::tuple::Subject::SubjectId(id.clone()),
        Subject::Set(set) => limen::tuple::Subject::from(limen::SubjectSet {
            namespace: set.namespace.clone(),
            object: set.object.clone(),
            relation: set.relation.clone(),
            ..Default::default()
        }),
    };
    let expires_at = tuple.expires_at.map(|at| Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
        ..Default::default()
    });
    let condition = tuple.condition.as_ref().map(|call| limen::Condition {
        name: call.name.clone(),
        context: serde_json::from_value(Value::Object(call.context.clone()))
            .ok()
            .map(MessageField::some)
            .unwrap_or_default(),
        ..Default::default()
    });
    limen::Tuple {
        namespace: tuple.namespace.clone(),
        object: tuple.object.clone(),
        relation: tuple.relation.clone(),
        subject: Some(subject),
        expires_at: expires_at.map(MessageField::some).unwrap_or_default(),
        condition: condition.map(MessageField::some).unwrap_or_default(),
        ..Default::default()
    }
}

fn change_message(change: &Change) -> limen::Change {
    use limen::change::Action;
    let (action, tuple) = match change {
        Change::Insert(tuple) => (Action::ACTION_INSERT, tuple),
        Change::Delete(tuple) => (Action::ACTION_DELETE, tuple),
    };
    limen::Change { action: action.into(), tuple: MessageField::some(tuple_message(tuple)), ..Default::default() }
}

fn filter(message: Option<&limen::Filter>) -> Result<TupleQuery, ConnectError> {
    let message = message.ok_or_else(|| invalid("A filter is needed."))?;
    Ok(TupleQuery {
        namespace: message.namespace.clone(),
        object: message.object.clone(),
        relation: message.relation.clone(),
        subject: message.subject.as_ref().map(|subject| match subject {
            limen::filter::Subject::SubjectId(id) => SubjectQuery::Id(id.clone()),
            limen::filter::Subject::SubjectSet(found) => SubjectQuery::Set(set(found)),
        }),
    })
}

impl Rpc {
    fn asked(
        &self,
        consistency: &Optional<limen::Consistency>,
        context: &Optional<Struct>,
        depth: i32,
    ) -> Result<Ask, ConnectError> {
        use limen::consistency::Requirement;
        let tokens = &self.0.tokens;
        let consistency = match consistency.as_option().and_then(|wish| wish.requirement.as_ref()) {
            Some(Requirement::AtLeast(token)) => tokens.at_least(token).map_err(refusal)?,
            Some(Requirement::Exactly(token)) => tokens.exactly(token).map_err(refusal)?,
            None => Consistency::Latest,
        };
        Ok(Ask { consistency, depth: depth.into(), context: values(context.as_option())? })
    }
}

/// An explanation as a message.
fn reason(explained: &Explained) -> limen::Reason {
    let text = match serde_json::to_value(&explained.what) {
        Ok(Value::String(text)) => text,
        Ok(Value::Object(map)) => map
            .into_iter()
            .map(|(kind, what)| format!("{kind} {}", what.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    };
    limen::Reason {
        text,
        allowed: explained.holds == Holds::Yes,
        children: explained.because.iter().map(reason).collect(),
        ..Default::default()
    }
}

/// Pages until the last one.
fn pages(
    permissions: Permissions,
    reach: Reach,
    ask: Ask,
    size: i32,
    token: String,
) -> Pin<Box<dyn Stream<Item = Result<NamesPage, ConnectError>> + Send>> {
    let first = (permissions, reach, ask, Some(token));
    Box::pin(stream::unfold(first, move |(permissions, reach, ask, token)| async move {
        let token = token?;
        let page = permissions.reach(&reach, &ask, size.into(), &token).await.map_err(refusal);
        let next = page.as_ref().ok().map(|page| page.next.clone()).filter(|next| !next.is_empty());
        Some((page, (permissions, reach, ask, next)))
    }))
}

impl limen::PermissionsService for Rpc {
    async fn check<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::CheckRequest>,
    ) -> ServiceResult<impl Encodable<limen::CheckResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let ask = self.asked(&request.consistency, &request.context, request.max_depth)?;
        let tuple = tuple(request.tuple.as_option())?;
        self.0.known(&tuple).map_err(refusal)?;
        let checked = self.0.check(&tuple, &ask).await.map_err(refusal)?;
        Response::ok(limen::CheckResponse {
            allowed: checked.allowed,
            missing_context: checked.missing,
            snaptoken: self.0.tokens.write(checked.revision),
            ..Default::default()
        })
    }

    async fn explain<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::ExplainRequest>,
    ) -> ServiceResult<impl Encodable<limen::ExplainResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let ask = self.asked(&request.consistency, &request.context, request.max_depth)?;
        let tuple = tuple(request.tuple.as_option())?;
        let (explanation, revision) = self.0.explain(&tuple, &ask).await.map_err(refusal)?;
        Response::ok(limen::ExplainResponse {
            allowed: explanation.decision.allowed(),
            reason: MessageField::some(reason(&explanation.why)),
            snaptoken: self.0.tokens.write(revision),
            ..Default::default()
        })
    }

    async fn list_objects(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::ListObjectsRequest>,
    ) -> ServiceResult<ServiceStream<impl Encodable<limen::ListObjectsResponse> + Send + use<>>> {
        let request = request.to_owned_message();
        let ask = self.asked(&request.consistency, &request.context, 0)?;
        let subject = match &request.subject {
            Some(limen::list_objects_request::Subject::SubjectId(id)) => Subject::Id(id.clone()),
            Some(limen::list_objects_request::Subject::SubjectSet(found)) => Subject::Set(set(found)),
            None => return Err(invalid("A subject is needed: an id or a set.")),
        };
        let reach = Reach::objects(&request.namespace, &request.relation, &subject);
        let tokens = self.0.tokens;
        let pages = pages(self.0.clone(), reach, ask, request.page_size, request.page_token);
        Response::stream_ok(pages.map(move |page| {
            page.map(|page| limen::ListObjectsResponse {
                objects: page.names,
                next_page_token: page.next,
                snaptoken: tokens.write(page.revision),
                ..Default::default()
            })
        }))
    }

    async fn list_subjects(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::ListSubjectsRequest>,
    ) -> ServiceResult<ServiceStream<impl Encodable<limen::ListSubjectsResponse> + Send + use<>>> {
        let request = request.to_owned_message();
        let ask = self.asked(&request.consistency, &request.context, 0)?;
        let reach = Reach::subjects(&SubjectSet::new(&request.namespace, &request.object, &request.relation));
        let tokens = self.0.tokens;
        let pages = pages(self.0.clone(), reach, ask, request.page_size, request.page_token);
        Response::stream_ok(pages.map(move |page| {
            page.map(|page| limen::ListSubjectsResponse {
                subject_ids: page.names,
                next_page_token: page.next,
                snaptoken: tokens.write(page.revision),
                ..Default::default()
            })
        }))
    }

    async fn watch(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::WatchRequest>,
    ) -> ServiceResult<ServiceStream<impl Encodable<limen::WatchResponse> + Send + use<>>> {
        let request = request.to_owned_message();
        let namespace = Some(request.namespace).filter(|name| !name.is_empty());
        let events = self.0.watch(&request.snaptoken, namespace).await.map_err(refusal)?;
        Response::stream_ok(events.map(|event| {
            event.map_err(refusal).map(|event| limen::WatchResponse {
                snaptoken: event.token,
                changes: event.changes.iter().map(change_message).collect(),
                ..Default::default()
            })
        }))
    }
}

fn changes(messages: &[limen::Change]) -> Result<Vec<Change>, ConnectError> {
    use limen::change::Action;
    let change = |message: &limen::Change| {
        let tuple = tuple(message.tuple.as_option())?;
        match message.action.as_known() {
            Some(Action::ACTION_INSERT) => Ok(Change::Insert(tuple)),
            Some(Action::ACTION_DELETE) => Ok(Change::Delete(tuple)),
            _ => Err(invalid("A change has the action insert or delete.")),
        }
    };
    messages.iter().map(change).collect()
}

fn precondition(message: &limen::Precondition) -> Result<Precondition, ConnectError> {
    use limen::precondition::Kind;
    let filter = filter(message.filter.as_option())?;
    match message.kind.as_known() {
        Some(Kind::KIND_EXISTS) => Ok(Precondition::Exists(filter)),
        Some(Kind::KIND_ABSENT) => Ok(Precondition::Absent(filter)),
        _ => Err(invalid("A precondition is of the kind exists or absent.")),
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl limen::ChangesService for Rpc {
    async fn transact<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::TransactRequest>,
    ) -> ServiceResult<impl Encodable<limen::TransactResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let changes = changes(&request.changes)?;
        let conditions = request.preconditions.iter().map(precondition).collect::<Result<Vec<_>, _>>()?;
        let written = self.0.transact(changes, &conditions).await.map_err(refusal)?;
        Response::ok(limen::TransactResponse {
            snaptoken: self.0.tokens.write(written.revision),
            inserted: count(written.inserted),
            deleted: count(written.deleted),
            ..Default::default()
        })
    }

    async fn delete_by_filter<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, limen::DeleteByFilterRequest>,
    ) -> ServiceResult<impl Encodable<limen::DeleteByFilterResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let most = self.0.settings().limit.max_delete_size;
        if !(1..=most).contains(&request.limit) {
            return Err(invalid(&format!("limit is between 1 and {most}.")));
        }
        let filter = filter(request.filter.as_option())?;
        let removed = self.0.delete_matching(&filter, request.limit).await.map_err(refusal)?;
        Response::ok(limen::DeleteByFilterResponse {
            snaptoken: self.0.tokens.write(removed.revision),
            deleted: count(removed.deleted),
            more: removed.more,
            ..Default::default()
        })
    }
}
