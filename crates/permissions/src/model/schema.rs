//! What is declared: namespaces, their relations and permits.

use serde::{Deserialize, Serialize};

/// All namespaces, in the order of their source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// The namespaces; no name twice.
    pub namespaces: Vec<Namespace>,
}

/// A kind of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its relations and permits, no name twice. A namespace without any takes every relation.
    pub relations: Vec<Relation>,
}

/// A relation, or a permit if it has a rewrite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// Who may stand in it. Permits have no types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<TypeReference>,
    /// What a permit follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
}

/// A type of subjects: ids and objects of a namespace, or sets of one of its relations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TypeReference {
    /// The namespace.
    pub namespace: String,
    /// The relation of a subject set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
}

/// The expression of a permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// Any of these.
    Any(Vec<Rewrite>),
    /// All of these.
    All(Vec<Rewrite>),
    /// Not this.
    Not(Box<Rewrite>),
    /// In a relation, or passing a permit, of the same object.
    Computed(String),
    /// In a relation, or passing a permit, of the objects that stand in a relation to this one.
    Traverse {
        /// The relation that leads to the other objects.
        relation: String,
        /// What is asked of them.
        target: String,
    },
}

impl Schema {
    /// The namespace of this name.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|n| n.name == name)
    }
}

impl Namespace {
    /// A namespace that takes every relation.
    pub fn open(name: impl Into<String>) -> Self {
        Self { name: name.into(), relations: Vec::new() }
    }

    /// The relation or permit of this name.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|r| r.name == name)
    }
}
