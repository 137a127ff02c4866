//! Where an operator's template comes from: a configured address, or a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use foundation::{Clock, GoDuration, Timestamp};
use scripting::TemplateSet;
use tokio::sync::Mutex;
use web::{OutboundClient, OutboundRequest};

use crate::error::CourierError;
use crate::template::Row;

/// A part of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Subject,
    Plaintext,
    Html,
}

impl Part {
    /// The file under the template's folder, and what its partials begin with.
    fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Subject => ("email.subject.gotmpl", "email.subject"),
            Self::Plaintext => ("email.body.plaintext.gotmpl", "email.body"),
            Self::Html => ("email.body.gotmpl", "email.body"),
        }
    }
}

/// How long a template that was fetched serves: mails must not ask another server each time, and an edited template
/// must show soon.
const FRESH: GoDuration = GoDuration::from_secs(60);

/// Somebody waits for their page while a template is fetched.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A file or answer beyond this is no mail template.
const LARGEST: usize = 1 << 20;

/// More partials than this are no mail.
const MOST_PARTIALS: usize = 100;

pub(crate) struct Sources {
    outbound: OutboundClient,
    clock: Arc<dyn Clock>,
    fetched: Mutex<HashMap<String, (Timestamp, Arc<str>)>>,
}

impl Sources {
    pub(crate) fn new(outbound: OutboundClient, clock: Arc<dyn Clock>) -> Self {
        Self { outbound, clock, fetched: Mutex::default() }
    }

    /// The operator's templates of one part of a mail, and the name of the one to render; `None` where limen writes it.
    pub(crate) async fn templates(
        &self,
        row: &'static Row,
        part: Part,
        configured: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<Option<(TemplateSet, &'static str)>, CourierError> {
        let unreadable = |place: String, cause: String| CourierError::Source { mail: row.name, place, cause };
        let (file, partials) = part.file();
        let mut set = TemplateSet::new();
        let mut add = |name: &str, text: &str| {
            set.add(name, text).map_err(|cause| CourierError::Template { mail: row.name, cause })
        };
        if let Some(address) = configured {
            let text = self.read(address).await.map_err(|cause| unreadable(without_secrets(address), cause))?;
            add(file, &text)?;
            return Ok(Some((set, file)));
        }
        if let Some(folder) = folder {
            let folder = folder.join(row.folder);
            let files = files(&folder, partials)
                .await
                .map_err(|cause| unreadable(folder.display().to_string(), cause.to_string()))?;
            if files.iter().any(|(name, _)| name == file) {
                for (name, text) in &files {
                    add(name, text)?;
                }
                return Ok(Some((set, file)));
            }
        }
        Ok(None)
    }

    /// The text at an address that is no mail's. A path without a scheme is a file, as earlier configurations have it.
    pub(crate) async fn text(&self, address: &str) -> Result<Arc<str>, CourierError> {
        let read = if address.contains("://") {
            self.read(address).await
        } else {
            read_file(Path::new(address)).await.map(Arc::from).map_err(|error| error.to_string())
        };
        read.map_err(|cause| CourierError::Text { place: without_secrets(address), cause })
    }

    async fn read(&self, address: &str) -> Result<Arc<str>, String> {
        let (scheme, rest) =
            address.split_once("://").ok_or("it is no URI: write file://, base64://, http:// or https://")?;
        match scheme {
            "base64" => {
                decode(rest).map(Arc::from).ok_or_else(|| "what follows base64:// is no base64 of UTF-8 text".into())
            }
            "file" => read_file(&file_path(address)).await.map(Arc::from).map_err(|error| error.to_string()),
            "http" | "https" => self.fetch(address).await,
            _ => Err("its scheme is none of file, base64, http and https".into()),
        }
    }

    async fn fetch(&self, address: &str) -> Result<Arc<str>, String> {
        let now = self.clock.now();
        if let Some((until, text)) = self.fetched.lock().await.get(address)
            && *until > now
        {
            return Ok(text.clone());
        }
        let request = OutboundRequest::get(address).response_cap(LARGEST).timeout(PATIENCE);
        let response = self.outbound.send(request).await.map_err(|error| error.to_string())?;
        if !response.is_success() {
            return Err(format!("the server answered {}", response.status));
        }
        let text: Arc<str> = response.text().into();
        let mut fetched = self.fetched.lock().await;
        // Three parts of eleven mails: more entries come only from settings that were replaced.
        if fetched.len() > 64 {
            fetched.clear();
        }
        fetched.insert(address.to_owned(), (now + FRESH, text.clone()));
        Ok(text)
    }
}

fn decode(text: &str) -> Option<String> {
    let bytes = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
        .into_iter()
        .find_map(|engine| engine.decode(text.trim()).ok())?;
    String::from_utf8(bytes).ok()
}

/// `file:///etc/a` and, as the reference server takes it, `file://relative/a`.
fn file_path(address: &str) -> PathBuf {
    url::Url::parse(address)
        .ok()
        .filter(|url| url.host_str().is_none_or(str::is_empty))
        .and_then(|url| url.to_file_path().ok())
        .unwrap_or_else(|| PathBuf::from(address.trim_start_matches("file://")))
}

async fn read_file(path: &Path) -> std::io::Result<String> {
    let size = tokio::fs::metadata(path).await?.len();
    if usize::try_from(size).is_ok_and(|size| size <= LARGEST) {
        tokio::fs::read_to_string(path).await
    } else {
        Err(std::io::Error::other("the file is larger than 1 MiB"))
    }
}

/// The files of a folder whose names begin with `partials`, in the order of their names. No folder, no files.
async fn files(folder: &Path, partials: &str) -> std::io::Result<Vec<(String, String)>> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(partials) || tokio::fs::metadata(entry.path()).await?.is_dir() {
            continue;
        }
        if files.len() == MOST_PARTIALS {
            return Err(std::io::Error::other("more than 100 partial templates"));
        }
        files.push((name, read_file(&entry.path()).await?));
    }
    files.sort();
    Ok(files)
}

/// An address for error texts: without user, password and query, and without a whole template.
fn without_secrets(address: &str) -> String {
    if address.starts_with("base64://") {
        return "base64://…".to_owned();
    }
    match url::Url::parse(address) {
        Ok(url) => format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()),
        Err(_) => "an unreadable URI".to_owned(),
    }
}
