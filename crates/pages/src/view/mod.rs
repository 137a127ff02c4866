//! What the templates show: plain values, already in the reader's language. Templates hold no rule but the layout.

mod fields;
mod flow_page;
mod frame;

use askama::Template;
use foundation::{Texts, Timestamp};

pub(crate) use flow_page::{FlowPage, Situation};
pub(crate) use frame::{Frame, Script};

/// A message for the whole page.
#[derive(Debug)]
pub(crate) struct Notice {
    /// `error`, `success` or `info`
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    /// The id in the page, for fields that it is about.
    pub(crate) id: &'static str,
    /// Seconds until the form can be sent again.
    pub(crate) wait: Option<u64>,
}

/// A link below the form.
#[derive(Debug)]
pub(crate) struct Link {
    /// What comes before the link, such as a question.
    pub(crate) before: String,
    pub(crate) href: String,
    pub(crate) text: String,
}

impl Notice {
    pub(crate) fn new(kind: &str, text: String) -> Self {
        let kind = match kind {
            "error" => "error",
            "success" => "success",
            _ => "info",
        };
        Self { kind, text, id: "", wait: None }
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
    /// The first letter of the name.
    pub(crate) initial: String,
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
    /// Whether it is a phone or a tablet, for the picture beside it.
    pub(crate) is_mobile: bool,
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
    pub(crate) fn of(written: &str, texts: &Texts) -> Self {
        let text = written.parse::<Timestamp>().map_or_else(|_| written.to_owned(), |moment| texts.moment(moment));
        Self { exact: written.to_owned(), text }
    }
}
