//! Which budget of requests each public route is taken off. A route without a row cannot be added: the test below fails.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::MethodRouter;
use web::reply;

use super::request::context;
use crate::limits::RequestBudget;
use crate::service::Identity;

/// Routes that cost nothing worth counting: reads by key, and what a session or token has to open.
const FREE: Option<RequestBudget> = None;
const BEGIN: Option<RequestBudget> = Some(RequestBudget::Begin);
const SUBMIT: Option<RequestBudget> = Some(RequestBudget::Submit);
const CHALLENGE: Option<RequestBudget> = Some(RequestBudget::Challenge);

/// All public routes with their budgets.
pub const ROUTES: &[(&str, Option<RequestBudget>)] = &[
    ("/self-service/login/browser", BEGIN),
    ("/self-service/login/api", BEGIN),
    ("/self-service/login/flows", FREE),
    ("/self-service/login", SUBMIT),
    ("/self-service/registration/browser", BEGIN),
    ("/self-service/registration/api", BEGIN),
    ("/self-service/registration/flows", FREE),
    ("/self-service/registration", SUBMIT),
    ("/self-service/settings/browser", BEGIN),
    ("/self-service/settings/api", BEGIN),
    ("/self-service/settings/flows", FREE),
    ("/self-service/settings", SUBMIT),
    ("/self-service/recovery/browser", BEGIN),
    ("/self-service/recovery/api", BEGIN),
    ("/self-service/recovery/flows", FREE),
    ("/self-service/recovery", CHALLENGE),
    ("/self-service/verification/browser", BEGIN),
    ("/self-service/verification/api", BEGIN),
    ("/self-service/verification/flows", FREE),
    ("/self-service/verification", CHALLENGE),
    ("/self-service/logout/browser", FREE),
    ("/self-service/logout", FREE),
    ("/self-service/logout/api", FREE),
    ("/self-service/errors", FREE),
    ("/.well-known/change-password", FREE),
    ("/sessions/whoami", FREE),
    ("/sessions", FREE),
    ("/sessions/{id}", FREE),
    ("/schemas", FREE),
    ("/schemas/{id}", FREE),
    ("/admin/schemas", FREE),
    ("/admin/schemas/{id}", FREE),
    ("/health/alive", FREE),
    ("/health/ready", FREE),
    ("/admin/identities", FREE),
    ("/admin/identities/{*rest}", FREE),
    ("/admin/courier/messages", FREE),
    ("/admin/courier/messages/{*rest}", FREE),
    ("/identities", FREE),
    ("/identities/{*rest}", FREE),
    ("/recovery", FREE),
    ("/recovery/{*rest}", FREE),
];

/// Routes, each of which has a budget.
#[derive(Default)]
pub struct Budgeted {
    routes: Vec<(String, MethodRouter<Identity>)>,
}

impl Budgeted {
    /// Adds a route.
    #[must_use]
    pub fn route(mut self, path: &str, handlers: MethodRouter<Identity>) -> Self {
        self.routes.push((path.to_owned(), handlers));
        self
    }

    /// The router: each route takes its requests off the budget of its path.
    pub fn finish(self, identity: &Identity) -> Router<Identity> {
        let mut router = Router::new();
        for (path, handlers) in self.routes {
            // One that was forgotten counts as dear, until somebody reads what the test says.
            let budget = ROUTES.iter().find(|(known, _)| *known == path).map_or(CHALLENGE, |(_, budget)| *budget);
            let handlers = match budget {
                None => handlers,
                Some(budget) => {
                    let identity = identity.clone();
                    let spend = move |request: Request, next: Next| spend(identity.clone(), budget, request, next);
                    handlers.layer(from_fn(spend))
                }
            };
            router = router.route(&path, handlers);
        }
        router
    }

    /// The paths of its routes.
    #[cfg(test)]
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|(path, _)| path.as_str())
    }
}

async fn spend(identity: Identity, budget: RequestBudget, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let cx = context(&identity, &parts);
    match identity.request_spend(&cx, budget) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refusal) => reply::error(&refusal, None),
    }
}
