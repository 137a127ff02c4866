//! How much waits in the queues, and since when: for the metrics.

use database::{DbError, Tx, params, sql};
use foundation::Timestamp;

/// What waits in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) number: i64,
    pub(crate) since: Option<Timestamp>,
}

/// Mails that are neither delivered nor given up.
pub(crate) async fn mails(tx: &mut Tx) -> Result<Waiting, DbError> {
    let waiting = sql!(
        "SELECT COUNT(*) AS number, MIN(created_at) AS since \
         FROM courier_messages /* every tenant: numbers of the whole program */ \
         WHERE status = 'queued' OR status = 'processing'"
    );
    read(tx, waiting).await
}

/// Web hooks that are neither delivered nor given up.
pub(crate) async fn hooks(tx: &mut Tx) -> Result<Waiting, DbError> {
    let waiting = sql!(
        "SELECT COUNT(*) AS number, MIN(created_at) AS since \
         FROM courier_hooks /* every tenant: numbers of the whole program */ \
         WHERE status = 'queued' OR status = 'processing'"
    );
    read(tx, waiting).await
}

async fn read(tx: &mut Tx, statement: database::Statement) -> Result<Waiting, DbError> {
    match tx.row(statement, params![]).await? {
        Some(row) => Ok(Waiting { number: row.get("number")?, since: row.get("since")? }),
        None => Ok(Waiting::default()),
    }
}
