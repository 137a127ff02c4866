//! What can be wrong with a schema or its source. None of this is a user's fault.

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The document, or one that it refers to, is not JSON.
    #[error("identity schema {id:?} is not valid JSON: {reason}")]
    NotJson {
        /// The schema's name in the configuration.
        id: String,
        /// What the parser says.
        reason: String,
    },
    /// The document is JSON, but no identity schema.
    #[error("identity schema {id:?} cannot be used: {reason}")]
    Invalid {
        /// The schema's name in the configuration.
        id: String,
        /// The rule that it breaks, and where.
        reason: String,
    },
    /// The `ory.sh/kratos` annotation at a place of the document has a key or value that does not exist.
    #[error("identity schema {id:?}: the ory.sh/kratos annotation at {place} cannot be used: {reason}")]
    Annotation {
        /// The schema's name in the configuration.
        id: String,
        /// A JSON pointer into the document.
        place: String,
        /// The unknown key or value.
        reason: String,
    },
    /// The document refers to another document, and that is not allowed.
    #[error(
        "identity schema {id:?} refers to {reference:?}, which is not allowed: write the definition into the schema, \
         or see security.disallow_ref_in_identity_schemas"
    )]
    ReferenceNotAllowed {
        /// The schema's name in the configuration.
        id: String,
        /// What it refers to.
        reference: String,
    },
    /// The document refers to a document that was not among those given to the compiler.
    #[error("identity schema {id:?} refers to {uri:?}, which is not at hand")]
    Missing {
        /// The schema's name in the configuration.
        id: String,
        /// The absolute address of the document.
        uri: String,
    },
    /// A file or an address in the configuration does not lead to a document: the configuration is wrong.
    #[error("identity schema {id:?} cannot be read from {location}: {reason}")]
    Source {
        /// The schema's name in the configuration.
        id: String,
        /// The file or address.
        location: String,
        /// What went wrong.
        reason: String,
    },
    /// Another server did not answer with a document.
    #[error("identity schema {id:?} cannot be fetched from {location}: {reason}")]
    Upstream {
        /// The schema's name in the configuration.
        id: String,
        /// The address.
        location: String,
        /// What went wrong.
        reason: String,
    },
}

impl SchemaError {
    /// The id of the error on the wire: `upstream_error` (502) when another server is at fault, else
    /// `invalid_configuration` (500).
    pub fn wire_id(&self) -> &'static str {
        if self.is_upstream() { "upstream_error" } else { "invalid_configuration" }
    }

    /// Whether another server is at fault.
    pub fn is_upstream(&self) -> bool {
        matches!(self, Self::Upstream { .. })
    }
}
