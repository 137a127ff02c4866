//! What can go wrong between limen and its database, told apart as far as callers act on it.

/// A database error. The texts name tables, columns and constraints, never stored values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// A row with this key exists already. The same text on every engine: `table.column, table.column` in the order
    /// of the index; the name of the index where it is over an expression.
    #[error("a row with the same {constraint} exists already")]
    UniqueViolation {
        /// The columns that must be unique.
        constraint: String,
    },
    /// A row refers to one that does not exist, or is referred to by one that does.
    #[error("a reference to another row would break")]
    ForeignKeyViolation,
    /// Another transaction was in the way: doing it again is the cure, and `transact!` does so by itself.
    #[error("the transaction met another one and gave way")]
    Serialization,
    /// The database cannot be reached, or has no connection to spare.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A text holds U+0000, which PostgreSQL cannot store. Whoever sent it gets a 400.
    #[error("a text holds the character U+0000, which cannot be stored")]
    NulCharacter,
    /// The disk of the database is full.
    #[error("the disk of the database is full")]
    Full,
    /// A column is missing in a row, or holds something else than what was asked for.
    #[error("column {column}: {reason}")]
    Column {
        /// The column's name.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The DSN cannot be used. The text does not repeat it, as it may hold a password.
    #[error("the dsn cannot be used: {0}")]
    Dsn(String),
    /// A migration could not be applied or taken back.
    #[error("migration {name}: {cause}")]
    Migration {
        /// The migration's name.
        name: String,
        /// What stopped it.
        cause: Box<DbError>,
    },
    /// The database holds tables of another program.
    #[error(
        "the database holds tables that limen did not make: {}. limen keeps its data in a database of its own. \
         Create an empty database, set dsn to it, start limen, and import the identities from the old server through \
         the admin API; the old database stays as it is",
        tables.join(", ")
    )]
    ForeignTables {
        /// The tables that limen did not make.
        tables: Vec<String>,
    },
    /// Anything else: a fault of the statement or of the server.
    #[error("{0}")]
    Other(String),
}

impl DbError {
    /// Whether a row with the same key exists already.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::UniqueViolation { .. })
    }

    /// Whether the same transaction may succeed when it is done again from its beginning.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Serialization)
    }

    pub(crate) fn other(cause: impl std::fmt::Display) -> Self {
        Self::Other(cause.to_string())
    }
}
