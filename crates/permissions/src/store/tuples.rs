//! The tuples of this moment: written, deleted, and read as a whole.

use database::{DbError, Row, Tx, params, sql};
use foundation::{Timestamp, Uuid};

use super::keys::{subject_key, tuple_key};
use super::listing::Place;
use crate::model::{RelationTuple, Subject, SubjectSet, TupleQuery};

/// Reads a tuple; with its key, behind which a walk over all goes on.
pub(crate) fn tuple(row: &Row) -> Result<(Vec<u8>, RelationTuple), DbError> {
    let subject = match row.get::<Option<String>>("subject_id")? {
        Some(id) => Subject::Id(id),
        None => Subject::Set(SubjectSet {
            namespace: row.get("subject_namespace")?,
            object: row.get("subject_object")?,
            relation: row.get("subject_relation")?,
        }),
    };
    let condition: Option<String> = row.get("condition_call")?;
    let condition = condition
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|cause| DbError::Column { column: "condition_call".to_owned(), reason: cause.to_string() })?;
    let tuple = RelationTuple {
        namespace: row.get("namespace")?,
        object: row.get("object")?,
        relation: row.get("relation")?,
        subject,
        expires_at: row.get("expires_at")?,
        condition,
    };
    Ok((row.get("id")?, tuple))
}

/// Writes a tuple; `false` if it was there with the same expiry and condition.
///
/// # Errors
/// What the database says.
pub async fn tuple_touch(tx: &mut Tx, tenant: Uuid, tuple: &RelationTuple) -> Result<bool, DbError> {
    let condition = tuple.condition.as_ref().map(serde_json::to_string).transpose();
    let condition =
        condition.map_err(|cause| DbError::Other(format!("a condition cannot be written as JSON: {cause}")))?;
    let (id, set) = match &tuple.subject {
        Subject::Id(id) => (Some(id), None),
        Subject::Set(set) => (None, Some(set)),
    };
    let statement = sql!(
        "INSERT INTO permission_tuples (tenant_id, id, namespace, object, relation, subject_key, subject_id, \
         subject_namespace, subject_object, subject_relation, expires_at, condition_call) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (tenant_id, id) DO UPDATE SET expires_at = excluded.expires_at, \
         condition_call = excluded.condition_call \
         WHERE permission_tuples.expires_at IS DISTINCT FROM excluded.expires_at \
         OR permission_tuples.condition_call IS DISTINCT FROM excluded.condition_call"
    );
    let values = params![
        tenant,
        tuple_key(tuple),
        &tuple.namespace,
        &tuple.object,
        &tuple.relation,
        subject_key(&tuple.subject),
        id,
        set.map(|set| &set.namespace),
        set.map(|set| &set.object),
        set.map(|set| &set.relation),
        tuple.expires_at,
        condition,
    ];
    Ok(tx.execute(statement, values).await? > 0)
}

/// Deletes a tuple, whatever its expiry and condition; `false` if there was none.
///
/// # Errors
/// What the database says.
pub async fn tuple_delete(tx: &mut Tx, tenant: Uuid, tuple: &RelationTuple) -> Result<bool, DbError> {
    let statement = sql!("DELETE FROM permission_tuples WHERE tenant_id = $1 AND id = $2");
    Ok(tx.execute(statement, params![tenant, tuple_key(tuple)]).await? > 0)
}

/// All tuples in the order of their keys, behind a key, at most `limit`: a walk over everything.
///
/// # Errors
/// What the database says.
pub async fn tuples_walk(
    tx: &mut Tx,
    tenant: Uuid,
    behind: &[u8],
    limit: i64,
) -> Result<Vec<(Vec<u8>, RelationTuple)>, DbError> {
    let statement = sql!(
        "SELECT id, namespace, object, relation, subject_id, subject_namespace, subject_object, subject_relation, \
         expires_at, condition_call FROM permission_tuples WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    );
    let rows = tx.rows(statement, params![tenant, behind, limit]).await?;
    rows.iter().map(tuple).collect()
}

/// The tuples of a set whose subjects are sets, behind a key, at most `limit`; each with its place.
///
/// # Errors
/// What the database says.
pub async fn tuples_of_sets(
    tx: &mut Tx,
    tenant: Uuid,
    query: &TupleQuery,
    behind: &[u8],
    limit: i64,
) -> Result<Vec<(Place, RelationTuple)>, DbError> {
    let statement = sql!(
        "SELECT id, namespace, object, relation, subject_id, subject_namespace, subject_object, subject_relation, \
         expires_at, condition_call FROM permission_tuples WHERE tenant_id = $1 AND namespace = $2 AND object = $3 \
         AND relation = $4 AND subject_id IS NULL AND id > $5 ORDER BY id LIMIT $6"
    );
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let values = params![tenant, part(&query.namespace), part(&query.object), part(&query.relation), behind, limit];
    let rows = tx.rows(statement, values).await?;
    rows.iter()
        .map(|row| {
            let (key, tuple) = tuple(row)?;
            Ok((Place { key, ..Place::default() }, tuple))
        })
        .collect()
}

/// How many tuples there are.
///
/// # Errors
/// What the database says.
pub async fn tuples_count(tx: &mut Tx, tenant: Uuid) -> Result<i64, DbError> {
    let statement = sql!("SELECT COUNT(*) AS found FROM permission_tuples WHERE tenant_id = $1");
    tx.row(statement, params![tenant]).await?.map_or(Ok(0), |row| row.get("found"))
}

/// Tuples that have expired, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn tuples_expired(
    tx: &mut Tx,
    tenant: Uuid,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<RelationTuple>, DbError> {
    let statement = sql!(
        "SELECT id, namespace, object, relation, subject_id, subject_namespace, subject_object, subject_relation, \
         expires_at, condition_call FROM permission_tuples WHERE tenant_id = $1 AND expires_at <= $2 \
         ORDER BY expires_at, id LIMIT $3"
    );
    let rows = tx.rows(statement, params![tenant, now, limit]).await?;
    rows.iter().map(|row| tuple(row).map(|(_, tuple)| tuple)).collect()
}
