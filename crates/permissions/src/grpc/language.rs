//! SyntaxService of keto's package.

use buffa::MessageField;
use connectrpc::{Encodable, RequestContext, Response, ServiceRequest, ServiceResult};
use protocol::ory::keto::opl::v1alpha1 as opl;

use super::Rpc;
use super::failure::invalid;
use crate::http::diagnostics;
use crate::language::{Position, Severity};

fn place(position: Position) -> MessageField<opl::SourcePosition, buffa::Inline<opl::SourcePosition>> {
    MessageField::some(opl::SourcePosition { line: position.line, column: position.column, ..Default::default() })
}

impl opl::SyntaxService for Rpc {
    async fn check<'a>(
        &'a self,
        _context: RequestContext,
        request: ServiceRequest<'_, opl::CheckRequest>,
    ) -> ServiceResult<impl Encodable<opl::CheckResponse> + Send + use<'a>> {
        let request = request.to_owned_message();
        let text = std::str::from_utf8(&request.content).map_err(|_| invalid("The text is not in UTF-8."))?;
        let found = diagnostics(&self.0, text);
        let errors = found.into_iter().filter(|found| found.severity == Severity::Error).map(|found| opl::ParseError {
            message: found.message,
            start: place(found.start),
            end: place(found.end),
            ..Default::default()
        });
        Response::ok(opl::CheckResponse { parse_errors: errors.collect(), ..Default::default() })
    }
}
