//! An address in a file: absolute, or relative to the public base URL.

use serde::Deserialize;
use url::Url;

/// A URL, or a reference that is read relative to the public base URL (`/login`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlReference {
    /// A full URL.
    Absolute(Url),
    /// A path, with or without query.
    Relative(String),
}

impl UrlReference {
    /// The full URL.
    pub fn resolve(&self, base: &Url) -> Url {
        match self {
            Self::Absolute(url) => url.clone(),
            // Parsing has shown that the text joins with an http base; only an odd base (`data:`) can make this fail.
            Self::Relative(text) => base.join(text).unwrap_or_else(|_| base.clone()),
        }
    }
}

impl Default for UrlReference {
    fn default() -> Self {
        Self::Relative("/".to_owned())
    }
}

impl std::str::FromStr for UrlReference {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, url::ParseError> {
        match Url::parse(text) {
            Ok(url) => Ok(Self::Absolute(url)),
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                Url::parse("http://localhost/")?.join(text)?;
                Ok(Self::Relative(text.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

impl<'de> Deserialize<'de> for UrlReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_from_the_base_and_a_url_is_kept() {
        let base = Url::parse("https://auth.example.org/public/").unwrap();
        for (text, expected) in [
            ("/login", "https://auth.example.org/login"),
            ("login?x=1", "https://auth.example.org/public/login?x=1"),
            ("myapp://callback", "myapp://callback"),
            ("https://app.example.org/", "https://app.example.org/"),
        ] {
            assert_eq!(text.parse::<UrlReference>().unwrap().resolve(&base).as_str(), expected);
        }
    }

    #[test]
    fn a_broken_address_is_refused() {
        assert!("http://[".parse::<UrlReference>().is_err());
    }
}
