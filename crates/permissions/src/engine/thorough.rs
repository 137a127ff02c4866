//! The thorough evaluation: writes down what the answer follows from, as far as the depth allows, and solves it.
//!
//! It gives the well-founded meaning of the formulas in three values, which no order can change: what has support is a
//! Yes, what can have none is a No, and what rests on its own opposite or on something unknown stays open. Without
//! recursion, so that no depth is too deep for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::program::Expr;
use super::reader::{SetId, TupleReader};
use super::rules::{Node, Question, Step};
use super::value::{Reasons, Value};

/// What a node follows from.
#[derive(Debug)]
enum Formula {
    Known(Value),
    /// Another node. The flag says that what is stored in it directly is part of the formula already.
    Of(usize, bool),
    Any(Vec<Formula>),
    All(Vec<Formula>),
    Not(Box<Formula>),
}

/// A node and what is known of it.
struct Place {
    node: Node,
    /// The least depth at which it is met.
    depth: u32,
    formula: Formula,
    /// Whose formulas name it.
    parents: Vec<u32>,
    /// When its support was found: all that supports it was found before.
    rank: Option<u32>,
}

/// Formulas as far as they matter, and their solution.
pub(super) struct Solution {
    places: Vec<Place>,
    /// Certainly so; possibly so.
    certain: Vec<bool>,
    possible: Vec<bool>,
    reasons: Reasons,
    numbers: FxHashMap<SetId, usize>,
    limit: u32,
    found: u32,
}

/// Explores and solves the question of a node.
pub(super) fn solve<R: TupleReader>(question: &Question<'_, R>, node: Node, limit: u32) -> Solution {
    let mut explorer = Explorer {
        question,
        limit,
        places: Vec::new(),
        numbers: FxHashMap::default(),
        queue: BinaryHeap::new(),
        reasons: Reasons::default(),
    };
    explorer.number(node, 0);
    explorer.explore();
    let mut solution = Solution {
        certain: Vec::new(),
        possible: Vec::new(),
        reasons: explorer.reasons,
        places: explorer.places,
        numbers: explorer.numbers,
        limit,
        found: 0,
    };
    solution.solve();
    solution
}

impl Solution {
    /// The answer for a place; the question's own is the first.
    pub fn value(&self, at: usize) -> Value {
        if self.certain.get(at) == Some(&true) {
            Value::Yes
        } else if self.possible.get(at) == Some(&false) {
            Value::No
        } else {
            Value::Open(self.reasons)
        }
    }

    /// The answer for a node and when it was found to hold; `None` if the question does not look into it.
    pub fn of(&self, set: SetId) -> Option<(Value, Option<u32>)> {
        let at = *self.numbers.get(&set)?;
        let place = self.places.get(at).filter(|place| place.depth < self.limit)?;
        Some((self.value(at), place.rank))
    }

    /// Least fixpoints in turns: what certainly holds, if all is denied that possibly holds, and the reverse.
    fn solve(&mut self) {
        self.possible = vec![true; self.places.len()];
        self.certain = vec![false; self.places.len()];
        loop {
            let certain = self.least(true, &self.possible.clone());
            let possible = self.least(false, &certain);
            let same = certain == self.certain && possible == self.possible;
            self.certain = certain;
            self.possible = possible;
            if same {
                return;
            }
        }
    }

    /// The least set that supports itself, where `opposite` is taken for what is negated. What is unknown counts as
    /// not so (`strict`) or as so.
    fn least(&mut self, strict: bool, opposite: &[bool]) -> Vec<bool> {
        let mut found = vec![false; self.places.len()];
        // Those explored last are nearest to the ground.
        let mut round: Vec<usize> = (0..self.places.len()).rev().collect();
        while !round.is_empty() {
            let mut new = Vec::new();
            for at in round {
                let Some(place) = self.places.get(at) else { continue };
                if !found.get(at).copied().unwrap_or(true) && self.holds(&place.formula, strict, &found, opposite) {
                    new.push(at);
                    if let Some(place) = found.get_mut(at) {
                        *place = true;
                    }
                    if strict && let Some(place) = self.places.get_mut(at) {
                        place.rank = place.rank.or(Some(self.found));
                        self.found += 1;
                    }
                }
            }
            let parents = new.iter().filter_map(|at| self.places.get(*at)).flat_map(|place| &place.parents);
            round = parents.map(|at| *at as usize).filter(|at| found.get(*at) == Some(&false)).collect();
            round.sort_unstable_by_key(|at| Reverse(*at));
            round.dedup();
        }
        found
    }

    fn holds(&self, formula: &Formula, strict: bool, found: &[bool], opposite: &[bool]) -> bool {
        match formula {
            Formula::Known(Value::Yes) => true,
            Formula::Known(Value::No) => false,
            Formula::Known(Value::Open(_)) => !strict,
            Formula::Of(at, _) => found.get(*at).copied().unwrap_or(!strict),
            Formula::Any(parts) => parts.iter().any(|part| self.holds(part, strict, found, opposite)),
            Formula::All(parts) => parts.iter().all(|part| self.holds(part, strict, found, opposite)),
            Formula::Not(inner) => !self.holds(inner, !strict, opposite, found),
        }
    }
}

struct Explorer<'q, 'e, R> {
    question: &'q Question<'e, R>,
    limit: u32,
    places: Vec<Place>,
    numbers: FxHashMap<SetId, usize>,
    /// Depth and place, nearest first.
    queue: BinaryHeap<Reverse<(u32, usize)>>,
    reasons: Reasons,
}

impl<R: TupleReader> Explorer<'_, '_, R> {
    /// The place of a node met at a depth.
    fn number(&mut self, node: Node, depth: u32) -> usize {
        let next = self.places.len();
        let at = *self.numbers.entry(node.set).or_insert(next);
        if at == next {
            let formula = Formula::Known(Value::No);
            self.places.push(Place { node, depth: u32::MAX, formula, parents: Vec::new(), rank: None });
        }
        if let Some(place) = self.places.get_mut(at)
            && depth < place.depth
        {
            place.depth = depth;
            self.queue.push(Reverse((depth, at)));
        }
        at
    }

    fn explore(&mut self) {
        let mut steps = 0_u64;
        let mut stopped = None;
        let mut done = vec![];
        while let Some(Reverse((depth, at))) = self.queue.pop() {
            done.resize(self.places.len(), false);
            let Some(place) = self.places.get(at) else { continue };
            if place.depth < depth || std::mem::replace(&mut done[at], true) {
                continue;
            }
            let node = place.node;
            steps += 1;
            if steps >= self.question.engine.options.steps {
                stopped = stopped.or(Some(Reasons::STEPS));
            } else if steps.is_multiple_of(1024) && (self.question.engine.stop)() {
                stopped = stopped.or(Some(Reasons::TIME));
            }
            let formula = match stopped {
                Some(reason) => self.open(reason),
                None if depth < self.limit => self.formula(node, depth),
                None => self.frontier(node),
            };
            if let Some(place) = self.places.get_mut(at) {
                place.formula = formula;
            }
        }
        self.join();
    }

    /// What is too deep to look into. What is stored in it directly is known to whoever asks with that part.
    fn frontier(&mut self, node: Node) -> Formula {
        if self.question.trivial(node) { Formula::Known(Value::No) } else { self.open(Reasons::DEPTH) }
    }

    fn open(&mut self, reason: Reasons) -> Formula {
        self.reasons = self.reasons.and(reason);
        Formula::Known(Value::Open(reason))
    }

    fn known(&mut self, value: Value) -> Formula {
        if let Value::Open(reason) = value {
            self.reasons = self.reasons.and(reason);
        }
        Formula::Known(value)
    }

    /// Tells every place whose formulas name it, and closes what is named without its direct part beyond the limit.
    fn join(&mut self) {
        let beyond: Vec<bool> = self.places.iter().map(|place| place.depth >= self.limit).collect();
        let mut links = Vec::new();
        let mut cut = false;
        for (at, place) in self.places.iter_mut().enumerate() {
            link(&mut place.formula, &beyond, &mut |child| links.push((child, at as u32)), &mut cut);
        }
        if cut {
            self.reasons = self.reasons.and(Reasons::DEPTH);
        }
        for (child, parent) in links {
            if let Some(place) = self.places.get_mut(child) {
                place.parents.push(parent);
            }
        }
    }

    fn formula(&mut self, node: Node, depth: u32) -> Formula {
        let mut parts = vec![];
        let direct = self.question.direct(node);
        if direct != Value::No {
            parts.push(self.known(direct));
        }
        if let Some(rewrite) = self.question.engine.rewrite(node) {
            parts.push(self.expression(rewrite, node, depth));
        }
        match self.question.steps(node) {
            Err(reason) => parts.push(self.open(reason)),
            Ok(steps) => {
                for step in &steps {
                    let target = self.with_direct(step.node, depth + 1);
                    parts.push(self.through(step, target));
                }
                if self.question.engine.options.width.is_some_and(|width| steps.len() > width as usize) {
                    parts.push(self.open(Reasons::WIDTH));
                }
            }
        }
        Formula::Any(parts)
    }

    /// What a relationship leads to, as far as the relationship counts.
    fn through(&mut self, step: &Step, target: Formula) -> Formula {
        if step.counts == Value::Yes { target } else { Formula::All(vec![self.known(step.counts), target]) }
    }

    /// A node with what is stored in it directly, which is known also beyond the limit.
    fn with_direct(&mut self, node: Node, depth: u32) -> Formula {
        match self.question.direct(node) {
            Value::Yes => Formula::Known(Value::Yes),
            Value::No if self.question.trivial(node) => {
                // Its depth is noted all the same: others may come to it by a longer way only.
                self.number(node, depth);
                Formula::Known(Value::No)
            }
            direct => {
                let further = Formula::Of(self.number(node, depth), true);
                if direct == Value::No { further } else { Formula::Any(vec![self.known(direct), further]) }
            }
        }
    }

    fn expression(&mut self, expr: &Expr, node: Node, depth: u32) -> Formula {
        match expr {
            Expr::Any(parts) => Formula::Any(parts.iter().map(|part| self.part(part, node, depth, true)).collect()),
            Expr::All(parts) => Formula::All(parts.iter().map(|part| self.part(part, node, depth, false)).collect()),
            other => self.part(other, node, depth, true),
        }
    }

    fn part(&mut self, expr: &Expr, node: Node, depth: u32, in_any: bool) -> Formula {
        match expr {
            Expr::Any(_) | Expr::All(_) => {
                let depth = depth + self.question.engine.cost_of_nesting();
                if depth < self.limit { self.expression(expr, node, depth) } else { self.open(Reasons::DEPTH) }
            }
            Expr::Not(inner) => Formula::Not(Box::new(self.part(inner, node, depth, false))),
            Expr::Computed(relation) => {
                let of =
                    Node { namespace: node.namespace, set: SetId { object: node.set.object, relation: *relation } };
                let depth = depth + self.question.engine.cost_of_computed(in_any);
                if in_any { self.with_direct(of, depth) } else { Formula::Of(self.number(of, depth), false) }
            }
            Expr::Traverse { relation, target } => match self.question.targets(node, *relation, *target) {
                Err(reason) => self.open(reason),
                Ok(steps) => {
                    let mut parts = Vec::with_capacity(steps.len());
                    for step in &steps {
                        let target = Formula::Of(self.number(step.node, depth + 1), false);
                        parts.push(self.through(step, target));
                    }
                    Formula::Any(parts)
                }
            },
        }
    }
}

/// Visits the places that a formula names.
fn link(formula: &mut Formula, beyond: &[bool], found: &mut impl FnMut(usize), cut: &mut bool) {
    match formula {
        Formula::Known(_) => {}
        Formula::Of(at, with_direct) => {
            if !*with_direct && beyond.get(*at) == Some(&true) {
                *cut = true;
                *formula = Formula::Known(Value::Open(Reasons::DEPTH));
            } else {
                found(*at);
            }
        }
        Formula::Any(parts) | Formula::All(parts) => parts.iter_mut().for_each(|part| link(part, beyond, found, cut)),
        Formula::Not(inner) => link(inner, beyond, found, cut),
    }
}
