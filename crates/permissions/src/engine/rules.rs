//! The rules that all kinds of evaluation share: which stored relationships count for a question, and what a step
//! costs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use super::conditions::Verdict;
use super::names::{BARE, EntityId, NamespaceId, RelationId};
use super::options::DepthRule;
use super::program::{Declared, Expr, Rule};
use super::reader::{Qualifier, SetId, SubjectId, TupleReader};
use super::value::{Reasons, Value};
use crate::PermissionError;
use crate::model::{Subject, SubjectSet};

/// An object or subject that no relationship names.
pub(super) const NOBODY: EntityId = EntityId(u32::MAX);
/// A relation that nobody ever named.
const NOTHING: RelationId = RelationId(u32::MAX - 1);

/// A relation or permit of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub namespace: NamespaceId,
    pub set: SetId,
}

/// What leads on from a node by the relationships stored in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub node: Node,
    /// Whether the relationship that leads there counts.
    pub counts: Value,
}

/// A question: the engine, whom it is about, and what it found missing.
pub(super) struct Question<'e, R> {
    pub engine: &'e Engine<'e, R>,
    pub subject: SubjectId,
    /// The namespace of a subject set.
    subject_namespace: Option<NamespaceId>,
    pub missing: RefCell<BTreeSet<String>>,
}

impl<'e, R: TupleReader> Question<'e, R> {
    pub fn new(engine: &'e Engine<'e, R>, subject: &Subject) -> Result<Self, PermissionError> {
        let (subject, subject_namespace) = match subject {
            Subject::Id(id) => (SubjectId::Id(engine.reader.find_id(id).unwrap_or(NOBODY)), None),
            Subject::Set(set) => {
                let node = engine.node(set)?;
                (SubjectId::Set(node.set), Some(node.namespace))
            }
        };
        Ok(Self { engine, subject, subject_namespace, missing: RefCell::default() })
    }

    /// The same question about another subject.
    pub fn about(engine: &'e Engine<'e, R>, subject: SubjectId) -> Self {
        let subject_namespace = match subject {
            SubjectId::Set(set) => engine.reader.names().namespace_of(set.object),
            SubjectId::Id(_) => None,
        };
        Self { engine, subject, subject_namespace, missing: RefCell::default() }
    }

    /// Whether the subject stands in a relation by a stored relationship.
    pub fn direct(&self, node: Node) -> Value {
        if !self.engine.takes(node, self.subject, self.subject_namespace) {
            return Value::No;
        }
        match self.engine.reader.direct(node.set, self.subject) {
            None => Value::Open(Reasons::FETCH),
            Some(None) => Value::No,
            Some(Some(stored)) => self.counts(stored.qualifier.as_ref()),
        }
    }

    /// Whether a stored relationship counts now.
    pub fn counts(&self, qualifier: Option<&Arc<Qualifier>>) -> Value {
        let Some(qualifier) = qualifier else { return Value::Yes };
        if qualifier.expires_at.is_some_and(|at| at <= self.engine.now) {
            return Value::No;
        }
        let Some(call) = &qualifier.condition else { return Value::Yes };
        match self.engine.program.conditions().holds(call, self.engine.context, self.engine.now) {
            Verdict::Yes => Value::Yes,
            Verdict::No => Value::No,
            Verdict::Missing(what) => {
                self.missing.borrow_mut().insert(what);
                Value::Open(Reasons::CONTEXT)
            }
        }
    }

    /// The subject sets stored in a node that lead on. `Err` if the reader does not know them.
    pub fn steps(&self, node: Node) -> Result<Vec<Step>, Reasons> {
        let rule = match self.engine.program.declared(node.namespace, node.set.relation) {
            Declared::Rule(rule) => Some(rule),
            Declared::Open => None,
            Declared::Not | Declared::Nowhere => return Ok(Vec::new()),
        };
        self.engine.stored_sets(node, rule, |set, qualifier| match self.counts(qualifier) {
            Value::No => None,
            counts => Some(Step { node: set, counts }),
        })
    }

    /// The nodes that a traversal leads to.
    pub fn targets(&self, node: Node, relation: RelationId, target: RelationId) -> Result<Vec<Step>, Reasons> {
        let from = Node { namespace: node.namespace, set: SetId { object: node.set.object, relation } };
        let mut found = Vec::new();
        let seen = self.engine.reader.sets(from.set, &mut |set, qualifier| {
            let counts = self.counts(qualifier);
            if counts != Value::No
                && let Some(namespace) = self.engine.reader.names().namespace_of(set.object)
                && self.engine.leads(from, namespace)
            {
                found.push(Step {
                    node: Node { namespace, set: SetId { object: set.object, relation: target } },
                    counts,
                });
            }
            true
        });
        if seen.is_none() {
            return Err(Reasons::FETCH);
        }
        // Two subject sets of one object are one parent.
        found.sort_unstable_by_key(|step| (step.node.set, !matches!(step.counts, Value::Yes)));
        found.dedup_by_key(|step| step.node.set);
        Ok(found)
    }

    /// Whether nothing can follow from a node but what is stored in it directly.
    pub fn trivial(&self, node: Node) -> bool {
        let rule = match self.engine.program.declared(node.namespace, node.set.relation) {
            Declared::Rule(rule) if rule.rewrite.is_some() => return false,
            Declared::Rule(rule) => Some(rule),
            Declared::Open => None,
            Declared::Not | Declared::Nowhere => return true,
        };
        if self.engine.is_bare(node) {
            return true;
        }
        let mut none = true;
        let seen = self.engine.reader.sets(node.set, &mut |set, qualifier| {
            // What has lapsed leads nowhere, as if it were not there.
            none = !self.engine.expands(rule, set) || self.counts(qualifier) == Value::No;
            none
        });
        seen.is_some() && none
    }
}

impl<R: TupleReader> Engine<'_, R> {
    /// The numbers of a set; namespaces and relations have to be known.
    pub(super) fn node(&self, set: &SubjectSet) -> Result<Node, PermissionError> {
        let names = self.reader.names();
        let unknown = || PermissionError::UnknownNamespace(set.namespace.clone());
        let namespace = names.namespace(&set.namespace).ok_or_else(unknown)?;
        let relation = self.reader.find_relation(&set.relation).unwrap_or(NOTHING);
        if matches!(self.program.declared(namespace, relation), Declared::Nowhere) {
            return Err(unknown());
        }
        let object = self.reader.find_object(namespace, &set.object).unwrap_or(NOBODY);
        Ok(Node { namespace, set: SetId { object, relation } })
    }

    /// The numbers of a set of which something is asked: its relation has to be declared.
    pub(super) fn asked(&self, set: &SubjectSet) -> Result<Node, PermissionError> {
        let node = self.node(set)?;
        if !set.relation.is_empty() && matches!(self.program.declared(node.namespace, node.set.relation), Declared::Not)
        {
            let (namespace, relation) = (set.namespace.clone(), set.relation.clone());
            return Err(PermissionError::UnknownRelation { namespace, relation });
        }
        Ok(node)
    }

    /// Whether a node is an object as such, from which nothing follows.
    fn is_bare(&self, node: Node) -> bool {
        node.set.relation == BARE
    }

    /// Whether a subject may stand in a relation directly.
    fn takes(&self, node: Node, subject: SubjectId, subject_namespace: Option<NamespaceId>) -> bool {
        let rule = match self.program.declared(node.namespace, node.set.relation) {
            Declared::Rule(rule) => rule,
            Declared::Open => return true,
            Declared::Not => return self.is_bare(node),
            Declared::Nowhere => return false,
        };
        if !self.options.strict {
            return true;
        }
        match subject {
            _ if rule.rewrite.is_some() => false,
            SubjectId::Id(_) => true,
            SubjectId::Set(set) => {
                let bare = set.relation == BARE;
                rule.types.iter().any(|(namespace, relation)| {
                    Some(*namespace) == subject_namespace && relation.map_or(bare, |relation| relation == set.relation)
                })
            }
        }
    }

    /// Whether a stored subject of a node is one that may be stored there.
    pub(super) fn takes_stored(&self, node: Node, subject: SubjectId) -> bool {
        let namespace = match subject {
            SubjectId::Set(set) => self.reader.names().namespace_of(set.object),
            SubjectId::Id(_) => None,
        };
        self.takes(node, subject, namespace)
    }

    /// The name of a set.
    pub(super) fn name_of(&self, set: SetId) -> SubjectSet {
        let names = self.reader.names();
        let (namespace, object) = names.entity(set.object);
        let namespace = namespace.map(|number| names.namespace_name(number)).unwrap_or_default();
        SubjectSet { namespace, object, relation: names.relation_name(set.relation) }
    }

    /// Whether the members of a stored set are members, too.
    fn expands(&self, rule: Option<&Rule>, set: SetId) -> bool {
        let Some(rule) = rule.filter(|_| self.options.strict) else {
            return set.relation != BARE;
        };
        let namespace = self.reader.names().namespace_of(set.object);
        rule.rewrite.is_none() && rule.types.iter().any(|t| Some(t.0) == namespace && t.1 == Some(set.relation))
    }

    /// Whether a traversal of a relation may lead to objects of a namespace.
    fn leads(&self, from: Node, namespace: NamespaceId) -> bool {
        match self.program.declared(from.namespace, from.set.relation) {
            Declared::Rule(rule) if self.options.strict => rule.types.iter().any(|(of, _)| *of == namespace),
            Declared::Rule(_) | Declared::Open => true,
            Declared::Not | Declared::Nowhere => false,
        }
    }

    /// The subject sets stored in a node whose members are members, too.
    fn stored_sets<T>(
        &self,
        node: Node,
        rule: Option<&Rule>,
        mut keep: impl FnMut(Node, Option<&Arc<Qualifier>>) -> Option<T>,
    ) -> Result<Vec<T>, Reasons> {
        if self.is_bare(node) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let seen = self.reader.sets(node.set, &mut |set, qualifier| {
            if self.expands(rule, set)
                && let Some(namespace) = self.reader.names().namespace_of(set.object)
            {
                found.extend(keep(Node { namespace, set }, qualifier));
            }
            true
        });
        if seen.is_some() { Ok(found) } else { Err(Reasons::FETCH) }
    }

    pub(super) fn rewrite(&self, node: Node) -> Option<&Expr> {
        match self.program.declared(node.namespace, node.set.relation) {
            Declared::Rule(rule) => rule.rewrite.as_ref(),
            _ => None,
        }
    }

    /// What a relation or permit of the same object costs.
    pub(super) fn cost_of_computed(&self, in_any: bool) -> u32 {
        u32::from(in_any && self.options.depth_rule == DepthRule::Recorded)
    }

    /// What an expression within another costs.
    pub(super) fn cost_of_nesting(&self) -> u32 {
        u32::from(self.options.depth_rule == DepthRule::Recorded)
    }
}
