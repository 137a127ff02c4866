//! From an occasion to a finished message: templates are found and rendered here, outside of any transaction.

use foundation::RequestContext;
use serde::{Deserialize, Serialize};

use crate::built_in::Letter;
use crate::sources::Part;
use crate::{Courier, CourierError, TemplateData, TemplateKind};

/// What a message says. Kept sealed: it holds codes and links.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) html: String,
    pub(crate) template_data: serde_json::Value,
}

/// A message that is ready to be queued by [`crate::enqueue`].
#[derive(Clone)]
pub struct Composed {
    pub(crate) kind: TemplateKind,
    pub(crate) recipient: String,
    pub(crate) content: Content,
    pub(crate) sealed: Vec<u8>,
}

impl std::fmt::Debug for Composed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Composed").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Composed {
    /// The subject.
    pub fn subject(&self) -> &str {
        &self.content.subject
    }

    /// The plain text.
    pub fn body(&self) -> &str {
        &self.content.body
    }

    /// The HTML.
    pub fn html(&self) -> &str {
        &self.content.html
    }
}

/// What sealed contents are sealed for: they open for nothing else.
pub(crate) const PURPOSE: &str = "courier/message";

impl Courier {
    /// Renders a mail for `recipient`, in their language where no template of the operator says otherwise. Does not write anything: pass the result to [`crate::enqueue`] inside the
    /// transaction of what the mail tells about, then [`Courier::nudge`].
    ///
    /// # Errors
    /// [`CourierError::Recipient`] for an address with control characters, otherwise errors of the operator's
    /// templates.
    pub async fn compose(
        &self,
        cx: &RequestContext,
        template: TemplateKind,
        recipient: &str,
        data: TemplateData,
    ) -> Result<Composed, CourierError> {
        if recipient.chars().any(breaks_lines) {
            return Err(CourierError::Recipient);
        }
        let settings = (self.settings)();
        let (row, source) = (template.row(), settings.templates.email(template));
        let go = data.to_go(recipient);
        let letter = Letter::new(cx, &self.languages, row, recipient, &data, &settings.brand);
        let mut parts = Vec::with_capacity(3);
        for (part, configured) in [
            (Part::Subject, &source.subject),
            (Part::Plaintext, &source.body.plaintext),
            (Part::Html, &source.body.html),
        ] {
            let folder = settings.template_override_path.as_deref();
            let text = match self.sources.templates(row, part, configured.as_deref(), folder).await? {
                Some((set, name)) => {
                    let html = part == Part::Html;
                    let rendered = if html { set.render_html(name, &go) } else { set.render_text(name, &go) };
                    rendered.map_err(|cause| CourierError::Template { mail: row.name, cause })?
                }
                None => letter.write(part)?,
            };
            // No mail and no database takes U+0000.
            parts.push(text.replace('\0', "\u{FFFD}"));
        }
        let [subject, body, html] = parts.try_into().unwrap_or_default();
        let content = Content { subject: one_line(&subject), body, html, template_data: data.to_wire(recipient) };
        let plain = serde_json::to_vec(&content).unwrap_or_default();
        let sealed = self.sealer.seal(&*self.rng, PURPOSE, &plain);
        Ok(Composed { kind: template, recipient: recipient.to_owned(), content, sealed })
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Content> {
        serde_json::from_slice(&self.sealer.open(PURPOSE, sealed)?).ok()
    }
}

/// A subject is one line whatever a person's name holds: a line break would begin another header.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| breaks_lines(c) || c == ' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Control characters and what some programs take for line breaks.
pub(crate) fn breaks_lines(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}
