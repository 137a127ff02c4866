//! `limen secrets reseal`: seals what is kept at rest under the newest of `secrets.cipher`.

use std::sync::Arc;

use anyhow::bail;
use foundation::{Clock, RequestContext, Rng, SystemClock, SystemRng};
use identity::{Context, Snapshot, credentials_reseal};

use super::config::{self, Environment};
use super::{Files, block_on, open_database};
use crate::{compose, logs};

/// Looks at every credential, and seals those anew that an older secret had sealed.
///
/// # Errors
/// A configuration or database that cannot be used; credentials that open with none of the secrets.
pub fn reseal(files: &Files, environment: &Environment) -> anyhow::Result<()> {
    let ready = config::ready(&config::loader(&files.present(), environment))?;
    block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let db = open_database(files, environment, Arc::clone(&clock)).await?;
        let request = RequestContext::background(compose::TENANT, clock, rng);
        let done = credentials_reseal(&db, &Context::new(request, Arc::new(Snapshot::new(ready.settings)?))).await?;
        if done.unreadable > 0 {
            bail!(
                "{} of {} credentials open with none of secrets.cipher: put the secret back that was removed",
                done.unreadable,
                done.seen
            );
        }
        logs::say(&format!(
            "{} of {} credentials were sealed under an older secret, and are now under the newest\n",
            done.renewed, done.seen
        ))
    })
}
