//! `grpc.health.v1.Health`: serving while the database answers.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::{ConnectError, Router as Services};
use connectrpc_health::{Checker, HealthService, Status, StatusStream, apply_request_limits, request_limits};
use futures::stream;

use crate::service::Permissions;

/// How often somebody who watches is told of changes.
const LOOK: Duration = Duration::from_secs(2);

struct Health {
    permissions: Permissions,
    names: Vec<&'static str>,
}

/// Adds the service; it knows "" and the services named.
pub(super) fn install(services: Services, permissions: &Permissions, names: &[&'static str]) -> Services {
    let health = HealthService::new(Health { permissions: permissions.clone(), names: names.to_vec() });
    apply_request_limits(services.add_service(Arc::new(health)), request_limits())
}

async fn status(permissions: &Permissions) -> Status {
    if permissions.ready().await.is_ok() { Status::Serving } else { Status::NotServing }
}

impl Health {
    fn known(&self, service: &str) -> Result<(), ConnectError> {
        if service.is_empty() || self.names.contains(&service) {
            return Ok(());
        }
        Err(ConnectError::not_found("There is no such service on this port."))
    }
}

impl Checker for Health {
    async fn check(&self, service: &str) -> Result<Status, ConnectError> {
        self.known(service)?;
        Ok(status(&self.permissions).await)
    }

    async fn watch(&self, service: &str) -> Result<StatusStream, ConnectError> {
        self.known(service)?;
        let state = (self.permissions.clone(), None);
        Ok(StatusStream::new(stream::unfold(state, |(permissions, told)| async move {
            loop {
                let now = status(&permissions).await;
                if told != Some(now) {
                    return Some((now, (permissions, Some(now))));
                }
                tokio::time::sleep(LOOK).await;
            }
        })))
    }
}
