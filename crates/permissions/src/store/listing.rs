//! Tuples by a filter, page by page, in the order (namespace, object, relation, key): every filter has statements of its
//! own, so that each can use its index.

use database::{DbError, Statement, Tx, Value, sql};
use foundation::Uuid;

use super::keys::subject_key;
use super::tuples::tuple;
use crate::model::{RelationTuple, Subject, SubjectQuery, TupleQuery};

/// Behind what a listing goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Of the last tuple: its namespace.
    pub namespace: String,
    /// Its object.
    pub object: String,
    /// Its relation.
    pub relation: String,
    /// Its key.
    pub key: Vec<u8>,
}

// The places of parameters: 1 tenant, 2 to 5 the place, 6 the limit, 7 namespace, 8 object, 9 relation, 10 subject. SQLite
// and PostgreSQL want every parameter to be used, so each filter has its numbers.
macro_rules! listing {
    ($conditions:literal) => {
        sql!(concat!(
            "SELECT id, namespace, object, relation, subject_id, subject_namespace, subject_object, subject_relation, ",
            "expires_at, condition_call FROM permission_tuples WHERE tenant_id = $1 ",
            $conditions,
            " AND (namespace, object, relation, id) > ($2, $3, $4, $5) ORDER BY namespace, object, relation, id LIMIT $6"
        ))
    };
}

/// The statement of a filter: which of namespace, object, relation and subject it names.
fn statement(named: [bool; 4]) -> Statement {
    match named {
        [false, false, false, false] => listing!(""),
        [true, false, false, false] => listing!("AND namespace = $7"),
        [false, true, false, false] => listing!("AND object = $7"),
        [true, true, false, false] => listing!("AND namespace = $7 AND object = $8"),
        [false, false, true, false] => listing!("AND relation = $7"),
        [true, false, true, false] => listing!("AND namespace = $7 AND relation = $8"),
        [false, true, true, false] => listing!("AND object = $7 AND relation = $8"),
        [true, true, true, false] => listing!("AND namespace = $7 AND object = $8 AND relation = $9"),
        [false, false, false, true] => listing!("AND subject_key = $7"),
        [true, false, false, true] => listing!("AND namespace = $7 AND subject_key = $8"),
        [false, true, false, true] => listing!("AND object = $7 AND subject_key = $8"),
        [true, true, false, true] => listing!("AND namespace = $7 AND object = $8 AND subject_key = $9"),
        [false, false, true, true] => listing!("AND relation = $7 AND subject_key = $8"),
        [true, false, true, true] => listing!("AND namespace = $7 AND relation = $8 AND subject_key = $9"),
        [false, true, true, true] => listing!("AND object = $7 AND relation = $8 AND subject_key = $9"),
        [true, true, true, true] => {
            listing!("AND namespace = $7 AND object = $8 AND relation = $9 AND subject_key = $10")
        }
    }
}

/// The tuples that a filter means, behind a place, at most `limit`; each with its place.
///
/// # Errors
/// What the database says.
pub async fn tuples_list(
    tx: &mut Tx,
    tenant: Uuid,
    query: &TupleQuery,
    behind: &Place,
    limit: i64,
) -> Result<Vec<(Place, RelationTuple)>, DbError> {
    let named = [query.namespace.is_some(), query.object.is_some(), query.relation.is_some(), query.subject.is_some()];
    let mut values = vec![
        Value::from(tenant),
        Value::from(&behind.namespace),
        Value::from(&behind.object),
        Value::from(&behind.relation),
        Value::from(&behind.key),
        Value::from(limit),
    ];
    values.extend([&query.namespace, &query.object, &query.relation].into_iter().flatten().map(Value::from));
    values.extend(query.subject.as_ref().map(|subject| {
        let subject = match subject {
            SubjectQuery::Id(id) => Subject::Id(id.clone()),
            SubjectQuery::Set(set) => Subject::Set(set.clone()),
        };
        Value::from(subject_key(&subject))
    }));
    let rows = tx.rows(statement(named), &values).await?;
    rows.iter()
        .map(|row| {
            let (key, tuple) = tuple(row)?;
            let place = Place {
                namespace: tuple.namespace.clone(),
                object: tuple.object.clone(),
                relation: tuple.relation.clone(),
                key,
            };
            Ok((place, tuple))
        })
        .collect()
}
