//! An operator's look: a logo, an accent colour, links at the foot of each page. Buttons are filled with the accent as it
//! is, under black or white text. For text, and for the focus, it is bent until it can be read (WCAG 2.2 AA), so that no
//! setting makes pages that people cannot use.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Bytes;
use foundation::Color;

/// Grounds that accented text and buttons stand on; the same as in `assets/pages/pages.css`.
const LIGHT_GROUND: Color = Color::new(0xf6, 0xf7, 0xfb);
const LIGHT_CARD: Color = Color::WHITE;
const DARK_CARD: Color = Color::new(0x19, 0x1c, 0x2b);

/// What text has to have on its ground (success criterion 1.4.3).
const LEGIBLE: f64 = 4.5;

/// What the pages show of the operator.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// In place of the mark and the name.
    pub logo: Option<Logo>,
    /// The logo for dark pages.
    pub logo_dark: Option<Logo>,
    /// Buttons, links and the focus.
    pub accent: Option<Color>,
    /// The same for dark pages; without it, `accent`.
    pub accent_dark: Option<Color>,
    /// Links at the foot: the last part of a text's name (`privacy` for `footer.privacy`) and the address.
    pub links: Vec<(&'static str, String)>,
}

/// A picture.
#[derive(Debug, Clone)]
pub enum Logo {
    /// An address that browsers fetch it from.
    Address(String),
    /// Served by the pages.
    File(LogoFile),
}

/// A picture that the pages serve.
#[derive(Debug, Clone)]
pub struct LogoFile {
    pub(crate) name: String,
    pub(crate) content_type: &'static str,
    pub(crate) content: Bytes,
}

impl LogoFile {
    /// A file of this name and content; `None` where its ending is none of a picture that browsers show.
    #[must_use]
    pub fn new(file_name: &str, content: Vec<u8>) -> Option<Self> {
        let (_, ending) = file_name.rsplit_once('.')?;
        let (ending, content_type) = match ending.to_ascii_lowercase().as_str() {
            "svg" => ("svg", "image/svg+xml"),
            "png" => ("png", "image/png"),
            "jpg" | "jpeg" => ("jpg", "image/jpeg"),
            "webp" => ("webp", "image/webp"),
            _ => return None,
        };
        let name = format!("logo-{}.{ending}", version(&content));
        Some(Self { name, content_type, content: content.into() })
    }
}

/// A word that changes with the content. No secret and no signature: it only tells versions apart.
pub(crate) fn version(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Brand {
    /// The style sheet that puts the accent over the built-in one; `None` where there is none.
    pub(crate) fn style(&self) -> Option<String> {
        let light = self.accent.zip(self.accent_on_light());
        let light = light.map(|(fill, accent)| tones(fill, accent, LIGHT_CARD, Color::BLACK, 0.08));
        let dark = self.accent_dark.or(self.accent).zip(self.accent_on_dark());
        let dark = dark.map(|(fill, accent)| tones(fill, accent, DARK_CARD, Color::WHITE, 0.14));
        let light = light.map(|tones| format!(":root {{ {tones} }}\n")).unwrap_or_default();
        let dark = dark
            .map(|tones| format!("@media (prefers-color-scheme: dark) {{ :root {{ {tones} }} }}\n"))
            .unwrap_or_default();
        Some(light + &dark).filter(|style| !style.is_empty())
    }

    /// Accents that text shows otherwise than written, as it could not be read: what was written, and what is shown.
    #[must_use]
    pub fn adjusted(&self) -> Vec<(Color, Color)> {
        let light = self.accent.zip(self.accent_on_light());
        let dark = self.accent_dark.zip(self.accent_on_dark());
        [light, dark].into_iter().flatten().filter(|(written, shown)| written != shown).collect()
    }

    fn accent_on_light(&self) -> Option<Color> {
        self.accent.map(|accent| accent.legible_on(LIGHT_GROUND, LEGIBLE))
    }

    fn accent_on_dark(&self) -> Option<Color> {
        self.accent_dark.or(self.accent).map(|accent| accent.legible_on(DARK_CARD, LEGIBLE))
    }
}

/// The accent of text and of buttons, a stronger tone of each for what is pointed at, the text on them, and a tint of the
/// card.
fn tones(fill: Color, accent: Color, card: Color, stronger: Color, tint: f64) -> String {
    let strong = accent.mixed(stronger, 0.22);
    let (ink, tint) = (fill.ink(), card.mixed(accent, tint));
    // Away from its text, so that the text stays legible.
    let fill_strong = fill.mixed(if ink == Color::WHITE { Color::BLACK } else { Color::WHITE }, 0.22);
    format!(
        "--accent: {accent}; --accent-strong: {strong}; --on-accent: {}; --fill: {fill}; --fill-strong: {fill_strong}; \
         --on-fill: {ink}; --tint: {tint};",
        accent.ink()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(style: &str, name: &str) -> Color {
        let start = style.find(&format!("{name}: ")).unwrap() + name.len() + 2;
        style[start..start + 7].parse().unwrap()
    }

    #[test]
    fn whatever_the_accent_all_its_uses_can_be_read() {
        for written in ["#ffe600", "#000", "#fff", "#ff0000", "#00c853", "#7b61ff", "#808080", "#0a66c2", "#ff6f00"] {
            let brand = Brand { accent: Some(written.parse().unwrap()), ..Brand::default() };
            let style = brand.style().unwrap();
            let (light, dark) = style.split_once("@media").unwrap();
            for (theme, grounds) in [(light, [LIGHT_GROUND, LIGHT_CARD]), (dark, [DARK_CARD, Color::new(15, 17, 27)])] {
                let of = |name| value(theme, name);
                for ground in grounds {
                    assert!(of("--accent").contrast(ground) >= LEGIBLE, "{written}: {theme}");
                    assert!(of("--accent-strong").contrast(ground) >= LEGIBLE, "{written}: {theme}");
                }
                assert!(of("--on-accent").contrast(of("--accent")) >= LEGIBLE, "{written}: {theme}");
                assert!(of("--on-accent").contrast(of("--accent-strong")) >= LEGIBLE, "{written}: {theme}");
                assert!(of("--on-fill").contrast(of("--fill")) >= LEGIBLE, "{written}: {theme}");
                assert!(of("--on-fill").contrast(of("--fill-strong")) >= LEGIBLE, "{written}: {theme}");
                assert_eq!(of("--fill"), written.parse().unwrap(), "buttons have the colour as it is");
                assert!(of("--accent-strong").contrast(of("--tint")) >= LEGIBLE, "{written}: {theme}");
            }
        }
    }

    #[test]
    fn only_what_cannot_be_read_is_changed() {
        let brand = |light: &str, dark: &str| Brand {
            accent: Some(light.parse().unwrap()),
            accent_dark: Some(dark.parse().unwrap()),
            ..Brand::default()
        };
        assert!(brand("#0a4a8f", "#9cc4ff").adjusted().is_empty());
        let adjusted = brand("#ffe600", "#9cc4ff").adjusted();
        assert_eq!(adjusted.len(), 1);
        assert_eq!(adjusted[0].0.to_string(), "#ffe600");
        assert_eq!(Brand::default().style(), None);
    }

    #[test]
    fn a_logo_is_a_picture() {
        assert_eq!(LogoFile::new("a/b/Logo.SVG", b"<svg/>".to_vec()).unwrap().content_type, "image/svg+xml");
        assert!(LogoFile::new("logo.html", Vec::new()).is_none());
        assert!(LogoFile::new("logo", Vec::new()).is_none());
    }
}
