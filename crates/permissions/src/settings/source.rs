//! `namespaces`: names in the configuration, files with names, or definitions in the permission language.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

/// Where the namespaces come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum NamespaceSource {
    /// Names, in which every relation may be used.
    Named(Vec<LegacyNamespace>),
    /// The address of a file or folder of such names, or of definitions.
    Address(String),
    /// Definitions in the permission language.
    Definitions {
        /// Their address.
        location: String,
        /// Only what is declared is followed.
        #[serde(default)]
        experimental_strict_mode: bool,
    },
}

/// A namespace that is only named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LegacyNamespace {
    /// A number of no use.
    #[serde(default)]
    pub id: i64,
    /// Its name.
    pub name: String,
}

impl Default for NamespaceSource {
    fn default() -> Self {
        Self::Address("file://./keto_namespaces".to_owned())
    }
}

/// An address, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file or folder.
    Path(PathBuf),
    /// Somewhere else, asked by HTTP.
    Http(Url),
    /// The text itself.
    Inline(String),
}

impl NamespaceSource {
    /// Whether the source itself asks for strict mode.
    pub fn is_strict(&self) -> bool {
        matches!(self, Self::Definitions { experimental_strict_mode: true, .. })
    }
}

impl Location {
    /// Understands `file://…` (relative to where the program was started, unless it begins with `/`), `http(s)://…`,
    /// `base64://…`, and a plain path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(address: &str) -> Result<Self, String> {
        if let Some(path) = address.strip_prefix("file://") {
            return Ok(Self::Path(PathBuf::from(path)));
        }
        if let Some(text) = address.strip_prefix("base64://") {
            let bytes = STANDARD.decode(text).map_err(|_| "what follows base64:// is no Base64".to_owned())?;
            return String::from_utf8(bytes).map(Self::Inline).map_err(|_| "it holds no text in UTF-8".to_owned());
        }
        if address.starts_with("http://") || address.starts_with("https://") {
            return Url::parse(address).map(Self::Http).map_err(|cause| format!("it is no address: {cause}"));
        }
        if address.contains("://") {
            return Err("write file://, http://, https:// or base64://".to_owned());
        }
        Ok(Self::Path(PathBuf::from(address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        assert_eq!(Location::parse("file:///a/b.ts"), Ok(Location::Path("/a/b.ts".into())));
        assert_eq!(Location::parse("file://./names"), Ok(Location::Path("./names".into())));
        assert_eq!(Location::parse("base64://Y2xhc3M="), Ok(Location::Inline("class".into())));
        assert!(matches!(Location::parse("https://a.example/n.ts"), Ok(Location::Http(_))));
        assert!(Location::parse("base64://%").is_err());
        assert!(Location::parse("ws://a.example").is_err());
    }

    #[test]
    fn each_form_is_told_by_its_shape() {
        let read = |text: &str| serde_json::from_str::<NamespaceSource>(text).unwrap();
        assert!(matches!(read(r#"[{"id": 1, "name": "a"}]"#), NamespaceSource::Named(names) if names[0].name == "a"));
        assert!(matches!(read(r#""file://x""#), NamespaceSource::Address(_)));
        assert!(read(r#"{"location": "file://x", "experimental_strict_mode": true}"#).is_strict());
    }
}
