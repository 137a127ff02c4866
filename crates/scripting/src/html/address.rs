//! Values inside addresses (URLs): none may choose a scheme that runs code, none may leave its part.

use super::REFUSED;

/// What is known of the address that is being written.
#[derive(Debug, Default)]
pub(super) struct Address {
    /// The characters before the first of `: / ? #`.
    start: String,
    part: Part,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Before the first of `: / ? #`: what comes may still become a scheme.
    #[default]
    Start,
    /// A scheme that runs code: no value is written any more.
    Dangerous,
    Path,
    Query,
}

impl Address {
    pub(super) fn feed(&mut self, character: char) {
        self.part = match (self.part, character) {
            (Part::Start, ':') if runs_code(&self.start) => Part::Dangerous,
            (Part::Start, ':' | '/') => Part::Path,
            (Part::Start | Part::Path, '?' | '#') => Part::Query,
            (part, _) => part,
        };
        if self.part == Part::Start && self.start.len() < 64 {
            self.start.push(character);
        }
    }

    /// Whether nothing of the address is there yet.
    pub(super) fn is_unwritten(&self) -> bool {
        self.part == Part::Start && self.start.is_empty()
    }

    /// The safe form of a value that comes next. Does not feed it.
    pub(super) fn value(&self, text: &str) -> String {
        match self.part {
            Part::Dangerous => REFUSED.to_owned(),
            Part::Query => escape(text),
            Part::Path => normalize(text),
            Part::Start => {
                let whole = format!("{}{text}", self.start);
                if is_safe(&whole) { normalize(text) } else { format!("#{REFUSED}") }
            }
        }
    }
}

/// Go's rule: no scheme, or one of three.
fn is_safe(address: &str) -> bool {
    match address.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
            ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        }
        _ => true,
    }
}

fn runs_code(scheme: &str) -> bool {
    // Browsers skip white space and control characters here.
    let scheme: String = scheme.chars().filter(|c| !c.is_ascii_control() && *c != ' ').collect();
    ["javascript", "vbscript", "data", "livescript", "mocha"].iter().any(|bad| scheme.eq_ignore_ascii_case(bad))
}

/// Percent-encodes what cannot stand in an address, and leaves the address as it is otherwise.
pub(super) fn normalize(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        let encoded =
            *byte == b'%' && bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if encoded || is_unreserved(*byte) || b"!#$&*+,/:;=?@[]".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

/// Percent-encodes everything but letters, digits and `-._~`: the value is one part of a query, whatever it holds.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02x}")) }
    }
    out
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
