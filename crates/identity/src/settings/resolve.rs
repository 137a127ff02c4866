//! Answers that follow from several keys: which value overrides which. Nothing here reads a file.

use foundation::GoDuration;
use url::Url;

pub use crate::model::flow::FlowKind as FlowName;

use super::{Before, Hook, RegistrationStyle, SameSite, Settings, UrlReference};

/// What all flows have in common.
#[derive(Debug, Clone)]
pub struct FlowSettings<'a> {
    /// Whether people may use it; login and settings always.
    pub enabled: bool,
    /// How long a flow can be used.
    pub lifespan: GoDuration,
    /// The page that shows it.
    pub ui_url: Url,
    /// Hooks at its start.
    pub before: &'a [Hook],
}

/// What a cookie is sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieAttributes {
    /// Unset: the host alone.
    pub domain: Option<String>,
    /// Below which path it is sent.
    pub path: String,
    /// Whether other sites' requests carry it.
    pub same_site: SameSite,
    /// Whether it travels over TLS only.
    pub secure: bool,
}

impl Settings {
    /// What all flows have in common, of one.
    pub fn flow(&self, flow: FlowName) -> FlowSettings<'_> {
        let flows = &self.selfservice.flows;
        let (enabled, lifespan, before): (bool, GoDuration, &Before) = match flow {
            FlowName::Login => (true, flows.login.lifespan, &flows.login.before),
            FlowName::Registration => {
                (flows.registration.enabled, flows.registration.lifespan, &flows.registration.before)
            }
            FlowName::Settings => (true, flows.settings.lifespan, &flows.settings.before),
            FlowName::Recovery => (flows.recovery.enabled, flows.recovery.lifespan, &flows.recovery.before),
            FlowName::Verification => {
                (flows.verification.enabled, flows.verification.lifespan, &flows.verification.before)
            }
        };
        FlowSettings { enabled, lifespan, ui_url: self.ui_url(flow), before: &before.hooks }
    }

    /// The page that shows a flow: as configured, else the built-in one if it listens, else the contract's default.
    pub fn ui_url(&self, flow: FlowName) -> Url {
        let flows = &self.selfservice.flows;
        let configured = match flow {
            FlowName::Login => &flows.login.ui_url,
            FlowName::Registration => &flows.registration.ui_url,
            FlowName::Settings => &flows.settings.ui_url,
            FlowName::Recovery => &flows.recovery.ui_url,
            FlowName::Verification => &flows.verification.ui_url,
        };
        self.page(configured.as_ref(), flow.as_str())
    }

    /// The page that shows errors.
    pub fn error_ui_url(&self) -> Url {
        self.page(self.selfservice.flows.error.ui_url.as_ref(), "error")
    }

    fn page(&self, configured: Option<&UrlReference>, name: &str) -> Url {
        if let Some(configured) = configured {
            return configured.resolve(&self.public_base_url());
        }
        let pages = self.pages_base_url().and_then(|base| base.join(name).ok());
        pages.unwrap_or_else(|| fixed(&format!("https://www.ory.com/kratos/docs/fallback/{name}")))
    }

    /// The hooks that run when `method` has completed a flow, in order: the method's own list replaces the flow's, and
    /// `session` stands last.
    pub fn after(&self, flow: FlowName, method: &str) -> &[Hook] {
        let after = self.after_section(flow);
        match after.methods.get(method) {
            Some(own) if !own.hooks.is_empty() => &own.hooks,
            _ => &after.hooks,
        }
    }

    fn after_section(&self, flow: FlowName) -> &super::After {
        let flows = &self.selfservice.flows;
        match flow {
            FlowName::Login => &flows.login.after,
            FlowName::Registration => &flows.registration.after,
            FlowName::Settings => &flows.settings.after,
            FlowName::Recovery => &flows.recovery.after,
            FlowName::Verification => &flows.verification.after,
        }
    }

    /// Where the file sends a browser after a flow, if it says so for the method or the flow.
    pub fn configured_return_url_after(&self, flow: FlowName, method: &str) -> Option<Url> {
        let after = self.after_section(flow);
        let own = after.methods.get(method).and_then(|own| own.default_browser_return_url.as_ref());
        own.or(after.default_browser_return_url.as_ref()).map(|url| url.resolve(&self.public_base_url()))
    }

    /// Where a browser goes after a flow when its client asked for nothing: method, flow, then the general default.
    pub fn return_url_after(&self, flow: FlowName, method: &str) -> Url {
        self.configured_return_url_after(flow, method).unwrap_or_else(|| self.default_return_url())
    }

    /// Every address of the configuration that a browser may be sent to when a flow is done.
    pub fn return_urls(&self) -> Vec<Url> {
        let base = self.public_base_url();
        let mut urls = vec![self.default_return_url(), self.logout_return_url()];
        for flow in FlowName::ALL {
            let after = self.after_section(flow);
            let methods = after.methods.values().filter_map(|own| own.default_browser_return_url.as_ref());
            urls.extend(after.default_browser_return_url.iter().chain(methods).map(|url| url.resolve(&base)));
        }
        urls
    }

    /// `selfservice.default_browser_return_url` in full.
    pub fn default_return_url(&self) -> Url {
        self.selfservice.default_browser_return_url.resolve(&self.public_base_url())
    }

    /// Where a browser goes after signing out.
    pub fn logout_return_url(&self) -> Url {
        let configured = self.selfservice.flows.logout.after.default_browser_return_url.as_ref();
        configured.map_or_else(|| self.default_return_url(), |url| url.resolve(&self.public_base_url()))
    }

    /// How the sign-up page asks, with the older switch taken into account.
    pub fn registration_style(&self) -> RegistrationStyle {
        let registration = &self.selfservice.flows.registration;
        if registration.enable_legacy_one_step { RegistrationStyle::Unified } else { registration.style }
    }

    /// The port of the public listener.
    pub fn public_port(&self) -> u16 {
        self.serve.public.listener.port.unwrap_or(4433)
    }

    /// The port of the admin listener.
    pub fn admin_port(&self) -> u16 {
        self.serve.admin.listener.port.unwrap_or(4434)
    }

    /// How others reach the public listener; it ends in a slash, so that paths can be joined.
    pub fn public_base_url(&self) -> Url {
        self.base_url(&self.serve.public.listener, self.public_port())
    }

    /// How others reach the admin listener; it ends in a slash.
    pub fn admin_base_url(&self) -> Url {
        self.base_url(&self.serve.admin.listener, self.admin_port())
    }

    fn base_url(&self, listener: &super::Listener, port: u16) -> Url {
        if let Some(configured) = &listener.base_url {
            return with_slash(configured.clone());
        }
        let scheme = if self.dev { "http" } else { "https" };
        // A listener on every address, or on a Unix socket, has no name that others could use.
        let host = match listener.host.as_str() {
            "" | "0.0.0.0" | "::" | "[::]" => "localhost",
            host if host.starts_with("unix:") => "localhost",
            host => host,
        };
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        Url::parse(&format!("{scheme}://{host}:{port}/")).unwrap_or_else(|_| fixed("https://localhost/"))
    }

    /// How browsers reach the built-in pages, if they listen; it ends in a slash.
    pub fn pages_base_url(&self) -> Option<Url> {
        self.serve.pages.as_ref().map(|pages| local_url(pages.base_url.as_ref(), pages.port))
    }

    /// How browsers reach the development inbox, if it listens; it ends in a slash.
    pub fn inbox_base_url(&self) -> Option<Url> {
        self.serve.inbox.as_ref().map(|inbox| local_url(inbox.base_url.as_ref(), inbox.port))
    }

    /// What mailed links start with; it ends in a slash.
    pub fn link_base_url(&self) -> Url {
        let own = self.selfservice.methods.link.config.base_url.clone();
        own.map_or_else(|| self.public_base_url(), with_slash)
    }

    /// The name that authenticator apps show: as configured, else the public host.
    pub fn totp_issuer(&self) -> String {
        let configured = self.selfservice.methods.totp.config.issuer.clone().filter(|issuer| !issuer.is_empty());
        configured.unwrap_or_else(|| self.public_base_url().host_str().unwrap_or("localhost").to_owned())
    }

    /// What the session cookie is sent with: its own keys, else those of all cookies (but not their `secure`).
    pub fn session_cookie(&self) -> CookieAttributes {
        let own = &self.session.cookie;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        CookieAttributes {
            domain: given(&own.domain).or_else(|| given(&self.cookies.domain)),
            path: given(&own.path).unwrap_or_else(|| self.cookies.path.clone()),
            same_site: own.same_site.unwrap_or(self.cookies.same_site),
            secure: own.secure.unwrap_or_else(|| self.secure_by_default()),
        }
    }

    /// What all other cookies are sent with.
    pub fn other_cookies(&self) -> CookieAttributes {
        CookieAttributes {
            domain: self.cookies.domain.clone().filter(|text| !text.is_empty()),
            path: self.cookies.path.clone(),
            same_site: self.cookies.same_site,
            secure: self.cookies.secure.unwrap_or_else(|| self.secure_by_default()),
        }
    }

    /// Cookies are `Secure`, but not in development and not where the public URL is plain HTTP on this very machine: there
    /// the attribute protects nothing, and some browsers would drop the cookies.
    fn secure_by_default(&self) -> bool {
        let base = self.serve.public.listener.base_url.as_ref().filter(|base| base.scheme() == "http");
        let local = base.and_then(Url::host).is_some_and(|host| match host {
            url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        });
        !self.dev && !local
    }

    /// The cost of bcrypt: below 12 only with `dev`, above 15 never, because such hashes would not be accepted back.
    pub fn bcrypt_cost(&self) -> u32 {
        let lowest = if self.dev { 4 } else { 12 };
        self.hashers.bcrypt.cost.clamp(lowest, 15)
    }
}

fn local_url(configured: Option<&Url>, port: u16) -> Url {
    configured.cloned().map_or_else(|| fixed(&format!("http://localhost:{port}/")), with_slash)
}

fn with_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

#[expect(clippy::expect_used, reason = "the text is built here from a scheme, a host and a number or name of our own")]
fn fixed(text: &str) -> Url {
    Url::parse(text).expect("a well-formed URL")
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
