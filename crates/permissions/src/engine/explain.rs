//! Why a check is answered as it is, as a tree.
//!
//! A Yes is shown by a proof: only what supports it, and nothing supports itself. A No is shown by all that could have
//! supported it and does not, down to the relationships that are missing.

use serde::Serialize;

use super::names::RelationId;
use super::program::Expr;
use super::reader::{SetId, SubjectId, TupleReader};
use super::rules::{Node, Question};
use super::thorough::{Solution, solve};
use super::value::{Reasons, Value};
use super::{Decision, Engine};
use crate::PermissionError;
use crate::model::{RelationTuple, Subject, SubjectSet};

/// More nodes than this are not shown.
const MOST: usize = 1000;
/// Deeper ones neither.
const DEEPEST: usize = 64;

/// Why a check is answered as it is.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The answer, the same as that of [`Engine::check`].
    pub decision: Decision,
    /// Why.
    pub why: Explained,
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It could not be found out.
    Open,
}

/// What is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Being in a relation, or passing a permit.
    Member(String),
    /// A relationship, there or missing.
    Relationship(String),
    /// Any of what is below.
    Any,
    /// All of what is below.
    All,
    /// The opposite of what is below.
    Not,
    /// Going over the objects that stand in this relation.
    Traverse(String),
}

/// A node of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What is explained.
    pub what: What,
    /// Whether it is so.
    pub holds: Holds,
    /// What it follows from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Explained>,
    /// More could be said, and is left out or is said further up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl<R: TupleReader> Engine<'_, R> {
    /// Why a check is answered as it is.
    pub fn explain(&self, tuple: &RelationTuple, depth: i64) -> Result<Explanation, PermissionError> {
        let node = self.asked(&tuple.set())?;
        let question = Question::new(self, &tuple.subject)?;
        let depth = self.options.depth_of(depth);
        let decision = self.decide(&question, node, depth);
        let solution = solve(&question, node, depth);
        let mut teller = Teller { question: &question, solution, subject: &tuple.subject, told: 0, path: Vec::new() };
        let why = teller.member(node, &tuple.set());
        Ok(Explanation { decision, why })
    }
}

struct Teller<'q, 'e, R> {
    question: &'q Question<'e, R>,
    solution: Solution,
    subject: &'q Subject,
    told: usize,
    path: Vec<SetId>,
}

fn holds(value: Value) -> Holds {
    match value {
        Value::Yes => Holds::Yes,
        Value::No => Holds::No,
        Value::Open(_) => Holds::Open,
    }
}

impl<R: TupleReader> Teller<'_, '_, R> {
    /// What is known of a node, and when it was found to hold.
    fn value(&self, node: Node) -> (Value, u32) {
        let direct = self.question.direct(node);
        if direct == Value::Yes {
            return (Value::Yes, 0);
        }
        match self.solution.of(node.set) {
            Some((value, rank)) => (value, rank.unwrap_or(u32::MAX)),
            None if self.question.trivial(node) => (direct, u32::MAX),
            None => (direct.or(Value::Open(Reasons::DEPTH)), u32::MAX),
        }
    }

    fn member(&mut self, node: Node, name: &SubjectSet) -> Explained {
        let (value, rank) = self.value(node);
        let what = What::Member(shown(name));
        self.told += 1;
        if self.path.contains(&node.set) || self.told > MOST || self.path.len() > DEEPEST {
            return Explained { what, holds: holds(value), because: Vec::new(), cut: true };
        }
        self.path.push(node.set);
        let because = if value == Value::Yes { self.proof(node, name, rank) } else { self.lacks(node, name) };
        self.path.pop();
        Explained { what, holds: holds(value), because, cut: false }
    }

    fn relationship(&mut self, set: &SubjectSet, subject: &Subject, value: Value) -> Explained {
        self.told += 1;
        let tuple = RelationTuple::new(&set.namespace, &set.object, &set.relation, subject.clone());
        Explained { what: What::Relationship(tuple.to_string()), holds: holds(value), because: Vec::new(), cut: false }
    }

    /// What supports a node that holds.
    fn proof(&mut self, node: Node, name: &SubjectSet, rank: u32) -> Vec<Explained> {
        if self.question.direct(node) == Value::Yes {
            return vec![self.relationship(name, self.subject, Value::Yes)];
        }
        if let Some(rewrite) = self.question.engine.rewrite(node)
            && self.supported(rewrite, node, rank)
        {
            return vec![self.expression(rewrite, node, name, Some(rank))];
        }
        let steps = self.question.steps(node).unwrap_or_default();
        for step in steps {
            if step.counts == Value::Yes && self.supports(step.node, rank) {
                let of = self.question.engine.name_of(step.node.set);
                let link = self.relationship(name, &Subject::Set(of.clone()), Value::Yes);
                return vec![link, self.member(step.node, &of)];
            }
        }
        Vec::new()
    }

    /// Whether a node was found to hold before another.
    fn supports(&self, node: Node, before: u32) -> bool {
        let (value, rank) = self.value(node);
        value == Value::Yes && (rank < before || self.question.direct(node) == Value::Yes)
    }

    fn supported(&self, expr: &Expr, node: Node, rank: u32) -> bool {
        match expr {
            Expr::Any(parts) => parts.iter().any(|part| self.supported(part, node, rank)),
            Expr::All(parts) => parts.iter().all(|part| self.supported(part, node, rank)),
            Expr::Not(inner) => self.value_of(inner, node) == Value::No,
            Expr::Computed(relation) => self.supports(beside(node, *relation), rank),
            Expr::Traverse { relation, target } => self
                .question
                .targets(node, *relation, *target)
                .unwrap_or_default()
                .iter()
                .any(|step| step.counts == Value::Yes && self.supports(step.node, rank)),
        }
    }

    /// What is known of an expression.
    fn value_of(&self, expr: &Expr, node: Node) -> Value {
        match expr {
            Expr::Any(parts) => parts.iter().fold(Value::No, |found, part| found.or(self.value_of(part, node))),
            Expr::All(parts) => parts.iter().fold(Value::Yes, |found, part| found.and(self.value_of(part, node))),
            Expr::Not(inner) => self.value_of(inner, node).not(),
            Expr::Computed(relation) => self.value(beside(node, *relation)).0,
            Expr::Traverse { relation, target } => match self.question.targets(node, *relation, *target) {
                Err(reasons) => Value::Open(reasons),
                Ok(steps) => {
                    steps.iter().fold(Value::No, |found, step| found.or(step.counts.and(self.value(step.node).0)))
                }
            },
        }
    }

    /// All that could support a node that does not hold.
    fn lacks(&mut self, node: Node, name: &SubjectSet) -> Vec<Explained> {
        let mut found = Vec::new();
        let subject = self.question.subject;
        let may_be_stored = self.question.engine.takes_stored(node, subject) || matches!(subject, SubjectId::Id(_));
        if may_be_stored && self.question.engine.rewrite(node).is_none() {
            let direct = self.question.direct(node);
            found.push(self.relationship(name, self.subject, direct));
        }
        if let Some(rewrite) = self.question.engine.rewrite(node) {
            found.push(self.expression(rewrite, node, name, None));
        }
        for step in self.question.steps(node).unwrap_or_default() {
            let of = self.question.engine.name_of(step.node.set);
            found.push(self.member(step.node, &of));
        }
        found
    }

    /// An expression: with a rank what supports it, else all of it.
    fn expression(&mut self, expr: &Expr, node: Node, name: &SubjectSet, rank: Option<u32>) -> Explained {
        let value = self.value_of(expr, node);
        let proven = rank.filter(|_| value == Value::Yes);
        match expr {
            Expr::Any(parts) => {
                let shown: Vec<&Expr> = match proven {
                    Some(rank) => parts.iter().find(|part| self.supported(part, node, rank)).into_iter().collect(),
                    None => parts.iter().collect(),
                };
                let because = shown.into_iter().map(|part| self.expression(part, node, name, rank)).collect();
                Explained { what: What::Any, holds: holds(value), because, cut: false }
            }
            Expr::All(parts) => {
                let because = parts
                    .iter()
                    // What holds is no reason why the whole does not.
                    .filter(|part| value == Value::Yes || self.value_of(part, node) != Value::Yes)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|part| self.expression(part, node, name, rank))
                    .collect();
                Explained { what: What::All, holds: holds(value), because, cut: false }
            }
            Expr::Not(inner) => {
                let because = vec![self.expression(inner, node, name, Some(u32::MAX))];
                Explained { what: What::Not, holds: holds(value), because, cut: false }
            }
            Expr::Computed(relation) => {
                let relation_name = self.question.engine.reader.names().relation_name(*relation);
                self.member(beside(node, *relation), &SubjectSet::new(&name.namespace, &name.object, relation_name))
            }
            Expr::Traverse { relation, target } => self.traversal(node, name, (*relation, *target), value, proven),
        }
    }

    fn traversal(
        &mut self,
        node: Node,
        name: &SubjectSet,
        (relation, target): (RelationId, RelationId),
        value: Value,
        proven: Option<u32>,
    ) -> Explained {
        let relation_name = self.question.engine.reader.names().relation_name(relation);
        let through = SubjectSet::new(&name.namespace, &name.object, relation_name);
        let mut steps = self.question.targets(node, relation, target).unwrap_or_default();
        if let Some(rank) = proven {
            let support = steps.iter().position(|s| s.counts == Value::Yes && self.supports(s.node, rank));
            steps = support.map(|at| steps.swap_remove(at)).into_iter().collect();
        }
        let because = steps
            .into_iter()
            .map(|step| {
                let of = self.question.engine.name_of(step.node.set);
                self.member(step.node, &of)
            })
            .collect();
        Explained { what: What::Traverse(shown(&through)), holds: holds(value), because, cut: false }
    }
}

fn beside(node: Node, relation: RelationId) -> Node {
    Node { namespace: node.namespace, set: SetId { object: node.set.object, relation } }
}

fn shown(set: &SubjectSet) -> String {
    format!("{}:{}#{}", set.namespace, set.object, set.relation)
}
