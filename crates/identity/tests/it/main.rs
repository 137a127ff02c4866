//! The identity service through its routes, on every database: a file per route. Started without listeners; requests go
//! straight into the routers.

mod admin;
mod challenges;
mod maintenance;
mod recovery;
mod support;
mod verification;
