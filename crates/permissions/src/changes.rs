//! Writing: transactions of changes under preconditions, deletion by filter, and removal of what is too old.

use database::{DbError, Tx, transact};
use foundation::{ApiError, Timestamp, Uuid};

use crate::engine::Conditions;
use crate::failure::Failure;
use crate::model::{Change, RelationTuple, Subject, SubjectQuery, TupleQuery};
use crate::policy::Policy;
use crate::service::Permissions;
use crate::store::listing::{self, Place};
use crate::store::revisions::{self, Revision};
use crate::store::{heads, tuples};

/// The longest names, in bytes: what both engines can put into an index together.
const LONGEST_NAME: usize = 200;
const LONGEST_OBJECT: usize = 1024;

/// Expired relationships, or old revisions, that are removed in one transaction.
const CLEAN_BATCH: i64 = 1000;

/// What must hold for a transaction to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Something matches.
    Exists(TupleQuery),
    /// Nothing matches.
    Absent(TupleQuery),
}

/// What a transaction came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The state behind it; the one before if nothing changed.
    pub revision: u64,
    /// Relationships that came, or got another expiry or condition.
    pub inserted: u64,
    /// Relationships that went.
    pub deleted: u64,
}

/// What a deletion by filter came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// The state behind it.
    pub revision: u64,
    /// Relationships that went.
    pub deleted: u64,
    /// Whether more match.
    pub more: bool,
}

/// How a transaction ends without having changed anything: it is taken back, so that no empty revision is left.
enum Ending {
    Nothing(u64),
    Failed(Failure),
}

impl From<DbError> for Ending {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl database::Retry for Ending {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Failed(failure) if database::Retry::is_retryable(failure))
    }
}

/// What a transaction is to do.
enum Plan<'a> {
    /// These changes, nothing twice, if the preconditions hold.
    Changes(&'a [Change], &'a [Precondition]),
    /// Delete what a filter means, up to so many.
    Matching(&'a TupleQuery, i64),
    /// Delete what has expired, up to so many.
    Expired(Timestamp, i64),
}

impl Plan<'_> {
    /// The changes, and whether more is left than the plan may do.
    async fn resolve(&self, tx: &mut Tx, tenant: Uuid) -> Result<(Vec<Change>, bool), Failure> {
        match self {
            Self::Changes(changes, conditions) => {
                for condition in *conditions {
                    holds(tx, tenant, condition).await?;
                }
                Ok((changes.to_vec(), false))
            }
            Self::Matching(query, limit) => {
                let mut found =
                    listing::tuples_list(tx, tenant, query, &Place::default(), limit.saturating_add(1)).await?;
                let most = usize::try_from(*limit).unwrap_or(usize::MAX);
                let more = found.len() > most;
                found.truncate(most);
                Ok((found.into_iter().map(|(_, tuple)| Change::Delete(tuple)).collect(), more))
            }
            Self::Expired(now, limit) => {
                let found = tuples::tuples_expired(tx, tenant, *now, *limit).await?;
                Ok((found.into_iter().map(Change::Delete).collect(), false))
            }
        }
    }
}

impl Permissions {
    /// Makes all changes, in order, if all preconditions hold; else none.
    ///
    /// # Errors
    /// A namespace that is not there, what does not fit the namespaces where that is asked for, a precondition that does
    /// not hold (412), and what the database says.
    pub async fn transact(&self, changes: Vec<Change>, conditions: &[Precondition]) -> Result<Written, Failure> {
        let policy = self.policy();
        for change in &changes {
            self.known(change.tuple())?;
            fits(change.tuple())?;
            if let Change::Insert(tuple) = change {
                self.writable(&policy, tuple)?;
            }
        }
        for condition in conditions {
            let (Precondition::Exists(query) | Precondition::Absent(query)) = condition;
            self.known_query(query)?;
        }
        if changes.is_empty() && conditions.is_empty() {
            return Ok(Written { revision: self.replica.held(), inserted: 0, deleted: 0 });
        }
        let changes = last_of_each(changes);
        self.write(&Plan::Changes(&changes, conditions)).await.map(|(written, _)| written)
    }

    /// Deletes what a filter means, at most `limit` relationships.
    ///
    /// # Errors
    /// A namespace that is not there, and what the database says.
    pub async fn delete_matching(&self, query: &TupleQuery, limit: i64) -> Result<Removed, Failure> {
        self.known_query(query)?;
        let (written, more) = self.write(&Plan::Matching(query, limit)).await?;
        Ok(Removed { revision: written.revision, deleted: written.deleted, more })
    }

    /// Deletes all that a filter means: some at a time, so that no transaction is too large.
    ///
    /// # Errors
    /// As [`Permissions::delete_matching`]; what went before the failure is gone.
    pub async fn delete_all_matching(&self, query: &TupleQuery) -> Result<Removed, Failure> {
        let limit = self.settings().limit.max_delete_size;
        let mut deleted = 0;
        loop {
            let removed = self.delete_matching(query, limit).await?;
            deleted += removed.deleted;
            if !removed.more {
                return Ok(Removed { deleted, ..removed });
            }
        }
    }

    /// Removes what has expired, and the log that is too old.
    ///
    /// # Errors
    /// What the database says.
    pub async fn clean_once(&self) -> Result<(), Failure> {
        let now = self.deps.clock.now();
        while self.write(&Plan::Expired(now, CLEAN_BATCH)).await?.0.deleted >= CLEAN_BATCH.unsigned_abs() {}
        let history = self.settings().history.to_std();
        let before = now.checked_sub(history).unwrap_or(Timestamp::MIN);
        loop {
            let _writing = self.writing.lock().await;
            let (db, tenant) = (&self.deps.db, self.deps.tenant);
            let gone = transact!(db, |tx| -> Result<u64, DbError> {
                let Some(last) = revisions::revision_before(tx, tenant, before).await? else { return Ok(0) };
                heads::head_prune(tx, tenant, last).await?;
                revisions::revisions_prune(tx, tenant, last, CLEAN_BATCH).await
            })
            .await?;
            if gone < CLEAN_BATCH.unsigned_abs() {
                return Ok(());
            }
        }
    }

    /// Commits a plan as one revision and takes it over here. Nothing to do leaves no revision.
    async fn write(&self, plan: &Plan<'_>) -> Result<(Written, bool), Failure> {
        let _writing = self.writing.lock().await;
        let (db, tenant, now) = (&self.deps.db, self.deps.tenant, self.deps.clock.now());
        let done = transact!(db, |tx| -> Result<(u64, Vec<Change>, bool), Ending> {
            // First: it keeps other nodes' writers waiting, so that nothing is decided by what they are changing.
            let head = heads::head_advance(tx, tenant).await?;
            let (changes, more) = plan.resolve(tx, tenant).await.map_err(Ending::Failed)?;
            let changes = carry_out(tx, tenant, changes).await?;
            if changes.is_empty() {
                return Err(Ending::Nothing(head.revision.saturating_sub(1)));
            }
            let entry = Revision { revision: head.revision, changes, written_at: now };
            revisions::revision_insert(tx, tenant, &entry).await?;
            Ok((entry.revision, entry.changes, more))
        })
        .await;
        let (revision, changes, more) = match done {
            Ok(done) => done,
            Err(Ending::Nothing(revision)) => return Ok((Written { revision, inserted: 0, deleted: 0 }, false)),
            Err(Ending::Failed(failure)) => return Err(failure),
        };
        if let Err(error) = self.replica.committed(revision, &changes).await {
            // It is committed all the same; questions for it wait until the log can be read again.
            tracing::warn!(%error, revision, "what was committed could not be taken over at once");
        }
        let inserted = changes.iter().filter(|change| matches!(change, Change::Insert(_))).count() as u64;
        let deleted = changes.len() as u64 - inserted;
        self.counters.transactions.inc();
        self.counters.changes.inc_by(changes.len() as u64);
        self.counters.revision.set(self.replica.held());
        Ok((Written { revision, inserted, deleted }, more))
    }

    /// Refuses a filter for a namespace that is not there.
    pub(crate) fn known_query(&self, query: &TupleQuery) -> Result<(), Failure> {
        let policy = self.policy();
        let set = match &query.subject {
            Some(SubjectQuery::Set(set)) => Some(&set.namespace),
            _ => None,
        };
        let unknown = query.namespace.iter().chain(set).find(|name| policy.namespace(name).is_none());
        unknown.map_or(Ok(()), |name| Err(Failure::unknown_namespace(name)))
    }

    /// Refuses what no question could use: a condition that is not configured, and, where writes are checked, what the
    /// namespaces do not declare.
    fn writable(&self, policy: &Policy, tuple: &RelationTuple) -> Result<(), Failure> {
        if let Some(condition) = &tuple.condition {
            if !policy.program.conditions().has(&condition.name) {
                let reason = format!("There is no condition {:?}: conditions are configured by name.", condition.name);
                return Err(ApiError::bad_request(reason).into());
            }
            Conditions::check_context(&condition.context).map_err(|error| ApiError::bad_request(error.to_string()))?;
        }
        if policy.checked_writes {
            let accepted = policy.program.schema().accepts(tuple);
            accepted.map_err(|misfit| ApiError::bad_request(misfit.to_string()))?;
        }
        Ok(())
    }
}

/// Makes changes; gives those that made a difference.
async fn carry_out(tx: &mut Tx, tenant: Uuid, changes: Vec<Change>) -> Result<Vec<Change>, DbError> {
    let mut made = Vec::with_capacity(changes.len());
    for change in changes {
        let differs = match &change {
            Change::Insert(tuple) => tuples::tuple_touch(tx, tenant, tuple).await?,
            Change::Delete(tuple) => tuples::tuple_delete(tx, tenant, tuple).await?,
        };
        if differs {
            made.push(change);
        }
    }
    Ok(made)
}

async fn holds(tx: &mut Tx, tenant: Uuid, condition: &Precondition) -> Result<(), Failure> {
    let (query, wanted) = match condition {
        Precondition::Exists(query) => (query, true),
        Precondition::Absent(query) => (query, false),
    };
    let found = !listing::tuples_list(tx, tenant, query, &Place::default(), 1).await?.is_empty();
    if found == wanted {
        return Ok(());
    }
    let reason =
        if wanted { "A relationship that must exist does not." } else { "A relationship that must not exist does." };
    Err(ApiError::new(412).message("A precondition does not hold; nothing was changed.").reason(reason).into())
}

/// The last change of each relationship, in order: the others would leave no trace. (The reference server makes all
/// insertions before all deletions, and so loses what is deleted first and then inserted.)
fn last_of_each(changes: Vec<Change>) -> Vec<Change> {
    let mut seen = std::collections::HashSet::new();
    let mut last: Vec<Change> = changes
        .into_iter()
        .rev()
        .filter(|change| {
            let tuple = change.tuple();
            seen.insert((tuple.set(), tuple.subject.clone()))
        })
        .collect();
    last.reverse();
    last
}

/// Refuses names that no index has room for.
fn fits(tuple: &RelationTuple) -> Result<(), Failure> {
    let mut names = vec![
        ("namespace", &tuple.namespace, LONGEST_NAME),
        ("object", &tuple.object, LONGEST_OBJECT),
        ("relation", &tuple.relation, LONGEST_NAME),
    ];
    match &tuple.subject {
        Subject::Id(id) => names.push(("subject_id", id, LONGEST_OBJECT)),
        Subject::Set(set) => names.extend([
            ("subject_set.namespace", &set.namespace, LONGEST_NAME),
            ("subject_set.object", &set.object, LONGEST_OBJECT),
            ("subject_set.relation", &set.relation, LONGEST_NAME),
        ]),
    }
    match names.into_iter().find(|(_, text, most)| text.len() > *most) {
        Some((name, _, most)) => Err(ApiError::bad_request(format!("{name} has at most {most} bytes.")).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Change {
        let (sign, tuple) = text.split_at(1);
        let tuple = RelationTuple::parse(tuple).unwrap();
        if sign == "+" { Change::Insert(tuple) } else { Change::Delete(tuple) }
    }

    /// Fault 11 of the reference server: `[delete x, insert x]` loses x.
    #[test]
    fn the_last_change_of_a_relationship_counts() {
        let made = last_of_each(["-D:a#r@x", "+D:b#r@x", "+D:a#r@x", "+D:b#r@x", "-D:b#r@x"].map(change).to_vec());
        assert_eq!(made, ["+D:a#r@x", "-D:b#r@x"].map(change));
    }

    #[test]
    fn names_that_are_too_long_are_named() {
        let long = "x".repeat(1025);
        let told = |text: &str| fits(&RelationTuple::parse(text).unwrap()).map_err(|failure| failure.to_string());
        assert!(told(&format!("D:{}#r@x", &long[1..])).is_ok());
        assert!(told(&format!("D:{long}#r@x")).unwrap_err().contains("object has at most 1024"));
        assert!(told(&format!("D:a#r@{long}")).unwrap_err().contains("subject_id"));
        assert!(told(&format!("{}:a#r@x", &long[..201])).unwrap_err().contains("namespace"));
    }
}
