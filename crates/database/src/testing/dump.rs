//! The schema as a text that is the same each time, for comparison with a checked-in file.

use crate::{Db, DbError, Engine, read};

const SQLITE: &str = "SELECT sql AS line FROM sqlite_schema \
    WHERE sql IS NOT NULL AND tbl_name <> 'limen_migrations' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    ORDER BY tbl_name, type = 'index', name";

const POSTGRES: &str = "SELECT line FROM ( \
    SELECT c.relname AS owner, 1 AS part, a.attnum AS place, CAST(a.attname AS TEXT) AS name, \
        'table ' || c.relname || ': ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) \
        || CASE WHEN l.collname <> 'default' THEN ' COLLATE ' || l.collname ELSE '' END \
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END \
        || COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS line \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema() \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_collation l ON l.oid = a.attcollation \
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    WHERE c.relkind = 'r' \
    UNION ALL \
    SELECT c.relname, 2, 0, CAST(k.conname AS TEXT), 'constraint ' || k.conname || ': ' || pg_get_constraintdef(k.oid) \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema() \
    UNION ALL \
    SELECT tablename, 3, 0, CAST(indexname AS TEXT), replace(indexdef, current_schema() || '.', '') \
    FROM pg_indexes WHERE schemaname = current_schema() \
    ) lines WHERE owner <> 'limen_migrations' ORDER BY owner, part, place, name";

/// All tables, constraints and indexes of `db`, one a line, in a stable order; without `limen_migrations`.
///
/// # Errors
/// What the database says.
pub async fn dump_schema(db: &Db) -> Result<String, DbError> {
    let question = if db.engine() == Engine::Sqlite { SQLITE } else { POSTGRES };
    let lines = read!(db, |tx| -> Result<Vec<String>, DbError> {
        tx.ask(question).await?.iter().map(|row| row.get("line")).collect()
    })
    .await?;
    let one_line = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    Ok(lines.iter().map(one_line).collect())
}
