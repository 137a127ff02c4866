//! The one error type of the crate.

use database::{DbError, Retry};
use scripting::TemplateError;

/// What can go wrong while a message is composed, queued or listed. What goes wrong while one is delivered is no error:
/// it is recorded with the message and tried again.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// A template cannot be rendered. The text says which and where, for its author.
    #[error("the mail {mail} cannot be rendered: {cause}")]
    Template {
        /// The template's name.
        mail: &'static str,
        /// What is wrong.
        cause: TemplateError,
    },
    /// A template cannot be fetched or read.
    #[error("a template of the mail {mail} cannot be read from {place}: {cause}")]
    Source {
        /// The template's name.
        mail: &'static str,
        /// Its address without credentials, or its path.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// Another text of the configuration, such as the template of a web hook, cannot be fetched or read.
    #[error("{place} cannot be read: {cause}")]
    Text {
        /// Its address without credentials, or its path.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// The recipient's address holds line breaks or other control characters: it would change the mail's header.
    #[error("the recipient's address holds control characters")]
    Recipient,
    /// A page token was altered, has expired or belongs to another listing. Callers answer 400.
    #[error("the page token cannot be used: it was altered, has expired or belongs to another listing")]
    PageToken,
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Retry for CourierError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_retryable())
    }
}
