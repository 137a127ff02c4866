//! What people do with their own sessions: look at them, end them.

use database::{read, transact};
use foundation::{ApiError, Uuid};

use super::Current;
use super::current::{Shown, require_aal};
use crate::context::Context;
use crate::error::Error;
use crate::model::session::Session;
use crate::service::Identity;
use crate::store::sessions;

impl Identity {
    /// The session that a request shows, if it is good enough for `session.whoami.required_aal`.
    ///
    /// # Errors
    /// 401 without a session, 403 `session_aal2_required` below the required level.
    pub async fn session_whoami(&self, cx: &Context, shown: Option<&Shown>) -> Result<Current, Error> {
        let current = self.session_required(cx, shown).await?;
        require_aal(cx, &current, cx.settings().session.whoami.required_aal, None)?;
        Ok(current)
    }

    /// The other sessions of who asks that count, newest first, a page of them; and how many there are in all.
    ///
    /// # Errors
    /// As [`Identity::session_whoami`].
    pub async fn sessions_own(
        &self,
        cx: &Context,
        shown: Option<&Shown>,
        limit: i64,
        offset: i64,
    ) -> Result<(Current, Vec<Session>, i64), Error> {
        let current = self.session_whoami(cx, shown).await?;
        let (identity_id, except) = (current.identity.id, current.session.id);
        let (list, total) = read!(&self.db, |tx| -> Result<(Vec<Session>, i64), Error> {
            Ok(sessions::sessions_list_active(tx, cx, identity_id, except, limit, offset).await?)
        })
        .await?;
        Ok((current, list, total))
    }

    /// Ends all other sessions of who asks, and says how many counted until then.
    ///
    /// # Errors
    /// 401 without a session.
    pub async fn sessions_revoke_own_others(&self, cx: &Context, shown: Option<&Shown>) -> Result<u64, Error> {
        let current = self.session_required(cx, shown).await?;
        let (identity_id, except) = (current.identity.id, current.session.id);
        transact!(&self.db, |tx| -> Result<u64, Error> {
            Ok(sessions::sessions_revoke_others(tx, cx, identity_id, Some(except)).await?)
        })
        .await
    }

    /// Ends another session of who asks. An id of somebody else's session changes nothing, and the answer does not tell.
    ///
    /// # Errors
    /// 401 without a session; 400 for the current one.
    pub async fn session_revoke_own(&self, cx: &Context, shown: Option<&Shown>, id: Uuid) -> Result<(), Error> {
        let current = self.session_required(cx, shown).await?;
        if current.session.id == id {
            return Err(ApiError::bad_request("This is the current session: sign out to end it.").into());
        }
        let identity_id = current.identity.id;
        transact!(&self.db, |tx| -> Result<(), Error> {
            let found = sessions::session_find(tx, cx, id).await?;
            if found.is_some_and(|session| session.identity_id == identity_id) {
                sessions::session_revoke(tx, cx, id).await?;
            }
            Ok(())
        })
        .await
    }
}
