//! The service and what it needs.

use std::sync::Arc;

use courier::Courier;
use crypto::passwords::PasswordHashing;
use database::feed::Listener;
use database::{Db, Feed};
use foundation::{Clock, RequestContext, Rng, Uuid};
use scripting::jsonnet::Jsonnet;
use web::outbound::OutboundClient;

use crate::context::{Context, Snapshot};
use crate::error::Error;
use crate::limits::Limits;
use crate::schema::{IdentitySchema, Schemas};
use crate::sessions::cache::SessionCache;

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
    /// Makes the bodies of web hooks.
    pub jsonnet: Jsonnet,
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
    inner: Arc<Inner>,
}

/// What was passed in, and what the service keeps beside it.
struct Inner {
    deps: Deps,
    sessions: Arc<SessionCache>,
    feed: Arc<Feed>,
}

impl std::ops::Deref for Identity {
    type Target = Deps;

    fn deref(&self) -> &Deps {
        &self.inner.deps
    }
}

impl Identity {
    /// Composes the service.
    pub fn new(deps: Deps) -> Self {
        let capacity = (deps.snapshot)().settings.session.cache.capacity.bytes();
        let sessions = Arc::new(SessionCache::new(deps.tenant, capacity));
        deps.db.listen(Arc::clone(&sessions) as Arc<dyn Listener>);
        let feed = Arc::new(Feed::new(&deps.db));
        Self { inner: Arc::new(Inner { deps, sessions, feed }) }
    }

    /// The session checks in memory.
    pub(crate) fn remembered(&self) -> &SessionCache {
        &self.inner.sessions
    }

    /// What this program knows of changes that others make.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.inner.feed
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
