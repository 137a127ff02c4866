//! Where schemas come from (identity-admin.md §1.8): files, other servers, and the configuration itself.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use percent_encoding::percent_decode_str;
use url::Url;

use super::error::SchemaError;

/// Longest document, in bytes.
pub(super) const LONGEST: usize = 1024 * 1024;

/// Gets documents from other servers.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The body of a successful answer to GET; at most `limit` bytes long.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn fetch(&self, url: &Url, limit: usize) -> Result<Vec<u8>, String>;
}

#[async_trait]
impl Fetch for web::OutboundClient {
    async fn fetch(&self, url: &Url, limit: usize) -> Result<Vec<u8>, String> {
        let request = web::OutboundRequest::get(url.as_str()).response_cap(limit);
        let response = self.send(request).await.map_err(|error| error.to_string())?;
        if !response.is_success() {
            return Err(format!("the server answered with status {}", response.status));
        }
        Ok(response.body.to_vec())
    }
}

/// A parsed address of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Location {
    File(PathBuf),
    Http(Url),
    /// The document itself.
    Text(String),
}

/// What was read, and how to notice that it changed.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) stamp: Option<Stamp>,
}

/// The state of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stamp {
    pub(super) path: PathBuf,
    modified: Option<SystemTime>,
    length: u64,
}

impl Location {
    /// Reads an address of the configuration. `file://` takes what follows as the path, absolute or not.
    pub(super) fn parse(id: &str, address: &str) -> Result<Self, SchemaError> {
        let wrong = |reason: String| SchemaError::Source {
            id: id.to_owned(),
            // A base64 document is long and tells nobody anything.
            location: address.chars().take(100).collect(),
            reason,
        };
        if let Some(path) = address.strip_prefix("file://") {
            let path = percent_decode_str(path).decode_utf8().map_err(|error| wrong(error.to_string()))?;
            return Ok(Self::File(PathBuf::from(path.into_owned())));
        }
        if let Some(body) = address.strip_prefix("base64://") {
            let decoded = STANDARD.decode(body).or_else(|_| STANDARD_NO_PAD.decode(body));
            let bytes = decoded.map_err(|error| wrong(error.to_string()))?;
            return String::from_utf8(bytes).map(Self::Text).map_err(|error| wrong(error.to_string()));
        }
        match Url::parse(address) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Http(url)),
            _ => Err(wrong("use file://, http://, https:// or base64://".to_owned())),
        }
    }

    /// What relative references in the document start from.
    pub(super) fn base(&self) -> Option<Url> {
        match self {
            Self::File(path) => std::path::absolute(path).ok().and_then(|path| Url::from_file_path(path).ok()),
            Self::Http(url) => Some(url.clone()),
            Self::Text(_) => None,
        }
    }

    /// Whether a document here may refer to one at `other`. What another server says reaches no file of this machine.
    pub(super) fn may_refer_to(&self, other: &Self) -> bool {
        !matches!((self, other), (Self::Http(_), Self::File(_)))
    }
}

/// Reads a document.
pub(super) async fn read(id: &str, location: &Location, fetch: &dyn Fetch) -> Result<Document, SchemaError> {
    match location {
        Location::Text(text) => Ok(Document { text: text.clone(), stamp: None }),
        Location::File(path) => read_file(path).await.map_err(|reason| SchemaError::Source {
            id: id.to_owned(),
            location: path.display().to_string(),
            reason,
        }),
        Location::Http(url) => {
            // Credentials and query of the address stay out of messages.
            let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
            let upstream =
                |reason: String| SchemaError::Upstream { id: id.to_owned(), location: shown.clone(), reason };
            let body = fetch.fetch(url, LONGEST).await.map_err(upstream)?;
            if body.len() > LONGEST {
                return Err(upstream(format!("the document is longer than {LONGEST} bytes")));
            }
            let text = String::from_utf8(body).map_err(|error| upstream(error.to_string()))?;
            Ok(Document { text, stamp: None })
        }
    }
}

async fn read_file(path: &Path) -> Result<Document, String> {
    let stamp = stamp(path).await.map_err(|error| error.to_string())?;
    if stamp.length > LONGEST as u64 {
        return Err(format!("the file is longer than {LONGEST} bytes"));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(|error| error.to_string())?;
    Ok(Document { text, stamp: Some(stamp) })
}

/// The state of a file now.
pub(super) async fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let metadata = tokio::fs::metadata(path).await?;
    if !metadata.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "this is not a file"));
    }
    Ok(Stamp { path: path.to_owned(), modified: metadata.modified().ok(), length: metadata.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_each_kind_are_read() {
        let file = |path: &str| Location::File(PathBuf::from(path));
        assert_eq!(Location::parse("a", "file:///etc/a.json").expect("absolute"), file("/etc/a.json"));
        assert_eq!(Location::parse("a", "file://a/b.json").expect("relative"), file("a/b.json"));
        assert_eq!(Location::parse("a", "file://./a%20b.json").expect("escaped"), file("./a b.json"));
        assert_eq!(Location::parse("a", "base64://e30=").expect("inline"), Location::Text("{}".to_owned()));
        assert!(matches!(Location::parse("a", "https://example.org/a.json"), Ok(Location::Http(_))));
        for wrong in ["ftp://example.org/a.json", "a.json", "base64://!", "base64:///w==", ""] {
            assert!(matches!(Location::parse("a", wrong), Err(SchemaError::Source { .. })), "{wrong}");
        }
    }

    #[test]
    fn documents_of_other_servers_may_not_name_files() {
        let http = Location::parse("a", "http://example.org/a.json").expect("address");
        let file = Location::parse("a", "file:///etc/a.json").expect("address");
        assert!(!http.may_refer_to(&file));
        assert!(http.may_refer_to(&http) && file.may_refer_to(&http) && file.may_refer_to(&file));
    }
}
