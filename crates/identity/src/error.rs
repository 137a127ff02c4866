//! What can go wrong in this service, and the one place that says what the wire shows of it.

use courier::CourierError;
use crypto::passwords::HashError;
use database::{DbError, Retry};
use foundation::ApiError;

use crate::schema::SchemaError;

/// An error of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is refused, in these words.
    #[error("{0}")]
    Refused(Box<ApiError>),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Passwords cannot be hashed right now, or not this one.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// An identity schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A message cannot be composed.
    #[error(transparent)]
    Courier(#[from] CourierError),
    /// A fault of ours or of the configuration.
    #[error("{0}")]
    Internal(String),
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl Retry for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_retryable(),
            Self::Courier(error) => error.is_retryable(),
            _ => false,
        }
    }
}

impl Error {
    /// What the wire shows. Causes that are ours are logged here, once, and not told.
    pub fn into_api(self) -> ApiError {
        // A mail that cannot be queued for want of a database is a matter of the database.
        let error = match self {
            Self::Courier(CourierError::Database(error)) => Self::Database(error),
            error => error,
        };
        match error {
            Self::Refused(refusal) => *refusal,
            Self::Database(DbError::NulCharacter) => {
                ApiError::bad_request("A text holds the character U+0000, which cannot be stored. Remove it.")
            }
            Self::Database(error) if error.is_unique_violation() => ApiError::conflict(
                "This conflicts with an identity that exists: an identifier, an address or an external id is taken.",
            ),
            Self::Database(error @ (DbError::Unavailable(_) | DbError::Serialization)) => {
                tracing::error!(%error, "the database did not answer");
                let mut refusal = ApiError::new(503).reason("The database cannot be reached. Try again in a moment.");
                refusal.retry_after = Some(2);
                refusal
            }
            Self::Database(error @ DbError::Full) => {
                tracing::error!(%error, "nothing can be stored: make room");
                let mut refusal =
                    ApiError::new(503).reason("The server has no room to store anything. Try again later.");
                refusal.retry_after = Some(10);
                refusal
            }
            Self::Hash(HashError::Busy { retry_after_seconds }) => {
                let mut refusal = ApiError::new(429).reason("Too many people are signing in at once. Try again soon.");
                refusal.retry_after = Some(u64::from(retry_after_seconds));
                refusal
            }
            Self::Hash(HashError::TooLong { .. }) => ApiError::bad_request("The password is too long."),
            Self::Schema(error) => {
                tracing::error!(%error, "an identity schema cannot be used");
                let status = if error.is_upstream() { 502 } else { 500 };
                ApiError::new(status).id(error.wire_id()).reason("An identity schema cannot be used.")
            }
            error => {
                tracing::error!(%error, "a request failed");
                ApiError::internal()
            }
        }
    }
}
