//! The routes of the admin listener. Each is there with and without the prefix `/admin`, as clients use both.

mod elsewhere;
mod failure;
mod identities;
mod messages;
mod operations;
mod recovery;
mod sessions;

use axum::routing::{MethodRouter, any, delete, get, patch, post};
use axum::{Extension, Router, middleware};

use elsewhere::to_public;
pub use operations::{Operations, Readiness};

use crate::service::Identity;

/// All admin routes. What every listener does the same way (unknown paths, limits, logs) is put around them by whoever
/// listens; so is the guard against other sites' requests, as nothing here asks who calls.
pub fn admin_router(identity: Identity, operations: Operations) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods.clone()).route(&format!("/admin{path}"), methods);
    }
    router.layer(middleware::from_fn(failure::rescue)).layer(Extension(operations)).with_state(identity)
}

/// Every route, without the prefix.
fn routes() -> Vec<(&'static str, MethodRouter<Identity>)> {
    vec![
        ("/identities", get(identities::list).post(identities::create).patch(identities::batch)),
        (
            "/identities/{id}",
            get(identities::find).put(identities::update).patch(identities::patch).delete(identities::remove),
        ),
        ("/identities/by/external/{external_id}", get(identities::find_by_external_id)),
        ("/identities/{id}/credentials/{type}", delete(identities::credential_remove)),
        ("/identities/{id}/sessions", get(sessions::list_of).delete(sessions::remove_of)),
        ("/sessions", get(sessions::list).post(sessions::manage).delete(to_public)),
        ("/sessions/whoami", get(to_public)),
        ("/sessions/{id}", get(sessions::find).delete(sessions::disable)),
        ("/sessions/{id}/extend", patch(sessions::extend)),
        ("/recovery/code", post(recovery::code)),
        ("/recovery/link", post(recovery::link)),
        ("/courier/messages", get(messages::list)),
        ("/courier/messages/{id}", get(messages::find)),
        ("/schemas", get(to_public)),
        ("/schemas/{id}", get(to_public)),
        ("/self-service/{*rest}", any(to_public)),
        ("/health/alive", get(operations::alive)),
        ("/health/ready", get(operations::ready)),
        ("/health/config", get(operations::config)),
        ("/version", get(operations::version)),
        ("/metrics/prometheus", get(operations::metrics)),
    ]
}
