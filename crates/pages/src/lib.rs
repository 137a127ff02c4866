//! The built-in pages for the people who sign in: they render any flow from its `ui` alone, so that a method which the
//! identity service adds later appears here without a change. Nothing of the identity service's rules is known here:
//! the pages ask its public API, as a page written by somebody else would.
//!
//! Forms go to the public API directly, and work without JavaScript; scripts only make them nicer.

mod arrange;
mod assets;
mod brand;
mod flow;
mod headers;
mod http;
pub mod ports;
pub mod settings;
mod texts;
mod urls;
mod view;
mod visit;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use foundation::{Languages, Rng};

pub use brand::{Brand, Logo, LogoFile};
pub use ports::{ApiAnswer, ForwardedHeaders, PublicApi, PublicApiError};
pub use settings::{PagesSettings, SettingsSource};

/// What the handlers share.
pub(crate) struct Pages {
    api: Arc<dyn PublicApi>,
    settings: SettingsSource,
    rng: Arc<dyn Rng>,
    languages: Languages,
    assets: assets::Assets,
}

/// The routes of the pages, for the listener of `serve.pages`. The browser's address
/// (`web::Peer`) goes on to the API.
pub fn router(api: Arc<dyn PublicApi>, settings: SettingsSource, rng: Arc<dyn Rng>) -> Router {
    let languages = Languages::embedded();
    http::routes(Arc::new(Pages { api, settings, rng, languages, assets: assets::Assets::embedded() }))
}
