//! Trees of who is in a set, as the contract shows them.

use super::names::{BARE, RelationId};
use super::program::{Declared, Expr};
use super::reader::{SetId, SubjectId, TupleReader};
use super::rules::{Node, Question};
use super::value::Value;
use super::{DepthRule, Engine, Tree, TreeKind};
use crate::PermissionError;
use crate::model::{Subject, SubjectSet};

/// Trees are not deeper than this, whatever the depth: what reads them may recurse.
const NESTED: usize = 200;

impl<R: TupleReader> Engine<'_, R> {
    /// Who is in a set, as a tree. A relation that nothing declares has nobody in it.
    pub fn expand(&self, set: &SubjectSet, depth: i64) -> Result<Tree, PermissionError> {
        let node = self.node(set)?;
        let question = Question::about(self, SubjectId::Set(node.set));
        let mut expansion =
            Expansion { question, left: self.options.expand_size.max(1) - 1, path: Vec::new(), fetched: true };
        let tree = expansion.set(node, set.clone(), self.options.depth_of(depth));
        if expansion.fetched { Ok(tree) } else { Err(PermissionError::Unfetched) }
    }
}

struct Expansion<'e, R> {
    question: Question<'e, R>,
    /// How many nodes may still be added.
    left: usize,
    /// Sets that are being expanded.
    path: Vec<SetId>,
    fetched: bool,
}

fn leaf(subject: Subject) -> Tree {
    Tree { kind: TreeKind::Leaf, subject: Some(subject), children: Vec::new() }
}

/// Whatever has no children is a leaf.
fn joined(kind: TreeKind, subject: Option<Subject>, children: Vec<Tree>) -> Tree {
    Tree { kind: if children.is_empty() { TreeKind::Leaf } else { kind }, subject, children }
}

impl<R: TupleReader> Expansion<'_, R> {
    fn room(&mut self) -> bool {
        let room = self.left > 0;
        self.left = self.left.saturating_sub(1);
        room
    }

    fn set(&mut self, node: Node, name: SubjectSet, rest: u32) -> Tree {
        if self.path.contains(&node.set) || self.path.len() >= NESTED {
            return leaf(Subject::Set(name));
        }
        self.path.push(node.set);
        let rewrite = self.question.engine.rewrite(node).filter(|_| self.question.engine.options.expand_rewrites);
        let tree = match rewrite {
            None => {
                let children = self.stored(node, rest);
                joined(TreeKind::Union, Some(Subject::Set(name)), children)
            }
            Some(rewrite) => self.permit(rewrite, node, name, rest),
        };
        self.path.pop();
        tree
    }

    fn permit(&mut self, rewrite: &Expr, node: Node, name: SubjectSet, rest: u32) -> Tree {
        let mut group = self.group(rewrite, node, &name, rest);
        let stored = self.stored(node, rest);
        if stored.is_empty() {
            group.subject = Some(Subject::Set(name));
            return group;
        }
        // Relationships of a permit's own name count beside what its rule says.
        let mut children = if group.kind == TreeKind::Union { group.children } else { vec![group] };
        children.extend(stored);
        joined(TreeKind::Union, Some(Subject::Set(name)), children)
    }

    fn stored(&mut self, node: Node, rest: u32) -> Vec<Tree> {
        let strict = self.question.engine.options.strict;
        let permit = self.question.engine.rewrite(node).is_some();
        if rest <= 1 || matches!(self.declared(node), Declared::Not | Declared::Nowhere) || strict && permit {
            return Vec::new();
        }
        // Recorded: in strict mode a relation that takes sets shows these alone.
        let sets_alone = strict
            && self.question.engine.options.depth_rule == DepthRule::Recorded
            && matches!(self.declared(node), Declared::Rule(rule) if rule.types.iter().any(|kind| kind.1.is_some()));
        let names = self.question.engine.reader.names();
        let mut found: Vec<(Subject, SubjectId)> = Vec::new();
        let seen = self.question.engine.reader.subjects(node.set, &mut |subject, qualifier| {
            let name = match subject {
                SubjectId::Id(id) => Subject::Id(names.entity(id).1),
                SubjectId::Set(set) => Subject::Set(self.question.engine.name_of(set)),
            };
            let taken = self.question.engine.takes_stored(node, subject);
            let shown = !(sets_alone && matches!(subject, SubjectId::Id(_)));
            if taken && shown && self.question.counts(qualifier) != Value::No {
                found.push((name, subject));
            }
            true
        });
        self.fetched &= seen.is_some();
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut children = Vec::new();
        for (name, subject) in found {
            if !self.room() {
                break;
            }
            children.push(match (subject, name) {
                (SubjectId::Set(set), Subject::Set(name)) => match names.namespace_of(set.object) {
                    // A set without relation is the object itself, and nothing follows from it.
                    Some(namespace) if set.relation != BARE => self.set(Node { namespace, set }, name, rest - 1),
                    _ => leaf(Subject::Set(name)),
                },
                (_, name) => leaf(name),
            });
        }
        children
    }

    fn declared(&self, node: Node) -> Declared<'_> {
        self.question.engine.program.declared(node.namespace, node.set.relation)
    }

    fn group(&mut self, expr: &Expr, node: Node, name: &SubjectSet, rest: u32) -> Tree {
        match expr {
            Expr::Any(parts) => joined(TreeKind::Union, None, self.parts(parts, node, name, rest)),
            Expr::All(parts) => joined(TreeKind::Intersection, None, self.parts(parts, node, name, rest)),
            Expr::Not(inner) => {
                let child = self.group(inner, node, name, rest);
                joined(TreeKind::Exclusion, None, vec![child])
            }
            Expr::Computed(relation) => {
                let (node, name) = self.beside(node, name, *relation);
                self.set(node, name, rest)
            }
            Expr::Traverse { relation, target } => {
                let (_, from) = self.beside(node, name, *relation);
                let mut children = Vec::new();
                if rest > 1 {
                    match self.question.targets(node, *relation, *target) {
                        Err(_) => self.fetched = false,
                        Ok(steps) => {
                            let mut named: Vec<_> = steps
                                .into_iter()
                                .map(|step| (self.question.engine.name_of(step.node.set), step.node))
                                .collect();
                            named.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                            for (name, node) in named {
                                if !self.room() {
                                    break;
                                }
                                children.push(self.set(node, name, rest - 1));
                            }
                        }
                    }
                }
                joined(TreeKind::Union, Some(Subject::Set(from)), children)
            }
        }
    }

    fn parts(&mut self, parts: &[Expr], node: Node, name: &SubjectSet, rest: u32) -> Vec<Tree> {
        let mut children = Vec::new();
        for part in parts {
            if !self.room() {
                break;
            }
            children.push(self.group(part, node, name, rest));
        }
        children
    }

    /// Another relation of the same object.
    fn beside(&self, node: Node, name: &SubjectSet, relation: RelationId) -> (Node, SubjectSet) {
        let relation_name = self.question.engine.reader.names().relation_name(relation);
        let node = Node { namespace: node.namespace, set: SetId { object: node.set.object, relation } };
        (node, SubjectSet::new(&name.namespace, &name.object, relation_name))
    }
}
