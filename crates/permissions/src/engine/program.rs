//! Namespaces compiled to numbers.

use super::names::Names;
use crate::model::Schema;

/// Namespaces, ready to be evaluated. Belongs to the [`Names`] that it was compiled with.
#[derive(Debug)]
pub struct Program {
    schema: Schema,
}

impl Program {
    /// Compiles namespaces.
    pub fn new(schema: &Schema, _names: &Names) -> Self {
        Self { schema: schema.clone() }
    }

    /// What it was compiled from.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}
