//! What every use case is given first: who asks, and the settings and keys that hold for this request.

use std::sync::Arc;

use crypto::macs::Macs;
use crypto::sealing::Sealer;
use foundation::{RequestContext, Secret};
use web::TrustedProxies;

use crate::settings::Settings;

/// The settings of a moment and the keys that follow from them. A reload makes a new one; requests keep theirs.
#[derive(Debug)]
pub struct Snapshot {
    /// The configuration.
    pub settings: Settings,
    cookies: Sealer,
    vault: Sealer,
    macs: Macs,
    proxies: TrustedProxies,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no secret to sign and encrypt cookies with.
    #[error(
        "secrets.cookie (or secrets.default) is missing: put at least one secret of 16 characters or more there, for \
         example the output of `openssl rand -hex 32`"
    )]
    NoCookieSecret,
    /// An entry of `serve.public.trusted_proxies` is no address.
    #[error("serve.public.trusted_proxies: {0}")]
    Proxies(#[from] web::client::ProxyError),
}

impl Snapshot {
    /// The proxies whose forwarding headers count.
    pub fn trusted_proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Seals what travels in cookies.
    pub fn cookie_sealer(&self) -> &Sealer {
        &self.cookies
    }

    /// Makes the keys for `settings`.
    ///
    /// # Errors
    /// [`SnapshotError::NoCookieSecret`] if there is none.
    pub fn new(settings: Settings) -> Result<Self, SnapshotError> {
        let cookie: Vec<Secret<String>> = settings.secrets.for_cookies().to_vec();
        let missing = |_| SnapshotError::NoCookieSecret;
        Ok(Self {
            cookies: Sealer::new(cookie.clone()).map_err(missing)?,
            vault: Sealer::new(settings.secrets.at_rest()).map_err(missing)?,
            macs: Macs::new(cookie).map_err(missing)?,
            proxies: TrustedProxies::parse(&settings.serve.public.trusted_proxies)?,
            settings,
        })
    }
}

/// The context of a request to this service.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who asks, and when.
    pub request: RequestContext,
    snapshot: Arc<Snapshot>,
}

impl Context {
    /// The context of `request` under the settings of `snapshot`.
    pub fn new(request: RequestContext, snapshot: Arc<Snapshot>) -> Self {
        Self { request, snapshot }
    }

    /// The configuration.
    pub fn settings(&self) -> &Settings {
        &self.snapshot.settings
    }

    /// The configuration of this request, with its keys.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Seals what travels in cookies.
    pub fn cookie_sealer(&self) -> &Sealer {
        &self.snapshot.cookies
    }

    /// Seals secrets at rest.
    pub fn vault(&self) -> &Sealer {
        &self.snapshot.vault
    }

    /// The proxies whose forwarding headers count.
    pub fn trusted_proxies(&self) -> &TrustedProxies {
        &self.snapshot.proxies
    }

    /// Makes the tags that codes are stored as.
    pub fn macs(&self) -> &Macs {
        &self.snapshot.macs
    }
}

impl std::ops::Deref for Context {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.request
    }
}
