//! Style sheet, scripts and icon, embedded in the binary. The name of each holds a hash of its content, so that browsers
//! may keep it forever and still get the new one after an upgrade.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A file that is served as it is.
#[derive(Debug)]
pub(crate) struct Asset {
    /// `pages-0123456789abcdef.css`
    pub(crate) name: String,
    pub(crate) content_type: &'static str,
    pub(crate) content: &'static str,
}

/// All files.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
}

impl Assets {
    pub(crate) fn embedded() -> Self {
        Self {
            style: asset("pages", "css", "text/css; charset=utf-8", include_str!("../../../assets/pages/pages.css")),
            script: asset(
                "pages",
                "js",
                "text/javascript; charset=utf-8",
                include_str!("../../../assets/pages/pages.js"),
            ),
            icon: asset("icon", "svg", "image/svg+xml", include_str!("../../../assets/pages/icon.svg")),
        }
    }

    /// The file of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.icon].into_iter().find(|asset| asset.name == name)
    }
}

fn asset(stem: &str, extension: &str, content_type: &'static str, content: &'static str) -> Asset {
    // No secret and no signature: the hash only tells versions apart.
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Asset { name: format!("{stem}-{:016x}.{extension}", hasher.finish()), content_type, content }
}
