//! The permission language: reads it into namespaces, says what is wrong with it, and writes it nicely.
//!
//! Positions are those of the wire: lines from 1, columns from 0 and counted in characters.

mod check;
mod expression;
mod format;
mod lexer;
mod parser;
mod syntax;
mod write;

use crate::model::Schema;

pub use format::format;
pub use write::write;

/// Whose rules hold where the language's can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As files of the reference server are read: `a || b && c` goes strictly from left to right, with a warning.
    Keto,
    /// An unparenthesised mix of `||` and `&&` is an error.
    Limen,
}

/// A place in a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// A piece of a source: between two places, and between two bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    start: Position,
    end: Position,
    from: usize,
    to: usize,
}

/// Reads a source and checks its types across namespaces.
pub fn parse(source: &str, dialect: Dialect) -> Parsed {
    let mut parser = parser::Parser::new(source, dialect);
    let classes = parser.file();
    let mut diagnostics = parser.diagnostics;
    // What an unreadable part declares is not known: without it, names would seem unknown that are not.
    if !has_errors(&diagnostics) {
        diagnostics.extend(check::check(&classes, dialect));
        diagnostics.sort_by_key(|d| (d.start, d.end));
    }
    let schema = (!has_errors(&diagnostics)).then(|| check::schema(classes));
    Parsed { schema, diagnostics }
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}
