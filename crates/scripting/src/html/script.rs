//! Values inside scripts: JSON where an expression stands, escapes inside literals, nothing inside comments.

use crate::budget::{Budget, Stop};
use crate::value::Value;

/// Where in the script the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Code,
    Double,
    Single,
    Template,
    Regex,
    /// Inside `[…]` of a regular expression, where `/` does not end it.
    RegexClass,
    LineComment,
    BlockComment,
}

#[derive(Debug, Default)]
pub(super) struct Script {
    state: State,
    /// The character before is a backslash that escapes the next.
    escaped: bool,
    previous: char,
    /// A `/` of code that the next character decides: a comment, or else (with `true`) a regular expression.
    slash: Option<bool>,
    /// The last character of code that is no white space, and the word it ends: they tell a division from a regular
    /// expression.
    significant: char,
    word: String,
    /// For each open `${`: how many braces are open inside it.
    substitutions: Vec<u32>,
}

impl Script {
    pub(super) fn feed(&mut self, character: char) {
        if self.escaped {
            self.escaped = false;
            self.previous = character;
            return;
        }
        match self.slash.take() {
            Some(_) if character == '/' => self.state = State::LineComment,
            Some(_) if character == '*' => {
                self.state = State::BlockComment;
                // So that `/*/` does not end at once.
                self.previous = ' ';
                return;
            }
            Some(true) => {
                self.state = State::Regex;
                self.inside(character);
            }
            Some(false) => {
                self.significant = '/';
                self.inside(character);
            }
            None => self.inside(character),
        }
        self.previous = character;
    }

    fn inside(&mut self, character: char) {
        let in_literal = !matches!(self.state, State::Code | State::LineComment | State::BlockComment);
        if in_literal && character == '\\' {
            self.escaped = true;
            return;
        }
        let state = self.state;
        self.state = match (state, character) {
            (State::Code, _) => self.code(character),
            (State::Double, '"' | '\n') | (State::Single, '\'' | '\n') => State::Code,
            (State::Regex, '/' | '\n') | (State::RegexClass, '\n') | (State::Template, '`') => State::Code,
            (State::Regex, '[') => State::RegexClass,
            (State::RegexClass, ']') => State::Regex,
            (State::Template, '{') if self.previous == '$' => {
                self.substitutions.push(0);
                State::Code
            }
            (State::LineComment, '\n' | '\r' | '\u{2028}' | '\u{2029}') => State::Code,
            (State::BlockComment, '/') if self.previous == '*' => State::Code,
            (state, _) => state,
        };
        if self.state == State::Code && in_literal {
            // Behind a literal a slash divides; at the start of a substitution it opens an expression.
            self.significant = if state == State::Template && character == '{' { '{' } else { ')' };
        }
    }

    fn code(&mut self, character: char) -> State {
        match character {
            '"' => return State::Double,
            '\'' => return State::Single,
            '`' => return State::Template,
            '/' => {
                self.slash = Some(self.regex_may_start());
                return State::Code;
            }
            '{' => {
                if let Some(open) = self.substitutions.last_mut() {
                    *open += 1;
                }
            }
            '}' => match self.substitutions.last_mut() {
                Some(0) => {
                    self.substitutions.pop();
                    return State::Template;
                }
                Some(open) => *open -= 1,
                None => {}
            },
            _ => {}
        }
        let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        if of_word(character) {
            if !of_word(self.previous) {
                self.word.clear();
            }
            if self.word.len() < 16 {
                self.word.push(character);
            }
        }
        if !character.is_whitespace() {
            self.significant = character;
        }
        State::Code
    }

    fn regex_may_start(&self) -> bool {
        match self.significant {
            '\0' | '(' | ',' | '=' | ':' | '[' | '!' | '&' | '|' | '?' | '{' | '}' | ';' | '+' | '-' | '*' | '%'
            | '<' | '>' | '~' | '^' | '/' => true,
            letter if letter.is_alphanumeric() => {
                ["return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "do", "else", "instanceof"]
                    .contains(&self.word.as_str())
            }
            _ => false,
        }
    }

    /// The safe form of a value that comes next. Does not feed it.
    pub(super) fn value(&self, value: &Value, text: &str, budget: &mut Budget) -> Result<String, Stop> {
        match self.state {
            State::LineComment | State::BlockComment => Ok(String::new()),
            State::Code if self.slash == Some(true) => Ok(inside_literal(text)),
            State::Code => expression(value, budget),
            State::Double | State::Single | State::Template | State::Regex | State::RegexClass => {
                Ok(inside_literal(text))
            }
        }
    }
}

/// JSON that neither ends the script element nor a comment around it.
fn expression(value: &Value, budget: &mut Budget) -> Result<String, Stop> {
    let json = value.to_json(budget)?.to_string();
    let mut out = String::with_capacity(json.len() + 2);
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\'' | '`' | '/' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    // Spaces keep a number or word from melting into its neighbours.
    Ok(if matches!(value, Value::Text(_) | Value::List(_) | Value::Map(_)) { out } else { format!(" {out} ") })
}

/// Everything but letters, digits, spaces and underscores as `\uNNNN`: means the same in texts, templates and
/// regular expressions.
pub(crate) fn inside_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let plain = character.is_ascii_alphanumeric() || matches!(character, ' ' | '_');
        if plain || (!character.is_ascii() && !matches!(character, '\u{2028}' | '\u{2029}')) {
            out.push(character);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    out
}
