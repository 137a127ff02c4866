//! What operators supply and limen runs: Go-style templates of mails and headers, and Jsonnet ([`jsonnet`], in child
//! processes). No clock, no files, no network. CEL belongs here too once it exists.
//!
//! A template is somebody else's program, so every rendering has a budget ([`Limits`]) for steps, output and nesting;
//! exceeding it is an error with the line it happened on, never a hang and never a panic.

mod budget;
mod error;
mod evaluator;
mod format;
mod functions;
mod html;
pub mod jsonnet;
mod lexer;
mod parser;
mod syntax;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use budget::Limits;
pub use error::TemplateError;

/// Templates that can call each other by name, as the files of one mail do.
#[derive(Debug, Clone, Default)]
pub struct TemplateSet {
    templates: BTreeMap<String, Arc<syntax::Template>>,
    limits: Limits,
}

impl TemplateSet {
    /// An empty set with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the limits of each rendering.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Parses `text` and keeps it as `name`, together with what its `define` and `block` actions name. A later
    /// definition replaces an earlier one, except that one without content never replaces one with content (as in Go,
    /// where a file of definitions alone has an empty template of its own name).
    ///
    /// # Errors
    /// [`TemplateError`] with the line of the first thing that is no template.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        for template in parser::parse(name, text)? {
            let empty = template.is_blank() && self.templates.contains_key(&template.name);
            if !empty {
                self.templates.insert(template.name.clone(), Arc::new(template));
            }
        }
        Ok(())
    }

    /// Whether a template of that name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.templates.contains_key(name)
    }

    /// Renders as Go's `text/template` does: values are written as they are.
    ///
    /// # Errors
    /// [`TemplateError`] for a missing template, a wrong use of a value or function, or an exceeded limit.
    pub fn render_text(&self, name: &str, data: &serde_json::Value) -> Result<String, TemplateError> {
        evaluator::render(self, name, data, evaluator::Sink::text())
    }

    /// Renders as Go's `html/template` does: each value is escaped for the place it stands in.
    ///
    /// # Errors
    /// As [`TemplateSet::render_text`].
    pub fn render_html(&self, name: &str, data: &serde_json::Value) -> Result<String, TemplateError> {
        evaluator::render(self, name, data, evaluator::Sink::html())
    }

    fn find(&self, name: &str) -> Option<&Arc<syntax::Template>> {
        self.templates.get(name)
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}
