//! The one error type of the crate.

/// Why a template cannot be parsed or rendered. The text names template and line, so that its author finds the place;
/// it quotes the template, never the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is no template.
    #[error("template {name:?}, line {line}: {problem}")]
    Syntax {
        /// The template.
        name: String,
        /// Counted from 1.
        line: u32,
        /// What is wrong, in words.
        problem: String,
    },
    /// The template asks for something that its data does not allow.
    #[error("template {name:?}, line {line}: {problem}")]
    Evaluation {
        /// The template.
        name: String,
        /// Counted from 1.
        line: u32,
        /// What is wrong, in words.
        problem: String,
    },
    /// The rendering used up its steps, its output or its nesting.
    #[error("template {name:?}, line {line}: the limit of {limit} is exceeded")]
    Limit {
        /// The template.
        name: String,
        /// Counted from 1.
        line: u32,
        /// Which limit.
        limit: &'static str,
    },
    /// There is no template of this name.
    #[error("there is no template named {0:?}")]
    Missing(String),
}
