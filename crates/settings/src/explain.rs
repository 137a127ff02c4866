//! What an operator wants to know of one key.

use serde_json::Value;

use crate::Origin;

/// One key: what it is, who said so, what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The path as the operator knows it.
    pub key: String,
    /// The value in force, secrets masked; unset when there is none.
    pub value: Option<Value>,
    /// Who set it; unset when there is no value.
    pub origin: Option<Origin>,
    /// What the key is for.
    pub description: String,
    /// What it is when nobody sets it.
    pub default: Option<Value>,
    /// All values it can have, if they are few.
    pub allowed: Vec<String>,
    /// The keys below it.
    pub keys: Vec<String>,
    /// The environment variable that sets it; unset when none can.
    pub variable: Option<String>,
    /// Whether this release does not have it.
    pub later: bool,
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{}", self.key)?;
        if !self.description.is_empty() {
            writeln!(formatter, "  {}", self.description)?;
        }
        match (&self.value, &self.origin) {
            (Some(value), Some(origin)) => writeln!(formatter, "  value:    {value} ({origin})")?,
            (Some(value), None) => writeln!(formatter, "  value:    {value}")?,
            (None, _) => writeln!(formatter, "  value:    not set")?,
        }
        if let Some(default) = &self.default {
            writeln!(formatter, "  default:  {default}")?;
        }
        if !self.allowed.is_empty() {
            writeln!(formatter, "  allowed:  {}", self.allowed.join(", "))?;
        }
        if !self.keys.is_empty() {
            writeln!(formatter, "  keys:     {}", self.keys.join(", "))?;
        }
        if let Some(variable) = &self.variable {
            writeln!(formatter, "  variable: {variable}")?;
        }
        if self.later {
            writeln!(formatter, "  This release does not have it yet.")?;
        }
        Ok(())
    }
}
