//! The pages ask the identity service's public API inside this process: the same routes, guards and answers as over HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use identity::Snapshot;
use identity::settings::Settings;
use pages::ports::{ApiAnswer, ForwardedHeaders, PublicApi, PublicApiError};
use pages::settings::{PagesSettings, SettingsSource};
use pages::{Brand, Logo, LogoFile};
use settings::Live;
use tower::ServiceExt;
use url::Url;
use web::Peer;

/// Answers of the pages' questions are forms and sessions: small.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The public routes of this process.
pub struct InProcess {
    /// The routes.
    pub public: Router,
    /// The settings in force, for the host that requests are addressed to.
    pub snapshot: Arc<Live<Snapshot>>,
}

#[async_trait]
impl PublicApi for InProcess {
    async fn get(&self, path_and_query: &str, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        self.ask(Method::GET, path_and_query, headers).await
    }

    async fn delete(&self, path_and_query: &str, headers: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        self.ask(Method::DELETE, path_and_query, headers).await
    }
}

impl InProcess {
    async fn ask(&self, method: Method, path: &str, forwarded: ForwardedHeaders) -> Result<ApiAnswer, PublicApiError> {
        let failed = |error: &dyn std::fmt::Display| PublicApiError(error.to_string());
        let mut request =
            Request::builder().method(method).uri(path).body(Body::empty()).map_err(|error| failed(&error))?;
        *request.headers_mut() = forwarded.headers;
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        let host = authority(&self.snapshot.get().settings.public_base_url());
        if let Ok(host) = host.parse() {
            request.headers_mut().insert(header::HOST, host);
        }
        request.extensions_mut().insert(Peer { address: forwarded.peer, tls: false });
        let response = self.public.clone().oneshot(request).await.map_err(|error| failed(&error))?;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, LARGEST_ANSWER).await.map_err(|error| failed(&error))?;
        let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(ApiAnswer {
            status: parts.status.as_u16(),
            location,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            set_cookies: parts.headers.get_all(header::SET_COOKIE).iter().cloned().collect(),
        })
    }
}

fn authority(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => "localhost".to_owned(),
    }
}

/// The settings of the pages as the configuration has them now. They are made once for each state of it: a logo is
/// read from its file, and an accent that cannot be read is warned of.
pub fn source(live: Arc<Live<Snapshot>>) -> SettingsSource {
    let made: Mutex<Option<(Arc<Snapshot>, Arc<PagesSettings>)>> = Mutex::new(None);
    let source: SettingsSource = Arc::new(move || {
        let now = live.get();
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, settings)) = made.as_ref().filter(|(of, _)| Arc::ptr_eq(of, &now)) {
            return Arc::clone(settings);
        }
        let settings = Arc::new(settings(&now));
        for (written, shown) in settings.brand.adjusted() {
            tracing::warn!(%written, %shown, "pages.brand.colors: text in this colour could not be read, so links have the nearest shade");
        }
        *made = Some((now, Arc::clone(&settings)));
        settings
    });
    // At the start already, so that its log says what is amiss.
    drop(source());
    source
}

/// What the pages need to know of the configuration.
fn settings(snapshot: &Snapshot) -> PagesSettings {
    let settings = &snapshot.settings;
    let flows = &settings.selfservice.flows;
    let mut origins: Vec<String> = settings.return_urls().iter().filter_map(|url| origin(url.as_str())).collect();
    origins.extend(settings.selfservice.allowed_return_urls.iter().filter_map(|url| origin(url)));
    origins.sort();
    origins.dedup();
    PagesSettings {
        public_base_url: settings.public_base_url().into(),
        pages_base_url: settings.pages_base_url().map(String::from).unwrap_or_default(),
        allowed_form_origins: origins,
        name: settings.pages.brand.name.clone().unwrap_or_else(|| "limen".to_owned()),
        brand: brand(settings),
        texts: Arc::new(settings.pages.texts.clone()),
        cookie_domain: settings.cookies.domain.clone(),
        dev: settings.dev,
        inbox_url: settings.inbox_base_url().filter(|_| settings.dev).map(String::from),
        registration_enabled: flows.registration.enabled,
        recovery_enabled: flows.recovery.enabled,
        verification_enabled: flows.verification.enabled,
    }
}

fn brand(settings: &Settings) -> Brand {
    let from = &settings.pages.brand;
    Brand {
        logo: from.logo_url.as_deref().and_then(logo),
        logo_dark: from.logo_url_dark.as_deref().and_then(logo),
        accent: from.colors.accent,
        accent_dark: from.colors.accent_dark,
        links: from.links.set().map(|(name, address)| (name, address.to_owned())).collect(),
    }
}

/// A picture at an address, or out of a file. Without it the pages show the name: that is no reason not to start.
fn logo(address: &str) -> Option<Logo> {
    let Some(path) = address.strip_prefix("file://") else {
        return Some(Logo::Address(address.to_owned()));
    };
    let read = std::fs::read(path).map(|content| LogoFile::new(path, content));
    match read {
        Ok(Some(file)) => Some(Logo::File(file)),
        Ok(None) => {
            tracing::error!(path, "pages.brand: a logo ends in .svg, .png, .jpg or .webp");
            None
        }
        Err(error) => {
            tracing::error!(path, %error, "pages.brand: the logo cannot be read");
            None
        }
    }
}

/// The origin of an entry of the list of addresses to return to; a wildcard host is passed on as it is.
fn origin(entry: &str) -> Option<String> {
    if let Some((scheme, rest)) = entry.split_once("://*.") {
        let host = rest.split('/').next()?;
        return Some(format!("{scheme}://*.{host}"));
    }
    let origin = Url::parse(entry).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}
