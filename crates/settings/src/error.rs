//! What can be wrong with a configuration. All problems are reported at once, and none shows a secret.

use std::path::PathBuf;

use crate::Origin;

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(problems))]
pub struct SettingsError {
    /// In the order in which they were found; never empty.
    pub problems: Vec<Problem>,
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file cannot be read.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A file is not what its name says.
    #[error("{}: {reason}", file.display())]
    Syntax {
        /// Which.
        file: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A key or its value.
    #[error("{0}")]
    Key(Box<KeyProblem>),
    /// The schema itself is broken: an error of the program, not of the operator.
    #[error("the configuration schema is broken: {0}")]
    Schema(String),
}

/// What is wrong with a key or its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// Its path with dots; unset for the whole document.
    pub key: Option<String>,
    /// What it should be.
    pub message: String,
    /// What it is, unless that is a secret.
    pub value: Option<String>,
    /// Who set it, if somebody did.
    pub origin: Option<Origin>,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl std::fmt::Display for KeyProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.key.as_deref().unwrap_or("the document"), self.message)?;
        if let Some(value) = &self.value {
            write!(formatter, ", not {value}")?;
        }
        if let Some(origin) = &self.origin {
            write!(formatter, " ({origin})")?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(formatter, ". {hint}"))
    }
}

impl From<KeyProblem> for Problem {
    fn from(problem: KeyProblem) -> Self {
        Self::Key(Box::new(problem))
    }
}

fn listed(problems: &[Problem]) -> String {
    match problems {
        [only] => only.to_string(),
        several => {
            let lines: Vec<String> = several.iter().map(|problem| format!("\n- {problem}")).collect();
            format!("{} problems in the configuration:{}", several.len(), lines.concat())
        }
    }
}
