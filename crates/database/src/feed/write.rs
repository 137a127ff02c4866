//! Writing to the feed: the changes that a transaction collected become its last row.

use foundation::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Change;
use crate::{DbError, Tx, params, sql};

/// Writes what changed, a row for each tenant. Last before the commit, so that the number is in flight for as short as can be.
///
/// # Errors
/// [`DbError::Serialization`] if a follower gave the number up in the meantime; what the database says.
pub(crate) async fn write(tx: &mut Tx, changes: &[Change], now: Timestamp) -> Result<(), DbError> {
    let mut tenants: Vec<Uuid> = changes.iter().map(|change| change.tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        let list: Vec<Json> = changes.iter().filter(|change| change.tenant == tenant).map(to_json).collect();
        let insert = sql!("INSERT INTO revisions (tenant_id, changes, created_at) VALUES ($1, $2, $3)");
        match tx.execute(insert, params![tenant, Json::from(list), now]).await {
            Err(DbError::UniqueViolation { .. }) => return Err(DbError::Serialization),
            result => result?,
        };
    }
    Ok(())
}

fn to_json(change: &Change) -> Json {
    json!([change.topic, change.key])
}

/// The changes of a row. What a newer program wrote in another shape counts as a change of everything in the topic.
pub(super) fn from_json(tenant: Uuid, list: &Json) -> Vec<Change> {
    let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let change = |entry: &Json| {
        let key = entry[1].as_str().and_then(|key| key.parse().ok());
        Some(Change { tenant, topic: entry[0].as_str()?.to_owned(), key })
    };
    entries.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_as_they_were_written() {
        let (tenant, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let changes = [Change::one(tenant, "session", id), Change::all(tenant, "identity")];
        let list = Json::from(changes.iter().map(to_json).collect::<Vec<_>>());
        assert_eq!(from_json(tenant, &list), changes);
        assert_eq!(from_json(tenant, &json!([["session", {"newer": 1}]])), [Change::all(tenant, "session")]);
        assert_eq!(from_json(tenant, &json!([])), []);
    }
}
