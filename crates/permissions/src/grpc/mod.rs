//! The services over gRPC, gRPC-Web and Connect (binary and JSON), on the sockets of REST. Messages are turned into the
//! words of the use cases and back; nothing is decided here. The definitions are in `api/proto`.

mod beyond;
mod convert;
mod failure;
mod health;
mod language;
mod questions;
mod writes;

use std::sync::Arc;

use connectrpc::{ConnectRpcService, Limits, Router as Services};
use connectrpc_reflection::Reflector;
use protocol::limen::permissions::v1 as limen;
use protocol::ory::keto::opl::v1alpha1 as opl;
use protocol::ory::keto::relation_tuples::v1alpha2 as keto;

use crate::service::Permissions;

/// The largest message: as for a body of REST.
const LARGEST: usize = 32 * 1024 * 1024;

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: [&str; 2] = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// The services of keto's packages and limen's own.
#[derive(Debug, Clone)]
struct Rpc(Permissions);

/// The services of `serve.read`.
pub(crate) fn read_router(permissions: &Permissions) -> axum::Router {
    let rpc = Arc::new(Rpc(permissions.clone()));
    let services = Services::new();
    let services = keto::CheckServiceExt::register(Arc::clone(&rpc), services);
    let services = keto::ExpandServiceExt::register(Arc::clone(&rpc), services);
    let services = keto::ReadServiceExt::register(Arc::clone(&rpc), services);
    let services = keto::NamespacesServiceExt::register(Arc::clone(&rpc), services);
    let services = limen::PermissionsServiceExt::register(rpc, services);
    let names = [
        keto::CHECK_SERVICE_SERVICE_NAME,
        keto::EXPAND_SERVICE_SERVICE_NAME,
        keto::READ_SERVICE_SERVICE_NAME,
        keto::NAMESPACES_SERVICE_SERVICE_NAME,
        limen::PERMISSIONS_SERVICE_SERVICE_NAME,
    ];
    mount(permissions, services, &names)
}

/// The services of `serve.write`.
pub(crate) fn write_router(permissions: &Permissions) -> axum::Router {
    let rpc = Arc::new(Rpc(permissions.clone()));
    let services = keto::WriteServiceExt::register(Arc::clone(&rpc), Services::new());
    let services = limen::ChangesServiceExt::register(rpc, services);
    mount(permissions, services, &[keto::WRITE_SERVICE_SERVICE_NAME, limen::CHANGES_SERVICE_SERVICE_NAME])
}

/// The services of `serve.opl`.
pub(crate) fn opl_router(permissions: &Permissions) -> axum::Router {
    let rpc = Arc::new(Rpc(permissions.clone()));
    let services = opl::SyntaxServiceExt::register(rpc, Services::new());
    mount(permissions, services, &[opl::SYNTAX_SERVICE_SERVICE_NAME])
}

/// Adds what every port has, and gives each service its path.
fn mount(permissions: &Permissions, services: Services, names: &[&'static str]) -> axum::Router {
    let rpc = Arc::new(Rpc(permissions.clone()));
    let services = keto::VersionServiceExt::register(rpc, services);
    let names: Vec<&'static str> = names.iter().copied().chain([keto::VERSION_SERVICE_SERVICE_NAME]).collect();
    let services = health::install(services, permissions, &names);
    let (services, reflected) = match Reflector::from_descriptor_set_bytes(protocol::DESCRIPTORS) {
        Ok(reflector) => {
            let reflector = reflector.with_services(names.iter().map(|name| (*name).to_owned()));
            (connectrpc_reflection::install(services, reflector), true)
        }
        Err(error) => {
            tracing::error!(%error, "the descriptors cannot be read: there is no server reflection");
            (services, false)
        }
    };
    let limits = Limits::default().with_max_message_size(LARGEST).with_max_request_body_size(LARGEST);
    let service = ConnectRpcService::new(services).with_limits(limits);
    let reflection = REFLECTION.into_iter().filter(|_| reflected);
    let mut router = axum::Router::new();
    for name in names.into_iter().chain([HEALTH]).chain(reflection) {
        router = router.route_service(&format!("/{name}/{{method}}"), service.clone());
    }
    router
}
