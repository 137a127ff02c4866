//! What the operator's configuration says about the pages.

use std::sync::Arc;

use foundation::OwnTexts;

use crate::brand::Brand;

/// A snapshot of what the pages need to know of the configuration.
#[derive(Debug, Clone, Default)]
pub struct PagesSettings {
    /// Where browsers reach the public API (`serve.public.base_url`).
    pub public_base_url: String,
    /// Where browsers reach these pages (`serve.pages.base_url`).
    pub pages_base_url: String,
    /// Origins where a submitted form may end: those of `default_browser_return_url` and `allowed_return_urls`. A
    /// wildcard host (`https://*.example.org`) is passed on as it is.
    pub allowed_form_origins: Vec<String>,
    /// The product's name, shown above each form.
    pub name: String,
    /// Logo, colours and links.
    pub brand: Brand,
    /// Texts that replace the built-in ones.
    pub texts: Arc<OwnTexts>,
    /// The domain that the public API's cookies are set for: the language is remembered there, too.
    pub cookie_domain: Option<String>,
    /// Development: pages say so and link to the inbox.
    pub dev: bool,
    /// The built-in inbox of development, linked where a message was sent.
    pub inbox_url: Option<String>,
    /// Whether people may sign up; the sign-in page links to it.
    pub registration_enabled: bool,
    /// Whether accounts can be recovered; the sign-in page links to it.
    pub recovery_enabled: bool,
    /// Whether addresses can be verified; pages link to it.
    pub verification_enabled: bool,
}

/// Gives the snapshot that is in force now; asked once a request.
pub type SettingsSource = Arc<dyn Fn() -> Arc<PagesSettings> + Send + Sync>;
