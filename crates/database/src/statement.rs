//! Statements are known before the program runs: `sql!` registers each, so that a test can prepare them all.

use std::sync::OnceLock;

use crate::sql_text;

/// A statement's text in the forms that the engines read. Made by `sql!`.
#[doc(hidden)]
#[derive(Debug)]
pub struct StatementText {
    text: &'static str,
    sqlite: OnceLock<String>,
    file: &'static str,
    line: u32,
}

/// An entry of the list of all statements in the program.
#[doc(hidden)]
#[derive(Debug)]
pub struct Registered(pub &'static StatementText);

inventory::collect!(Registered);

/// A statement made by `sql!`.
#[derive(Debug, Clone, Copy)]
pub struct Statement(&'static StatementText);

impl StatementText {
    /// Notes where the statement is written.
    pub const fn new(text: &'static str, file: &'static str, line: u32) -> Self {
        Self { text, sqlite: OnceLock::new(), file, line }
    }
}

impl Statement {
    #[doc(hidden)]
    pub const fn of(text: &'static StatementText) -> Self {
        Self(text)
    }

    /// The text as written.
    pub fn text(self) -> &'static str {
        self.0.text
    }

    /// The source file and line of the `sql!`.
    pub fn place(self) -> (&'static str, u32) {
        (self.0.file, self.0.line)
    }

    pub(crate) fn for_sqlite(self) -> &'static str {
        self.0.sqlite.get_or_init(|| sql_text::placeholders_for_sqlite(self.0.text))
    }

    /// Every statement that the running program contains.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        inventory::iter::<Registered>().map(|registered| Self(registered.0))
    }
}

/// A statement in SQL that both engines read, with `$1`, `$2` … as placeholders: `sql!("SELECT a FROM b WHERE c = $1")`.
/// The text is a literal, or `concat!` of literals, so that all statements can be listed and prepared by a test.
#[macro_export]
macro_rules! sql {
    ($text:expr) => {{
        static TEXT: $crate::expansion::StatementText =
            $crate::expansion::StatementText::new($text, ::core::file!(), ::core::line!());
        $crate::expansion::inventory::submit! { $crate::expansion::Registered(&TEXT) }
        $crate::Statement::of(&TEXT)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_registers_itself_with_its_place() {
        let statement = sql!("SELECT $1 AS registered");
        assert_eq!(statement.for_sqlite(), "SELECT ?1 AS registered");
        let found = Statement::all().find(|other| other.text() == statement.text()).unwrap();
        assert!(found.place().0.ends_with("statement.rs"));
    }
}
