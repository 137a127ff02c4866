//! The permission language: reads it into namespaces, says what is wrong with it, and writes it nicely.
//!
//! Positions are those of the wire: lines from 1, columns from 0 and counted in characters.

use crate::model::Schema;

/// Whose rules hold where the language's can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As files of the reference server are read: `a || b && c` goes strictly from left to right, with a warning.
    Keto,
    /// An unparenthesised mix of `||` and `&&` is an error.
    Limen,
}

/// A place in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 0: how many characters stand before it on its line.
    pub column: u32,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The source has no meaning.
    Error,
    /// It has one, but perhaps not the one that its author thinks of.
    Warning,
}

/// Something to say about a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in one sentence.
    pub message: String,
    /// Where it begins.
    pub start: Position,
    /// Behind its last character.
    pub end: Position,
}

/// A source that was read.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What it declares; `None` if there are errors.
    pub schema: Option<Schema>,
    /// Errors and warnings in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a source and checks its types across namespaces.
#[expect(clippy::unimplemented, reason = "follows in the next step")]
pub fn parse(_source: &str, _dialect: Dialect) -> Parsed {
    unimplemented!()
}

/// Writes a source nicely; comments stay. What cannot be read is said instead.
#[expect(clippy::unimplemented, reason = "follows in the next step")]
pub fn format(_source: &str) -> Result<String, Vec<Diagnostic>> {
    unimplemented!()
}
