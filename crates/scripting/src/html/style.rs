//! Values inside style sheets and style attributes.

use super::REFUSED;
use super::address::Address;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Code,
    Double,
    Single,
    /// Inside `url(`, with the sign that closes it.
    Url(char),
    Comment,
}

#[derive(Debug, Default)]
pub(super) struct Style {
    state: State,
    escaped: bool,
    /// The last characters of code, in lower case.
    recent: String,
    address: Address,
}

impl Style {
    pub(super) fn feed(&mut self, character: char) {
        if self.escaped {
            self.escaped = false;
            return;
        }
        if character == '\\' && self.state != State::Comment {
            self.escaped = true;
            return;
        }
        self.state = match (self.state, character) {
            (State::Code, _) => self.code(character),
            (State::Double, '"' | '\n') | (State::Single, '\'' | '\n') => State::Code,
            (State::Url(')'), quote @ ('"' | '\'')) if self.address.is_unwritten() => State::Url(quote),
            (State::Url(')'), space) if space.is_ascii_whitespace() => State::Url(')'),
            (State::Url(end), character) if character == end => State::Code,
            (State::Url(end), character) => {
                self.address.feed(character);
                State::Url(end)
            }
            (State::Comment, '/') if self.recent.ends_with('*') => State::Code,
            (state, _) => state,
        };
        if self.recent.len() > 32 {
            let cut = self.recent.char_indices().rev().nth(7).map_or(0, |(at, _)| at);
            self.recent.drain(..cut);
        }
        self.recent.push(character.to_ascii_lowercase());
    }

    fn code(&mut self, character: char) -> State {
        match character {
            '"' => State::Double,
            '\'' => State::Single,
            '*' if self.recent.ends_with('/') => State::Comment,
            '(' if self.recent.ends_with("url") => {
                self.address = Address::default();
                State::Url(')')
            }
            _ => State::Code,
        }
    }

    /// The safe form of a value that comes next. Does not feed it.
    pub(super) fn value(&self, text: &str) -> String {
        match self.state {
            State::Comment => String::new(),
            // What normalising leaves in has no meaning inside url(…): no quotes, parentheses, backslashes or spaces.
            State::Url(_) => self.address.value(text),
            State::Double | State::Single => inside_literal(text),
            State::Code if is_harmless(text) => text.to_owned(),
            State::Code => REFUSED.to_owned(),
        }
    }
}

/// A number, a colour, a word: nothing that starts a text, a function, a rule or a comment.
fn is_harmless(text: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '#' | '%' | '.' | ',' | '-' | '+' | '_' | '!');
    let low: String = text.to_ascii_lowercase();
    text.chars().all(allowed) && !low.contains("expression") && !low.contains("binding") && !low.contains("--")
}

fn inside_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || character == ' ' || (!character.is_ascii() && !character.is_control()) {
            out.push(character);
        } else {
            // The space ends the escape.
            out.push_str(&format!("\\{:x} ", u32::from(character)));
        }
    }
    out
}
