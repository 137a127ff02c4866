//! Seals credentials anew under the newest of `secrets.cipher`, so that the older ones can go. Works beside running servers:
//! what they change in the meantime is left as they wrote it.

use crypto::sealing::Renewal;
use database::{Db, read, transact};
use foundation::Uuid;

use crate::context::Context;
use crate::error::Error;
use crate::store::credentials;

/// Credentials that are looked at in one transaction.
const BATCH: i64 = 100;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Credentials that were looked at.
    pub seen: u64,
    /// Those that an older secret had sealed.
    pub renewed: u64,
    /// Those that open with no secret: one was removed too early.
    pub unreadable: u64,
}

/// Seals every credential under the newest secret. Can be run again at any time, and after an interruption.
///
/// # Errors
/// What the database says. What was sealed anew until then stays so.
pub async fn credentials_reseal(db: &Db, cx: &Context) -> Result<Resealed, Error> {
    let mut done = Resealed::default();
    let mut after = Uuid::nil();
    loop {
        let page = read!(db, |tx| -> Result<Vec<(Uuid, Vec<u8>)>, Error> {
            Ok(credentials::credentials_sealed(tx, cx, after, BATCH).await?)
        })
        .await?;
        let Some((last, _)) = page.last() else { return Ok(done) };
        after = *last;
        let mut renewals = Vec::new();
        for (id, sealed) in page {
            done.seen += 1;
            match credentials::renew(cx, cx.vault(), &sealed) {
                Renewal::Current => {}
                Renewal::Renewed(renewed) => renewals.push((id, sealed, renewed)),
                Renewal::Unreadable => {
                    done.unreadable += 1;
                    tracing::error!(credential = %id, "opens with none of secrets.cipher");
                }
            }
        }
        done.renewed += transact!(db, |tx| -> Result<u64, Error> {
            let mut count = 0;
            for (id, sealed, renewed) in &renewals {
                count += u64::from(credentials::credential_reseal(tx, cx, *id, sealed, renewed).await?);
            }
            Ok(count)
        })
        .await?;
    }
}
