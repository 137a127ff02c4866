//! POST /opl/syntax/check: whether namespaces are written well, and where not.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};
use web::body::DEFAULT_CAP;
use web::{RequestId, reply};

use super::{answer, body};
use crate::failure::Failure;
use crate::language::{self, Diagnostic, Position, Severity};
use crate::policy;
use crate::service::Permissions;

/// Always 200: what is wrong stands in the body. `Line` begins with a capital and `column` does not; clients know them so.
pub(super) async fn check(
    State(permissions): State<Permissions>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let checked = async {
        let source = body(&headers, sent, DEFAULT_CAP).await?;
        let text = std::str::from_utf8(&source).map_err(|_| Failure::bad_request("The text is not in UTF-8."))?;
        let found = diagnostics(&permissions, text);
        let (errors, warnings): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.severity == Severity::Error);
        let mut told = serde_json::Map::new();
        for (name, list) in [("errors", errors), ("warnings", warnings)] {
            if !list.is_empty() {
                told.insert(name.to_owned(), list.into_iter().map(shown).collect());
            }
        }
        Ok(reply::json(200, &told))
    };
    answer(&id, checked.await)
}

/// What there is to say about a source, as this server would read it.
pub(crate) fn diagnostics(permissions: &Permissions, source: &str) -> Vec<Diagnostic> {
    language::parse(source, policy::dialect(&permissions.settings())).diagnostics
}

fn shown(found: &Diagnostic) -> Value {
    json!({"message": found.message, "start": place(found.start), "end": place(found.end)})
}

fn place(position: Position) -> Value {
    json!({"Line": position.line, "column": position.column})
}
