//! The security headers of a page. The policy allows nothing inline and nothing foreign: a text that slips through the
//! escaping still runs no script, loads no style and sends no form elsewhere.

use http::{HeaderMap, HeaderValue, header};

use crate::brand::Logo;
use crate::settings::PagesSettings;
use crate::urls;

/// What a page needs beyond the strict policy.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// The page's forms may end anywhere: at a sign-in provider, or at an application that signs in through us.
    /// Browsers apply `form-action` to the redirects after a form, too.
    pub(crate) foreign_redirects: bool,
    /// Origins of the scripts that nodes ask for.
    pub(crate) script_origins: Vec<String>,
    /// Origins of the pictures that nodes ask for.
    pub(crate) image_origins: Vec<String>,
}

/// Puts the headers of a page that depends on who asks.
pub(crate) fn protect(headers: &mut HeaderMap, settings: &PagesSettings, needs: &Needs) {
    let policy = HeaderValue::from_str(&content_security_policy(settings, needs));
    // The fallback cannot be reached, as sources are filtered to visible ASCII; it is the strictest policy there is.
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Flow ids stay out of other sites' logs. Stricter values would turn the `Origin` of our forms into `null`.
        (header::REFERRER_POLICY, "strict-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
}

fn content_security_policy(settings: &PagesSettings, needs: &Needs) -> String {
    let public = urls::origin_of(&settings.public_base_url);
    let mut forms: Vec<&str> = public.iter().map(String::as_str).collect();
    forms.extend(settings.allowed_form_origins.iter().map(String::as_str));
    if needs.foreign_redirects {
        forms.push("https:");
        // Where the API itself is not encrypted (development), neither is the provider.
        forms.extend(settings.public_base_url.starts_with("http:").then_some("http:"));
    }
    let logos = [&settings.brand.logo, &settings.brand.logo_dark].into_iter().flatten();
    let logos: Vec<String> = logos
        .filter_map(|logo| match logo {
            Logo::Address(address) => urls::origin_of(address),
            Logo::File(_) => None,
        })
        .collect();
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:{}; script-src 'self'{}; font-src 'self'; form-action 'self'{}; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        sources(needs.image_origins.iter().chain(&logos).map(String::as_str)),
        sources(needs.script_origins.iter().map(String::as_str)),
        sources(forms.into_iter()),
    )
}

/// Each source once, with a space before it. One that could end the directive is left out.
fn sources<'a>(origins: impl Iterator<Item = &'a str>) -> String {
    let mut written: Vec<&str> = Vec::new();
    for origin in origins {
        let is_one_source = !origin.is_empty()
            && origin.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'\'' | b'"'));
        if is_one_source && !written.contains(&origin) {
            written.push(origin);
        }
    }
    written.into_iter().map(|origin| format!(" {origin}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> PagesSettings {
        PagesSettings {
            public_base_url: "http://localhost:4433/".to_owned(),
            allowed_form_origins: vec!["http://localhost:3000".to_owned(), "https://*.example.org".to_owned()],
            ..PagesSettings::default()
        }
    }

    #[test]
    fn the_policy_allows_our_own_files_and_the_forms_targets_only() {
        assert_eq!(
            content_security_policy(&settings(), &Needs::default()),
            "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; font-src 'self'; form-action 'self' \
             http://localhost:4433 http://localhost:3000 https://*.example.org; connect-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
    }

    #[test]
    fn no_setting_can_add_a_directive() {
        let mut settings = settings();
        settings.allowed_form_origins =
            vec!["https://a; script-src *".to_owned(), "https://b,c".to_owned(), "'unsafe-inline'".to_owned()];
        let policy = content_security_policy(&settings, &Needs::default());
        assert!(policy.contains("form-action 'self' http://localhost:4433;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn providers_open_the_forms_and_nothing_else() {
        let needs = Needs { foreign_redirects: true, ..Needs::default() };
        let policy = content_security_policy(&settings(), &needs);
        assert!(policy.contains("https: http:; connect-src"), "{policy}");
        assert!(policy.contains("script-src 'self';"), "{policy}");
        let encrypted = PagesSettings { public_base_url: "https://id.example.org".to_owned(), ..settings() };
        assert!(!content_security_policy(&encrypted, &needs).contains("http:;"));
    }
}
