//! What can go wrong in this service, and the one place that says what the wire shows of it: over REST as it is, over gRPC
//! by its status (`grpc/failure.rs`).

use database::{DbError, Retry};
use foundation::ApiError;

use crate::PermissionError;

/// Why a use case has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The request is refused, in these words.
    #[error("{0}")]
    Refused(ApiError),
    /// The question cannot be asked.
    #[error(transparent)]
    Question(#[from] PermissionError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The state that is asked for has not come to this node in time.
    #[error("revision {wanted} has not come here in time: this node is at {held}")]
    Behind {
        /// What was asked for.
        wanted: u64,
        /// What this node has.
        held: u64,
    },
}

/// What strict mode says when a question could not be answered within its limits.
pub const INCOMPLETE: &str = "The check could not be completed";

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl Retry for Failure {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_retryable())
    }
}

impl Failure {
    /// 400, with a general sentence alone: the contract has no reason in such answers.
    pub fn bad_request(message: impl Into<String>) -> Self {
        ApiError::new(400).message(message).into()
    }

    /// 404: a namespace that nobody has configured.
    pub fn unknown_namespace(name: &str) -> Self {
        PermissionError::UnknownNamespace(name.to_owned()).into()
    }

    /// What the wire shows. Causes that are ours are logged here, once, and not told.
    pub fn into_api(self) -> ApiError {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Question(error @ PermissionError::UnknownNamespace(_)) => {
                ApiError::new(404).message("The requested resource could not be found").reason(error.to_string())
            }
            Self::Question(error @ PermissionError::UnknownRevision(_)) => {
                ApiError::new(410).reason(format!("{error}: the state is too old to be asked."))
            }
            Self::Question(error @ (PermissionError::Exhausted | PermissionError::Unfetched)) => {
                ApiError::new(422).message(INCOMPLETE).reason(error.to_string())
            }
            Self::Question(error) => ApiError::bad_request(error.to_string()),
            Self::Database(DbError::NulCharacter) => {
                ApiError::bad_request("A text holds the character U+0000, which cannot be stored. Remove it.")
            }
            Self::Database(error @ (DbError::Unavailable(_) | DbError::Serialization | DbError::Full)) => {
                tracing::error!(%error, "the database did not answer");
                unavailable("The database cannot be reached. Try again in a moment.")
            }
            Self::Behind { wanted, held } => {
                tracing::warn!(wanted, held, "this node is behind");
                unavailable("This node does not have the state that is asked for yet. Try again in a moment.")
            }
            Self::Database(error) => {
                tracing::error!(%error, "a request failed");
                ApiError::internal()
            }
        }
    }
}

fn unavailable(reason: &str) -> ApiError {
    let mut refusal = ApiError::new(503).reason(reason);
    refusal.retry_after = Some(1);
    refusal
}
