//! Schema changes: applied in order, once, whoever starts first; kept in the table `limen_migrations`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::ownership::tables;
use crate::transaction::Mode;
use crate::{Db, DbError, Engine, Statement, Tx, Value, params, read, sql, sql_text};

/// A schema change. Its scripts are SQL for both engines with types as macros: `{{uuid}}`, `{{time}}`, `{{json}}`,
/// `{{bool}}`, `{{int}}`, `{{bytes}}`, `{{text}}`. Tables become STRICT in SQLite by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// A number and what it brings: `0001_identities`. Unique in the whole program.
    pub name: &'static str,
    /// Applies it.
    pub up: &'static str,
    /// Takes it back.
    pub down: &'static str,
}

/// All migrations of the program, in the order in which they are applied.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The migrations.
    pub migrations: Vec<Migration>,
}

/// A migration and when it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its name.
    pub name: String,
    /// When it was applied; `None` if it is pending.
    pub applied: Option<Timestamp>,
    /// Whether this program has it. A newer one may have run before.
    pub known: bool,
}

pub(crate) const TABLE: &str = "limen_migrations";

/// The row that whoever migrates holds.
const LOCK: &str = "0000_lock";

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS limen_migrations (name {{text}} PRIMARY KEY, applied_at {{time}} NOT NULL)";

/// A macro of migrations with its meaning in PostgreSQL, CockroachDB and SQLite. CockroachDB compares TEXT by bytes anyway
/// and takes a collation for another type.
const TYPES: [(&str, &str, &str, &str); 7] = [
    ("{{uuid}}", "UUID", "UUID", "TEXT"),
    ("{{time}}", "TIMESTAMPTZ", "TIMESTAMPTZ", "TEXT"),
    ("{{json}}", "JSONB", "JSONB", "TEXT"),
    ("{{bool}}", "BOOLEAN", "BOOLEAN", "INTEGER"),
    ("{{int}}", "BIGINT", "BIGINT", "INTEGER"),
    ("{{bytes}}", "BYTEA", "BYTEA", "BLOB"),
    ("{{text}}", "TEXT COLLATE \"C\"", "TEXT", "TEXT"),
];

impl Schema {
    /// Every migration, in order; behind them those that a newer program has applied.
    ///
    /// # Errors
    /// What the database says.
    pub async fn status(&self, db: &Db) -> Result<Vec<MigrationStatus>, DbError> {
        let mut applied = applied(db).await?;
        let own =
            self.migrations.iter().map(|migration| (migration.name.to_owned(), applied.remove(migration.name), true));
        let mut status: Vec<_> = own.collect();
        status.extend(applied.into_iter().map(|(name, at)| (name, Some(at), false)));
        Ok(status.into_iter().map(|(name, applied, known)| MigrationStatus { name, applied, known }).collect())
    }

    /// The names of the migrations that are not applied.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pending(&self, db: &Db) -> Result<Vec<&'static str>, DbError> {
        let applied = applied(db).await?;
        Ok(self.migrations.iter().map(|migration| migration.name).filter(|name| !applied.contains_key(*name)).collect())
    }

    /// Applies what is pending and gives the names. Several programs may do so at once: one works, the others wait and
    /// find nothing left to do.
    ///
    /// # Errors
    /// [`DbError::Migration`] with the one that failed; those before it stay.
    pub async fn up(&self, db: &Db, now: Timestamp) -> Result<Vec<&'static str>, DbError> {
        self.check()?;
        if self.pending(db).await?.is_empty() {
            return Ok(Vec::new());
        }
        create_table(db, now).await?;
        let lock = lock(db, now).await?;
        let mut done = Vec::new();
        for migration in &self.migrations {
            if applied(db).await?.contains_key(migration.name) {
                continue;
            }
            let step = Step {
                name: migration.name,
                script: migration.up,
                applied_already: false,
                note: (
                    sql!("INSERT INTO limen_migrations (name, applied_at) VALUES ($1, $2)"),
                    params![migration.name, now].to_vec(),
                ),
            };
            if step.run(db).await? {
                done.push(migration.name);
            }
        }
        release(lock).await?;
        Ok(done)
    }

    /// Takes the last `steps` migrations back and gives their names.
    ///
    /// # Errors
    /// [`DbError::Migration`] with the one that failed; those after it are gone. [`DbError::Other`] if a newer program
    /// has applied migrations that this one does not know.
    pub async fn down(&self, db: &Db, steps: usize) -> Result<Vec<&'static str>, DbError> {
        self.check()?;
        let status = self.status(db).await?;
        if let Some(stranger) = status.iter().find(|status| !status.known) {
            return Err(DbError::Other(format!(
                "the database has the migration {} of a newer limen: take that back with the newer one first",
                stranger.name
            )));
        }
        if !status.iter().any(|status| status.applied.is_some()) {
            return Ok(Vec::new());
        }
        let lock = lock(db, db.clock().now()).await?;
        let applied = applied(db).await?;
        let last = self.migrations.iter().rev().filter(|migration| applied.contains_key(migration.name)).take(steps);
        let mut done = Vec::new();
        for migration in last {
            let step = Step {
                name: migration.name,
                script: migration.down,
                applied_already: true,
                note: (sql!("DELETE FROM limen_migrations WHERE name = $1"), params![migration.name].to_vec()),
            };
            if step.run(db).await? {
                done.push(migration.name);
            }
        }
        release(lock).await?;
        Ok(done)
    }

    /// The tables that the migrations make or rename to.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let mut tables = BTreeSet::from([TABLE.to_owned()]);
        for migration in &self.migrations {
            let words = sql_text::words(migration.up);
            for (index, pair) in words.windows(2).enumerate() {
                let name = match (pair[0].as_str(), pair[1].as_str()) {
                    ("create", "table") => {
                        words[index + 2..].iter().find(|word| !["if", "not", "exists"].contains(&word.as_str()))
                    }
                    ("rename", "to") => words.get(index + 2),
                    _ => None,
                };
                tables.extend(name.cloned());
            }
        }
        tables
    }

    fn check(&self) -> Result<(), DbError> {
        let mut names = BTreeSet::from([LOCK]);
        match self.migrations.iter().find(|migration| !names.insert(migration.name)) {
            Some(twice) => Err(DbError::Other(format!("two migrations are named {}", twice.name))),
            None => Ok(()),
        }
    }
}

/// A script to run once, and the note that it has run.
struct Step {
    name: &'static str,
    script: &'static str,
    /// Whether the migration is in the table before the step.
    applied_already: bool,
    note: (Statement, Vec<Value>),
}

impl Step {
    /// `false` if somebody else did it in the meantime.
    async fn run(&self, db: &Db) -> Result<bool, DbError> {
        let result = match db.engine() {
            Engine::Sqlite | Engine::Postgres => self.run_at_once(db).await,
            Engine::Cockroach | Engine::Yugabyte => self.run_piecemeal(db).await,
        };
        result.map_err(|cause| DbError::Migration { name: self.name.to_owned(), cause: Box::new(cause) })
    }

    /// Script and note in one transaction.
    async fn run_at_once(&self, db: &Db) -> Result<bool, DbError> {
        let mut tx = db.begin(Mode::Migrate).await?;
        let found = tx.row(sql!("SELECT name FROM limen_migrations WHERE name = $1"), params![self.name]).await?;
        if found.is_some() != self.applied_already {
            return Ok(false);
        }
        for statement in script(self.script, db.engine())? {
            tx.script(&statement).await?;
        }
        tx.execute(self.note.0, &self.note.1).await?;
        tx.commit().await.map(|()| true)
    }

    /// For engines that do not take several schema changes in one transaction. A crash in between leaves the first
    /// statements done and no note: run again, what exists (or is gone) already counts as done.
    async fn run_piecemeal(&self, db: &Db) -> Result<bool, DbError> {
        for statement in script(self.script, db.engine())? {
            let mut tx = db.begin(Mode::Migrate).await?;
            match tx.script(&statement).await {
                Ok(()) => tx.commit().await?,
                Err(error) if is_done_already(&statement, &error) => tx.rollback().await,
                Err(error) => return Err(error),
            }
        }
        let mut tx = db.begin(Mode::Migrate).await?;
        tx.execute(self.note.0, &self.note.1).await?;
        tx.commit().await.map(|()| true)
    }
}

/// Whether `error` says that what `statement` makes exists, or that what it drops is gone (by SQLSTATE). The other way
/// round it is a fault: to make an index on a table that does not exist, say.
fn is_done_already(statement: &str, error: &DbError) -> bool {
    let DbError::Other(text) = error else { return false };
    let drops = sql_text::words(statement).iter().any(|word| word == "drop");
    let states = if drops { ["42P01", "42704", "42703"] } else { ["42P07", "42710", "42701"] };
    states.iter().any(|state| text.starts_with(state))
}

/// The statements of a script in the words of `engine`.
pub(crate) fn script(script: &str, engine: Engine) -> Result<Vec<String>, DbError> {
    let mut text = script.to_owned();
    for (name, postgres, cockroach, sqlite) in TYPES {
        text = text.replace(
            name,
            match engine {
                Engine::Sqlite => sqlite,
                Engine::Cockroach => cockroach,
                Engine::Postgres | Engine::Yugabyte => postgres,
            },
        );
    }
    if let Some((_, rest)) = text.split_once("{{") {
        let name = rest.split_once("}}").map_or(rest, |(name, _)| name);
        return Err(DbError::Other(format!("there is no type {{{{{name}}}}}")));
    }
    let mut statements = sql_text::statements(&text);
    if engine == Engine::Sqlite {
        for statement in &mut statements {
            if sql_text::words(statement).starts_with(&["create".to_owned(), "table".to_owned()]) {
                statement.push_str(" STRICT");
            }
        }
    }
    Ok(statements)
}

async fn applied(db: &Db) -> Result<BTreeMap<String, Timestamp>, DbError> {
    if !tables(db).await?.iter().any(|table| table == TABLE) {
        return Ok(BTreeMap::new());
    }
    read!(db, |tx| -> Result<BTreeMap<String, Timestamp>, DbError> {
        let rows =
            tx.rows(sql!("SELECT name, applied_at FROM limen_migrations WHERE name <> $1"), params![LOCK]).await?;
        rows.iter().map(|row| Ok((row.get("name")?, row.get("applied_at")?))).collect()
    })
    .await
}

async fn create_table(db: &Db, now: Timestamp) -> Result<(), DbError> {
    for attempt in 0.. {
        let mut tx = db.begin(Mode::Migrate).await?;
        let result = match script(CREATE, db.engine())?.first() {
            Some(statement) => tx.script(statement).await,
            None => Ok(()),
        };
        match result {
            Ok(()) => {
                tx.commit().await?;
                break;
            }
            // PostgreSQL: two that create the same table at once meet in its catalogue, IF NOT EXISTS or not.
            Err(error)
                if attempt < 5
                    && (error.is_unique_violation() || error.is_retryable() || is_done_already(CREATE, &error)) =>
            {
                tx.rollback().await;
            }
            Err(error) => return Err(error),
        }
    }
    let mut tx = db.begin(Mode::Migrate).await?;
    let note = sql!("INSERT INTO limen_migrations (name, applied_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
    tx.execute(note, params![LOCK, now]).await?;
    tx.commit().await
}

/// Keeps other nodes from migrating until it is dropped: an open transaction that has written the lock row. A crash
/// closes the connection and thereby frees the row. SQLite needs none, as each step there holds the only writer.
async fn lock(db: &Db, now: Timestamp) -> Result<Option<Tx>, DbError> {
    if db.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let mut tx = db.begin(Mode::Migrate).await?;
    tx.execute(sql!("UPDATE limen_migrations SET applied_at = $1 WHERE name = $2"), params![now, LOCK]).await?;
    Ok(Some(tx))
}

async fn release(lock: Option<Tx>) -> Result<(), DbError> {
    match lock {
        Some(tx) => tx.commit().await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "CREATE TABLE a (b {{text}} NOT NULL, c {{int}}); -- {{time}}\nCREATE INDEX d ON a (b);";

    #[test]
    fn types_are_macros_and_sqlite_tables_are_strict() {
        assert_eq!(
            script(SCRIPT, Engine::Sqlite).unwrap(),
            ["CREATE TABLE a (b TEXT NOT NULL, c INTEGER) STRICT", "CREATE INDEX d ON a (b)"]
        );
        assert_eq!(
            script(SCRIPT, Engine::Postgres).unwrap(),
            ["CREATE TABLE a (b TEXT COLLATE \"C\" NOT NULL, c BIGINT)", "CREATE INDEX d ON a (b)"]
        );
        assert!(script("CREATE TABLE a (b {{float}})", Engine::Sqlite).unwrap_err().to_string().contains("{{float}}"));
    }

    #[test]
    fn the_tables_of_a_schema_are_read_from_its_scripts() {
        let up = "create table IF NOT EXISTS a (b {{int}}); CREATE TABLE \"c\" (d {{int}}); ALTER TABLE a RENAME TO e;";
        let schema = Schema { migrations: vec![Migration { name: "1", up, down: "" }] };
        assert_eq!(schema.tables().into_iter().collect::<Vec<_>>(), ["a", "c", "e", "limen_migrations"]);
    }

    #[test]
    fn names_are_unique() {
        let migration = Migration { name: "0001_a", up: "", down: "" };
        assert!(Schema { migrations: vec![migration] }.check().is_ok());
        assert!(Schema { migrations: vec![migration, migration] }.check().is_err());
    }

    /// The path of CockroachDB and YugabyteDB, on PostgreSQL: interrupted between the script and its note.
    #[tokio::test]
    async fn a_script_interrupted_before_its_note_is_completed() {
        let Some(test) = crate::testing::TestDatabase::postgres().await else { return };
        let now = test.db.clock().now();
        create_table(&test.db, now).await.unwrap();
        let insert = sql!("INSERT INTO limen_migrations (name, applied_at) VALUES ($1, $2)");
        let step =
            |up, name| Step { name, script: up, applied_already: false, note: (insert, params![name, now].to_vec()) };
        assert_eq!(step("CREATE TABLE a (b {{int}});", "first half").run_piecemeal(&test.db).await, Ok(true));
        let whole = step("CREATE TABLE a (b {{int}}); CREATE INDEX c ON a (b); CREATE TABLE d (e {{text}});", "whole");
        assert_eq!(whole.run_piecemeal(&test.db).await, Ok(true));
        assert_eq!(tables(&test.db).await.unwrap(), ["a", "d", TABLE]);
        assert!(step("CREATE TABLE f (g nonsense);", "broken").run_piecemeal(&test.db).await.is_err());
        assert!(!applied(&test.db).await.unwrap().contains_key("broken"));
    }
}
