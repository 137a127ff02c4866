//! The built-in pages for the people who sign in: they render any flow from its `ui` alone, so that a method which the
//! identity service adds later appears here without a change. Nothing of the identity service's rules is known here:
//! the pages ask its public API, as a page written by somebody else would.

mod ports;
mod settings;

use std::sync::Arc;

use axum::Router;
use foundation::Rng;

pub use ports::{ApiAnswer, ForwardedHeaders, PublicApi, PublicApiError};
pub use settings::{PagesSettings, SettingsSource};

/// The routes of the pages, for the listener of `serve.pages`.
pub fn router(_api: Arc<dyn PublicApi>, _settings: SettingsSource, _rng: Arc<dyn Rng>) -> Router {
    Router::new()
}
