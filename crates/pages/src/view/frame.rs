//! What every page has: the head, the brand, notices, and the foot with languages and links.

use foundation::{Languages, Texts};

use super::Notice;
use crate::assets::{self, Assets};
use crate::brand::Logo;
use crate::settings::PagesSettings;
use crate::urls;

/// What every page has.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) texts: Texts,
    pub(crate) title: String,
    /// The product's name.
    pub(crate) name: String,
    /// The path under which the pages lie, without a slash at the end.
    pub(crate) base: String,
    pub(crate) style: String,
    /// The operator's colours.
    pub(crate) brand_style: Option<String>,
    pub(crate) logo: Option<String>,
    pub(crate) logo_dark: Option<String>,
    pub(crate) script: String,
    pub(crate) icon: String,
    pub(crate) scripts: Vec<Script>,
    pub(crate) dev: bool,
    pub(crate) inbox_url: Option<String>,
    /// The class of the main part: `narrow` for one form, `wide` for several.
    pub(crate) width: &'static str,
    pub(crate) notices: Vec<Notice>,
    /// The same page in each language.
    pub(crate) languages: Vec<Choice>,
    /// Text and address.
    pub(crate) links: Vec<(String, String)>,
}

/// A language to read in.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) tag: &'static str,
    /// What the language calls itself.
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) is_chosen: bool,
}

/// A script that a node asks for, from the public API's origin.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) id: String,
    pub(crate) src: String,
    pub(crate) kind: String,
    pub(crate) integrity: String,
    pub(crate) crossorigin: String,
    pub(crate) referrerpolicy: String,
    pub(crate) is_async: bool,
}

impl Frame {
    pub(crate) fn new(settings: &PagesSettings, texts: Texts, assets: &Assets, title: String) -> Self {
        let base = urls::base_path(&settings.pages_base_url);
        let asset = |name: &str| format!("{base}/assets/{name}");
        let brand = &settings.brand;
        let logo = |logo: &Option<Logo>| match logo {
            Some(Logo::Address(address)) => Some(address.clone()).filter(|address| urls::is_safe_link(address)),
            Some(Logo::File(file)) => Some(asset(&file.name)),
            None => None,
        };
        let links = brand.links.iter().filter(|(_, address)| urls::is_safe_link(address));
        Self {
            style: asset(&assets.style.name),
            brand_style: assets::brand_style(brand).map(|style| asset(&style.name)),
            logo: logo(&brand.logo),
            logo_dark: logo(&brand.logo_dark),
            script: asset(&assets.script.name),
            icon: asset(&assets.icon.name),
            links: links.map(|(name, to)| (texts.text(&format!("footer.{name}")).to_owned(), to.clone())).collect(),
            texts,
            title,
            name: settings.name.clone(),
            base,
            scripts: Vec::new(),
            dev: settings.dev,
            inbox_url: settings.inbox_url.clone().filter(|url| settings.dev && urls::is_safe_link(url)),
            width: "narrow",
            notices: Vec::new(),
            languages: Vec::new(),
        }
    }

    /// Offers the page in each language, at the address that `href` gives for a language's tag.
    pub(crate) fn offer(&mut self, languages: &Languages, href: impl Fn(&str) -> String) {
        let chosen = self.texts.language();
        let choice = |texts: &Texts| Choice {
            tag: texts.language(),
            name: texts.text("language.name").to_owned(),
            href: href(texts.language()),
            is_chosen: texts.language() == chosen,
        };
        self.languages = languages.all().map(choice).collect();
    }

    /// A word for the script.
    pub(crate) fn script_text(&self, name: &str) -> String {
        let name = format!("script.{name}");
        self.texts.text(&name).to_owned()
    }

    /// Whether something on the page has to be put right.
    pub(crate) fn has_errors(&self) -> bool {
        self.notices.iter().any(|notice| notice.kind == "error")
    }
}
