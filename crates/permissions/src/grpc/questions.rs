//! CheckService, ExpandService, ReadService, NamespacesService and VersionService of keto's package.

use buffa::MessageField;
use connectrpc::{ConnectError, Encodable, RequestContext, Response, ServiceRequest, ServiceResult};
use protocol::ory::keto::relation_tuples::v1alpha2 as keto;

use super::Rpc;
use super::convert::{old_query, query, subject, tree_message, tuple, tuple_message};
use super::failure::{invalid, refusal};
use crate::engine::{Tree, TreeKind};
use crate::failure::Failure;
use crate::http::told;
use crate::model::{RelationTuple, Subject};
use crate::questions::Ask;
use crate::token::Consistency;

impl Rpc {
    /// What a question asks for beside itself.
    fn ask(&self, depth: i32, token: &str, latest: bool) -> Result<Ask, ConnectError> {
        let consistency = if latest { Consistency::Latest } else { self.0.tokens.at_least(token).map_err(refusal)? };
        Ok(Ask { consistency, depth: depth.into(), ..Ask::default() })
    }
}

/// The relationship of a check: `tuple`, or the fields of before.
fn asked(request: &keto::CheckRequest) -> Result<RelationTuple, ConnectError> {
    match request.tuple.as_option() {
        Some(message) => tuple(message),
        None => {
            let subject = subject(request.subject.as_option())?;
            Ok(RelationTuple::new(&request.namespace, &request.object, &request.relation, subject))
        }
    }
}

impl keto::CheckService for Rpc {
    async fn check<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, keto::CheckRequest>,
    ) -> ServiceResult<impl Encodable<keto::CheckResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let ask = self.ask(request.max_depth, &request.snaptoken, request.latest)?;
        let tuple = asked(&request)?;
        self.0.known(&tuple).map_err(refusal)?;
        let checked = self.0.check(&tuple, &ask).await.map_err(refusal)?;
        Response::ok(keto::CheckResponse {
            allowed: checked.allowed,
            snaptoken: self.0.tokens.write(checked.revision),
            ..Default::default()
        })
    }

    async fn batch_check<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, keto::BatchCheckRequest>,
    ) -> ServiceResult<impl Encodable<keto::BatchCheckResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let ask = self.ask(request.max_depth, &request.snaptoken, request.latest)?;
        // An item without subject refuses the whole batch, as clients know it; not with the text of a panic.
        let tuples = request.tuples.iter().map(tuple).collect::<Result<Vec<_>, _>>()?;
        let tuples: Vec<Result<RelationTuple, Failure>> = tuples.into_iter().map(Ok).collect();
        let (answers, revision) = self.0.check_batch(&tuples, &ask).await.map_err(refusal)?;
        let token = self.0.tokens.write(revision);
        let results = answers.into_iter().map(|answer| {
            let (allowed, error) = match answer {
                Ok(checked) => (checked.allowed, String::new()),
                Err(failure) => (false, told(failure)),
            };
            keto::CheckResponseWithError { allowed, error, snaptoken: token.clone(), ..Default::default() }
        });
        Response::ok(keto::BatchCheckResponse { results: results.collect(), ..Default::default() })
    }
}

impl keto::ExpandService for Rpc {
    async fn expand<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, keto::ExpandRequest>,
    ) -> ServiceResult<impl Encodable<keto::ExpandResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let ask = self.ask(request.max_depth, &request.snaptoken, false)?;
        let tree = match subject(request.subject.as_option())? {
            Subject::Set(set) => self.0.expand(&set, &ask).await.map_err(refusal)?.0,
            id => Tree { kind: TreeKind::Leaf, subject: Some(id), children: Vec::new() },
        };
        Response::ok(keto::ExpandResponse { tree: MessageField::some(tree_message(&tree)), ..Default::default() })
    }
}

impl keto::ReadService for Rpc {
    async fn list_relation_tuples<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, keto::ListRelationTuplesRequest>,
    ) -> ServiceResult<impl Encodable<keto::ListRelationTuplesResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let filter = match (request.relation_query.as_option(), request.query.as_option()) {
            (Some(message), _) => query(message),
            (None, Some(old)) => old_query(&old.namespace, &old.object, &old.relation, &old.subject),
            (None, None) => return Err(invalid("A filter is needed: relation_query, which may be empty.")),
        };
        let page = self.0.list(&filter, request.page_size.into(), &request.page_token).await.map_err(refusal)?;
        Response::ok(keto::ListRelationTuplesResponse {
            relation_tuples: page.tuples.iter().map(tuple_message).collect(),
            next_page_token: page.next,
            ..Default::default()
        })
    }
}

impl keto::NamespacesService for Rpc {
    async fn list_namespaces<'a>(
        &'a self,
        _context: RequestContext,
        _request: ServiceRequest<'_, keto::ListNamespacesRequest>,
    ) -> ServiceResult<impl Encodable<keto::ListNamespacesResponse> + Send + use<'a>> {
        let policy = self.0.policy();
        let mut names: Vec<String> =
            policy.program.schema().namespaces.iter().map(|namespace| namespace.name.clone()).collect();
        names.sort_unstable();
        let namespaces = names.into_iter().map(|name| keto::Namespace { name, ..Default::default() });
        Response::ok(keto::ListNamespacesResponse { namespaces: namespaces.collect(), ..Default::default() })
    }
}

impl keto::VersionService for Rpc {
    async fn get_version<'a>(
        &'a self,
        _context: RequestContext,
        _request: ServiceRequest<'_, keto::GetVersionRequest>,
    ) -> ServiceResult<impl Encodable<keto::GetVersionResponse> + Send + use<'a>> {
        Response::ok(keto::GetVersionResponse { version: self.0.deps.version.to_owned(), ..Default::default() })
    }
}
