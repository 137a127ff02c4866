//! Checks: the quick evaluation, and where it cannot tell, the thorough one.

use super::quick::Quick;
use super::reader::{SubjectId, TupleReader};
use super::rules::{Node, Question};
use super::thorough::solve;
use super::value::{Reasons, Value};
use super::{Decision, Engine};
use crate::PermissionError;
use crate::model::RelationTuple;

impl<R: TupleReader> Engine<'_, R> {
    /// Whether the subject of a relationship has its relation or permit. `depth` as in [`super::Options::depth_of`].
    pub fn check(&self, tuple: &RelationTuple, depth: i64) -> Result<Decision, PermissionError> {
        let node = self.asked(&tuple.set())?;
        let question = Question::new(self, &tuple.subject)?;
        Ok(self.decide(&question, node, self.options.depth_of(depth)))
    }

    /// Checks many; equal ones are answered once.
    pub fn batch(&self, tuples: &[RelationTuple], depth: i64) -> Vec<Result<Decision, PermissionError>> {
        let mut known: std::collections::HashMap<String, Result<Decision, PermissionError>> =
            std::collections::HashMap::new();
        tuples
            .iter()
            .map(|tuple| {
                // Ids may look like sets: the kind of the subject is part of what is equal.
                let key = serde_json::to_string(tuple).unwrap_or_default();
                known.entry(key).or_insert_with(|| self.check(tuple, depth)).clone()
            })
            .collect()
    }

    pub(super) fn check_subject(&self, node: Node, subject: SubjectId, depth: u32) -> Decision {
        self.decide(&Question::about(self, subject), node, depth)
    }

    pub(super) fn decide(&self, question: &Question<'_, R>, node: Node, depth: u32) -> Decision {
        let mut value = Quick::new(question).check(node, depth);
        if let Value::Open(reasons) = value
            && (reasons.has(Reasons::HARD) || reasons.has(Reasons::DEPTH))
            && !reasons.has(Reasons::FETCH)
            && !reasons.has(Reasons::STEPS)
            && !reasons.has(Reasons::TIME)
        {
            value = solve(question, node, depth).value(0);
        }
        match value {
            Value::Yes => Decision::Allowed,
            Value::No => Decision::Denied,
            Value::Open(reasons) => {
                let missing: Vec<String> = question.missing.borrow().iter().cloned().collect();
                Decision::Undecided(reasons.told(&missing))
            }
        }
    }
}
