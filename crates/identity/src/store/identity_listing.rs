//! Lists of identities, and what belongs to all identities of a list: read in a few statements, however long the list.

use std::collections::HashMap;

use crypto::sealing::Sealer;
use database::{DbError, Statement, Tx, Value, params, sql};
use foundation::{RequestContext, Uuid};

use super::{addresses, credentials, identities};
use crate::model::identity::{CredentialKind, Identity};

/// Which identities.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All.
    All,
    /// Those of these ids.
    Ids(Vec<Uuid>),
    /// The one that signs in with this.
    Identifier {
        /// As identifiers are stored.
        normalised: String,
        /// As it was asked for.
        typed: String,
    },
    /// Those with an identifier that starts like this.
    IdentifierPrefix(String),
    /// Those of this organization.
    Organization(Uuid),
}

/// Which part of a list that is in the order of ids.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Behind this id; the nil id is before all others.
    pub after: Uuid,
    /// So many of them are left out.
    pub offset: i64,
    /// At most so many.
    pub limit: i64,
}

/// How many ids one statement takes.
const CHUNK: usize = 32;

/// The placeholders of a chunk of ids, from `$2` on.
macro_rules! chunk {
    () => {
        "($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, \
         $26, $27, $28, $29, $30, $31, $32, $33)"
    };
}

/// The kind of credential whose identifiers people type in.
const TYPED_KIND: CredentialKind = CredentialKind::Password;

/// A part of the identities that pass `filter`, without addresses and credentials.
pub async fn identities_list(
    tx: &mut Tx,
    cx: &RequestContext,
    filter: &Filter,
    window: Window,
) -> Result<Vec<Identity>, DbError> {
    let Window { after, offset, limit } = window;
    let kind = TYPED_KIND.as_str();
    let rows = match filter {
        Filter::All => {
            let list = sql!("SELECT * FROM identities WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3 OFFSET $4");
            tx.rows(list, params![cx.tenant, after, limit, offset]).await?
        }
        Filter::Organization(organization) => {
            let list = sql!(
                "SELECT * FROM identities WHERE tenant_id = $1 AND id > $2 AND organization_id = $5 \
                 ORDER BY id LIMIT $3 OFFSET $4"
            );
            tx.rows(list, params![cx.tenant, after, limit, offset, organization]).await?
        }
        Filter::Identifier { normalised, typed } => {
            let list = sql!(
                "SELECT * FROM identities WHERE tenant_id = $1 AND id > $2 AND id IN \
                 (SELECT identity_id FROM identity_credential_identifiers \
                  WHERE tenant_id = $1 AND kind = $5 AND identifier IN ($6, $7)) ORDER BY id LIMIT $3 OFFSET $4"
            );
            tx.rows(list, params![cx.tenant, after, limit, offset, kind, normalised, typed]).await?
        }
        Filter::IdentifierPrefix(prefix) => {
            let list = sql!(
                "SELECT * FROM identities WHERE tenant_id = $1 AND id > $2 AND id IN \
                 (SELECT identity_id FROM identity_credential_identifiers \
                  WHERE tenant_id = $1 AND kind = $5 AND identifier >= $6 AND identifier < $7) \
                 ORDER BY id LIMIT $3 OFFSET $4"
            );
            tx.rows(list, params![cx.tenant, after, limit, offset, kind, prefix, prefix_end(prefix)]).await?
        }
        Filter::Ids(ids) => {
            let mut found = identities_find_all(tx, cx, ids).await?;
            found.retain(|identity| identity.id > after);
            let from = usize::try_from(offset).unwrap_or_default();
            return Ok(found.into_iter().skip(from).take(usize::try_from(limit).unwrap_or_default()).collect());
        }
    };
    rows.iter().map(identities::identity_from_row).collect()
}

/// How many identities pass `filter`.
pub async fn identities_count(tx: &mut Tx, cx: &RequestContext, filter: &Filter) -> Result<i64, DbError> {
    let kind = TYPED_KIND.as_str();
    let row = match filter {
        Filter::All => {
            let count = sql!("SELECT count(*) AS total FROM identities WHERE tenant_id = $1");
            tx.row(count, params![cx.tenant]).await?
        }
        Filter::Organization(organization) => {
            let count = sql!("SELECT count(*) AS total FROM identities WHERE tenant_id = $1 AND organization_id = $2");
            tx.row(count, params![cx.tenant, organization]).await?
        }
        Filter::Identifier { normalised, typed } => {
            let count = sql!(
                "SELECT count(DISTINCT identity_id) AS total FROM identity_credential_identifiers \
                 WHERE tenant_id = $1 AND kind = $2 AND identifier IN ($3, $4)"
            );
            tx.row(count, params![cx.tenant, kind, normalised, typed]).await?
        }
        Filter::IdentifierPrefix(prefix) => {
            let count = sql!(
                "SELECT count(DISTINCT identity_id) AS total FROM identity_credential_identifiers \
                 WHERE tenant_id = $1 AND kind = $2 AND identifier >= $3 AND identifier < $4"
            );
            tx.row(count, params![cx.tenant, kind, prefix, prefix_end(prefix)]).await?
        }
        Filter::Ids(ids) => return Ok(identities_find_all(tx, cx, ids).await?.len() as i64),
    };
    row.map_or(Ok(0), |row| row.get("total"))
}

/// The identities of these ids, in the order of ids, without addresses and credentials.
pub async fn identities_find_all(tx: &mut Tx, cx: &RequestContext, ids: &[Uuid]) -> Result<Vec<Identity>, DbError> {
    let find = sql!(concat!("SELECT * FROM identities WHERE tenant_id = $1 AND id IN ", chunk!()));
    let mut found = Vec::new();
    for row in rows_of(tx, cx, find, ids).await? {
        found.push(identities::identity_from_row(&row)?);
    }
    found.sort_by_key(|identity| identity.id);
    found.dedup_by_key(|identity| identity.id);
    Ok(found)
}

/// Loads the addresses of all identities of a list.
pub async fn addresses_load_all(tx: &mut Tx, cx: &RequestContext, list: &mut [Identity]) -> Result<(), DbError> {
    let (ids, places) = index(list);
    let verifiable = sql!(concat!(
        "SELECT * FROM identity_verifiable_addresses WHERE tenant_id = $1 AND identity_id IN ",
        chunk!(),
        " ORDER BY place, id"
    ));
    for row in rows_of(tx, cx, verifiable, &ids).await? {
        if let Some(place) = places.get(&row.get::<Uuid>("identity_id")?) {
            list[*place].verifiable_addresses.push(addresses::verifiable_from_row(&row)?);
        }
    }
    let recovery = sql!(concat!(
        "SELECT * FROM identity_recovery_addresses WHERE tenant_id = $1 AND identity_id IN ",
        chunk!(),
        " ORDER BY place, id"
    ));
    for row in rows_of(tx, cx, recovery, &ids).await? {
        if let Some(place) = places.get(&row.get::<Uuid>("identity_id")?) {
            list[*place].recovery_addresses.push(addresses::recovery_from_row(&row)?);
        }
    }
    Ok(())
}

/// Loads the credentials of all identities of a list.
pub async fn credentials_load_all(
    tx: &mut Tx,
    cx: &RequestContext,
    vault: &Sealer,
    list: &mut [Identity],
) -> Result<(), DbError> {
    let (ids, places) = index(list);
    let select = sql!(concat!("SELECT * FROM identity_credentials WHERE tenant_id = $1 AND identity_id IN ", chunk!()));
    for row in rows_of(tx, cx, select, &ids).await? {
        if let Some(place) = places.get(&row.get::<Uuid>("identity_id")?) {
            list[*place].credentials.push(credentials::from_row(&row, vault)?);
        }
    }
    let select = sql!(concat!(
        "SELECT kind, identifier, identity_id FROM identity_credential_identifiers \
         WHERE tenant_id = $1 AND identity_id IN ",
        chunk!(),
        " ORDER BY identifier"
    ));
    for row in rows_of(tx, cx, select, &ids).await? {
        let Some(place) = places.get(&row.get::<Uuid>("identity_id")?) else { continue };
        let kind = super::named(&row, "kind", CredentialKind::parse)?;
        let mut known = list[*place].credentials.iter_mut();
        if let Some(credential) = known.find(|credential| credential.kind == kind) {
            credential.identifiers.push(row.get("identifier")?);
        }
    }
    for identity in list {
        identity.credentials.sort_by_key(|credential| credential.kind);
    }
    Ok(())
}

fn index(list: &[Identity]) -> (Vec<Uuid>, HashMap<Uuid, usize>) {
    let ids: Vec<Uuid> = list.iter().map(|identity| identity.id).collect();
    let places = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    (ids, places)
}

/// Runs a statement that ends in a chunk of ids for as many chunks as it takes. A chunk that is not full repeats an id.
async fn rows_of(
    tx: &mut Tx,
    cx: &RequestContext,
    statement: Statement,
    ids: &[Uuid],
) -> Result<Vec<database::Row>, DbError> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let filler = chunk.first().copied().unwrap_or_default();
        let mut values = vec![Value::from(cx.tenant)];
        values.extend((0..CHUNK).map(|place| Value::from(*chunk.get(place).unwrap_or(&filler))));
        rows.extend(tx.rows(statement, &values).await?);
    }
    Ok(rows)
}

/// What sorts behind everything that starts with `prefix`: no identifier holds this last code point.
fn prefix_end(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}
