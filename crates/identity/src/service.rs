//! The service and what it needs.

use std::sync::Arc;

use courier::Courier;
use crypto::passwords::PasswordHashing;
use database::Db;
use foundation::{Clock, RequestContext, Rng, Uuid};
use web::outbound::OutboundClient;

use crate::context::{Context, Snapshot};
use crate::error::Error;
use crate::limits::Limits;
use crate::schema::{IdentitySchema, Schemas};

/// What the service is composed of. Everything it holds is a field here: forgetting one does not compile.
pub struct Deps {
    /// Where everything is kept.
    pub db: Db,
    /// Hashes and checks passwords, a bounded number at a time.
    pub passwords: Arc<PasswordHashing>,
    /// Identity schemas.
    pub schemas: Schemas,
    /// Composes and queues messages.
    pub courier: Arc<Courier>,
    /// Asks other servers (breached passwords).
    pub outbound: OutboundClient,
    /// What is tried too often, or asked too often.
    pub limits: Limits,
    /// The present settings.
    pub snapshot: Arc<dyn Fn() -> Arc<Snapshot> + Send + Sync>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids, tokens and codes come from.
    pub rng: Arc<dyn Rng>,
    /// Whose data this is.
    pub tenant: Uuid,
}

/// The identity service.
#[derive(Clone)]
pub struct Identity {
    deps: Arc<Deps>,
}

impl std::ops::Deref for Identity {
    type Target = Deps;

    fn deref(&self) -> &Deps {
        &self.deps
    }
}

impl Identity {
    /// Composes the service.
    pub fn new(deps: Deps) -> Self {
        Self { deps: Arc::new(deps) }
    }

    /// The context for work that nobody asked for.
    pub fn background(&self) -> Context {
        let request = RequestContext::background(self.tenant, self.clock.clone(), self.rng.clone());
        Context::new(request, (self.snapshot)())
    }

    /// The schema of this id; an error if the configuration does not have it.
    pub(crate) async fn schema(&self, cx: &Context, id: &str) -> Result<Arc<IdentitySchema>, Error> {
        let schema = self.schemas.get(cx.settings(), id).await?;
        schema.ok_or_else(|| Error::Internal(format!("identity schema {id:?} is not configured")))
    }
}
