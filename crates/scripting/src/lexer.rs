//! Cuts a template into text and the tokens of its actions. Comments and trim markers are gone afterwards.

use crate::error::TemplateError;
use crate::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// White space inside an action: it separates arguments, and `.a .b` from `.a.b`.
    Space,
    /// `.name`
    Field(String),
    Dot,
    /// `$` or `$name`, with the sign.
    Variable(String),
    Word(String),
    Constant(Value),
    Pipe,
    Declare,
    Assign,
    Comma,
    LeftParenthesis,
    RightParenthesis,
}

#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) token: Token,
    pub(crate) line: u32,
}

/// A text longer than this is no template that somebody wrote.
const LONGEST: usize = 1 << 20;

pub(crate) fn tokens(name: &str, text: &str) -> Result<Vec<Located>, TemplateError> {
    let mut lexer = Lexer { name, rest: text, line: 1, tokens: Vec::new() };
    if text.len() > LONGEST {
        return Err(lexer.problem("the template is longer than 1 MiB"));
    }
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    name: &'a str,
    rest: &'a str,
    line: u32,
    tokens: Vec<Located>,
}

impl<'a> Lexer<'a> {
    fn problem(&self, problem: impl Into<String>) -> TemplateError {
        TemplateError::Syntax { name: self.name.to_owned(), line: self.line, problem: problem.into() }
    }

    fn push(&mut self, token: Token) {
        self.tokens.push(Located { token, line: self.line });
    }

    /// Takes `bytes` off the front, counting lines.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        let lines = taken.bytes().filter(|byte| *byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        taken
    }

    fn run(&mut self) -> Result<(), TemplateError> {
        let mut trim_next = false;
        while !self.rest.is_empty() {
            let end = self.rest.find("{{").unwrap_or(self.rest.len());
            let action = &self.rest[end..];
            let trims = action.strip_prefix("{{-").is_some_and(|after| after.starts_with(is_space));
            let mut text = &self.rest[..end];
            if trim_next {
                text = text.trim_start_matches(is_space);
            }
            if trims {
                text = text.trim_end_matches(is_space);
            }
            if !text.is_empty() {
                let token = Token::Text(text.to_owned());
                self.push(token);
            }
            self.take(end);
            trim_next = false;
            if !action.is_empty() {
                self.take(if trims { 3 } else { 2 });
                trim_next = self.action()?;
            }
        }
        Ok(())
    }

    /// Reads one action up to its `}}`; tells whether it ends with a trim marker.
    fn action(&mut self) -> Result<bool, TemplateError> {
        let comment_start = self.rest.trim_start_matches(is_space);
        if comment_start.starts_with("/*") {
            self.take(self.rest.len() - comment_start.len());
            return self.comment();
        }
        self.push(Token::Open);
        loop {
            if self.rest.is_empty() {
                return Err(self.problem("an action is not closed by }}"));
            }
            if self.rest.starts_with("}}") {
                self.take(2);
                self.push(Token::Close);
                return Ok(false);
            }
            let spaces = self.rest.len() - self.rest.trim_start_matches(is_space).len();
            if spaces > 0 {
                self.take(spaces);
                if self.rest.starts_with("-}}") {
                    self.take(3);
                    self.push(Token::Close);
                    return Ok(true);
                }
                self.push(Token::Space);
                continue;
            }
            self.token()?;
        }
    }

    fn comment(&mut self) -> Result<bool, TemplateError> {
        let Some(end) = self.rest.find("*/") else {
            return Err(self.problem("a comment is not closed by */"));
        };
        self.take(end + 2);
        let after = self.rest.trim_start_matches(is_space);
        let spaces = self.rest.len() - after.len();
        if after.starts_with("}}") && spaces == 0 {
            self.take(2);
            Ok(false)
        } else if after.starts_with("-}}") && spaces > 0 {
            self.take(spaces + 3);
            Ok(true)
        } else {
            Err(self.problem("a comment must be alone in its action"))
        }
    }

    fn token(&mut self) -> Result<(), TemplateError> {
        let Some(first) = self.rest.chars().next() else { return Ok(()) };
        let second = self.rest[first.len_utf8()..].chars().next().unwrap_or(' ');
        match first {
            '|' => self.simple(1, Token::Pipe),
            '(' => self.simple(1, Token::LeftParenthesis),
            ')' => self.simple(1, Token::RightParenthesis),
            ',' => self.simple(1, Token::Comma),
            '=' => self.simple(1, Token::Assign),
            ':' if second == '=' => self.simple(2, Token::Declare),
            '"' => self.quoted()?,
            '`' => self.raw()?,
            '\'' => self.character()?,
            '.' if is_letter(second) => {
                self.take(1);
                let name = self.word();
                self.push(Token::Field(name));
            }
            '.' if !second.is_ascii_digit() => self.simple(1, Token::Dot),
            '$' => {
                self.take(1);
                let name = format!("${}", self.word());
                self.push(Token::Variable(name));
            }
            '0'..='9' | '.' | '+' | '-' => self.number()?,
            letter if is_letter(letter) => {
                let word = self.word();
                self.push(match word.as_str() {
                    "true" => Token::Constant(Value::Bool(true)),
                    "false" => Token::Constant(Value::Bool(false)),
                    _ => Token::Word(word),
                });
            }
            other => return Err(self.problem(format!("unexpected {other:?} in an action"))),
        }
        Ok(())
    }

    fn simple(&mut self, bytes: usize, token: Token) {
        self.take(bytes);
        self.push(token);
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c: char| !is_letter(c) && !c.is_numeric()).unwrap_or(self.rest.len());
        self.take(end).to_owned()
    }

    fn raw(&mut self) -> Result<(), TemplateError> {
        let Some(end) = self.rest[1..].find('`') else {
            return Err(self.problem("a raw text is not closed by `"));
        };
        let text = self.take(end + 2);
        self.push(Token::Constant(Value::text(text[1..=end].replace('\r', ""))));
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), TemplateError> {
        let (text, used) = unescape(self.rest, '"').map_err(|problem| self.problem(problem))?;
        self.take(used);
        self.push(Token::Constant(Value::text(text)));
        Ok(())
    }

    /// `'x'` is a number, the code point of x, as in Go.
    fn character(&mut self) -> Result<(), TemplateError> {
        let (text, used) = unescape(self.rest, '\'').map_err(|problem| self.problem(problem))?;
        let mut characters = text.chars();
        let (Some(character), None) = (characters.next(), characters.next()) else {
            return Err(self.problem("a character constant holds exactly one character"));
        };
        self.take(used);
        self.push(Token::Constant(Value::Int(i64::from(u32::from(character)))));
        Ok(())
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let mut previous = ' ';
        let end = self
            .rest
            .char_indices()
            .find(|(at, c)| {
                let sign = matches!(c, '+' | '-') && (*at == 0 || matches!(previous, 'e' | 'E' | 'p' | 'P'));
                let part = sign || c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
                previous = *c;
                !part
            })
            .map_or(self.rest.len(), |(at, _)| at);
        let text = &self.rest[..end];
        let Some(value) = parse_number(text) else {
            return Err(self.problem(format!("{text:?} is no number")));
        };
        self.simple(end, Token::Constant(value));
        Ok(())
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// A number in Go's notation: decimal, `0x`, `0o`, `0b`, floating point, with underscores.
pub(crate) fn parse_number(text: &str) -> Option<Value> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let lower = digits.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return digits
                .starts_with(|c: char| c.is_ascii_alphanumeric())
                .then_some(())
                .and_then(|()| i64::from_str_radix(digits, radix).ok())
                .map(|n| Value::Int(n.wrapping_mul(sign)));
        }
    }
    if !lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if lower.bytes().all(|b| b.is_ascii_digit()) {
        // A leading zero is octal in Go.
        let radix = if lower.len() > 1 && lower.starts_with('0') { 8 } else { 10 };
        return i64::from_str_radix(&format!("{}{lower}", if sign < 0 { "-" } else { "" }), radix).ok().map(Value::Int);
    }
    if !lower.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-')) {
        return None;
    }
    plain.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
}

/// Reads a quoted Go text from the front of `input`; returns it with the number of bytes it took.
fn unescape(input: &str, quote: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut characters = input.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\n' => break,
            c if c == quote => return Ok((text, at + 1)),
            '\\' => {
                let Some((_, escape)) = characters.next() else { break };
                let digits = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    other => {
                        text.push(simple_escape(other).ok_or_else(|| format!("unknown escape \\{other}"))?);
                        continue;
                    }
                };
                let hex: String = characters.by_ref().take(digits).map(|(_, c)| c).collect();
                let code = u32::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == digits);
                text.push(code.and_then(char::from_u32).ok_or_else(|| format!("\\{escape}{hex} is no character"))?);
            }
            other => text.push(other),
        }
    }
    Err(format!("a text is not closed by {quote}"))
}

fn simple_escape(escape: char) -> Option<char> {
    Some(match escape {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '0' => '\0',
        '\\' | '"' | '\'' => escape,
        _ => return None,
    })
}
