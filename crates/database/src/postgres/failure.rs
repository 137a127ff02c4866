//! Tells the server's errors apart (SQLSTATE: PostgreSQL documentation, appendix A). Its `detail` may hold stored values
//! and is never passed on.

use tokio_postgres::error::SqlState;

use crate::DbError;

/// The error of this crate for one of the driver's.
pub(super) fn failure(error: tokio_postgres::Error) -> DbError {
    if error.is_closed() {
        return DbError::Unavailable(describe(&error));
    }
    let Some(answer) = error.as_db_error() else {
        let disconnected =
            std::error::Error::source(&error).is_some_and(|source| source.downcast_ref::<std::io::Error>().is_some());
        return if disconnected { DbError::Unavailable(describe(&error)) } else { DbError::Other(describe(&error)) };
    };
    let code = answer.code();
    match code.code() {
        "40001" | "40P01" => DbError::Serialization,
        "23505" => DbError::UniqueViolation { constraint: constraint(answer) },
        "23503" => DbError::ForeignKeyViolation,
        "53100" => DbError::Full,
        "0A000" if answer.message().starts_with("cached plan") => stale_plan(),
        state
            if ["08", "53", "57"].iter().any(|class| state.starts_with(class)) && *code != SqlState::QUERY_CANCELED =>
        {
            DbError::Unavailable(answer.message().to_owned())
        }
        state => DbError::Other(format!("{state}: {}", answer.message())),
    }
}

/// A prepared statement gives other columns than it did before a migration: it has to be prepared again.
pub(super) fn stale_plan() -> DbError {
    DbError::Other("a prepared statement is older than the schema".to_owned())
}

/// The error with its cause and without details.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(answer), _) => format!("{}: {}", answer.code().code(), answer.message()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// `table.column, table.column` as SQLite says it; the constraint's name where the index is over an expression or the
/// server speaks another language.
fn constraint(answer: &tokio_postgres::error::DbError) -> String {
    let columns = answer.table().zip(answer.detail()).and_then(|(table, detail)| columns(table, detail));
    columns.unwrap_or_else(|| answer.constraint().unwrap_or("key").to_owned())
}

/// Out of `Key (a, b)=(1, 2) already exists.`
fn columns(table: &str, detail: &str) -> Option<String> {
    let (list, _) = detail.strip_prefix("Key (")?.split_once(")=(")?;
    let names: Vec<String> = list.split(", ").map(|column| format!("{table}.{}", column.trim_matches('"'))).collect();
    (!list.contains('(')).then(|| names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_out_of_the_detail() {
        assert_eq!(
            columns("t", "Key (tenant_id, \"user\")=(1, x) already exists."),
            Some("t.tenant_id, t.user".into())
        );
        assert_eq!(columns("t", "Key (lower(a))=(x) already exists."), None);
        assert_eq!(columns("t", "Schlüssel »(a)=(1)« existiert bereits."), None);
    }
}
