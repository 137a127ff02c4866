//! What the templates show: plain values, already in the reader's language. Templates hold no rule but the layout.

mod fields;
mod flow_page;

use std::sync::Arc;

use askama::Template;
use foundation::Timestamp;

pub(crate) use flow_page::{FlowPage, Situation};

use crate::assets::Assets;
use crate::settings::PagesSettings;
use crate::texts::Texts;
use crate::urls;

/// What every page has.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) texts: Arc<Texts>,
    pub(crate) title: String,
    /// The product's name.
    pub(crate) name: String,
    /// The path under which the pages lie, without a slash at the end.
    pub(crate) base: String,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
    pub(crate) scripts: Vec<Script>,
    pub(crate) dev: bool,
    pub(crate) inbox_url: Option<String>,
    /// The class of the main part: `narrow` for one form, `wide` for several.
    pub(crate) width: &'static str,
    pub(crate) notices: Vec<Notice>,
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

/// A message for the whole page.
#[derive(Debug)]
pub(crate) struct Notice {
    /// `error`, `success` or `info`
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// A link below the form.
#[derive(Debug)]
pub(crate) struct Link {
    /// What comes before the link, such as a question.
    pub(crate) before: String,
    pub(crate) href: String,
    pub(crate) text: String,
}

impl Frame {
    pub(crate) fn new(settings: &PagesSettings, texts: Arc<Texts>, assets: &Assets, title: String) -> Self {
        let base = urls::base_path(&settings.pages_base_url);
        let asset = |name: &str| format!("{base}/assets/{name}");
        Self {
            style: asset(&assets.style.name),
            script: asset(&assets.script.name),
            icon: asset(&assets.icon.name),
            texts,
            title,
            name: settings.name.clone(),
            base,
            scripts: Vec::new(),
            dev: settings.dev,
            inbox_url: settings.inbox_url.clone().filter(|url| settings.dev && urls::is_safe_link(url)),
            width: "narrow",
            notices: Vec::new(),
        }
    }
}

impl Notice {
    pub(crate) fn new(kind: &str, text: String) -> Self {
        let kind = match kind {
            "error" => "error",
            "success" => "success",
            _ => "info",
        };
        Self { kind, text }
    }

    /// Errors interrupt a screen reader; the rest waits.
    pub(crate) fn role(&self) -> &'static str {
        if self.kind == "error" { "alert" } else { "status" }
    }
}

/// A page that says one thing and offers one way on.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(crate) struct NoticePage {
    pub(crate) frame: Frame,
    pub(crate) text: String,
    /// For support: the error's number.
    pub(crate) reference: Option<String>,
    /// For developers only.
    pub(crate) details: Option<String>,
    pub(crate) action: Option<Link>,
}

/// The page that signs out.
#[derive(Debug, Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage {
    pub(crate) frame: Frame,
    pub(crate) logout: GetForm,
}

/// An address taken apart, for a form that goes there: a browser drops the query of a GET form's address.
#[derive(Debug)]
pub(crate) struct GetForm {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl GetForm {
    /// `None` where the address is no http one.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let mut url = url::Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let fields = url.query_pairs().into_owned().collect();
        url.set_query(None);
        url.set_fragment(None);
        Some(Self { action: url.into(), fields })
    }
}

/// The overview: who is signed in, and where.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub(crate) struct OverviewPage {
    pub(crate) frame: Frame,
    /// `None` where nobody is signed in.
    pub(crate) person: Option<Person>,
    pub(crate) registration_enabled: bool,
}

/// Somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) addresses: Vec<Address>,
    pub(crate) verification_enabled: bool,
    /// How they proved who they are.
    pub(crate) methods: String,
    pub(crate) has_second_factor: bool,
    pub(crate) here: Device,
    pub(crate) elsewhere: Vec<Device>,
    pub(crate) logout: Option<GetForm>,
    /// Proves that a form comes from this page.
    pub(crate) token: String,
}

/// An address that messages go to.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) value: String,
    pub(crate) is_verified: bool,
}

/// Where somebody is signed in.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) session_id: String,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) since: Moment,
}

/// A moment, for machines and for people.
#[derive(Debug)]
pub(crate) struct Moment {
    /// RFC 3339; the script shows it in the reader's time zone.
    pub(crate) exact: String,
    pub(crate) text: String,
}

impl Moment {
    /// Reads RFC 3339; anything else is shown as it is.
    pub(crate) fn of(written: &str) -> Self {
        let text = written
            .parse::<Timestamp>()
            .map_or_else(|_| written.to_owned(), |moment| moment.strftime("%-d %b %Y, %H:%M UTC").to_string());
        Self { exact: written.to_owned(), text }
    }
}
