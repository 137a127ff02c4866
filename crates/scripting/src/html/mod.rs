//! Writes HTML and escapes each value for the place it stands in, as Go's `html/template` promises.
//!
//! Go finds the places by analysing the template; this follows the written text as a browser's tokenizer would, at
//! the time of writing, so that conditions and loops need no analysis. INVARIANT: an escaped value never changes
//! where the writer is; the property test at the end of the crate holds it to that.

mod address;
mod attributes;
mod escape;
mod script;
mod style;

use crate::budget::{Budget, Stop};
use crate::format;
use crate::value::Value;
use address::Address;
use attributes::Kind;
use script::Script;
use style::Style;

/// The template function `html`.
pub(crate) fn escape_text(text: &str) -> String {
    escape::text(text)
}

/// The template function `js`.
pub(crate) fn escape_script(text: &str) -> String {
    script::inside_literal(text)
}

/// The template function `urlquery`.
pub(crate) fn escape_query(text: &str) -> String {
    address::escape(text)
}

/// Stands for a value that has no safe form in its place. Go's word, so that it is found by who searches for it.
pub(crate) const REFUSED: &str = "ZgotmplZ";

/// Where the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    /// Right behind `<`.
    TagOpen,
    TagName,
    /// Inside a tag, between attributes.
    Tag,
    AttributeName,
    /// Behind an attribute's name and white space: `=` may follow.
    AfterName,
    /// Behind `=`.
    BeforeValue,
    Value(Delimiter),
    /// `<!doctype …>` and the like.
    Declaration,
    Comment,
    /// The content of an element that holds no tags.
    Raw(Element),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Double,
    Single,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Script,
    Style,
    Title,
    Textarea,
}

impl Element {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Script, "script"), (Self::Style, "style"), (Self::Title, "title"), (Self::Textarea, "textarea")];

    fn end(self) -> &'static str {
        match self {
            Self::Script => "</script",
            Self::Style => "</style",
            Self::Title => "</title",
            Self::Textarea => "</textarea",
        }
    }
}

#[derive(Debug)]
pub(crate) struct HtmlWriter {
    out: String,
    place: Place,
    /// The last few characters, in lower case: enough to recognise `<!--`, `-->` and end tags.
    tail: String,
    name: String,
    closing: bool,
    attribute: String,
    kind: Kind,
    /// A character reference being read inside an attribute's value.
    reference: Option<String>,
    address: Address,
    script: Script,
    style: Style,
}

impl Default for HtmlWriter {
    fn default() -> Self {
        Self {
            out: String::new(),
            place: Place::Text,
            tail: String::new(),
            name: String::new(),
            closing: false,
            attribute: String::new(),
            kind: Kind::Plain,
            reference: None,
            address: Address::default(),
            script: Script::default(),
            style: Style::default(),
        }
    }
}

impl HtmlWriter {
    pub(crate) fn written(&self) -> usize {
        self.out.len()
    }

    /// Writes what the template's author wrote.
    pub(crate) fn literal(&mut self, text: &str) {
        for character in text.chars() {
            self.feed(character);
        }
    }

    /// Writes a value. `escaped` says that the author escaped it for text already.
    pub(crate) fn value(&mut self, value: &Value, escaped: bool, budget: &mut Budget) -> Result<(), Stop> {
        self.reference_end();
        if self.place == Place::BeforeValue {
            self.value_begin(Delimiter::None);
        }
        let text = match value {
            // As in Go since 1.11: a missing value shows as nothing in HTML.
            Value::Nothing => String::new(),
            other => format::plain(other, budget)?,
        };
        // The longest form of a byte is six characters of reference or escape; a script may need both.
        budget.text(text.len())?;
        let safe = match self.place {
            Place::Text | Place::Raw(Element::Title | Element::Textarea) if escaped => escape::text_again(&text),
            Place::Text | Place::Raw(Element::Title | Element::Textarea) => escape::text(&text),
            Place::Comment | Place::Declaration => String::new(),
            Place::TagOpen | Place::TagName | Place::Tag | Place::AttributeName | Place::AfterName => {
                attributes::name(&text)
            }
            Place::BeforeValue => String::new(),
            Place::Raw(Element::Script) => self.script.value(value, &text, budget)?,
            Place::Raw(Element::Style) => self.style.value(&text),
            Place::Value(delimiter) => {
                let inner = self.inside_attribute(value, &text, budget)?;
                if escaped && self.kind == Kind::Plain && delimiter != Delimiter::None {
                    escape::text_again(&inner)
                } else if delimiter == Delimiter::None {
                    escape::unquoted(&inner)
                } else {
                    escape::text(&inner)
                }
            }
        };
        for character in safe.chars() {
            self.feed(character);
        }
        self.reference_end();
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<String, Stop> {
        if self.place == Place::Text {
            Ok(self.out)
        } else {
            Err("the HTML ends inside a tag, a comment, a script, a style or a title".into())
        }
    }

    fn inside_attribute(&mut self, value: &Value, text: &str, budget: &mut Budget) -> Result<String, Stop> {
        Ok(match self.kind {
            Kind::Plain => text.to_owned(),
            Kind::Refused => REFUSED.to_owned(),
            Kind::Address => self.address.value(text),
            Kind::Addresses => Address::default().value(text).replace(',', "%2c"),
            Kind::Script => self.script.value(value, text, budget)?,
            Kind::Style => self.style.value(text),
        })
    }

    /// Takes one character of output and moves to where it leads.
    fn feed(&mut self, character: char) {
        if self.place != Place::Comment {
            self.out.push(character);
        }
        let low = character.to_ascii_lowercase();
        if self.tail.len() > 48 {
            let cut = self.tail.char_indices().rev().nth(11).map_or(0, |(at, _)| at);
            self.tail.drain(..cut);
        }
        self.tail.push(low);
        match self.place {
            Place::Text => {
                if character == '<' {
                    self.place = Place::TagOpen;
                }
            }
            Place::TagOpen => self.tag_open(low),
            Place::TagName => self.tag_name(low),
            Place::Tag => self.tag(low),
            Place::AttributeName => self.attribute_name(low),
            Place::AfterName => match low {
                '=' => self.place = Place::BeforeValue,
                space if space.is_ascii_whitespace() => {}
                other => self.tag(other),
            },
            Place::BeforeValue => match character {
                '"' => self.value_begin(Delimiter::Double),
                '\'' => self.value_begin(Delimiter::Single),
                '>' => self.tag_end(),
                space if space.is_ascii_whitespace() => {}
                other => {
                    self.value_begin(Delimiter::None);
                    self.attribute_value(Delimiter::None, other);
                }
            },
            Place::Value(delimiter) => self.attribute_value(delimiter, character),
            Place::Declaration => self.declaration(character),
            Place::Comment => {
                if self.tail.ends_with("-->") {
                    self.place = Place::Text;
                }
            }
            Place::Raw(element) => self.raw(element, character),
        }
    }

    fn tag_open(&mut self, low: char) {
        self.name.clear();
        self.closing = false;
        match low {
            '!' | '?' => self.place = Place::Declaration,
            '/' => {
                self.closing = true;
                self.place = Place::TagName;
            }
            letter if letter.is_ascii_alphabetic() => {
                self.name.push(letter);
                self.place = Place::TagName;
            }
            '<' => {}
            _ => self.place = Place::Text,
        }
    }

    fn tag_name(&mut self, low: char) {
        match low {
            '>' => self.tag_end(),
            '/' => self.place = Place::Tag,
            space if space.is_ascii_whitespace() => self.place = Place::Tag,
            other => self.name.push(other),
        }
    }

    fn tag(&mut self, low: char) {
        match low {
            '>' => self.tag_end(),
            '/' => self.place = Place::Tag,
            space if space.is_ascii_whitespace() => self.place = Place::Tag,
            other => {
                self.attribute.clear();
                self.attribute.push(other);
                self.place = Place::AttributeName;
            }
        }
    }

    fn attribute_name(&mut self, low: char) {
        match low {
            '>' => self.tag_end(),
            '/' => self.place = Place::Tag,
            '=' => self.place = Place::BeforeValue,
            space if space.is_ascii_whitespace() => self.place = Place::AfterName,
            other => self.attribute.push(other),
        }
    }

    fn value_begin(&mut self, delimiter: Delimiter) {
        self.kind = attributes::kind(&self.attribute);
        self.address = Address::default();
        self.script = Script::default();
        self.style = Style::default();
        self.reference = None;
        self.place = Place::Value(delimiter);
    }

    fn attribute_value(&mut self, delimiter: Delimiter, character: char) {
        let ends = match delimiter {
            Delimiter::Double => character == '"',
            Delimiter::Single => character == '\'',
            Delimiter::None => character == '>' || character.is_ascii_whitespace(),
        };
        if ends {
            self.reference_end();
            if character == '>' && delimiter == Delimiter::None {
                self.tag_end();
            } else {
                self.place = Place::Tag;
            }
            return;
        }
        match &mut self.reference {
            Some(reference) if character.is_ascii_alphanumeric() || (character == '#' && reference.is_empty()) => {
                reference.push(character);
                if reference.len() > 12 {
                    self.reference_end();
                }
            }
            Some(reference) => {
                if character == ';' {
                    reference.push(';');
                    self.reference_end();
                } else {
                    self.reference_end();
                    self.attribute_value(delimiter, character);
                }
            }
            None if character == '&' => self.reference = Some(String::new()),
            None => self.decoded(character),
        }
    }

    /// Ends the reading of a character reference: what it stands for counts as the value's content.
    fn reference_end(&mut self) {
        let Some(reference) = self.reference.take() else { return };
        match escape::decode(&reference) {
            Some(character) => self.decoded(character),
            None => {
                self.decoded('&');
                for character in reference.chars() {
                    self.decoded(character);
                }
            }
        }
    }

    fn decoded(&mut self, character: char) {
        match self.kind {
            Kind::Plain | Kind::Refused | Kind::Addresses => {}
            Kind::Address => self.address.feed(character),
            Kind::Script => self.script.feed(character),
            Kind::Style => self.style.feed(character),
        }
    }

    fn tag_end(&mut self) {
        let element = Element::ALL.iter().find(|(_, name)| *name == self.name).map(|(element, _)| *element);
        self.place = match element {
            Some(element) if !self.closing => {
                self.script = Script::default();
                self.style = Style::default();
                self.tail.clear();
                Place::Raw(element)
            }
            _ => Place::Text,
        };
    }

    fn declaration(&mut self, character: char) {
        if self.tail.ends_with("<!--") {
            // Comments of the author are not for the reader; Go drops them too.
            self.out.truncate(self.out.len() - 4);
            self.place = Place::Comment;
        } else if character == '>' {
            self.place = Place::Text;
        }
    }

    fn raw(&mut self, element: Element, character: char) {
        let end = element.end();
        let before = &self.tail[..self.tail.len() - character.len_utf8()];
        if (character == '>' || character == '/' || character.is_ascii_whitespace()) && before.ends_with(end) {
            self.name = end[2..].to_owned();
            self.closing = true;
            if character == '>' {
                self.tag_end();
            } else {
                self.place = Place::Tag;
            }
            return;
        }
        match element {
            Element::Script => self.script.feed(character),
            Element::Style => self.style.feed(character),
            Element::Title | Element::Textarea => {}
        }
    }
}
