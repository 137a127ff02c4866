//! What can go wrong when a question is asked.

use crate::model::TupleTextError;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// A namespace that nobody has configured.
    #[error("Unknown namespace with name \"{0}\".")]
    UnknownNamespace(String),
    /// A relation that its namespace does not declare, though it declares others.
    #[error("relation \"{relation}\" does not exist")]
    UnknownRelation {
        /// The namespace.
        namespace: String,
        /// The relation asked for.
        relation: String,
    },
    /// A relationship in text form that cannot be read.
    #[error(transparent)]
    Text(#[from] TupleTextError),
    /// The question has cost more steps than allowed, or was called off.
    #[error("the question takes more steps than allowed")]
    Exhausted,
    /// The reader has to fetch more before there is an answer.
    #[error("not all that the question needs has been read")]
    Unfetched,
    /// A revision that is no longer, or not yet, held.
    #[error("revision {0} is not held here")]
    UnknownRevision(u64),
}
