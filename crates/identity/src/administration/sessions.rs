//! Sessions of all identities: looked at, ended, removed, made to last longer (identity-admin.md §2.12).

use std::collections::HashMap;

use database::{read, transact};
use foundation::{ApiError, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Error;
use crate::model::identity::{Identity as Person, IdentityState};
use crate::model::session::Session;
use crate::service::Identity;
use crate::store::{identities, identity_listing, session_administration, sessions};

const MOST_IDS: usize = 500;
/// How many sessions one request with `identities: ["*"]` touches.
const BATCH: i64 = 5000;

/// Behind which session a page begins.
pub type SessionCursor = (Timestamp, Uuid);

/// A part of a list of sessions, newest first, each with whose it is.
#[derive(Debug)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<(Session, Person)>,
    /// Whether more come behind them.
    pub more: bool,
    /// How many there are in all, if they were counted.
    pub total: Option<i64>,
}

/// What became of a session that was to last longer.
#[derive(Debug)]
pub struct Extended {
    /// The session as it is now.
    pub session: Session,
    /// Whose it is.
    pub identity: Person,
}

/// The body of a request about many sessions.
#[derive(Debug, Deserialize)]
pub struct BulkBody {
    #[serde(default)]
    action: String,
    #[serde(default)]
    identities: Option<Vec<String>>,
    #[serde(default)]
    sessions: Option<Vec<String>>,
}

/// What a request about many sessions did.
#[derive(Debug, Serialize)]
pub struct BulkResult {
    /// How many sessions it changed.
    pub processed: u64,
    /// Whether the same request would change more.
    pub more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Disable,
    Delete,
}

enum Whose {
    Everybody,
    Identities(Vec<Uuid>),
    Sessions(Vec<Uuid>),
}

impl BulkBody {
    fn read(&self) -> Result<(Action, Whose), ApiError> {
        let action = match self.action.as_str() {
            "disable" => Action::Disable,
            "delete" => Action::Delete,
            other => return Err(ApiError::bad_request(format!("{other:?} is no action: send disable or delete."))),
        };
        let whose = match (self.identities.as_deref(), self.sessions.as_deref()) {
            (Some([only]), None | Some([])) if only == "*" => Whose::Everybody,
            (Some(list), None | Some([])) if !list.is_empty() => Whose::Identities(ids(list)?),
            (None | Some([]), Some(list)) if !list.is_empty() => Whose::Sessions(ids(list)?),
            _ => {
                return Err(ApiError::bad_request("Send one list of ids: either identities or sessions, not empty."));
            }
        };
        Ok((action, whose))
    }
}

fn ids(list: &[String]) -> Result<Vec<Uuid>, ApiError> {
    if list.len() > MOST_IDS {
        return Err(ApiError::bad_request(format!("A request names at most {MOST_IDS} ids.")));
    }
    list.iter()
        .map(|id| id.parse().map_err(|_| ApiError::bad_request(format!("{id:?} is not the id of anything."))))
        .collect()
}

fn no_such_session() -> ApiError {
    ApiError::not_found("There is no session of this id.")
}

impl Identity {
    /// A page of all sessions, newest first. With `active` only those that do, or do not, count.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sessions_list(
        &self,
        cx: &Context,
        active: Option<bool>,
        after: Option<SessionCursor>,
        limit: i64,
    ) -> Result<SessionPage, Error> {
        read!(&self.db, |tx| -> Result<SessionPage, Error> {
            let mut list = sessions::sessions_list(tx, cx, active, after, limit + 1).await?;
            let more = list.len() as i64 > limit;
            list.truncate(usize::try_from(limit).unwrap_or_default());
            let mut ids: Vec<Uuid> = list.iter().map(|session| session.identity_id).collect();
            ids.sort_unstable();
            ids.dedup();
            let mut people = identity_listing::identities_find_all(tx, cx, &ids).await?;
            identity_listing::addresses_load_all(tx, cx, &mut people).await?;
            let people: HashMap<Uuid, Person> = people.into_iter().map(|person| (person.id, person)).collect();
            let with_owner = list.into_iter().filter_map(|session| {
                let owner = people.get(&session.identity_id)?.clone();
                Some((session, owner))
            });
            Ok(SessionPage { sessions: with_owner.collect(), more, total: None })
        })
        .await
    }

    /// A part of an identity's sessions, newest first. An identity that is not there has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sessions_list_of(
        &self,
        cx: &Context,
        identity_id: Uuid,
        active: Option<bool>,
        limit: i64,
        offset: i64,
    ) -> Result<SessionPage, Error> {
        read!(&self.db, |tx| -> Result<SessionPage, Error> {
            let Some(person) = identities::identity_find(tx, cx, identity_id).await? else {
                return Ok(SessionPage { sessions: Vec::new(), more: false, total: Some(0) });
            };
            let (list, total) = sessions::sessions_list_by_identity(tx, cx, identity_id, active, limit, offset).await?;
            let more = offset + (list.len() as i64) < total;
            let sessions = list.into_iter().map(|session| (session, person.clone())).collect();
            Ok(SessionPage { sessions, more, total: Some(total) })
        })
        .await
    }

    /// The session of this id and whose it is, ended ones included.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn session_find(&self, cx: &Context, id: Uuid) -> Result<(Session, Person), Error> {
        let found = read!(&self.db, |tx| -> Result<Option<(Session, Person)>, Error> {
            let Some(session) = sessions::session_find(tx, cx, id).await? else { return Ok(None) };
            let owner = identities::identity_find(tx, cx, session.identity_id).await?;
            Ok(owner.map(|owner| (session, owner)))
        })
        .await?;
        found.ok_or_else(|| no_such_session().into())
    }

    /// Ends a session. One that ended before is no error.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn session_disable(&self, cx: &Context, id: Uuid) -> Result<(), Error> {
        let found = transact!(&self.db, |tx| -> Result<bool, Error> {
            let found = sessions::session_find(tx, cx, id).await?.is_some();
            sessions::session_revoke(tx, cx, id).await?;
            Ok(found)
        })
        .await?;
        if found { Ok(()) } else { Err(no_such_session().into()) }
    }

    /// Removes all sessions of an identity.
    ///
    /// # Errors
    /// 404 if there were none.
    pub async fn sessions_delete_of(&self, cx: &Context, identity_id: Uuid) -> Result<(), Error> {
        let removed = transact!(&self.db, |tx| -> Result<u64, Error> {
            Ok(sessions::sessions_delete_by_identity(tx, cx, identity_id).await?)
        })
        .await?;
        if removed > 0 { Ok(()) } else { Err(ApiError::not_found("The identity has no sessions.").into()) }
    }

    /// Makes a session last a whole lifespan from now, unless that is too early by `session.earliest_possible_extend`:
    /// then it stays as it is.
    ///
    /// # Errors
    /// 404 if there is none; 400 if it has ended (known-faults, identity 11).
    pub async fn session_extend(&self, cx: &Context, id: Uuid) -> Result<Extended, Error> {
        transact!(&self.db, |tx| -> Result<Extended, Error> {
            let mut session = sessions::session_find(tx, cx, id).await?.ok_or_else(no_such_session)?;
            let owner = identities::identity_find(tx, cx, session.identity_id).await?;
            let identity = owner.ok_or_else(no_such_session)?;
            if !session.is_active(cx.now) || identity.state != IdentityState::Active {
                return Err(ApiError::bad_request("The session has ended, and cannot be extended.").into());
            }
            let rules = &cx.settings().session;
            if rules.earliest_possible_extend.is_none_or(|before_end| session.expires_at <= cx.now + before_end) {
                session.expires_at = cx.now + rules.lifespan;
                sessions::session_update(tx, cx, &session).await?;
            }
            Ok(Extended { session, identity })
        })
        .await
    }

    /// Ends or removes many sessions.
    ///
    /// # Errors
    /// 400 for a body that names no action, no ids, too many, or both kinds.
    pub async fn sessions_manage(&self, cx: &Context, body: &BulkBody) -> Result<BulkResult, Error> {
        let (action, whose) = body.read()?;
        transact!(&self.db, |tx| -> Result<BulkResult, Error> {
            let mut processed = 0;
            match (&whose, action) {
                (Whose::Everybody, Action::Disable) => {
                    processed = session_administration::sessions_disable_some(tx, cx, BATCH).await?;
                }
                (Whose::Everybody, Action::Delete) => {
                    processed = session_administration::sessions_delete_some(tx, cx, BATCH).await?;
                }
                (Whose::Identities(ids), Action::Disable) => {
                    for id in ids {
                        processed += sessions::sessions_revoke_others(tx, cx, *id, None).await?;
                    }
                }
                (Whose::Identities(ids), Action::Delete) => {
                    for id in ids {
                        processed += sessions::sessions_delete_by_identity(tx, cx, *id).await?;
                    }
                }
                (Whose::Sessions(ids), Action::Disable) => {
                    for id in ids {
                        processed += u64::from(sessions::session_revoke(tx, cx, *id).await?);
                    }
                }
                (Whose::Sessions(ids), Action::Delete) => {
                    for id in ids {
                        processed += u64::from(session_administration::session_delete(tx, cx, *id).await?);
                    }
                }
            }
            let more = matches!(whose, Whose::Everybody) && processed == BATCH as u64;
            Ok(BulkResult { processed, more })
        })
        .await
    }
}
