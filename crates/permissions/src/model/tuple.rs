//! A relationship: somebody stands in a relation to an object.

use std::fmt;

use foundation::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

/// All who stand in a relation to an object: `namespace:object#relation`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectSet {
    /// The namespace of the object.
    pub namespace: String,
    /// The object.
    pub object: String,
    /// The relation; "" where the object itself is meant, as in parents.
    #[serde(default)]
    pub relation: String,
}

/// Who stands in a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// One subject, known by its id.
    Id(String),
    /// All in a set.
    Set(SubjectSet),
}

/// The name of a condition and the part of its context that is stored with the relationship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionCall {
    /// The condition's name, as configured.
    pub name: String,
    /// Values for its parameters. They win over those of a question.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub context: serde_json::Map<String, serde_json::Value>,
}

/// A relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct RelationTuple {
    /// The namespace of the object.
    pub namespace: String,
    /// The object.
    pub object: String,
    /// The relation.
    pub relation: String,
    /// Who stands in it.
    pub subject: Subject,
    /// From this moment on, the relationship counts as absent.
    pub expires_at: Option<Timestamp>,
    /// It counts only while this holds.
    pub condition: Option<ConditionCall>,
}

/// Why a text is no relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TupleTextError {
    /// There is no `:` after the namespace.
    #[error("a relationship is written namespace:object#relation@subject, and this has no `:`")]
    Namespace,
    /// There is no `#` after the object.
    #[error("a relationship is written namespace:object#relation@subject, and this has no `#`")]
    Relation,
    /// There is no `@` before the subject.
    #[error("a relationship is written namespace:object#relation@subject, and this has no `@`")]
    Subject,
}

impl SubjectSet {
    /// The set of these parts.
    pub fn new(namespace: impl Into<String>, object: impl Into<String>, relation: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), object: object.into(), relation: relation.into() }
    }

    /// Reads `namespace:object#relation`; the relation may be missing.
    pub fn parse(text: &str) -> Result<Self, TupleTextError> {
        let (namespace, rest) = text.split_once(':').ok_or(TupleTextError::Namespace)?;
        let (object, relation) = rest.split_once('#').unwrap_or((rest, ""));
        Ok(Self::new(namespace, object, relation))
    }
}

impl Subject {
    /// Reads a subject: with a `:` it is a set, else an id. Parentheses around it do not matter.
    pub fn parse(text: &str) -> Self {
        let text = text.trim_start_matches('(').trim_end_matches(')');
        SubjectSet::parse(text).map_or_else(|_| Self::Id(text.to_owned()), Self::Set)
    }
}

impl RelationTuple {
    /// A relationship that always counts.
    pub fn new(
        namespace: impl Into<String>,
        object: impl Into<String>,
        relation: impl Into<String>,
        subject: Subject,
    ) -> Self {
        Self {
            namespace: namespace.into(),
            object: object.into(),
            relation: relation.into(),
            subject,
            expires_at: None,
            condition: None,
        }
    }

    /// Reads `namespace:object#relation@subject`, split at the first `:`, `#` and `@` in turn.
    pub fn parse(text: &str) -> Result<Self, TupleTextError> {
        let (namespace, rest) = text.split_once(':').ok_or(TupleTextError::Namespace)?;
        let (object, rest) = rest.split_once('#').ok_or(TupleTextError::Relation)?;
        let (relation, subject) = rest.split_once('@').ok_or(TupleTextError::Subject)?;
        Ok(Self::new(namespace, object, relation, Subject::parse(subject)))
    }

    /// What the subject belongs to by this relationship.
    pub fn set(&self) -> SubjectSet {
        SubjectSet::new(&self.namespace, &self.object, &self.relation)
    }
}

impl fmt::Display for SubjectSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.object)?;
        if self.relation.is_empty() { Ok(()) } else { write!(f, "#{}", self.relation) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Set(set) => write!(f, "({set})"),
        }
    }
}

impl fmt::Display for RelationTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}#{}@{}", self.namespace, self.object, self.relation, self.subject)
    }
}

impl Serialize for RelationTuple {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let extra = usize::from(self.expires_at.is_some()) + usize::from(self.condition.is_some());
        let mut body = serializer.serialize_struct("RelationTuple", 4 + extra)?;
        body.serialize_field("namespace", &self.namespace)?;
        body.serialize_field("object", &self.object)?;
        body.serialize_field("relation", &self.relation)?;
        match &self.subject {
            Subject::Id(id) => body.serialize_field("subject_id", id)?,
            Subject::Set(set) => body.serialize_field("subject_set", set)?,
        }
        if let Some(at) = &self.expires_at {
            body.serialize_field("expires_at", at)?;
        }
        if let Some(condition) = &self.condition {
            body.serialize_field("condition", condition)?;
        }
        body.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_read_and_written() {
        for text in
            ["Doc:a#view@ada", "Doc:a#parents@(Folder:f)", "Doc:a#view@(Group:g#members)", "D:#@", "D:a b#r@x@y"]
        {
            assert_eq!(RelationTuple::parse(text).unwrap().to_string(), text);
        }
        let parsed = RelationTuple::parse("Doc:a#view@Group:g#members").unwrap();
        assert_eq!(parsed.subject, Subject::Set(SubjectSet::new("Group", "g", "members")));
        assert_eq!(RelationTuple::parse("Doc"), Err(TupleTextError::Namespace));
        assert_eq!(RelationTuple::parse("Doc:a"), Err(TupleTextError::Relation));
        assert_eq!(RelationTuple::parse("Doc:a#b"), Err(TupleTextError::Subject));
    }

    #[test]
    fn the_wire_shape_has_one_kind_of_subject() {
        let json = |text: &str| serde_json::to_string(&RelationTuple::parse(text).unwrap()).unwrap();
        assert_eq!(json("D:a#v@ada"), r#"{"namespace":"D","object":"a","relation":"v","subject_id":"ada"}"#);
        assert_eq!(
            json("D:a#v@(G:g)"),
            r#"{"namespace":"D","object":"a","relation":"v","subject_set":{"namespace":"G","object":"g","relation":""}}"#
        );
    }
}
