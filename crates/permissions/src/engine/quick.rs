//! The quick evaluation: depth first, stopping at the first answer.
//!
//! What it says is right; what it leaves open as `HARD` or for depth is left to `thorough`, which looks at everything.
//! Both agree on one meaning (docs/decisions/0031): what follows from nothing but itself does not hold, and what lies
//! deeper than the limit on every way from the question is not known.
//!
//! INVARIANT: a value that is not open never depends on the order in which relationships are visited.

use rustc_hash::FxHashMap;

use super::program::Expr;
use super::reader::{SetId, TupleReader};
use super::rules::{Node, Question, Step};
use super::value::{Reasons, Value};

/// Nodes nested deeper than this are left to the thorough evaluation, which does not recurse.
const NESTED: usize = 96;

/// How the caller of a node has come to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// What is stored in it directly has been looked at already.
    Found,
    /// It has not, or it is open.
    Led,
}

impl By {
    /// INVARIANT: what is remembered of a node is the whole: only a plain No may be left out of it.
    fn after(direct: Value) -> Self {
        if direct == Value::No { Self::Found } else { Self::Led }
    }
}

enum Entry {
    /// Being evaluated, at this place of the path.
    Path(usize),
    /// Known, or open when so much depth was left.
    Done(Value, u32),
    /// No, if the nodes of the path from this place on turn out to be so.
    Unless(usize),
}

pub(super) struct Quick<'q, 'e, R> {
    question: &'q Question<'e, R>,
    memo: FxHashMap<SetId, Entry>,
    path: usize,
    /// Nodes with an `Unless`.
    unless: Vec<SetId>,
    steps: u64,
    stopped: Option<Reasons>,
}

/// The lowest place of the path on which a No rests; the path's own length and more mean that it rests on none.
type Rests = usize;

const ON_NOTHING: Rests = usize::MAX;

impl<'q, 'e, R: TupleReader> Quick<'q, 'e, R> {
    pub fn new(question: &'q Question<'e, R>) -> Self {
        Self { question, memo: FxHashMap::default(), path: 0, unless: Vec::new(), steps: 0, stopped: None }
    }

    /// Whether the subject is in a node, with so much depth left.
    pub fn check(&mut self, node: Node, rest: u32) -> Value {
        self.visit(node, rest, By::Led).0
    }

    /// Whether another step may be made.
    fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps >= self.question.engine.options.steps {
            self.stopped = Some(Reasons::STEPS);
        } else if self.steps.is_multiple_of(1024) && (self.question.engine.stop)() {
            self.stopped = Some(Reasons::TIME);
        }
        self.stopped.is_none()
    }

    fn visit(&mut self, node: Node, rest: u32, by: By) -> (Value, Rests) {
        match self.memo.get(&node.set) {
            Some(Entry::Path(at)) => return (Value::No, *at),
            Some(Entry::Unless(at)) => return (Value::No, *at),
            Some(Entry::Done(value @ Value::Open(_), then)) if *then >= rest => return (*value, ON_NOTHING),
            Some(Entry::Done(value @ (Value::Yes | Value::No), _)) => return (*value, ON_NOTHING),
            _ => {}
        }
        if !self.step() {
            return (Value::Open(self.stopped.unwrap_or_default()), ON_NOTHING);
        }
        if self.path >= NESTED {
            return (Value::Open(Reasons::HARD), ON_NOTHING);
        }
        let place = self.path;
        self.path += 1;
        self.memo.insert(node.set, Entry::Path(place));
        let mark = self.unless.len();
        let (value, rests) = self.members(node, rest, by);
        self.path -= 1;
        self.leave(node, rest, place, mark, value, rests)
    }

    /// Notes what was found of a node, and of those whose No rested on it.
    fn leave(
        &mut self,
        node: Node,
        rest: u32,
        place: usize,
        mark: usize,
        value: Value,
        rests: Rests,
    ) -> (Value, Rests) {
        if value == Value::No && rests < place {
            self.memo.insert(node.set, Entry::Unless(rests));
            self.unless.push(node.set);
            return (value, rests);
        }
        for set in self.unless.drain(mark..) {
            if value == Value::No {
                // Nothing supports any of them from outside: they are not members together.
                self.memo.insert(set, Entry::Done(Value::No, rest));
            } else {
                self.memo.remove(&set);
            }
        }
        self.memo.insert(node.set, Entry::Done(value, rest));
        (value, ON_NOTHING)
    }

    fn members(&mut self, node: Node, rest: u32, by: By) -> (Value, Rests) {
        let mut found = (Value::No, ON_NOTHING);
        if by == By::Led {
            found.0 = self.question.direct(node);
        }
        if found.0 != Value::Yes
            && let Some(rewrite) = self.question.engine.rewrite(node)
        {
            found = or(found, self.expression(rewrite, node, rest));
        }
        if found.0 == Value::Yes {
            return (Value::Yes, ON_NOTHING);
        }
        match self.question.steps(node) {
            Err(reasons) => or(found, (Value::Open(reasons), ON_NOTHING)),
            Ok(steps) => {
                let found = or(found, self.sets(&steps, rest));
                let wide = self.question.engine.options.width.is_some_and(|width| steps.len() > width as usize);
                if wide { or(found, (Value::Open(Reasons::WIDTH), ON_NOTHING)) } else { found }
            }
        }
    }

    /// Whether the subject is in any of these sets.
    fn sets(&mut self, steps: &[Step], rest: u32) -> (Value, Rests) {
        let mut found = (Value::No, ON_NOTHING);
        // First who is in one of them directly: that costs little and needs no further depth.
        let mut open = Vec::new();
        for step in steps {
            let direct = self.question.direct(step.node);
            found.0 = found.0.or(step.counts.and(direct));
            if found.0 == Value::Yes {
                return found;
            }
            if !self.question.trivial(step.node) {
                open.push((step, By::after(direct)));
            }
        }
        for (step, by) in open {
            let (value, rests) = self.further(step.node, rest, 1, by);
            found = or(found, (step.counts.and(value), rests));
            if found.0 == Value::Yes {
                return found;
            }
        }
        found
    }

    /// A node at this cost, if the depth suffices.
    fn further(&mut self, node: Node, rest: u32, cost: u32, by: By) -> (Value, Rests) {
        match rest.checked_sub(cost) {
            Some(left) if left > 0 => self.visit(node, left, by),
            _ if by == By::Found && self.question.trivial(node) => (Value::No, ON_NOTHING),
            _ => (Value::Open(Reasons::DEPTH), ON_NOTHING),
        }
    }

    fn expression(&mut self, expr: &Expr, node: Node, rest: u32) -> (Value, Rests) {
        match expr {
            Expr::Any(parts) => {
                let mut found = (Value::No, ON_NOTHING);
                for part in parts {
                    found = or(found, self.part(part, node, rest, true));
                    if found.0 == Value::Yes {
                        break;
                    }
                }
                found
            }
            Expr::All(parts) => {
                let mut found = (Value::Yes, ON_NOTHING);
                for part in parts {
                    let (value, rests) = self.part(part, node, rest, false);
                    if value == Value::No {
                        return (Value::No, rests);
                    }
                    found.0 = found.0.and(value);
                }
                found
            }
            other => self.part(other, node, rest, true),
        }
    }

    /// A part of an expression, within `||` or not.
    fn part(&mut self, expr: &Expr, node: Node, rest: u32, in_any: bool) -> (Value, Rests) {
        match expr {
            Expr::Any(_) | Expr::All(_) => match rest.checked_sub(self.question.engine.cost_of_nesting()) {
                Some(left) if left > 0 => self.expression(expr, node, left),
                _ => (Value::Open(Reasons::DEPTH), ON_NOTHING),
            },
            Expr::Not(inner) => match self.part(inner, node, rest, false) {
                // What is only not known to be a member may yet be one: its opposite is no proof.
                (Value::No, rests) if rests < self.path => (Value::Open(Reasons::HARD), ON_NOTHING),
                (value, _) => (value.not(), ON_NOTHING),
            },
            Expr::Computed(relation) => {
                let of =
                    Node { namespace: node.namespace, set: SetId { object: node.set.object, relation: *relation } };
                let cost = self.question.engine.cost_of_computed(in_any);
                if !in_any {
                    return self.further(of, rest, cost, By::Led);
                }
                match self.question.direct(of) {
                    Value::Yes => (Value::Yes, ON_NOTHING),
                    direct => or((direct, ON_NOTHING), self.further(of, rest, cost, By::after(direct))),
                }
            }
            Expr::Traverse { relation, target } => match self.question.targets(node, *relation, *target) {
                Err(reasons) => (Value::Open(reasons), ON_NOTHING),
                Ok(steps) => {
                    let mut found = (Value::No, ON_NOTHING);
                    for step in steps {
                        let (value, rests) = self.further(step.node, rest, 1, By::Led);
                        found = or(found, (step.counts.and(value), rests));
                        if found.0 == Value::Yes {
                            break;
                        }
                    }
                    found
                }
            },
        }
    }
}

/// This or that; a No rests on what both rest on.
fn or(a: (Value, Rests), b: (Value, Rests)) -> (Value, Rests) {
    (a.0.or(b.0), a.1.min(b.1))
}
