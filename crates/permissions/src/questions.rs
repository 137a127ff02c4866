//! Checks, batches of them, and trees: asked of one state, within budgets.

use std::sync::Arc;
use std::time::Duration;

use foundation::{ApiError, Timestamp};
use serde_json::{Map, Value};

use crate::PermissionError;
use crate::engine::{Decision, Engine, Explanation, Options, Snapshot, Tree, Undecided};
use crate::failure::{Failure, INCOMPLETE};
use crate::model::{RelationTuple, Subject, SubjectSet};
use crate::policy::Policy;
use crate::service::Permissions;
use crate::token::Consistency;

/// Questions of up to so many steps are answered where they arrive: that is a few milliseconds. Longer ones go to threads
/// of their own.
const QUICK: u64 = 20_000;

/// What goes along with a question.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Which state is asked.
    pub consistency: Consistency,
    /// How deep to look; 0, a negative number or too much: as deep as allowed.
    pub depth: i64,
    /// Values for conditions.
    pub context: Map<String, Value>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whether the subject has the relation.
    pub allowed: bool,
    /// Values that conditions lacked.
    pub missing: Vec<String>,
    /// The state that was asked.
    pub revision: u64,
}

/// A state, the rules, and the moment: what questions are asked of.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) now: Timestamp,
    pub(crate) context: Arc<Map<String, Value>>,
    limit: Duration,
}

impl View {
    /// Asks an engine over this state. The question may be called off.
    pub(crate) fn ask<T>(&self, options: &Options, ask: impl FnOnce(&Engine<'_, Snapshot>) -> T) -> T {
        let started = tokio::time::Instant::now();
        let stop = || started.elapsed() > self.limit;
        ask(&Engine {
            reader: self.snapshot.as_ref(),
            program: &self.policy.program,
            options,
            now: self.now,
            context: &self.context,
            stop: &stop,
        })
    }
}

impl Permissions {
    /// The state that a question needs.
    pub(crate) async fn view(&self, ask: &Ask) -> Result<View, Failure> {
        if self.in_database() {
            return Err(ApiError::new(501)
                .reason("With engine: database, only checks and stored relationships can be asked.")
                .into());
        }
        let snapshot = match ask.consistency {
            Consistency::Latest => self.replica.current().await?,
            Consistency::AtLeast(revision) => self.replica.at_least(revision).await?,
            Consistency::Exactly(revision) => self.replica.exactly(revision).await?,
        };
        Ok(View {
            snapshot,
            policy: self.policy(),
            now: self.deps.clock.now(),
            context: Arc::new(ask.context.clone()),
            limit: self.settings().limit.max_check_time.to_std(),
        })
    }

    /// Whether a subject has a relation.
    ///
    /// # Errors
    /// A namespace or relation that is not there, a state that cannot be had, and in strict mode a budget that did not
    /// suffice.
    pub async fn check(&self, tuple: &RelationTuple, ask: &Ask) -> Result<Checked, Failure> {
        if self.in_database() {
            return self.check_there(tuple, ask).await;
        }
        let view = self.view(ask).await?;
        self.check_in(&view, tuple, ask.depth).await
    }

    /// Whether questions go to the database.
    pub(crate) fn in_database(&self) -> bool {
        !self.replica.holds_tuples()
    }

    async fn check_there(&self, tuple: &RelationTuple, ask: &Ask) -> Result<Checked, Failure> {
        self.counters.checks.inc();
        let policy = self.policy();
        let (decision, revision) = self.check_stored(&policy, tuple, ask).await?;
        self.answer(&policy, revision, tuple, decision)
    }

    /// Answers many checks from one state, each for itself, in order.
    ///
    /// # Errors
    /// More checks than allowed, and a state that cannot be had.
    pub async fn check_batch(
        &self,
        tuples: &[Result<RelationTuple, Failure>],
        ask: &Ask,
    ) -> Result<(Vec<Result<Checked, Failure>>, u64), Failure> {
        let most = self.settings().limit.max_batch_check_size;
        if tuples.len() > most {
            return Err(Failure::bad_request(format!(
                "A batch has at most {most} checks, and this one has {}.",
                tuples.len()
            )));
        }
        if self.in_database() {
            return self.check_batch_there(tuples, ask).await;
        }
        let view = self.view(ask).await?;
        let mut answers = Vec::with_capacity(tuples.len());
        for tuple in tuples {
            answers.push(match tuple {
                Ok(tuple) => self.check_in(&view, tuple, ask.depth).await,
                Err(failure) => Err(failure.clone()),
            });
        }
        Ok((answers, view.snapshot.revision()))
    }

    async fn check_batch_there(
        &self,
        tuples: &[Result<RelationTuple, Failure>],
        ask: &Ask,
    ) -> Result<(Vec<Result<Checked, Failure>>, u64), Failure> {
        let (mut answers, mut revision) = (Vec::with_capacity(tuples.len()), u64::MAX);
        for tuple in tuples {
            let answer = match tuple {
                Ok(tuple) => self.check_there(tuple, ask).await,
                Err(failure) => Err(failure.clone()),
            };
            revision = answer.as_ref().map_or(revision, |checked| checked.revision.min(revision));
            answers.push(answer);
        }
        Ok((answers, if revision == u64::MAX { self.replica.held() } else { revision }))
    }

    async fn check_in(&self, view: &View, tuple: &RelationTuple, depth: i64) -> Result<Checked, Failure> {
        self.counters.checks.inc();
        let quick = Options { steps: view.policy.options.steps.min(QUICK), ..view.policy.options.clone() };
        let mut decision = view.ask(&quick, |engine| engine.check(tuple, depth))?;
        if decision == Decision::Undecided(Undecided::Steps) && quick.steps < view.policy.options.steps {
            let (view, tuple) = (view.clone(), tuple.clone());
            let long = move || view.ask(&view.policy.options, |engine| engine.check(&tuple, depth));
            decision = elsewhere(long).await?;
        }
        self.answer(&view.policy, view.snapshot.revision(), tuple, decision)
    }

    fn answer(
        &self,
        policy: &Policy,
        revision: u64,
        tuple: &RelationTuple,
        decision: Decision,
    ) -> Result<Checked, Failure> {
        let undecided = match decision {
            Decision::Allowed => return Ok(Checked { allowed: true, missing: Vec::new(), revision }),
            Decision::Denied => return Ok(Checked { allowed: false, missing: Vec::new(), revision }),
            Decision::Undecided(Undecided::MissingContext(missing)) => {
                return Ok(Checked { allowed: false, missing, revision });
            }
            Decision::Undecided(undecided) => undecided,
        };
        self.counters.undecided.inc();
        tracing::debug!(?undecided, namespace = tuple.namespace, relation = tuple.relation, "a check was not decided");
        let reason = match undecided {
            Undecided::Depth => "max_depth_exceeded",
            Undecided::Width => "max_width_exceeded",
            Undecided::Time => "max_time_exceeded",
            Undecided::Contradiction => "a permit depends on its own negation",
            _ => "max_steps_exceeded",
        };
        let fault = matches!(undecided, Undecided::Contradiction | Undecided::Unfetched);
        if policy.strict || fault {
            return Err(ApiError::new(422).message(INCOMPLETE).reason(reason).into());
        }
        // As the reference server answers outside of strict mode. Never a grant: under a negation it is no, too.
        Ok(Checked { allowed: false, missing: Vec::new(), revision })
    }

    /// Who is in a set, as a tree.
    ///
    /// # Errors
    /// A namespace or relation that is not there, and a state that cannot be had.
    pub async fn expand(&self, set: &SubjectSet, ask: &Ask) -> Result<(Tree, u64), Failure> {
        let view = self.view(ask).await?;
        if view.policy.namespace(&set.namespace).is_none() {
            return Err(Failure::unknown_namespace(&set.namespace));
        }
        let (set, depth, revision) = (set.clone(), ask.depth, view.snapshot.revision());
        let tree = elsewhere(move || view.ask(&view.policy.options, |engine| engine.expand(&set, depth))).await?;
        Ok((tree, revision))
    }

    /// Why a check is answered as it is.
    ///
    /// # Errors
    /// A namespace or relation that is not there, and a state that cannot be had.
    pub async fn explain(&self, tuple: &RelationTuple, ask: &Ask) -> Result<(Explanation, u64), Failure> {
        let view = self.view(ask).await?;
        let (tuple, depth, revision) = (tuple.clone(), ask.depth, view.snapshot.revision());
        let why = elsewhere(move || view.ask(&view.policy.options, |engine| engine.explain(&tuple, depth))).await?;
        Ok((why, revision))
    }

    /// Refuses what is of a namespace that is not there: of the object, or of a subject set.
    pub(crate) fn known(&self, tuple: &RelationTuple) -> Result<(), Failure> {
        let policy = self.policy();
        let set = match &tuple.subject {
            Subject::Set(set) => Some(set.namespace.as_str()),
            Subject::Id(_) => None,
        };
        let unknown =
            [Some(tuple.namespace.as_str()), set].into_iter().flatten().find(|name| policy.namespace(name).is_none());
        unknown.map_or(Ok(()), |name| Err(Failure::unknown_namespace(name)))
    }
}

/// Runs what may take long on a thread where it holds nobody up.
pub(crate) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PermissionError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(cause) => {
            tracing::error!(%cause, "a question ended badly");
            Err(ApiError::internal().into())
        }
    }
}
