//! Questions to stores that do not fit into memory: the same evaluation, over what is fetched for it. Each question reads one
//! state of the database, round by round; what one round lacks is fetched before the next.

use std::sync::Arc;

use database::{DbError, Tx, read};
use foundation::Uuid;

use crate::PermissionError;
use crate::engine::{Decision, Engine, Names, Partial, Program, Undecided, Wanted};
use crate::failure::Failure;
use crate::model::{RelationTuple, Subject, SubjectQuery, TupleQuery};
use crate::policy::Policy;
use crate::questions::Ask;
use crate::service::Permissions;
use crate::store::listing::{self, Place};
use crate::store::{heads, tuples};
use crate::token::Consistency;

/// Relationships that one question fetches at most: what it holds in memory is bounded by this.
const MOST: usize = 200_000;

/// Relationships that are fetched at once.
const PAGE: i64 = 5000;

/// How a question ended.
enum Ended {
    Answered(Decision, u64),
    Refused(PermissionError),
}

/// What is fetched for one question.
struct Fetching<'a> {
    tx: &'a mut Tx,
    tenant: Uuid,
    fetched: usize,
}

impl Fetching<'_> {
    /// Everything that is stored of what is wanted; `None` if that is too much.
    async fn all(&mut self, wanted: &Wanted) -> Result<Option<Vec<RelationTuple>>, DbError> {
        let whole = |set: &crate::model::SubjectSet, subject: Option<&Subject>| TupleQuery {
            namespace: Some(set.namespace.clone()),
            object: Some(set.object.clone()),
            relation: Some(set.relation.clone()),
            subject: subject.map(query_of),
        };
        let query = match wanted {
            Wanted::Direct(set, subject) => whole(set, Some(subject)),
            Wanted::Sets(set) => return self.sets(&whole(set, None)).await,
            Wanted::Subjects(set) => whole(set, None),
            Wanted::Holders(subject) => TupleQuery { subject: Some(query_of(subject)), ..TupleQuery::default() },
            // No index leads from an object to the sets of it: everything is looked at.
            Wanted::HoldersOfObject(namespace, object) => {
                let all = self.list(&TupleQuery::default(), false).await?;
                let of = |tuple: &RelationTuple| matches!(&tuple.subject, Subject::Set(set) if set.namespace == *namespace && set.object == *object);
                return Ok(all.map(|all| all.into_iter().filter(of).collect()));
            }
            Wanted::Everything => TupleQuery::default(),
        };
        self.list(&query, false).await
    }

    async fn sets(&mut self, query: &TupleQuery) -> Result<Option<Vec<RelationTuple>>, DbError> {
        self.list(query, true).await
    }

    async fn list(&mut self, query: &TupleQuery, sets: bool) -> Result<Option<Vec<RelationTuple>>, DbError> {
        let (mut found, mut behind) = (Vec::new(), Place::default());
        loop {
            let page = match sets {
                true => tuples::tuples_of_sets(self.tx, self.tenant, query, &behind.key, PAGE).await?,
                false => listing::tuples_list(self.tx, self.tenant, query, &behind, PAGE).await?,
            };
            let full = page.len() as i64 == PAGE;
            self.fetched += page.len();
            if self.fetched > MOST {
                return Ok(None);
            }
            if let Some((place, _)) = page.last() {
                behind = place.clone();
            }
            found.extend(page.into_iter().map(|(_, tuple)| tuple));
            if !full {
                return Ok(Some(found));
            }
        }
    }
}

fn query_of(subject: &Subject) -> SubjectQuery {
    match subject {
        Subject::Id(id) => SubjectQuery::Id(id.clone()),
        Subject::Set(set) => SubjectQuery::Set(set.clone()),
    }
}

impl Permissions {
    /// A check that goes to the database.
    pub(crate) async fn check_stored(
        &self,
        policy: &Arc<Policy>,
        tuple: &RelationTuple,
        ask: &Ask,
    ) -> Result<(Decision, u64), Failure> {
        if matches!(ask.consistency, Consistency::Exactly(_)) {
            return Err(Failure::bad_request("With engine: database only the newest state can be asked."));
        }
        let (db, tenant, now) = (&self.deps.db, self.deps.tenant, self.deps.clock.now());
        let limit = self.settings().limit.max_check_time.to_std();
        let ended = read!(db, |tx| -> Result<Ended, DbError> {
            let revision = heads::head_find(tx, tenant).await?.map_or(0, |head| head.revision);
            // Names of its own, so that they go with the question.
            let names = Arc::new(Names::default());
            let conditions = policy.program.conditions().clone();
            let program = Program::new(policy.program.schema(), &names).with_conditions(conditions);
            let mut partial = Partial::new(names);
            let mut fetching = Fetching { tx, tenant, fetched: 0 };
            let started = tokio::time::Instant::now();
            loop {
                let answer = {
                    let stop = || started.elapsed() > limit;
                    let (options, context) = (&policy.options, &ask.context);
                    Engine { reader: &partial, program: &program, options, now, context, stop: &stop }
                        .check(tuple, ask.depth)
                };
                match answer {
                    Ok(Decision::Undecided(Undecided::Unfetched)) | Err(PermissionError::Unfetched) => {}
                    Ok(decision) => return Ok(Ended::Answered(decision, revision)),
                    Err(error) => return Ok(Ended::Refused(error)),
                }
                if started.elapsed() > limit {
                    return Ok(Ended::Answered(Decision::Undecided(Undecided::Time), revision));
                }
                for wanted in partial.wanted() {
                    let Some(found) = fetching.all(&wanted).await? else {
                        return Ok(Ended::Answered(Decision::Undecided(Undecided::Steps), revision));
                    };
                    partial.supply(&wanted, &found);
                }
            }
        })
        .await?;
        match ended {
            Ended::Answered(decision, revision) => {
                // The database is the newest there is; a token of the future is one of another time.
                if let Consistency::AtLeast(wanted) = ask.consistency
                    && revision < wanted
                {
                    return Err(Failure::Behind { wanted, held: revision });
                }
                Ok((decision, revision))
            }
            Ended::Refused(error) => Err(error.into()),
        }
    }
}
