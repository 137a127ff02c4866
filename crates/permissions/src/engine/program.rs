//! Namespaces compiled to numbers.

use rustc_hash::FxHashMap;

use super::conditions::Conditions;
use super::names::{Names, NamespaceId, RelationId};
use crate::model::{Rewrite, Schema};

/// Namespaces, ready to be evaluated. Belongs to the [`Names`] that it was compiled with.
#[derive(Debug)]
pub struct Program {
    schema: Schema,
    namespaces: FxHashMap<NamespaceId, Compiled>,
    uses: Uses,
    conditions: Conditions,
}

#[derive(Debug, Default)]
struct Compiled {
    rules: FxHashMap<RelationId, Rule>,
}

/// A relation or permit.
#[derive(Debug)]
pub(super) struct Rule {
    /// Namespaces, and relations of those whose sets are meant.
    pub types: Vec<(NamespaceId, Option<RelationId>)>,
    pub rewrite: Option<Expr>,
}

/// An expression of a permit.
#[derive(Debug)]
pub(super) enum Expr {
    Any(Vec<Expr>),
    All(Vec<Expr>),
    Not(Box<Expr>),
    Computed(RelationId),
    Traverse { relation: RelationId, target: RelationId },
}

/// What is declared of a relation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Declared<'p> {
    /// It is declared so.
    Rule(&'p Rule),
    /// Its namespace takes every relation.
    Open,
    /// Its namespace declares others.
    Not,
    /// There is no such namespace.
    Nowhere,
}

impl Program {
    /// Compiles namespaces.
    pub fn new(schema: &Schema, names: &Names) -> Self {
        let mut namespaces: FxHashMap<NamespaceId, Compiled> = FxHashMap::default();
        for namespace in &schema.namespaces {
            let mut compiled = Compiled::default();
            for relation in &namespace.relations {
                let types = relation
                    .types
                    .iter()
                    .map(|t| {
                        let relation = t.relation.as_deref().map(|name| names.relation_number(name));
                        (names.namespace_number(&t.namespace), relation)
                    })
                    .collect();
                let rewrite = relation.rewrite.as_ref().map(|rewrite| expression(rewrite, names));
                compiled.rules.insert(names.relation_number(&relation.name), Rule { types, rewrite });
            }
            namespaces.insert(names.namespace_number(&namespace.name), compiled);
        }
        let mut uses = Uses::default();
        for (namespace, compiled) in &namespaces {
            for (permit, rule) in &compiled.rules {
                let Some(rewrite) = &rule.rewrite else { continue };
                uses.add(*namespace, *permit, rewrite);
                if holds_unsupported(rewrite) {
                    uses.unsupported.push((*namespace, *permit));
                }
            }
        }
        Self { schema: schema.clone(), namespaces, uses, conditions: Conditions::default() }
    }

    /// The same with conditions that relationships may name.
    #[must_use]
    pub fn with_conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// The conditions that relationships may name.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// What it was compiled from.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn declared(&self, namespace: NamespaceId, relation: RelationId) -> Declared<'_> {
        match self.namespaces.get(&namespace) {
            None => Declared::Nowhere,
            Some(compiled) => match compiled.rules.get(&relation) {
                Some(rule) => Declared::Rule(rule),
                None if compiled.rules.is_empty() => Declared::Open,
                None => Declared::Not,
            },
        }
    }

    /// The permits of a namespace that a relation or permit of the same object supports.
    pub(super) fn computed_by(&self, namespace: NamespaceId, relation: RelationId) -> &[RelationId] {
        self.uses.computed.get(&(namespace, relation)).map_or(&[], Vec::as_slice)
    }

    /// The permits that ask this of objects of another relation: namespace, that relation, permit.
    pub(super) fn traversed_by(&self, target: RelationId) -> &[(NamespaceId, RelationId, RelationId)] {
        self.uses.traversed.get(&target).map_or(&[], Vec::as_slice)
    }

    /// The permits that may hold for somebody whom nothing supports: those that only deny something.
    pub(super) fn unsupported(&self) -> &[(NamespaceId, RelationId)] {
        &self.uses.unsupported
    }

    /// Whether a permit may hold for somebody whom nothing supports.
    pub(super) fn is_unsupported(&self, namespace: NamespaceId, relation: RelationId) -> bool {
        self.uses.unsupported.contains(&(namespace, relation))
    }
}

/// Which permits a relation supports: the expressions, read backwards.
#[derive(Debug, Default)]
struct Uses {
    computed: FxHashMap<(NamespaceId, RelationId), Vec<RelationId>>,
    traversed: FxHashMap<RelationId, Vec<(NamespaceId, RelationId, RelationId)>>,
    unsupported: Vec<(NamespaceId, RelationId)>,
}

impl Uses {
    fn add(&mut self, namespace: NamespaceId, permit: RelationId, expr: &Expr) {
        match expr {
            Expr::Any(parts) | Expr::All(parts) => parts.iter().for_each(|part| self.add(namespace, permit, part)),
            // What is negated supports nothing.
            Expr::Not(_) => {}
            Expr::Computed(relation) => self.computed.entry((namespace, *relation)).or_default().push(permit),
            Expr::Traverse { relation, target } => {
                self.traversed.entry(*target).or_default().push((namespace, *relation, permit));
            }
        }
    }
}

/// Whether an expression may hold though nothing in it supports it. What other permits contribute is found where they
/// are.
fn holds_unsupported(expr: &Expr) -> bool {
    match expr {
        Expr::Any(parts) => parts.iter().any(holds_unsupported),
        Expr::All(parts) => parts.iter().all(holds_unsupported),
        Expr::Not(_) => true,
        Expr::Computed(_) | Expr::Traverse { .. } => false,
    }
}

fn expression(rewrite: &Rewrite, names: &Names) -> Expr {
    let all = |parts: &[Rewrite]| parts.iter().map(|part| expression(part, names)).collect();
    match rewrite {
        Rewrite::Any(parts) => Expr::Any(all(parts)),
        Rewrite::All(parts) => Expr::All(all(parts)),
        Rewrite::Not(inner) => Expr::Not(Box::new(expression(inner, names))),
        Rewrite::Computed(name) => Expr::Computed(names.relation_number(name)),
        Rewrite::Traverse { relation, target } => {
            Expr::Traverse { relation: names.relation_number(relation), target: names.relation_number(target) }
        }
    }
}
