//! Which relationships are meant: by any of their parts.

use super::{RelationTuple, Subject, SubjectSet};

/// Relationships by their parts; a part that is `None` may be anything, and "" is a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TupleQuery {
    /// The namespace.
    pub namespace: Option<String>,
    /// The object.
    pub object: Option<String>,
    /// The relation.
    pub relation: Option<String>,
    /// The subject.
    pub subject: Option<SubjectQuery>,
}

/// Subjects by what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectQuery {
    /// One id.
    Id(String),
    /// One set, all its parts.
    Set(SubjectSet),
}

impl TupleQuery {
    /// Whether it asks for nothing in particular.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a relationship is meant.
    pub fn matches(&self, tuple: &RelationTuple) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        same(&self.namespace, &tuple.namespace)
            && same(&self.object, &tuple.object)
            && same(&self.relation, &tuple.relation)
            && match (&self.subject, &tuple.subject) {
                (None, _) => true,
                (Some(SubjectQuery::Id(wanted)), Subject::Id(found)) => wanted == found,
                (Some(SubjectQuery::Set(wanted)), Subject::Set(found)) => wanted == found,
                _ => false,
            }
    }
}
