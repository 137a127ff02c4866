//! Whose database is it? A configuration of the reference server names a live database with tables of the same names.

use crate::{Db, DbError, Engine, Schema, migrations, read};

/// Refuses a database that holds tables limen did not make: any table where `limen_migrations` is missing, tables
/// beyond those of the schema otherwise. After a newer limen has migrated, tables that this one does not know are taken
/// for the newer one's, so that both can run while nodes are replaced one by one.
///
/// # Errors
/// [`DbError::ForeignTables`] with their names and what to do.
pub async fn check_ownership(db: &Db, schema: &Schema) -> Result<(), DbError> {
    let found = tables(db).await?;
    let migrated = found.iter().any(|table| table == migrations::TABLE);
    let own = if migrated { schema.tables() } else { std::collections::BTreeSet::new() };
    let foreign: Vec<String> = found.into_iter().filter(|table| !own.contains(table)).collect();
    if foreign.is_empty() || (migrated && schema.status(db).await?.iter().any(|migration| !migration.known)) {
        return Ok(());
    }
    Err(DbError::ForeignTables { tables: foreign })
}

/// The tables of the database, or of the schema of that name on engines that have such, in alphabetical order.
pub(crate) async fn tables(db: &Db) -> Result<Vec<String>, DbError> {
    let text = match db.engine() {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        _ => {
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        }
    };
    let mut tables = read!(db, |tx| -> Result<Vec<String>, DbError> {
        tx.ask(text).await?.iter().map(|row| row.get("name")).collect()
    })
    .await?;
    tables.sort();
    Ok(tables)
}
