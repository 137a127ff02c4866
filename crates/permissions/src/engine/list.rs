//! Lists: on which objects a subject has a permission, and which subjects have one on an object.
//!
//! First all candidates are gathered by following what can support a permission, from the subject up or from the
//! object down, negations aside. Then each is checked, so that a list says exactly what checks say. Known to lists are
//! the objects and subjects of which any relationship speaks.

use rustc_hash::FxHashSet;

use super::names::{EntityId, NamespaceId, RelationId};
use super::program::Expr;
use super::reader::{SetId, SubjectId, TupleReader};
use super::rules::{NOBODY, Node, Question};
use super::{Decision, Engine, Listed, SubjectFilter, Undecided};
use crate::PermissionError;
use crate::model::{Subject, SubjectSet};

impl<R: TupleReader> Engine<'_, R> {
    /// Objects of a namespace on which a subject has a relation or permit, by name, behind `after`.
    pub fn list_objects(
        &self,
        namespace: &str,
        relation: &str,
        subject: &Subject,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<String>, PermissionError> {
        let asked = self.asked(&SubjectSet::new(namespace, "", relation))?;
        let question = Question::new(self, subject)?;
        let mut climb = Climb { engine: self, seen: FxHashSet::default(), open: Vec::new(), fetched: true };
        climb.start(question.subject)?;
        climb.all()?;
        let names = self.reader.names();
        let mut candidates: Vec<(String, EntityId)> = climb
            .seen
            .iter()
            .filter(|set| set.relation == asked.set.relation)
            .filter(|set| names.namespace_of(set.object) == Some(asked.namespace))
            .map(|set| (names.entity(set.object).1, set.object))
            .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after))
            .collect();
        candidates.sort_unstable();
        let depth = self.options.depth_of(0);
        page(candidates, limit, |object| {
            let node =
                Node { namespace: asked.namespace, set: SetId { object: *object, relation: asked.set.relation } };
            self.decide(&question, node, depth)
        })
    }

    /// Subjects that have a relation or permit on an object, by name, behind `after`.
    pub fn list_subjects(
        &self,
        set: &SubjectSet,
        filter: &SubjectFilter,
        after: Option<&Subject>,
        limit: usize,
    ) -> Result<Listed<Subject>, PermissionError> {
        let asked = self.asked(set)?;
        let wanted = match filter {
            SubjectFilter::Ids => None,
            SubjectFilter::Sets { namespace, relation } => {
                let node = self.node(&SubjectSet::new(namespace, "", relation))?;
                Some((node.namespace, node.set.relation))
            }
        };
        let question = Question::about(self, SubjectId::Id(NOBODY));
        let mut descent =
            Descent { question, wanted, seen: FxHashSet::default(), found: FxHashSet::default(), all: false };
        descent.from(asked)?;
        let mut candidates: Vec<(Subject, SubjectId)> = descent
            .candidates()?
            .into_iter()
            .map(|subject| (self.subject_name(subject), subject))
            .filter(|(name, _)| after.is_none_or(|after| name > after))
            .collect();
        candidates.sort_unstable();
        let depth = self.options.depth_of(0);
        page(candidates, limit, |subject| self.check_subject(asked, *subject, depth))
    }

    fn subject_name(&self, subject: SubjectId) -> Subject {
        match subject {
            SubjectId::Set(set) => Subject::Set(self.name_of(set)),
            SubjectId::Id(id) => Subject::Id(self.reader.names().entity(id).1),
        }
    }
}

/// The candidates that pass, as many as asked for.
fn page<N: Clone, T>(
    candidates: Vec<(N, T)>,
    limit: usize,
    check: impl Fn(&T) -> Decision,
) -> Result<Listed<N>, PermissionError> {
    let mut listed = Listed { entries: Vec::new(), next: None, undecided: 0 };
    for (name, candidate) in candidates {
        match check(&candidate) {
            Decision::Allowed if listed.entries.len() == limit.max(1) => {
                listed.next = listed.entries.last().cloned();
                return Ok(listed);
            }
            Decision::Allowed => listed.entries.push(name),
            Decision::Denied => {}
            Decision::Undecided(Undecided::Unfetched) => return Err(PermissionError::Unfetched),
            Decision::Undecided(_) => listed.undecided += 1,
        }
    }
    Ok(listed)
}

/// From a subject to all that it may have.
struct Climb<'e, R> {
    engine: &'e Engine<'e, R>,
    seen: FxHashSet<SetId>,
    open: Vec<SetId>,
    fetched: bool,
}

impl<R: TupleReader> Climb<'_, R> {
    fn meet(&mut self, set: SetId) {
        if self.seen.insert(set) {
            self.open.push(set);
        }
    }

    fn start(&mut self, subject: SubjectId) -> Result<(), PermissionError> {
        self.holders(subject);
        // What only denies something may hold on every object.
        let unsupported = self.engine.program.unsupported();
        if !unsupported.is_empty() {
            let names = self.engine.reader.names();
            let mut found = Vec::new();
            let seen = self.engine.reader.entities(&mut |object| {
                if let Some(namespace) = names.namespace_of(object) {
                    let permits = unsupported.iter().filter(|(of, _)| *of == namespace);
                    found.extend(permits.map(|(_, relation)| SetId { object, relation: *relation }));
                }
                true
            });
            self.fetched &= seen.is_some();
            found.into_iter().for_each(|set| self.meet(set));
        }
        Ok(())
    }

    fn holders(&mut self, subject: SubjectId) {
        let reader = self.engine.reader;
        let seen = reader.holders(subject, &mut |set| {
            self.meet(set);
            true
        });
        self.fetched &= seen.is_some();
    }

    fn all(&mut self) -> Result<(), PermissionError> {
        let mut steps = 0_u64;
        while let Some(set) = self.open.pop() {
            within(self.engine, &mut steps)?;
            self.holders(SubjectId::Set(set));
            let Some(namespace) = self.engine.reader.names().namespace_of(set.object) else { continue };
            for permit in self.engine.program.computed_by(namespace, set.relation) {
                self.meet(SetId { object: set.object, relation: *permit });
            }
            self.children(set);
        }
        if self.fetched { Ok(()) } else { Err(PermissionError::Unfetched) }
    }

    /// The objects that have this one in a relation which is traversed for what the subject has here.
    fn children(&mut self, set: SetId) {
        let uses = self.engine.program.traversed_by(set.relation);
        if uses.is_empty() {
            return;
        }
        let reader = self.engine.reader;
        let seen = reader.holders_of_object(set.object, &mut |_, child| {
            let namespace = reader.names().namespace_of(child.object);
            for (of, relation, permit) in uses {
                if Some(*of) == namespace && *relation == child.relation {
                    self.meet(SetId { object: child.object, relation: *permit });
                }
            }
            true
        });
        self.fetched &= seen.is_some();
    }
}

/// Counts a step, unless there have been too many.
fn within<R: TupleReader>(engine: &Engine<'_, R>, steps: &mut u64) -> Result<(), PermissionError> {
    *steps += 1;
    let called_off = steps.is_multiple_of(1024) && (engine.stop)();
    if *steps >= engine.options.steps || called_off { Err(PermissionError::Exhausted) } else { Ok(()) }
}

/// From an object to all who may have something on it.
struct Descent<'e, R> {
    question: Question<'e, R>,
    /// The namespace and relation of wanted sets; `None` for ids.
    wanted: Option<(NamespaceId, RelationId)>,
    seen: FxHashSet<SetId>,
    found: FxHashSet<SubjectId>,
    /// A permit was met that may hold for anybody.
    all: bool,
}

impl<R: TupleReader> Descent<'_, R> {
    fn from(&mut self, start: Node) -> Result<(), PermissionError> {
        let mut steps = 0_u64;
        let mut open = vec![start];
        let mut fetched = true;
        while let Some(node) = open.pop() {
            if !self.seen.insert(node.set) {
                continue;
            }
            within(self.question.engine, &mut steps)?;
            let reader = self.question.engine.reader;
            let seen = reader.subjects(node.set, &mut |subject, _| {
                if let SubjectId::Set(set) = subject
                    && let Some(namespace) = reader.names().namespace_of(set.object)
                {
                    open.push(Node { namespace, set });
                }
                if self.is_wanted(subject) {
                    self.found.insert(subject);
                }
                true
            });
            fetched &= seen.is_some();
            if let Some(rewrite) = self.question.engine.rewrite(node) {
                self.all |= self.question.engine.program.is_unsupported(node.namespace, node.set.relation);
                fetched &= self.support(rewrite, node, &mut open);
            }
        }
        if fetched { Ok(()) } else { Err(PermissionError::Unfetched) }
    }

    fn is_wanted(&self, subject: SubjectId) -> bool {
        match (subject, self.wanted) {
            (SubjectId::Id(_), None) => true,
            (SubjectId::Set(set), Some((namespace, relation))) => {
                set.relation == relation
                    && self.question.engine.reader.names().namespace_of(set.object) == Some(namespace)
            }
            _ => false,
        }
    }

    /// Adds what supports an expression. Says whether the reader knew all.
    fn support(&self, expr: &Expr, node: Node, open: &mut Vec<Node>) -> bool {
        match expr {
            Expr::Any(parts) | Expr::All(parts) => {
                parts.iter().filter(|part| !self.support(part, node, open)).count() == 0
            }
            Expr::Not(_) => true,
            Expr::Computed(relation) => {
                open.push(Node {
                    namespace: node.namespace,
                    set: SetId { object: node.set.object, relation: *relation },
                });
                true
            }
            Expr::Traverse { relation, target } => match self.question.targets(node, *relation, *target) {
                Err(_) => false,
                Ok(steps) => {
                    open.extend(steps.iter().map(|step| step.node));
                    true
                }
            },
        }
    }

    fn candidates(&mut self) -> Result<Vec<SubjectId>, PermissionError> {
        if self.all {
            let reader = self.question.engine.reader;
            let names = reader.names();
            let mut everybody = Vec::new();
            let seen = reader.entities(&mut |entity| {
                match (names.namespace_of(entity), self.wanted) {
                    (None, None) => everybody.push(SubjectId::Id(entity)),
                    (Some(namespace), Some((wanted, relation))) if namespace == wanted => {
                        everybody.push(SubjectId::Set(SetId { object: entity, relation }));
                    }
                    _ => {}
                }
                true
            });
            if seen.is_none() {
                return Err(PermissionError::Unfetched);
            }
            self.found.extend(everybody);
        }
        Ok(self.found.drain().collect())
    }
}
