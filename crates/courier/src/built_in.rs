//! The mails that limen writes itself: two layouts, and texts of `locales/` by the mail's name. A mail has a subject, a
//! title, a text, perhaps a code or a link with a button, and a foot; no mail loads anything from elsewhere.

use std::sync::Arc;

use foundation::{Color, Languages, OwnTexts, RequestContext, Texts};
use scripting::{TemplateError, TemplateSet};
use serde_json::{Value, json};

use crate::sources::Part;
use crate::template::Row;
use crate::{CourierError, TemplateData};

const HTML: &str = include_str!("../templates/mail.html.gotmpl");
const PLAINTEXT: &str = include_str!("../templates/mail.plaintext.gotmpl");

/// Grounds of the HTML layout, on which links and buttons stand.
const LIGHT_CARD: Color = Color::WHITE;
const DARK_CARD: Color = Color::new(0x19, 0x1c, 0x2b);

/// The accent of mails without an operator's: that of the pages.
const LIGHT_ACCENT: Color = Color::new(0x3b, 0x3f, 0xb6);
const DARK_ACCENT: Color = Color::new(0xa3, 0xa8, 0xff);

/// What text has to have on its ground (WCAG 2.2, success criterion 1.4.3).
const LEGIBLE: f64 = 4.5;

/// Traits by which people say which language they read.
const LANGUAGE_TRAITS: [&str; 3] = ["locale", "language", "lang"];

/// How an operator's mails look and speak.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// The product's name; without it mails name nobody.
    pub name: Option<String>,
    /// Buttons and links.
    pub accent: Option<Color>,
    /// The same where mail programs are dark.
    pub accent_dark: Option<Color>,
    /// Texts that replace the built-in ones, named as in `locales/`.
    pub texts: Arc<OwnTexts>,
}

/// One mail on its way to a person, in that person's language.
pub(crate) struct Letter<'a> {
    row: &'static Row,
    recipient: &'a str,
    data: &'a TemplateData,
    brand: &'a Brand,
    texts: Texts,
}

impl<'a> Letter<'a> {
    pub(crate) fn new(
        cx: &RequestContext,
        languages: &Languages,
        row: &'static Row,
        recipient: &'a str,
        data: &'a TemplateData,
        brand: &'a Brand,
    ) -> Self {
        let own = data.identity.as_ref().and_then(|identity| identity.get("traits")).or(data.traits.as_ref());
        let stated = own.into_iter().flat_map(|traits| LANGUAGE_TRAITS.iter().filter_map(|name| traits.get(*name)));
        // What people say of themselves counts before what this browser asked for.
        let wanted = stated.filter_map(Value::as_str).chain(cx.languages.iter().map(String::as_str));
        Self { row, recipient, data, brand, texts: languages.choose(wanted).with_own(brand.texts.clone()) }
    }

    /// Writes one part of the mail.
    pub(crate) fn write(&self, part: Part) -> Result<String, CourierError> {
        let rendered = match part {
            Part::Subject => Ok(self.said("subject").unwrap_or_default()),
            Part::Plaintext => rendered(PLAINTEXT, |set| set.render_text("mail", &self.values())),
            Part::Html => rendered(HTML, |set| set.render_html("mail", &self.values())),
        };
        rendered.map_err(|cause| CourierError::Template { mail: self.row.name, cause })
    }

    fn values(&self) -> Value {
        let palette = |given: Option<Color>, usual: Color, ground: Color| {
            let fill = given.unwrap_or(usual);
            let accent = fill.legible_on(ground, LEGIBLE);
            // Three digits: six could be taken for a code.
            json!({"Accent": accent, "Fill": fill, "Ink": if fill.ink() == Color::BLACK { "#000" } else { "#fff" }})
        };
        let dark = self.brand.accent_dark.or(self.brand.accent);
        json!({
            "Language": self.texts.language(),
            "Brand": self.brand.name,
            "Light": palette(self.brand.accent, LIGHT_ACCENT, LIGHT_CARD),
            "Dark": palette(dark, DARK_ACCENT, DARK_CARD),
            "Title": self.said("title"),
            "Text": self.said("text"),
            "Code": self.code(),
            "After": self.said("after"),
            "Link": self.row.link.and_then(|link| link(self.data)),
            "Button": self.said("button"),
            "LinkHelp": self.texts.text("mail.link_help"),
            "OrLink": self.texts.text("mail.or_link"),
            "Foot": self.said("foot"),
        })
    }

    fn code(&self) -> Option<&str> {
        self.row.code.and_then(|code| code(self.data))
    }

    /// One text of the mail with its places filled; `None` where this mail has no such text.
    fn said(&self, what: &str) -> Option<String> {
        self.texts.filled(&format!("mail.{}.{what}", self.row.name), |place| {
            Some(match place {
                "to" => self.recipient.to_owned(),
                "code" => self.code()?.to_owned(),
                "minutes" => match self.data.expires_in_minutes.filter(|minutes| *minutes > 0) {
                    Some(minutes) => self.texts.counted("mail.minutes", minutes),
                    None => self.texts.text("mail.short_time").to_owned(),
                },
                "when" => match self.data.changed_at {
                    Some(at) => self.texts.with("mail.on", &[("moment", &self.texts.moment(at))]),
                    None => self.texts.text("mail.recently").to_owned(),
                },
                _ => return None,
            })
        })
    }
}

fn rendered(
    layout: &str,
    render: impl FnOnce(&TemplateSet) -> Result<String, TemplateError>,
) -> Result<String, TemplateError> {
    let mut set = TemplateSet::new();
    set.add("mail", layout)?;
    render(&set)
}
