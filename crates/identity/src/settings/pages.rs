//! `pages`: how the built-in pages and mails look and speak. They are drawn elsewhere; here is only what was written.

use foundation::{Color, OwnTexts};
use serde::Deserialize;

/// `pages`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Pages {
    /// The look.
    pub brand: PagesBrand,
    /// Texts that replace the built-in ones, by language and name.
    pub texts: OwnTexts,
}

/// `pages.brand`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PagesBrand {
    /// The product's name; unset: pages say `limen`, mails say nothing.
    pub name: Option<String>,
    /// A picture in place of the name: `https://…`, or `file:///…`, which the pages then serve.
    pub logo_url: Option<String>,
    /// The same for dark pages.
    pub logo_url_dark: Option<String>,
    /// Colours.
    pub colors: PagesColors,
    /// Links at the foot of each page.
    pub links: PagesLinks,
}

/// `pages.brand.colors`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PagesColors {
    /// Buttons, links and the focus.
    pub accent: Option<Color>,
    /// The same for dark pages; unset: `accent`.
    pub accent_dark: Option<Color>,
}

/// `pages.brand.links`: addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PagesLinks {
    /// What is done with people's data.
    pub privacy: Option<String>,
    /// What people agree to.
    pub terms: Option<String>,
    /// Who runs the service.
    pub imprint: Option<String>,
    /// Where help is.
    pub support: Option<String>,
}

impl PagesLinks {
    /// The links that are set, by the last part of their text's name (`footer.privacy`).
    pub fn set(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("privacy", &self.privacy), ("terms", &self.terms), ("imprint", &self.imprint), ("support", &self.support)]
            .into_iter()
            .filter_map(|(name, address)| Some((name, address.as_deref()?)))
    }
}
