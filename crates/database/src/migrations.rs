//! Schema changes: applied in order, once, whoever starts first; kept in the table `limen_migrations`.

use jiff::Timestamp;

use crate::{Db, DbError};

/// A schema change. Its scripts are SQL for both engines with types as macros: `{{uuid}}`, `{{time}}`, `{{json}}`,
/// `{{bool}}`, `{{int}}`, `{{bytes}}`, `{{text}}`.
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

impl Schema {
    /// Every migration, in order; behind them those that a newer program has applied.
    ///
    /// # Errors
    /// What the database says.
    pub async fn status(&self, db: &Db) -> Result<Vec<MigrationStatus>, DbError> {
        let _ = db;
        Ok(Vec::new())
    }

    /// The names of the migrations that are not applied.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pending(&self, db: &Db) -> Result<Vec<&'static str>, DbError> {
        let _ = db;
        Ok(Vec::new())
    }

    /// Applies what is pending and gives the names. Several programs may do so at once.
    ///
    /// # Errors
    /// [`DbError::Migration`] with the one that failed; those before it stay.
    pub async fn up(&self, db: &Db, now: Timestamp) -> Result<Vec<&'static str>, DbError> {
        let _ = (db, now);
        Ok(Vec::new())
    }

    /// Takes the last `steps` migrations back and gives their names.
    ///
    /// # Errors
    /// [`DbError::Migration`] with the one that failed; those after it are gone.
    pub async fn down(&self, db: &Db, steps: usize) -> Result<Vec<&'static str>, DbError> {
        let _ = (db, steps);
        Ok(Vec::new())
    }
}
