//! Style sheet, scripts, font and icon, embedded in the binary, and an operator's own. The name of each holds a hash of
//! its content, so that browsers may keep it forever and still get the new one after an upgrade.

use axum::body::Bytes;

use crate::brand::{Brand, Logo, LogoFile, version};

/// A file that is served as it is.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    /// `pages-0123456789abcdef.css`
    pub(crate) name: String,
    pub(crate) content_type: &'static str,
    pub(crate) content: Bytes,
}

/// All embedded files.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
    font: Asset,
}

impl Assets {
    pub(crate) fn embedded() -> Self {
        let font =
            asset("inter", "woff2", "font/woff2", include_bytes!("../../../assets/pages/inter.woff2").as_slice());
        let style = include_str!("../../../assets/pages/pages.css").replace("inter.woff2", &font.name);
        let script = include_bytes!("../../../assets/pages/pages.js").as_slice();
        Self {
            style: asset("pages", "css", "text/css; charset=utf-8", style),
            script: asset("pages", "js", "text/javascript; charset=utf-8", script),
            icon: asset("icon", "svg", "image/svg+xml", include_bytes!("../../../assets/pages/icon.svg").as_slice()),
            font,
        }
    }

    /// The file of that name, of ours or of the operator's.
    pub(crate) fn find(&self, brand: &Brand, name: &str) -> Option<Asset> {
        let ours = [&self.style, &self.script, &self.icon, &self.font].into_iter().find(|asset| asset.name == name);
        ours.cloned().or_else(|| brand_style(brand).filter(|asset| asset.name == name)).or_else(|| {
            let logos = [&brand.logo, &brand.logo_dark].into_iter().flatten();
            logos.filter_map(as_file).find(|file| file.name == name).map(|file| Asset {
                name: file.name.clone(),
                content_type: file.content_type,
                content: file.content.clone(),
            })
        })
    }
}

/// The style sheet of the operator's colours.
pub(crate) fn brand_style(brand: &Brand) -> Option<Asset> {
    brand.style().map(|style| asset("brand", "css", "text/css; charset=utf-8", style))
}

fn as_file(logo: &Logo) -> Option<&LogoFile> {
    match logo {
        Logo::File(file) => Some(file),
        Logo::Address(_) => None,
    }
}

fn asset(stem: &str, extension: &str, content_type: &'static str, content: impl Into<Bytes>) -> Asset {
    let content = content.into();
    Asset { name: format!("{stem}-{}.{extension}", version(&content)), content_type, content }
}
