//! The rows of flows, of every kind.

use crypto::sealing::Sealer;
use database::{DbError, Row, Tx, params, sql};
use foundation::{RequestContext, Timestamp, Uuid};

use super::{hash, named};
use crate::model::flow::{Flow, FlowContext, FlowKind, State, Transport};
use crate::model::identity::Aal;

const PURPOSE: &str = "self_service_flows.context";

/// Writes a new flow.
pub async fn flow_insert(tx: &mut Tx, cx: &RequestContext, vault: &Sealer, flow: &Flow) -> Result<(), DbError> {
    let insert = sql!(
        "INSERT INTO self_service_flows (id, tenant_id, kind, transport, state, active_method, request_url, \
         csrf_fingerprint, identity_id, requested_aal, refresh, identity_schema_id, ui, context, submit_count, issued_at, \
         expires_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    );
    let values = params![
        flow.id,
        cx.tenant,
        flow.kind.as_str(),
        flow.transport.as_str(),
        flow.state.as_str(),
        flow.active.clone(),
        flow.request_url.clone(),
        flow.csrf.map(|fingerprint| fingerprint.to_vec()),
        flow.identity_id,
        flow.requested_aal.as_str(),
        flow.refresh,
        flow.schema_id.clone(),
        ui_json(flow),
        seal(cx, vault, &flow.context),
        flow.submit_count,
        flow.issued_at,
        flow.expires_at,
        cx.now
    ];
    tx.execute(insert, values).await?;
    Ok(())
}

/// Writes what a submission changed, provided the flow is still in state `from`. Says whether it was: of two submissions
/// that both end a flow, one finds it ended. Attempts have a statement of their own.
pub async fn flow_update(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    flow: &Flow,
    from: State,
) -> Result<bool, DbError> {
    let update = sql!(
        "UPDATE self_service_flows SET state = $4, active_method = $5, csrf_fingerprint = $6, identity_id = $7, ui = $8, \
         context = $9, updated_at = $10 WHERE tenant_id = $1 AND id = $2 AND state = $3"
    );
    let values = params![
        cx.tenant,
        flow.id,
        from.as_str(),
        flow.state.as_str(),
        flow.active.clone(),
        flow.csrf.map(|fingerprint| fingerprint.to_vec()),
        flow.identity_id,
        ui_json(flow),
        seal(cx, vault, &flow.context),
        cx.now
    ];
    Ok(tx.execute(update, values).await? > 0)
}

/// The flow of this kind and id, expired ones included.
pub async fn flow_find(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    kind: FlowKind,
    id: Uuid,
) -> Result<Option<Flow>, DbError> {
    let find = sql!("SELECT * FROM self_service_flows WHERE tenant_id = $1 AND kind = $2 AND id = $3");
    let row = tx.row(find, params![cx.tenant, kind.as_str(), id]).await?;
    row.map(|row| from_row(&row, vault)).transpose()
}

/// Counts an attempt, before it is looked at. Gives the number of attempts with this one.
pub async fn flow_count_attempt(tx: &mut Tx, cx: &RequestContext, id: Uuid) -> Result<i64, DbError> {
    let update = sql!(
        "UPDATE self_service_flows SET submit_count = submit_count + 1 WHERE tenant_id = $1 AND id = $2 \
         RETURNING submit_count"
    );
    let row = tx.row(update, params![cx.tenant, id]).await?;
    row.map_or(Ok(i64::MAX), |row| row.get("submit_count"))
}

/// Removes up to `limit` flows that expired before `before`. Says how many.
pub async fn flows_remove_expired(
    tx: &mut Tx,
    cx: &RequestContext,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let delete = sql!(
        "DELETE FROM self_service_flows WHERE tenant_id = $1 AND id IN \
         (SELECT id FROM self_service_flows WHERE tenant_id = $1 AND expires_at < $2 ORDER BY expires_at LIMIT $3)"
    );
    tx.execute(delete, params![cx.tenant, before, limit]).await
}

fn ui_json(flow: &Flow) -> serde_json::Value {
    // A form is a plain structure: writing it as JSON cannot fail.
    serde_json::to_value(&flow.ui).unwrap_or_default()
}

fn seal(cx: &RequestContext, vault: &Sealer, context: &FlowContext) -> Vec<u8> {
    vault.seal(cx.rng.as_ref(), PURPOSE, &serde_json::to_vec(context).unwrap_or_default())
}

fn from_row(row: &Row, vault: &Sealer) -> Result<Flow, DbError> {
    let column = |column: &str, reason: String| DbError::Column { column: column.to_owned(), reason };
    let ui: serde_json::Value = row.get("ui")?;
    let sealed: Vec<u8> = row.get("context")?;
    let context = vault
        .open(PURPOSE, &sealed)
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| column("context", "cannot be opened with any of secrets.cipher".to_owned()))?;
    let transport = |text: &str| match text {
        "browser" => Some(Transport::Browser),
        "api" => Some(Transport::Api),
        _ => None,
    };
    Ok(Flow {
        id: row.get("id")?,
        kind: named(row, "kind", FlowKind::parse)?,
        transport: named(row, "transport", transport)?,
        state: named(row, "state", State::parse)?,
        active: row.get("active_method")?,
        request_url: row.get("request_url")?,
        csrf: hash(row, "csrf_fingerprint")?,
        identity_id: row.get("identity_id")?,
        requested_aal: named(row, "requested_aal", Aal::parse)?,
        refresh: row.get("refresh")?,
        schema_id: row.get("identity_schema_id")?,
        ui: serde_json::from_value(ui).map_err(|error| column("ui", error.to_string()))?,
        context,
        transient_payload: serde_json::Map::new(),
        submit_count: row.get("submit_count")?,
        issued_at: row.get("issued_at")?,
        expires_at: row.get("expires_at")?,
        updated_at: row.get("updated_at")?,
    })
}
