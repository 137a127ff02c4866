//! The checks that keep one SQL text good for every engine and one tenant's data from another's eyes.

use crate::transaction::Mode;
use crate::{Db, Schema, Statement, sql_text};

/// Comment in a statement that is meant to see all tenants: workers that claim or remove rows. Write the reason behind it.
const EVERY_TENANT: &str = "/* every tenant:";

/// Words in a row that mean different things on the engines, or exist on one alone; and what to write instead.
const BANNED: [(&[&str], &str); 18] = [
    (&["now", "("], "pass the time as a parameter"),
    (&["current_timestamp"], "pass the time as a parameter"),
    (&["current_date"], "pass the time as a parameter"),
    (&["datetime", "("], "pass the time as a parameter"),
    (&["strftime", "("], "pass the time as a parameter"),
    (&["interval"], "calculate the time before"),
    (&[":", ":"], "write CAST(… AS …)"),
    (&["ilike"], "compare a column that holds the lower-case form"),
    (&["["], "there are no arrays: use a table or JSON"),
    (&["array"], "there are no arrays: use a table or JSON"),
    (&["any", "("], "there are no arrays: use IN"),
    (&["serial"], "pass the id as a parameter"),
    (&["bigserial"], "pass the id as a parameter"),
    (&["autoincrement"], "pass the id as a parameter"),
    (&["skip", "locked"], "claim rows by UPDATE … WHERE id IN (SELECT …) RETURNING"),
    (&["random", "("], "pass the random value as a parameter"),
    (&["insert", "or"], "write ON CONFLICT"),
    (&["rowid"], "order by a column of the table"),
];

/// Has the engine of `db` read every statement of the program. Gives what it refuses, with place and reason.
pub async fn prepare_all_statements(db: &Db) -> Vec<String> {
    let mut faults = Vec::new();
    for statement in Statement::all() {
        // A transaction each: on PostgreSQL a refusal spoils the one that it happens in.
        let result = match db.begin(Mode::Read).await {
            Ok(mut tx) => tx.prepare(statement).await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            faults.push(format!("{}: {error}", place(statement)));
        }
    }
    faults
}

/// Looks through every statement of the program for banned constructs and, where it names one of `tables_with_tenant`,
/// for a missing tenant. Gives what it finds, with place and advice.
pub fn scan_statements(tables_with_tenant: &[&str]) -> Vec<String> {
    let faults = Statement::all().flat_map(|statement| {
        let mut faults = banned(statement.text());
        faults.extend(missing_tenant(statement.text(), tables_with_tenant));
        faults.into_iter().map(move |fault| format!("{}: {fault}", place(statement)))
    });
    faults.collect()
}

/// Every statement of the program: its text, and the file and line where it is written.
pub fn all_statements() -> Vec<(&'static str, &'static str, u32)> {
    Statement::all().map(|statement| (statement.text(), statement.place().0, statement.place().1)).collect()
}

/// Looks through every migration of `schema` for banned constructs.
pub fn scan_schema(schema: &Schema) -> Vec<String> {
    let scripts = schema
        .migrations
        .iter()
        .flat_map(|migration| [(migration.name, migration.up), (migration.name, migration.down)]);
    scripts.flat_map(|(name, script)| banned(script).into_iter().map(move |fault| format!("{name}: {fault}"))).collect()
}

fn place(statement: Statement) -> String {
    let (file, line) = statement.place();
    format!("{file}:{line}")
}

fn banned(text: &str) -> Vec<String> {
    let words = sql_text::words(text);
    let found = BANNED.iter().filter(|(pattern, _)| words.windows(pattern.len()).any(|window| window == *pattern));
    let mut faults: Vec<String> = found.map(|(pattern, advice)| format!("{}: {advice}", pattern.join(" "))).collect();
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    if has("like") && !has("escape") {
        faults.push(
            "like: PostgreSQL has an escape character and SQLite has none unless told: write ESCAPE '!'".to_owned(),
        );
    }
    faults
}

/// A statement on a table with tenants names the tenant among the columns of an INSERT, or in a condition.
fn missing_tenant(text: &str, tables: &[&str]) -> Option<String> {
    if text.contains(EVERY_TENANT) {
        return None;
    }
    let words = sql_text::words(text);
    let table = words.iter().find(|word| tables.contains(&word.as_str()))?;
    let inserts = words.first().is_some_and(|word| word == "insert");
    let condition = words.iter().position(|word| inserts || word == "where" || word == "on");
    let named = condition.is_some_and(|start| words[start..].iter().any(|word| word == "tenant_id"));
    (!named).then(|| {
        format!("{table} is read or written without tenant_id; if that is meant, say so: {EVERY_TENANT} reason */")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_constructs_are_found_outside_literals() {
        for text in [
            "SELECT now()",
            "SELECT a::text",
            "SELECT a FROM b WHERE c ILIKE $1",
            "SELECT a FROM b FOR UPDATE SKIP LOCKED",
        ] {
            assert_eq!(banned(text).len(), 1, "{text}");
        }
        assert!(banned("SELECT 'now()' AS known, a FROM b WHERE c = $1").is_empty());
    }

    #[test]
    fn a_missing_tenant_is_found() {
        for text in
            ["SELECT a FROM things", "SELECT tenant_id FROM things WHERE a = $1", "INSERT INTO things (a) VALUES ($1)"]
        {
            assert!(missing_tenant(text, &["things"]).is_some(), "{text}");
        }
        for text in [
            "SELECT a FROM things WHERE tenant_id = $1",
            "INSERT INTO things (tenant_id) VALUES ($1)",
            "DELETE /* every tenant: expired rows */ FROM things WHERE a < $1",
            "SELECT a FROM others",
        ] {
            assert_eq!(missing_tenant(text, &["things"]), None, "{text}");
        }
    }
}
