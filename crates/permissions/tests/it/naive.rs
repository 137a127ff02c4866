//! What checks mean, written down as plainly as possible: slow, over names and all relationships at once, and from the
//! meaning (docs/decisions/0031), not from the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foundation::Timestamp;
use permissions::engine::{DepthRule, Options};
use permissions::model::{Namespace, Relation, RelationTuple, Rewrite, Schema, Subject, SubjectSet};

/// What the answer should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    Unknown,
}

pub struct Naive<'a> {
    pub schema: &'a Schema,
    pub tuples: Vec<RelationTuple>,
    pub options: &'a Options,
}

/// What is certainly so, and what is possibly so.
struct World {
    certain: BTreeSet<SubjectSet>,
    possible: BTreeSet<SubjectSet>,
}

impl<'a> Naive<'a> {
    pub fn new(schema: &'a Schema, tuples: &[RelationTuple], options: &'a Options, now: Timestamp) -> Self {
        let counts = |t: &&RelationTuple| t.expires_at.is_none_or(|at| at > now);
        Self { schema, tuples: tuples.iter().filter(counts).cloned().collect(), options }
    }

    fn namespace(&self, set: &SubjectSet) -> Option<&Namespace> {
        self.schema.namespace(&set.namespace)
    }

    fn declared(&self, set: &SubjectSet) -> Option<&Relation> {
        self.namespace(set)?.relation(&set.relation)
    }

    fn is_open(&self, set: &SubjectSet) -> bool {
        self.namespace(set).is_some_and(|n| n.relations.is_empty())
    }

    /// The subjects stored in a set, as far as they may be there.
    fn stored(&self, set: &SubjectSet) -> Vec<&Subject> {
        let own = self.tuples.iter().filter(|t| t.set() == *set).map(|t| &t.subject);
        let allowed = |subject: &&Subject| {
            let Some(relation) = self.declared(set) else { return self.is_open(set) || set.relation.is_empty() };
            if !self.options.strict {
                return true;
            }
            match subject {
                _ if relation.rewrite.is_some() => false,
                Subject::Id(_) => true,
                Subject::Set(s) => relation
                    .types
                    .iter()
                    .any(|t| t.namespace == s.namespace && t.relation.as_deref().unwrap_or("") == s.relation),
            }
        };
        own.filter(allowed).collect()
    }

    fn direct(&self, set: &SubjectSet, subject: &Subject) -> bool {
        self.stored(set).contains(&subject)
    }

    /// The sets whose members are members of this one.
    fn sets(&self, set: &SubjectSet) -> Vec<SubjectSet> {
        if set.relation.is_empty() || self.declared(set).is_none() && !self.is_open(set) {
            return Vec::new();
        }
        let sets = self.stored(set).into_iter().filter_map(|s| match s {
            Subject::Set(s) if !s.relation.is_empty() => Some(s.clone()),
            _ => None,
        });
        sets.collect()
    }

    fn traversed(&self, set: &SubjectSet, relation: &str, target: &str) -> Vec<SubjectSet> {
        let from = SubjectSet::new(&set.namespace, &set.object, relation);
        let Some(namespace) = self.namespace(&from) else { return Vec::new() };
        let declared = namespace.relation(relation);
        if declared.is_none() && !namespace.relations.is_empty() {
            return Vec::new();
        }
        let all = self.tuples.iter().filter(|t| t.set() == from);
        let objects = all.filter_map(|t| match &t.subject {
            Subject::Set(s) => Some(SubjectSet::new(&s.namespace, &s.object, target)),
            Subject::Id(_) => None,
        });
        objects
            .filter(|s| match declared {
                Some(relation) if self.options.strict => relation.types.iter().any(|t| t.namespace == s.namespace),
                _ => true,
            })
            .collect()
    }

    /// Whether nothing but what is stored in it directly can put anybody into a set.
    fn ends(&self, set: &SubjectSet) -> bool {
        self.declared(set).is_none_or(|r| r.rewrite.is_none()) && self.sets(set).is_empty()
    }

    fn rewrite(&self, set: &SubjectSet) -> Option<&Rewrite> {
        self.declared(set)?.rewrite.as_ref()
    }

    /// What a set refers to, with the cost of each step; what is found directly is not looked into.
    fn references(&self, set: &SubjectSet, subject: &Subject) -> Vec<(SubjectSet, u32)> {
        let mut found: Vec<_> =
            self.sets(set).into_iter().filter(|s| !self.direct(s, subject)).map(|s| (s, 1)).collect();
        if let Some(rewrite) = self.rewrite(set) {
            self.in_rewrite(rewrite, set, subject, 0, true, &mut found);
        }
        found
    }

    fn in_rewrite(
        &self,
        rewrite: &Rewrite,
        set: &SubjectSet,
        subject: &Subject,
        nested: u32,
        in_any: bool,
        found: &mut Vec<(SubjectSet, u32)>,
    ) {
        let recorded = u32::from(self.options.depth_rule == DepthRule::Recorded);
        match rewrite {
            Rewrite::Any(parts) | Rewrite::All(parts) => {
                for part in parts {
                    let deeper = if part_group(part).is_some() { nested + recorded } else { nested };
                    self.in_rewrite(part, set, subject, deeper, matches!(rewrite, Rewrite::Any(_)), found);
                }
            }
            Rewrite::Not(inner) => self.in_rewrite(inner, set, subject, nested, false, found),
            Rewrite::Computed(name) => {
                let of = SubjectSet::new(&set.namespace, &set.object, name);
                if !(in_any && self.direct(&of, subject)) {
                    found.push((of, nested + if in_any { recorded } else { 0 }));
                }
            }
            Rewrite::Traverse { relation, target } => {
                found.extend(self.traversed(set, relation, target).into_iter().map(|s| (s, nested + 1)));
            }
        }
    }

    /// How far each set is from the question.
    fn distances(&self, start: &SubjectSet, subject: &Subject, limit: u32) -> BTreeMap<SubjectSet, u32> {
        let mut far = BTreeMap::from([(start.clone(), 0)]);
        loop {
            let mut nearer = Vec::new();
            for (set, at) in &far {
                if *at < limit {
                    for (to, cost) in self.references(set, subject) {
                        if far.get(&to).is_none_or(|known| at + cost < *known) {
                            nearer.push((to, at + cost));
                        }
                    }
                }
            }
            if nearer.is_empty() {
                return far;
            }
            for (to, at) in nearer {
                let known = far.entry(to).or_insert(at);
                *known = (*known).min(at);
            }
        }
    }

    /// Whether a subject is in a set.
    pub fn check(&self, set: &SubjectSet, subject: &Subject, limit: u32) -> Truth {
        let far = self.distances(set, subject, limit);
        let mut world = World { certain: BTreeSet::new(), possible: far.keys().cloned().collect() };
        loop {
            let certain = self.least(&far, subject, limit, &world.possible, true);
            let possible = self.least(&far, subject, limit, &certain, false);
            let same = certain == world.certain && possible == world.possible;
            world = World { certain, possible };
            if same {
                break;
            }
        }
        match (world.certain.contains(set), world.possible.contains(set)) {
            (true, _) => Truth::Yes,
            (false, false) => Truth::No,
            (false, true) => Truth::Unknown,
        }
    }

    /// The least sets that hold by each other, where `opposite` is what holds for `!`, and what is unknown does not
    /// count if we are `sure`.
    fn least(
        &self,
        far: &BTreeMap<SubjectSet, u32>,
        subject: &Subject,
        limit: u32,
        opposite: &BTreeSet<SubjectSet>,
        sure: bool,
    ) -> BTreeSet<SubjectSet> {
        let mut found = BTreeSet::new();
        loop {
            let see = See { naive: self, far, subject, limit, holds: &found, opposite, sure };
            let next: BTreeSet<SubjectSet> =
                far.iter().filter(|(_, at)| **at < limit).map(|(s, _)| s).filter(|s| see.set(s)).cloned().collect();
            if next == found {
                return found;
            }
            found = next;
        }
    }
}

fn part_group(part: &Rewrite) -> Option<&Rewrite> {
    match part {
        Rewrite::Any(_) | Rewrite::All(_) => Some(part),
        Rewrite::Not(inner) => part_group(inner),
        _ => None,
    }
}

/// One look at all sets.
struct See<'s> {
    naive: &'s Naive<'s>,
    far: &'s BTreeMap<SubjectSet, u32>,
    subject: &'s Subject,
    limit: u32,
    holds: &'s BTreeSet<SubjectSet>,
    opposite: &'s BTreeSet<SubjectSet>,
    sure: bool,
}

impl See<'_> {
    fn reached(&self, set: &SubjectSet) -> bool {
        self.far.get(set).is_some_and(|at| *at < self.limit)
    }

    fn set(&self, set: &SubjectSet) -> bool {
        let at = self.far.get(set).copied().unwrap_or(u32::MAX);
        let sets = self.naive.sets(set);
        let wide = self.naive.options.width.is_some_and(|width| sets.len() > width as usize);
        self.naive.direct(set, self.subject)
            || self.naive.rewrite(set).is_some_and(|r| self.rewrite(r, set, at, true))
            || sets.iter().any(|s| self.found_or_beyond(s))
            || wide && !self.sure
    }

    /// What is stored in a set is known wherever the set is named.
    fn found_or_beyond(&self, set: &SubjectSet) -> bool {
        self.naive.direct(set, self.subject)
            || if self.reached(set) { self.holds.contains(set) } else { !self.naive.ends(set) && !self.sure }
    }

    fn rewrite(&self, rewrite: &Rewrite, set: &SubjectSet, at: u32, in_any: bool) -> bool {
        match rewrite {
            Rewrite::Any(parts) => parts.iter().any(|p| self.part(p, set, at, true)),
            Rewrite::All(parts) => parts.iter().all(|p| self.part(p, set, at, false)),
            _ => self.part(rewrite, set, at, in_any),
        }
    }

    fn part(&self, part: &Rewrite, set: &SubjectSet, at: u32, in_any: bool) -> bool {
        match part {
            Rewrite::Any(_) | Rewrite::All(_) => {
                let at = at + u32::from(self.naive.options.depth_rule == DepthRule::Recorded);
                if at < self.limit { self.rewrite(part, set, at, in_any) } else { !self.sure }
            }
            Rewrite::Not(inner) => {
                let other = See { holds: self.opposite, opposite: self.holds, sure: !self.sure, ..*self };
                !other.part(inner, set, at, false)
            }
            Rewrite::Computed(name) => {
                let of = SubjectSet::new(&set.namespace, &set.object, name);
                if in_any {
                    self.found_or_beyond(&of)
                } else if self.reached(&of) {
                    self.holds.contains(&of)
                } else {
                    !self.sure
                }
            }
            Rewrite::Traverse { relation, target } => self
                .naive
                .traversed(set, relation, target)
                .iter()
                .any(|s| if self.reached(s) { self.holds.contains(s) } else { !self.sure }),
        }
    }
}

/// All objects of a namespace and all subject ids of which relationships speak, lapsed ones included.
pub fn spoken_of(tuples: &[RelationTuple]) -> (HashMap<String, BTreeSet<String>>, BTreeSet<String>) {
    let (mut objects, mut ids) = (HashMap::<String, BTreeSet<String>>::new(), BTreeSet::new());
    for tuple in tuples {
        objects.entry(tuple.namespace.clone()).or_default().insert(tuple.object.clone());
        match &tuple.subject {
            Subject::Id(id) => drop(ids.insert(id.clone())),
            Subject::Set(set) => drop(objects.entry(set.namespace.clone()).or_default().insert(set.object.clone())),
        }
    }
    (objects, ids)
}
