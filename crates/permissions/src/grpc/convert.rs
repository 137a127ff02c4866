//! Messages as values of the model, and back.

use buffa::MessageField;
use connectrpc::ConnectError;
use protocol::ory::keto::relation_tuples::v1alpha2 as keto;

use super::failure::invalid;
use crate::engine::{Tree, TreeKind};
use crate::model::{RelationTuple, Subject, SubjectQuery, SubjectSet, TupleQuery};

/// The subject of a message; there must be one.
pub(super) fn subject(message: Option<&keto::Subject>) -> Result<Subject, ConnectError> {
    match message.and_then(|subject| subject.r#ref.as_ref()) {
        Some(keto::subject::Ref::Id(id)) => Ok(Subject::Id(id.clone())),
        Some(keto::subject::Ref::Set(set)) => {
            Ok(Subject::Set(SubjectSet::new(&set.namespace, &set.object, &set.relation)))
        }
        None => Err(invalid("A subject is needed: an id or a set.")),
    }
}

/// A relationship; it must have a subject.
pub(super) fn tuple(message: &keto::RelationTuple) -> Result<RelationTuple, ConnectError> {
    let subject = subject(message.subject.as_option())?;
    Ok(RelationTuple::new(&message.namespace, &message.object, &message.relation, subject))
}

fn subject_query(message: &MessageField<keto::Subject, buffa::Inline<keto::Subject>>) -> Option<SubjectQuery> {
    match message.as_option()?.r#ref.as_ref()? {
        keto::subject::Ref::Id(id) => Some(SubjectQuery::Id(id.clone())),
        keto::subject::Ref::Set(set) => {
            Some(SubjectQuery::Set(SubjectSet::new(&set.namespace, &set.object, &set.relation)))
        }
    }
}

/// A filter, in which an empty text is a value.
pub(super) fn query(message: &keto::RelationQuery) -> TupleQuery {
    TupleQuery {
        namespace: message.namespace.clone(),
        object: message.object.clone(),
        relation: message.relation.clone(),
        subject: subject_query(&message.subject),
    }
}

/// A filter of before, in which an empty text is none.
pub(super) fn old_query(
    namespace: &str,
    object: &str,
    relation: &str,
    subject: &MessageField<keto::Subject, buffa::Inline<keto::Subject>>,
) -> TupleQuery {
    let part = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    TupleQuery {
        namespace: part(namespace),
        object: part(object),
        relation: part(relation),
        subject: subject_query(subject),
    }
}

/// A subject as a message.
pub(super) fn subject_message(subject: &Subject) -> keto::Subject {
    let found = match subject {
        Subject::Id(id) => keto::subject::Ref::Id(id.clone()),
        Subject::Set(set) => keto::subject::Ref::from(keto::SubjectSet {
            namespace: set.namespace.clone(),
            object: set.object.clone(),
            relation: set.relation.clone(),
            ..Default::default()
        }),
    };
    keto::Subject { r#ref: Some(found), ..Default::default() }
}

/// A relationship as a message.
pub(super) fn tuple_message(tuple: &RelationTuple) -> keto::RelationTuple {
    keto::RelationTuple {
        namespace: tuple.namespace.clone(),
        object: tuple.object.clone(),
        relation: tuple.relation.clone(),
        subject: MessageField::some(subject_message(&tuple.subject)),
        ..Default::default()
    }
}

/// A tree as a message: the subject of a node stands in both places, for clients of all ages.
pub(super) fn tree_message(tree: &Tree) -> keto::SubjectTree {
    let kind = match tree.kind {
        _ if tree.children.is_empty() => keto::NodeType::NODE_TYPE_LEAF,
        TreeKind::Union => keto::NodeType::NODE_TYPE_UNION,
        TreeKind::Intersection => keto::NodeType::NODE_TYPE_INTERSECTION,
        TreeKind::Exclusion => keto::NodeType::NODE_TYPE_EXCLUSION,
        TreeKind::Leaf => keto::NodeType::NODE_TYPE_LEAF,
    };
    let subject = tree.subject.as_ref().map(subject_message);
    let tuple = keto::RelationTuple {
        subject: subject.clone().map(MessageField::some).unwrap_or_default(),
        ..Default::default()
    };
    keto::SubjectTree {
        node_type: kind.into(),
        subject: subject.map(MessageField::some).unwrap_or_default(),
        children: tree.children.iter().map(tree_message).collect(),
        tuple: MessageField::some(tuple),
        ..Default::default()
    }
}
