//! Addresses: which ones a page may link to, and how it builds its own.

use url::{Url, form_urlencoded};

/// The origin (`scheme://host:port`) of an absolute http or https address.
pub(crate) fn origin_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// Whether a link or a form may lead there: http, https, or relative. `javascript:`, `data:` and the like may not.
pub(crate) fn is_safe_link(address: &str) -> bool {
    match Url::parse(address) {
        Ok(url) => matches!(url.scheme(), "http" | "https"),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            // Browsers drop control characters and leading blanks before they look for a scheme.
            !address.chars().any(char::is_control) && !address.starts_with(' ')
        }
        Err(_) => false,
    }
}

/// Whether an image may come from there: as links, or a bitmap written out in the address. No SVG: it can hold scripts.
pub(crate) fn is_safe_image(address: &str) -> bool {
    let bitmap = ["data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,"];
    bitmap.iter().any(|prefix| address.starts_with(prefix)) || is_safe_link(address)
}

/// `base` and `path` (which starts with a slash), with one slash between them.
pub(crate) fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

/// `address` with the query parameters that have a value.
pub(crate) fn with_query<'a>(address: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut serializer = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query.into_iter().filter(|(_, value)| !value.is_empty()) {
        serializer.append_pair(name, value);
    }
    let query = serializer.finish();
    match (query.is_empty(), address.contains('?')) {
        (true, _) => address.to_owned(),
        (false, true) => format!("{address}&{query}"),
        (false, false) => format!("{address}?{query}"),
    }
}

/// The path of an address without its last slash: the prefix under which the pages lie.
pub(crate) fn base_path(address: &str) -> String {
    Url::parse(address).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_run_code_are_refused() {
        for safe in ["https://example.org/a", "http://localhost:3000", "/welcome", "?a=b", "settings#totp"] {
            assert!(is_safe_link(safe), "{safe}");
        }
        let unsafe_links = [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "blob:https://example.org/x",
            "https://",
        ];
        for address in unsafe_links {
            assert!(!is_safe_link(address), "{address:?}");
        }
    }

    #[test]
    fn images_are_bitmaps_or_links() {
        assert!(is_safe_image("data:image/png;base64,AAAA"));
        assert!(is_safe_image("https://example.org/a.png"));
        assert!(!is_safe_image("data:image/svg+xml;base64,AAAA"));
        assert!(!is_safe_image("data:text/html,x"));
    }

    #[test]
    fn queries_are_encoded_and_empty_values_left_out() {
        assert_eq!(
            with_query("/login", [("return_to", "https://a/?b=c"), ("aal", "")]),
            "/login?return_to=https%3A%2F%2Fa%2F%3Fb%3Dc"
        );
        assert_eq!(with_query("/login?a=b", [("c", "d e")]), "/login?a=b&c=d+e");
        assert_eq!(with_query("/login", []), "/login");
    }

    #[test]
    fn bases_join_with_one_slash() {
        assert_eq!(join("http://localhost:4433/", "/sessions"), "http://localhost:4433/sessions");
        assert_eq!(base_path("https://example.org/auth/"), "/auth");
        assert_eq!(base_path("https://example.org"), "");
    }

    #[test]
    fn origins_keep_the_port() {
        assert_eq!(origin_of("http://localhost:4433/x?y").as_deref(), Some("http://localhost:4433"));
        assert_eq!(origin_of("ftp://localhost"), None);
        assert_eq!(origin_of("/x"), None);
    }
}
