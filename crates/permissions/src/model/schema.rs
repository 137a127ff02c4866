//! What is declared: namespaces, their relations and permits.

use serde::{Deserialize, Serialize};

use super::{RelationTuple, Subject};

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

/// Why a relationship does not fit what is declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Nothing declares this namespace.
    #[error("there is no namespace `{0}`")]
    Namespace(String),
    /// The namespace declares others.
    #[error("`{namespace}` declares no `{relation}`")]
    Relation {
        /// The namespace.
        namespace: String,
        /// The relation.
        relation: String,
    },
    /// Permits follow from relations; nobody stands in them by a relationship.
    #[error("`{0}` is a permit, and permits are not written")]
    Permit(String),
    /// The relation takes other subjects.
    #[error("`{relation}` takes no `{subject}`")]
    Type {
        /// The relation.
        relation: String,
        /// The kind of the subject.
        subject: String,
    },
}

impl Schema {
    /// Whether a relationship fits what is declared: its names, and the types of its relation.
    pub fn accepts(&self, tuple: &RelationTuple) -> Result<(), Misfit> {
        let relation = self.member(&tuple.namespace, &tuple.relation)?;
        if let Subject::Set(set) = &tuple.subject {
            if self.namespace(&set.namespace).is_none() {
                return Err(Misfit::Namespace(set.namespace.clone()));
            }
            if !set.relation.is_empty() {
                self.member(&set.namespace, &set.relation)?;
            }
        }
        let Some(relation) = relation else { return Ok(()) };
        if relation.rewrite.is_some() {
            return Err(Misfit::Permit(relation.name.clone()));
        }
        match &tuple.subject {
            // Ids have no namespace, so any type may be theirs.
            Subject::Id(_) => Ok(()),
            Subject::Set(set) => {
                let wanted = (!set.relation.is_empty()).then_some(&set.relation);
                let fits = |t: &TypeReference| t.namespace == set.namespace && t.relation.as_ref() == wanted;
                if relation.types.iter().any(fits) {
                    return Ok(());
                }
                let relation = relation.name.clone();
                Err(Misfit::Type { relation, subject: format!("{}#{}", set.namespace, set.relation) })
            }
        }
    }

    /// A declared relation; `None` where every relation is taken.
    fn member(&self, namespace: &str, relation: &str) -> Result<Option<&Relation>, Misfit> {
        let declared = self.namespace(namespace).ok_or_else(|| Misfit::Namespace(namespace.to_owned()))?;
        let found = declared.relation(relation);
        if found.is_none() && !declared.relations.is_empty() {
            return Err(Misfit::Relation { namespace: namespace.to_owned(), relation: relation.to_owned() });
        }
        Ok(found)
    }

    /// What would become of stored relationships with this schema in place of `before`: those that fitted and fit no
    /// longer. At most `most` are named; all are counted.
    pub fn strands<'t>(
        &self,
        before: &Self,
        stored: impl IntoIterator<Item = &'t RelationTuple>,
        most: usize,
    ) -> Stranded {
        let mut found = Stranded::default();
        for tuple in stored {
            let Err(why) = self.accepts(tuple) else { continue };
            if before.accepts(tuple).is_err() {
                found.before += 1;
                continue;
            }
            found.count += 1;
            if found.named.len() < most {
                found.named.push((tuple.clone(), why));
            }
        }
        found
    }
}

/// Relationships that a change of namespaces leaves without meaning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stranded {
    /// How many.
    pub count: u64,
    /// Some of them, and why.
    pub named: Vec<(RelationTuple, Misfit)>,
    /// How many did not fit before, either.
    pub before: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let reference = |namespace: &str, relation: Option<&str>| TypeReference {
            namespace: namespace.into(),
            relation: relation.map(Into::into),
        };
        let relation = |name: &str, types| Relation { name: name.into(), types, rewrite: None };
        let members = relation("members", vec![reference("User", None), reference("Group", Some("members"))]);
        let parents = relation("parents", vec![reference("Group", None)]);
        let permit =
            Relation { name: "see".into(), types: Vec::new(), rewrite: Some(Rewrite::Computed("members".into())) };
        let group = Namespace { name: "Group".into(), relations: vec![members, parents, permit] };
        Schema { namespaces: vec![Namespace::open("User"), group] }
    }

    #[test]
    fn relationships_fit_by_names_and_types() {
        let why = |text: &str| schema().accepts(&RelationTuple::parse(text).unwrap()).err();
        for text in
            ["Group:g#members@ada", "Group:g#members@(Group:h#members)", "Group:g#parents@(Group:h#)", "User:u#any@x"]
        {
            assert_eq!(why(text), None, "{text}");
        }
        assert!(matches!(why("Nope:g#members@ada"), Some(Misfit::Namespace(_))));
        assert!(matches!(why("Group:g#members@(Nope:h#x)"), Some(Misfit::Namespace(_))));
        assert!(matches!(why("Group:g#nope@ada"), Some(Misfit::Relation { .. })));
        assert!(matches!(why("Group:g#members@(Group:h#nope)"), Some(Misfit::Relation { .. })));
        assert!(matches!(why("Group:g#see@ada"), Some(Misfit::Permit(_))));
        assert!(matches!(why("Group:g#parents@(Group:h#members)"), Some(Misfit::Type { .. })));
    }

    #[test]
    fn a_change_tells_what_it_strands() {
        let mut after = schema();
        after.namespaces[1].relations.remove(1);
        let stored: Vec<RelationTuple> =
            ["Group:g#members@ada", "Group:g#parents@(Group:h#)", "Group:i#parents@(Group:h#)", "Old:x#y@z"]
                .map(|text| RelationTuple::parse(text).unwrap())
                .into();
        let stranded = after.strands(&schema(), &stored, 1);
        assert_eq!((stranded.count, stranded.before, stranded.named.len()), (2, 1, 1));
        assert_eq!(stranded.named[0].0, stored[1]);
        assert_eq!(schema().strands(&schema(), &stored, 9).count, 0);
    }
}
