//! Addresses that are allowed although they are private, as the configuration writes them.

use url::Url;

/// A pattern over scheme, host, port and path. `*` in scheme, host or port stays there: in `http://*.internal/*` it
/// can't swallow `http://evil.example/x.internal/`. In the path it stands for anything.
#[derive(Debug)]
pub(super) enum Exception {
    Everything,
    Pattern { authority: String, path: String },
}

impl Exception {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim();
        if matches!(text, "*" | "**") {
            return Self::Everything;
        }
        let host = text.find("://").map_or(0, |at| at + 3);
        let path = text[host..].find('/').map_or(text.len(), |at| host + at);
        let (authority, path) = text.split_at(path);
        Self::Pattern {
            authority: authority.to_lowercase(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        }
    }

    /// True if `url` is excepted. Credentials, query and fragment of the address don't count.
    pub(super) fn matches(&self, url: &Url) -> bool {
        let Self::Pattern { authority, path } = self else { return true };
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let plain = format!("{}://{host}", url.scheme());
        let full = format!("{plain}:{port}");
        let authority_matches = glob(authority, &full) || (url.port().is_none() && glob(authority, &plain));
        authority_matches && glob(path, url.path())
    }
}

/// True if `text` is `pattern` with any text in place of each `*`. Linear in time: each part is taken where it first
/// fits, which is right as long as the last part is tied to the end.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_within_their_parts() {
        for (pattern, url, matches) in [
            ("http://hooks.internal:8080/*", "http://hooks.internal:8080/a/b?x=1", true),
            ("http://hooks.internal:8080/*", "http://hooks.internal/a", false),
            ("http://hooks.internal/a", "http://hooks.internal/a", true),
            ("http://hooks.internal/a", "http://hooks.internal/ab", false),
            ("http://hooks.internal/a", "http://user:pw@hooks.internal/a", true),
            ("http://hooks.internal:80/", "http://hooks.internal/", true),
            ("http://hooks.internal", "http://hooks.internal/", true),
            ("http://HOOKS.internal/**", "http://hooks.internal/x", true),
            ("https://hooks.internal/*", "http://hooks.internal/x", false),
            ("http*://hooks.internal/*", "https://hooks.internal/x", true),
            ("http://*.internal/*", "http://a.b.internal/x", true),
            ("http://*.internal/*", "http://evil.example/x.internal/", false),
            ("http://*.internal/*", "http://evil.example?.internal/", false),
            ("http://10.0.0.*:*/hook/*/end", "http://10.0.0.7:99/hook/a/b/end", true),
            ("http://10.0.0.*:*/hook/*/end", "http://10.0.0.7:99/hook/end", false),
            ("http://hooks.internal/safe/*", "http://hooks.internal/safe/%2e%2e/admin", false),
            ("hooks.internal", "http://hooks.internal/", false),
            ("", "http://hooks.internal/", false),
            ("*", "http://anything/", true),
        ] {
            assert_eq!(
                Exception::new(pattern).matches(&Url::parse(url).expect("an address")),
                matches,
                "{pattern} and {url}"
            );
        }
    }
}
