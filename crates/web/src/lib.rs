//! HTTP manners: what every listener of limen does the same way, whatever service is behind it. Nothing here knows a
//! route, a flow or a table.
//!
//! A listener is put together from the inside out, because the outer layers must see what the inner ones answered:
//!
//! ```text
//! routing::finish(routes)      plain 404 and 405, no-cache headers
//!   → body::limit              no handler reads more than the cap
//!   → cors::apply              public listeners
//!   → guard::apply             admin and inbox listeners
//!   → observe::apply           request id, panics, log line, metrics
//!   → routing::enclose         before routing: doubled slashes and dot segments
//!   → listen::serve            sockets, TLS, time limits, drain
//! ```

pub mod body;
pub mod budget;
pub mod client;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod guard;
pub mod listen;
pub mod negotiate;
pub mod observe;
pub mod outbound;
pub mod reply;
pub mod routing;

pub use body::{Body, BodyKind};
pub use client::{Peer, TrustedProxies};
pub use cookies::{Cookies, SameSite, SetCookie};
pub use csrf::CsrfSecret;
pub use observe::{Metrics, RequestId};
pub use outbound::{OutboundClient, OutboundError, OutboundPolicy, OutboundRequest, OutboundResponse};
