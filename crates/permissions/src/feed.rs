//! The feed of changes: each revision behind a state, in order, as it comes. Whoever was cut off goes on behind the last
//! token that came.

use database::{DbError, read};
use futures::stream::{self, Stream};

use crate::failure::Failure;
use crate::model::Change;
use crate::service::Permissions;
use crate::store::heads::{self, Head};
use crate::store::revisions::{self, Revision};

/// Revisions that are read at once.
const BATCH: i64 = 100;

/// What a revision changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The state behind it.
    pub token: String,
    /// The changes.
    pub changes: Vec<Change>,
}

impl Permissions {
    /// All revisions behind `token`, or behind the newest; with a namespace, what changed in it alone. The stream ends with
    /// the first error.
    ///
    /// # Errors
    /// A token that is none, or is of a state whose successors are no longer kept (410).
    pub async fn watch(
        &self,
        token: &str,
        namespace: Option<String>,
    ) -> Result<impl Stream<Item = Result<Event, Failure>> + Send + 'static, Failure> {
        let behind = match self.tokens.read(token)? {
            Some(revision) => revision,
            None => self.replica.current().await?.revision(),
        };
        // The first page is read now, so that what cannot be had is refused and not cut off.
        let page = self.revisions_behind(behind).await?;
        let state = Watching { permissions: self.clone(), behind, page: page.into_iter(), namespace, over: false };
        Ok(stream::unfold(state, Watching::next))
    }

    async fn revisions_behind(&self, behind: u64) -> Result<Vec<Revision>, Failure> {
        let (db, tenant) = (&self.deps.db, self.deps.tenant);
        let (head, found) = read!(db, |tx| -> Result<(Option<Head>, Vec<Revision>), DbError> {
            let head = heads::head_find(tx, tenant).await?;
            Ok((head, revisions::revisions_after(tx, tenant, behind, BATCH).await?))
        })
        .await?;
        if head.is_some_and(|head| head.pruned_to > behind) {
            return Err(crate::PermissionError::UnknownRevision(behind).into());
        }
        Ok(found)
    }
}

struct Watching {
    permissions: Permissions,
    behind: u64,
    page: std::vec::IntoIter<Revision>,
    namespace: Option<String>,
    over: bool,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Event, Failure>, Self)> {
        if self.over {
            return None;
        }
        loop {
            while let Some(entry) = self.page.next() {
                self.behind = entry.revision;
                let mut changes = entry.changes;
                if let Some(namespace) = &self.namespace {
                    changes.retain(|change| change.tuple().namespace == *namespace);
                }
                if !changes.is_empty() {
                    let token = self.permissions.tokens.write(self.behind);
                    return Some((Ok(Event { token, changes }), self));
                }
            }
            let mut revisions = self.permissions.replica.revisions();
            // The replica ends with the service, of which this holds a part: it does not end before.
            if revisions.wait_for(|newest| *newest > self.behind).await.is_err() {
                return None;
            }
            match self.permissions.revisions_behind(self.behind).await {
                Ok(page) => self.page = page.into_iter(),
                Err(failure) => {
                    self.over = true;
                    return Some((Err(failure), self));
                }
            }
        }
    }
}
