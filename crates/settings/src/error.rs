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
    #[error("{}{}", key.as_deref().unwrap_or("the document"), described(message, value.as_deref(), origin.as_ref(), hint.as_deref()))]
    Key {
        /// Its path with dots; unset for the whole document.
        key: Option<String>,
        /// What it should be.
        message: String,
        /// What it is, unless that is a secret.
        value: Option<String>,
        /// Who set it, if somebody did.
        origin: Option<Origin>,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// The schema itself is broken: an error of the program, not of the operator.
    #[error("the configuration schema is broken: {0}")]
    Schema(String),
}

fn described(message: &str, value: Option<&str>, origin: Option<&Origin>, hint: Option<&str>) -> String {
    let mut text = format!(" {message}");
    if let Some(value) = value {
        text += &format!(", not {value}");
    }
    if let Some(origin) = origin {
        text += &format!(" ({origin})");
    }
    if let Some(hint) = hint {
        text += &format!(". {hint}");
    }
    text
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
