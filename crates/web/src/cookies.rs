//! Reading and writing cookies (RFC 6265). What is in them belongs to those who set them.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// The cookies of a request, in the order sent.
#[derive(Debug, Clone, Default)]
pub struct Cookies(Vec<(String, String)>);

impl From<&HeaderMap> for Cookies {
    /// Reads every `Cookie` header: HTTP/2 clients may send several. What is no pair is skipped.
    fn from(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(COOKIE).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        Self(lines.flat_map(|line| line.split(';')).filter_map(pair).collect())
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

impl Cookies {
    /// The value of the first cookie with this name: the one with the most specific path comes first.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value sent under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names, in the order sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// True if the request carries no cookie at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether other sites' pages may cause the cookie to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the person follows a link.
    #[default]
    Lax,
    /// Always. Browsers want `Secure` with it, so that without it this becomes [`SameSite::Lax`].
    None,
}

impl std::str::FromStr for SameSite {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "strict" => Ok(Self::Strict),
            "lax" => Ok(Self::Lax),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

/// A cookie to be set. `HttpOnly`, path `/`, `SameSite=Lax` and gone with the browser unless said otherwise.
#[derive(Debug, Clone)]
pub struct SetCookie {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    same_site: SameSite,
    secure: bool,
    http_only: bool,
    max_age: Option<Duration>,
    removed: bool,
}

impl SetCookie {
    /// A cookie of this name and value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".to_owned(),
            domain: None,
            same_site: SameSite::Lax,
            secure: false,
            http_only: true,
            max_age: None,
            removed: false,
        }
    }

    /// Makes the browser forget the cookie. Path and domain must be those it was set with.
    pub fn removal(name: impl Into<String>) -> Self {
        Self { removed: true, ..Self::new(name, "") }
    }

    /// Sets the path below which the cookie is sent; an empty one means `/`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the domain whose subdomains see the cookie too; without one only the host itself does.
    #[must_use]
    pub fn domain(mut self, domain: Option<String>) -> Self {
        self.domain = domain.filter(|domain| !domain.is_empty());
        self
    }

    /// Sets whether other sites cause it to be sent.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Sets whether it travels over TLS alone.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Sets whether scripts of the page are kept from it.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Sets how long it lives, in whole seconds; `None` is until the browser closes.
    #[must_use]
    pub fn max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// The value of the `Set-Cookie` header. Characters that could end an attribute or the header are dropped.
    pub fn header(&self) -> HeaderValue {
        let mut text = format!("{}={}", clean(&self.name, is_name), clean(&self.value, is_value));
        let path = if self.path.is_empty() { "/" } else { &self.path };
        text += &format!("; Path={}", clean(path, is_attribute));
        if let Some(domain) = &self.domain {
            text += &format!("; Domain={}", clean(domain.trim_start_matches('.'), is_attribute));
        }
        if self.removed {
            text += "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0";
        } else if let Some(age) = self.max_age {
            text += &format!("; Max-Age={}", age.as_secs());
        }
        if self.http_only {
            text += "; HttpOnly";
        }
        if self.secure {
            text += "; Secure";
        }
        text += match (self.same_site, self.secure) {
            (SameSite::Strict, _) => "; SameSite=Strict",
            (SameSite::None, true) => "; SameSite=None",
            (SameSite::Lax, _) | (SameSite::None, false) => "; SameSite=Lax",
        };
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

fn clean(text: &str, may_stay: fn(char) -> bool) -> String {
    text.chars().filter(|character| may_stay(*character)).collect()
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

fn is_value(character: char) -> bool {
    character.is_ascii_graphic() && !"\",;\\".contains(character)
}

fn is_attribute(character: char) -> bool {
    character.is_ascii_graphic() && character != ';'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_headers_and_quotes_are_read_and_rubbish_is_skipped() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; b=\"2\";; rubbish ;=x; a=3"));
        headers.append(COOKIE, HeaderValue::from_static("c=x=y"));
        let cookies = Cookies::from(&headers);
        assert_eq!(cookies.get("a"), Some("1"));
        assert_eq!(cookies.all("a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(cookies.get("b"), Some("2"));
        assert_eq!(cookies.get("c"), Some("x=y"));
        assert_eq!(cookies.get("rubbish"), None);
        assert_eq!(cookies.names().collect::<Vec<_>>(), ["a", "b", "a", "c"]);
        assert!(Cookies::from(&HeaderMap::new()).is_empty());
    }

    #[test]
    fn a_cookie_is_written_with_its_attributes() {
        let full = SetCookie::new("s", "v==")
            .path("/auth")
            .domain(Some(".example.com".into()))
            .same_site(SameSite::None)
            .secure(true)
            .max_age(Some(Duration::from_secs(60)));
        assert_eq!(full.header(), "s=v==; Path=/auth; Domain=example.com; Max-Age=60; HttpOnly; Secure; SameSite=None");
        assert_eq!(SetCookie::new("s", "v").http_only(false).header(), "s=v; Path=/; SameSite=Lax");
    }

    #[test]
    fn without_secure_no_cookie_is_for_all_sites() {
        assert_eq!(SetCookie::new("s", "v").same_site(SameSite::None).header(), "s=v; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_removal_is_in_the_past() {
        let header = SetCookie::removal("s").header();
        assert_eq!(header, "s=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_value_cannot_add_attributes_or_headers() {
        let header = SetCookie::new("s", "v; Domain=evil.example\r\nX: y").path("/; Secure").header();
        assert_eq!(header, "s=vDomain=evil.exampleX:y; Path=/Secure; HttpOnly; SameSite=Lax");
    }
}
