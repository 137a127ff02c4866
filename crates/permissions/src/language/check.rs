//! What the names of a source mean: duplicates, names that nothing declares, permits that negate themselves; and the
//! namespaces that follow.

use std::collections::{HashMap, HashSet};

use super::syntax::{Class, Expression, Member, MemberKind, Name, Type};
use super::{Diagnostic, Dialect, Severity, Span};
use crate::model::{Namespace, Relation, Rewrite, Schema, TypeReference};

/// A relation or permit: class and name.
type Node<'a> = (&'a str, &'a str);

/// All that is wrong with names.
pub(super) fn check(classes: &[Class], dialect: Dialect) -> Vec<Diagnostic> {
    let mut checker = Checker { declared: HashMap::new(), dialect, found: Vec::new() };
    checker.declare(classes);
    for class in classes {
        for member in &class.members {
            match &member.kind {
                MemberKind::Relation(types) => types.iter().for_each(|t| checker.type_reference(t)),
                MemberKind::Permit(body) => checker.expression(class, body),
            }
        }
    }
    if checker.found.iter().all(|d| d.severity == Severity::Warning) {
        checker.stratify(classes);
    }
    checker.found
}

struct Checker<'a> {
    declared: HashMap<&'a str, HashMap<&'a str, &'a Member>>,
    dialect: Dialect,
    found: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn say(&mut self, severity: Severity, span: Span, message: String) {
        self.found.push(Diagnostic { severity, message, start: span.start, end: span.end });
    }

    fn error(&mut self, name: &Name, message: String) {
        self.say(Severity::Error, name.span, message);
    }

    /// An error in limen's own dialect; files of the reference server go on, with a warning.
    fn tolerated(&mut self, name: &Name, message: String) {
        let severity = if self.dialect == Dialect::Keto { Severity::Warning } else { Severity::Error };
        self.say(severity, name.span, message);
    }

    fn declare(&mut self, classes: &'a [Class]) {
        for class in classes {
            let mut members: HashMap<&str, &Member> = HashMap::new();
            for member in &class.members {
                if members.contains_key(member.name.text.as_str()) {
                    let message = format!(
                        "`{}` is declared twice in `{}`; the first one counts",
                        member.name.text, class.name.text
                    );
                    self.tolerated(&member.name, message);
                } else {
                    members.insert(&member.name.text, member);
                }
            }
            if self.declared.insert(&class.name.text, members).is_some() {
                let message = format!("the class `{}` is declared twice; the last one counts", class.name.text);
                self.tolerated(&class.name, message);
            }
        }
    }

    fn type_reference(&mut self, reference: &Type) {
        let Some(members) = self.declared.get(reference.namespace.text.as_str()) else {
            let message = format!("there is no class `{}`", reference.namespace.text);
            return self.error(&reference.namespace, message);
        };
        if let Some(relation) = &reference.relation
            && !members.contains_key(relation.text.as_str())
        {
            let message = format!("`{}` declares no `{}`", reference.namespace.text, relation.text);
            self.error(relation, message);
        }
    }

    fn expression(&mut self, class: &'a Class, expression: &Expression) {
        match expression {
            Expression::Any(parts) | Expression::All(parts) => {
                parts.iter().for_each(|part| self.expression(class, part));
            }
            Expression::Not(inner) => self.expression(class, inner),
            Expression::Computed(name) => {
                self.member(class, name);
            }
            Expression::Traverse { relation, target } => {
                if let Some(member) = self.member(class, relation) {
                    self.target(member, relation, target);
                }
            }
        }
    }

    fn member(&mut self, class: &'a Class, name: &Name) -> Option<&'a Member> {
        let found = self.declared.get(class.name.text.as_str()).and_then(|m| m.get(name.text.as_str())).copied();
        if found.is_none() {
            self.error(name, format!("`{}` declares no `{}`", class.name.text, name.text));
        }
        found
    }

    /// What is asked of the objects of a relation has to be declared where they come from. At evaluation the relation
    /// of a subject set is not looked at, only its object; so it is here.
    fn target(&mut self, member: &'a Member, relation: &Name, target: &Name) {
        let MemberKind::Relation(types) = &member.kind else {
            return self.tolerated(relation, format!("`{}` is a permit: there is nothing to traverse", relation.text));
        };
        for reference in types {
            let Some(members) = self.declared.get(reference.namespace.text.as_str()) else { continue };
            if members.contains_key(target.text.as_str()) {
                continue;
            }
            let message = format!("`{}` declares no `{}`", reference.namespace.text, target.text);
            // The contract points at the relation.
            if reference.relation.is_some() {
                self.tolerated(relation, format!("{message}: nothing is found there"));
            } else {
                self.error(relation, message);
            }
        }
    }

    /// A permit that needs its own opposite has no meaning.
    fn stratify(&mut self, classes: &'a [Class]) {
        let mut edges: HashMap<Node<'a>, Vec<Node<'a>>> = HashMap::new();
        let mut negated: Vec<(Node<'a>, Node<'a>, &'a Member)> = Vec::new();
        for class in classes {
            for member in &class.members {
                let from = (class.name.text.as_str(), member.name.text.as_str());
                let mut below = Vec::new();
                self.below(class, member, &mut below);
                for (to, negative) in below {
                    edges.entry(from).or_default().push(to);
                    if negative {
                        negated.push((from, to, member));
                    }
                }
            }
        }
        let mut said = HashSet::new();
        for (from, to, member) in negated {
            if reaches(&edges, to, from) && said.insert(from) {
                let message = format!("`{}` depends on its own opposite: a `!` leads back to it", from.1);
                self.tolerated(&member.name, message);
            }
        }
    }

    /// What a relation or permit depends on, and whether through a `!`.
    fn below(&self, class: &'a Class, member: &'a Member, found: &mut Vec<(Node<'a>, bool)>) {
        match &member.kind {
            MemberKind::Relation(types) => {
                for t in types {
                    if let Some(relation) = &t.relation {
                        found.push(((&t.namespace.text, &relation.text), false));
                    }
                }
            }
            MemberKind::Permit(body) => self.below_expression(class, body, false, found),
        }
    }

    fn below_expression(
        &self,
        class: &'a Class,
        expression: &'a Expression,
        negative: bool,
        found: &mut Vec<(Node<'a>, bool)>,
    ) {
        match expression {
            Expression::Any(parts) | Expression::All(parts) => {
                parts.iter().for_each(|part| self.below_expression(class, part, negative, found));
            }
            // Twice negated is no less dependent.
            Expression::Not(inner) => self.below_expression(class, inner, true, found),
            Expression::Computed(name) => found.push(((&class.name.text, &name.text), negative)),
            Expression::Traverse { relation, target } => {
                let member = self.declared.get(class.name.text.as_str()).and_then(|m| m.get(relation.text.as_str()));
                if let Some(Member { kind: MemberKind::Relation(types), .. }) = member {
                    for t in types {
                        found.push(((&t.namespace.text, &target.text), negative));
                    }
                }
            }
        }
    }
}

fn reaches<'a>(edges: &HashMap<Node<'a>, Vec<Node<'a>>>, from: Node<'a>, to: Node<'a>) -> bool {
    let mut open = vec![from];
    let mut seen = HashSet::new();
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if seen.insert(node) {
            open.extend(edges.get(&node).into_iter().flatten());
        }
    }
    false
}

/// The namespaces that classes declare: of two classes with one name the last, of two members the first.
pub(super) fn schema(classes: Vec<Class>) -> Schema {
    let mut namespaces: Vec<Namespace> = Vec::new();
    for class in classes {
        let mut relations: Vec<Relation> = Vec::new();
        for member in class.members {
            if relations.iter().all(|r| r.name != member.name.text) {
                relations.push(relation(member));
            }
        }
        let namespace = Namespace { name: class.name.text, relations };
        match namespaces.iter_mut().find(|n| n.name == namespace.name) {
            Some(earlier) => *earlier = namespace,
            None => namespaces.push(namespace),
        }
    }
    Schema { namespaces }
}

fn relation(member: Member) -> Relation {
    let name = member.name.text;
    match member.kind {
        MemberKind::Relation(types) => Relation {
            name,
            types: types
                .into_iter()
                .map(|t| TypeReference { namespace: t.namespace.text, relation: t.relation.map(|r| r.text) })
                .collect(),
            rewrite: None,
        },
        MemberKind::Permit(body) => {
            // A permit's rewrite is a group, also of one, as the trees of the contract show it.
            let rewrite = match rewrite(body) {
                group @ (Rewrite::Any(_) | Rewrite::All(_)) => group,
                single => Rewrite::Any(vec![single]),
            };
            Relation { name, types: Vec::new(), rewrite: Some(rewrite) }
        }
    }
}

fn rewrite(expression: Expression) -> Rewrite {
    match expression {
        Expression::Any(parts) => Rewrite::Any(flat(parts, |r| match r {
            Rewrite::Any(inner) => Ok(inner),
            other => Err(other),
        })),
        Expression::All(parts) => Rewrite::All(flat(parts, |r| match r {
            Rewrite::All(inner) => Ok(inner),
            other => Err(other),
        })),
        Expression::Not(inner) => Rewrite::Not(Box::new(rewrite(*inner))),
        Expression::Computed(name) => Rewrite::Computed(name.text),
        Expression::Traverse { relation, target } => Rewrite::Traverse { relation: relation.text, target: target.text },
    }
}

/// The parts, with those of a part of the same kind in its place.
fn flat(parts: Vec<Expression>, same: fn(Rewrite) -> Result<Vec<Rewrite>, Rewrite>) -> Vec<Rewrite> {
    parts.into_iter().flat_map(|part| same(rewrite(part)).unwrap_or_else(|other| vec![other])).collect()
}
