//! Where a browser may be sent to afterwards (identity-flows.md §6.5): nowhere that the configuration does not name.

use foundation::ApiError;
use url::Url;

use super::visit::Visit;
use crate::settings::{FlowName, Settings};

/// Checks an address that a client asks to be sent to, and completes a relative one.
///
/// # Errors
/// 400 `self_service_flow_return_to_forbidden` for an address that the configuration does not allow.
pub fn check(settings: &Settings, asked: &str) -> Result<Url, ApiError> {
    let default = settings.default_return_url();
    let forbidden = || {
        ApiError::bad_request(format!(
            "The address to return to ({asked:?}) is not allowed: add it to selfservice.allowed_return_urls."
        ))
        .id("self_service_flow_return_to_forbidden")
    };
    let url = default.join(asked).map_err(|_| forbidden())?;
    if !matches!(url.scheme(), "http" | "https") && !is_custom_scheme_allowed(settings, &url) {
        return Err(forbidden());
    }
    let own = settings.public_base_url().join("self-service").ok();
    // A relative address is completed from the default, and as good as it. What looks relative and leads elsewhere (two
    // slashes, backslashes, tabs in between) is judged by where it leads.
    let relative = asked.starts_with('/') && url.origin() == default.origin();
    let allowed = settings.selfservice.allowed_return_urls.iter().any(|allowed| matches(&url, allowed));
    if relative || allowed || own.is_some_and(|own| matches(&url, own.as_str())) { Ok(url) } else { Err(forbidden()) }
}

/// Native apps return to schemes of their own, `app://…`: only where the list names the very scheme.
fn is_custom_scheme_allowed(settings: &Settings, url: &Url) -> bool {
    let dangerous = matches!(url.scheme(), "javascript" | "data" | "vbscript" | "file" | "blob" | "about");
    let named = |allowed: &String| allowed.starts_with(&format!("{}://", url.scheme()));
    !dangerous && settings.selfservice.allowed_return_urls.iter().any(named)
}

/// Whether `url` lies below an entry of the list: same scheme, same host or a subdomain of `*.host`, same port, and a path
/// that starts with the entry's.
fn matches(url: &Url, entry: &str) -> bool {
    let wildcard = entry.split_once("://*.").map(|(scheme, rest)| format!("{scheme}://{rest}"));
    let Ok(allowed) = Url::parse(wildcard.as_deref().unwrap_or(entry)) else { return false };
    let (Some(host), Some(allowed_host)) = (url.host_str(), allowed.host_str()) else {
        return url.scheme() == allowed.scheme() && url.as_str().starts_with(allowed.as_str());
    };
    let host_matches = match wildcard {
        Some(_) => host.ends_with(&format!(".{allowed_host}")) && allowed_host.contains('.'),
        None => host.eq_ignore_ascii_case(allowed_host),
    };
    let path_matches = allowed.path() == "/" || url.path().starts_with(allowed.path());
    url.scheme() == allowed.scheme()
        && host_matches
        && url.port_or_known_default() == allowed.port_or_known_default()
        && path_matches
}

/// Where a browser goes when a flow is done: what was asked for when it began, if that is still allowed; else what the
/// configuration says for the method, the flow, or at all. Checked again here, as the configuration may have changed.
///
/// # Errors
/// As [`check`].
pub fn resolve(settings: &Settings, flow: FlowName, method: &str, asked: Option<&str>) -> Result<Url, ApiError> {
    match asked {
        Some(asked) if !settings.selfservice.allowed_return_urls.is_empty() => check(settings, asked),
        _ => Ok(settings.return_url_after(flow, method)),
    }
}

/// Where somebody who is signed in already is sent instead of to a form. Here an empty list does not make the parameter
/// ignored: it is refused.
///
/// # Errors
/// As [`check`].
pub fn signed_in(settings: &Settings, flow: FlowName, visit: &Visit) -> Result<Url, ApiError> {
    match visit.parameter("return_to") {
        Some(asked) => check(settings, asked),
        None => Ok(settings.return_url_after(flow, "")),
    }
}

/// Refuses a beginning with an address that is not allowed. With an empty list the parameter is ignored altogether.
///
/// # Errors
/// As [`check`].
pub fn check_asked(settings: &Settings, asked: Option<&str>) -> Result<(), ApiError> {
    match asked {
        Some(asked) if !settings.selfservice.allowed_return_urls.is_empty() => check(settings, asked).map(|_| ()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> Settings {
        Settings::from_value(json!({
            "serve": {"public": {"base_url": "http://127.0.0.1:4433/"}},
            "selfservice": {
                "default_browser_return_url": "http://ui.example.org/welcome",
                "allowed_return_urls": [
                    "http://ui.example.org", "https://www.example.org/allowed", "https://*.apps.example.org/in", "app://home"
                ]
            }
        }))
        .unwrap()
    }

    #[test]
    fn what_the_list_names_is_allowed() {
        for url in [
            "https://www.example.org/allowed/deeper?x=1#y",
            "https://WWW.example.org/allowed",
            "http://ui.example.org/anything",
            "/relative",
            "https://a.apps.example.org/in/side",
            "http://127.0.0.1:4433/self-service/settings?flow=1",
            "app://home/there",
        ] {
            assert!(check(&settings(), url).is_ok(), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for url in [
            "https://www.example.org/other",
            "http://www.example.org/allowed",
            "https://www.example.org:444/allowed",
            "https://www.example.org.evil.com/allowed",
            "//evil.example.com/allowed",
            "/\\evil.example.com",
            "/\t/evil.example.com",
            "/\n\\evil.example.com",
            " //evil.example.com",
            "https:evil.example.com",
            "\\\\evil.example.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://apps.example.org/in",
            "https://evilapps.example.org/in",
            "other://home",
        ] {
            assert!(check(&settings(), url).is_err(), "{url}");
        }
    }
}
