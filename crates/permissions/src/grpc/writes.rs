//! WriteService of keto's package.

use connectrpc::{ConnectError, Encodable, RequestContext, Response, ServiceRequest, ServiceResult};
use protocol::ory::keto::relation_tuples::v1alpha2 as keto;

use super::Rpc;
use super::convert::{old_query, query, tuple};
use super::failure::{invalid, refusal};
use crate::model::Change;

/// Metadata that says that an empty filter is meant.
const DELETE_ALL: &str = "limen-delete-all";

fn change(delta: &keto::RelationTupleDelta) -> Result<Option<Change>, ConnectError> {
    use keto::relation_tuple_delta::Action;
    let action = delta.action.as_known().unwrap_or(Action::ACTION_UNSPECIFIED);
    if action == Action::ACTION_UNSPECIFIED {
        return Ok(None);
    }
    let message = delta.relation_tuple.as_option().ok_or_else(|| invalid("A change needs its relation_tuple."))?;
    let tuple = tuple(message)?;
    Ok(Some(if action == Action::ACTION_INSERT { Change::Insert(tuple) } else { Change::Delete(tuple) }))
}

impl keto::WriteService for Rpc {
    async fn transact_relation_tuples<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, keto::TransactRelationTuplesRequest>,
    ) -> ServiceResult<impl Encodable<keto::TransactRelationTuplesResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let changes = request.relation_tuple_deltas.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        let changes: Vec<Change> = changes.into_iter().flatten().collect();
        let inserts = changes.iter().filter(|change| matches!(change, Change::Insert(_))).count();
        let written = self.0.transact(changes, &[]).await.map_err(refusal)?;
        let token = self.0.tokens.write(written.revision);
        Response::ok(keto::TransactRelationTuplesResponse { snaptokens: vec![token; inserts], ..Default::default() })
    }

    async fn delete_relation_tuples<'a>(
        &'a self,
        context: RequestContext,
        request: ServiceRequest<'_, keto::DeleteRelationTuplesRequest>,
    ) -> ServiceResult<impl Encodable<keto::DeleteRelationTuplesResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let filter = match (request.relation_query.as_option(), request.query.as_option()) {
            (Some(message), _) => query(message),
            (None, Some(old)) => old_query(&old.namespace, &old.object, &old.relation, &old.subject),
            (None, None) => {
                let reason = foundation::ApiError::bad_request("A filter is needed: relation_query.");
                return Err(refusal(reason.into()));
            }
        };
        let confirmed = context.header(DELETE_ALL).is_some_and(|value| value == "yes");
        if filter.is_empty() && !confirmed {
            // On the reference server such a message, easily sent by mistake, deletes everything.
            let reason = "An empty filter means everything. If that is meant, send the metadata limen-delete-all: yes.";
            return Err(refusal(foundation::ApiError::bad_request(reason).into()));
        }
        self.0.delete_all_matching(&filter).await.map_err(refusal)?;
        Response::ok(keto::DeleteRelationTuplesResponse::default())
    }
}
