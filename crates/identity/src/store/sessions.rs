//! Sessions and the devices on which they began. Tokens are stored hashed.

use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};

use super::changes::{identity_changed, session_changed};
use super::named;
use crate::model::identity::Aal;
use crate::model::session::{AuthenticationMethod, Device, Session};

/// Writes a new session with its devices.
pub async fn session_insert(
    tx: &mut Tx,
    cx: &RequestContext,
    session: &Session,
    token_hash: [u8; 32],
) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO sessions (id, tenant_id, identity_id, token_hash, active, aal, authentication_methods, issued_at, \
         authenticated_at, expires_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    );
    let values = params![
        session.id,
        cx.tenant,
        session.identity_id,
        token_hash,
        session.active,
        session.aal.as_str(),
        methods_json(session),
        session.issued_at,
        session.authenticated_at,
        session.expires_at,
        cx.now
    ];
    tx.execute(insert, values).await?;
    for device in &session.devices {
        let insert = sql!(
            "INSERT INTO session_devices (id, tenant_id, session_id, ip_address, user_agent, location, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        );
        let values = params![
            device.id,
            cx.tenant,
            session.id,
            device.ip_address.clone(),
            device.user_agent.clone(),
            device.location.clone(),
            cx.now
        ];
        tx.execute(insert, values).await?;
    }
    Ok(())
}

/// Writes what a further proof changed, provided the session is still active. Says whether it was.
pub async fn session_update(tx: &mut Tx, cx: &RequestContext, session: &Session) -> Result<bool, DbError> {
    let update = sql!(
        "UPDATE sessions SET aal = $3, authentication_methods = $4, authenticated_at = $5, expires_at = $6, updated_at = $7 \
         WHERE tenant_id = $1 AND id = $2 AND active = $8"
    );
    let values = params![
        cx.tenant,
        session.id,
        session.aal.as_str(),
        methods_json(session),
        session.authenticated_at,
        session.expires_at,
        cx.now,
        true
    ];
    session_changed(tx, cx, session.id);
    Ok(tx.execute(update, values).await? > 0)
}

/// The session whose token has this hash, ended ones included.
pub async fn session_find_by_token(
    tx: &mut Tx,
    cx: &RequestContext,
    token_hash: [u8; 32],
) -> Result<Option<Session>, DbError> {
    let find = sql!("SELECT * FROM sessions WHERE tenant_id = $1 AND token_hash = $2");
    let row = tx.row(find, params![cx.tenant, token_hash]).await?;
    with_devices(tx, cx, row).await
}

/// The session of this id, ended ones included.
pub async fn session_find(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<Option<Session>, DbError> {
    let find = sql!("SELECT * FROM sessions WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(find, params![cx.tenant, id]).await?;
    with_devices(tx, cx, row).await
}

/// The sessions of an identity that count at `now`, newest first, without the one of id `except`: a page of `limit` from
/// `offset`, and how many there are in all.
pub async fn sessions_list_active(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    except: Uuid,
    limit: i64,
    offset: i64,
) -> Result<(Vec<Session>, i64), DbError> {
    let count = sql!(
        "SELECT count(*) AS total FROM sessions \
         WHERE tenant_id = $1 AND identity_id = $2 AND id <> $3 AND active = $4 AND expires_at > $5"
    );
    let row = tx.row(count, params![cx.tenant, identity_id, except, true, cx.now]).await?;
    let total = row.map_or(Ok(0), |row| row.get("total"))?;
    let list = sql!(
        "SELECT * FROM sessions WHERE tenant_id = $1 AND identity_id = $2 AND id <> $3 AND active = $4 AND expires_at > $5 \
         ORDER BY issued_at DESC, id LIMIT $6 OFFSET $7"
    );
    let rows = tx.rows(list, params![cx.tenant, identity_id, except, true, cx.now, limit, offset]).await?;
    Ok((all_with_devices(tx, cx, rows).await?, total))
}

/// All sessions of an identity, ended ones included, newest first: a page, and how many there are in all. With `active`
/// only those that do or don't count at the context's present: those of an inactive identity don't.
pub async fn sessions_list_by_identity(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    active: Option<bool>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<Session>, i64), DbError> {
    // With 0 both sides of the comparison are the same, so that every row passes.
    let filter = active.map_or(0, |active| if active { 1 } else { -1 });
    let count = sql!(
        "SELECT count(*) AS total FROM sessions WHERE tenant_id = $1 AND identity_id = $2 \
         AND (CASE WHEN active = $3 AND expires_at > $4 AND EXISTS \
         (SELECT id FROM identities WHERE identities.id = sessions.identity_id AND state = 'active') THEN 1 ELSE -1 END) * $5 >= 0"
    );
    let row = tx.row(count, params![cx.tenant, identity_id, true, cx.now, filter]).await?;
    let total = row.map_or(Ok(0), |row| row.get("total"))?;
    let list = sql!(
        "SELECT * FROM sessions WHERE tenant_id = $1 AND identity_id = $2 \
         AND (CASE WHEN active = $3 AND expires_at > $4 AND EXISTS \
         (SELECT id FROM identities WHERE identities.id = sessions.identity_id AND state = 'active') THEN 1 ELSE -1 END) * $5 >= 0 \
         ORDER BY issued_at DESC, id LIMIT $6 OFFSET $7"
    );
    let rows = tx.rows(list, params![cx.tenant, identity_id, true, cx.now, filter, limit, offset]).await?;
    Ok((all_with_devices(tx, cx, rows).await?, total))
}

/// A page of all sessions, newest first, that come after the one of `after` (its `issued_at` and id).
pub async fn sessions_list(
    tx: &mut Tx,
    cx: &RequestContext,
    active: Option<bool>,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Session>, DbError> {
    let filter = active.map_or(0, |active| if active { 1 } else { -1 });
    let (issued_at, id) = after.unwrap_or((Timestamp::MAX, Uuid::max()));
    let list = sql!(
        "SELECT * FROM sessions WHERE tenant_id = $1 \
         AND (CASE WHEN active = $2 AND expires_at > $3 AND EXISTS \
         (SELECT id FROM identities WHERE identities.id = sessions.identity_id AND state = 'active') THEN 1 ELSE -1 END) * $4 >= 0 \
         AND (issued_at, id) < ($5, $6) ORDER BY issued_at DESC, id DESC LIMIT $7"
    );
    let rows = tx.rows(list, params![cx.tenant, true, cx.now, filter, issued_at, id, limit]).await?;
    all_with_devices(tx, cx, rows).await
}

/// Ends a session. Says whether there was one to end.
pub async fn session_revoke(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<bool, DbError> {
    let update =
        sql!("UPDATE sessions SET active = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2 AND active <> $3");
    session_changed(tx, cx, id);
    Ok(tx.execute(update, params![cx.tenant, id, false, cx.now]).await? > 0)
}

/// Ends the sessions of an identity, but for the one of id `except`. Says how many counted before.
pub async fn sessions_revoke_others(
    tx: &mut Tx,
    cx: &RequestContext,
    identity_id: Uuid,
    except: Option<Uuid>,
) -> Result<u64, DbError> {
    let update = sql!(
        "UPDATE sessions SET active = $4, updated_at = $5 \
         WHERE tenant_id = $1 AND identity_id = $2 AND id <> $3 AND active <> $4 AND expires_at > $5"
    );
    let values = params![cx.tenant, identity_id, except.unwrap_or(Uuid::nil()), false, cx.now];
    identity_changed(tx, cx, identity_id);
    tx.execute(update, values).await
}

/// Removes the sessions of an identity. Says how many there were.
pub async fn sessions_delete_by_identity(tx: &mut Tx, cx: &RequestContext, identity_id: Uuid) -> Result<u64, DbError> {
    let delete = sql!("DELETE FROM sessions WHERE tenant_id = $1 AND identity_id = $2");
    identity_changed(tx, cx, identity_id);
    tx.execute(delete, params![cx.tenant, identity_id]).await
}

/// Removes up to `limit` sessions that expired before `before`. Says how many.
pub async fn sessions_remove_expired(
    tx: &mut Tx,
    cx: &RequestContext,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let delete = sql!(
        "DELETE FROM sessions WHERE tenant_id = $1 AND id IN \
         (SELECT id FROM sessions WHERE tenant_id = $1 AND expires_at < $2 ORDER BY expires_at LIMIT $3)"
    );
    tx.execute(delete, params![cx.tenant, before, limit]).await
}

async fn all_with_devices(tx: &mut Tx, cx: &RequestContext, rows: Vec<Row>) -> Result<Vec<Session>, DbError> {
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        sessions.extend(with_devices(tx, cx, Some(row)).await?);
    }
    Ok(sessions)
}

async fn with_devices(tx: &mut Tx, cx: &RequestContext, row: Option<Row>) -> Result<Option<Session>, DbError> {
    let Some(row) = row else { return Ok(None) };
    let mut session = from_row(&row)?;
    let devices =
        sql!("SELECT * FROM session_devices WHERE tenant_id = $1 AND session_id = $2 ORDER BY created_at, id");
    for row in tx.rows(devices, params![cx.tenant, session.id]).await? {
        session.devices.push(Device {
            id: row.get("id")?,
            ip_address: row.get("ip_address")?,
            user_agent: row.get("user_agent")?,
            location: row.get("location")?,
        });
    }
    Ok(Some(session))
}

fn methods_json(session: &Session) -> serde_json::Value {
    serde_json::to_value(&session.methods).unwrap_or_default()
}

fn from_row(row: &Row) -> Result<Session, DbError> {
    let methods: serde_json::Value = row.get("authentication_methods")?;
    let methods: Vec<AuthenticationMethod> = serde_json::from_value(methods)
        .map_err(|error| DbError::Column { column: "authentication_methods".to_owned(), reason: error.to_string() })?;
    Ok(Session {
        id: row.get("id")?,
        identity_id: row.get("identity_id")?,
        active: row.get("active")?,
        expires_at: row.get("expires_at")?,
        authenticated_at: row.get("authenticated_at")?,
        issued_at: row.get("issued_at")?,
        aal: named(row, "aal", Aal::parse)?,
        methods,
        devices: Vec::new(),
    })
}
