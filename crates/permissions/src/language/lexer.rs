//! Cuts a source into tokens. Nothing is lost: comments are tokens, too, and every token knows where it stands.

use super::{Position, Span};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, keywords included: which names are keywords depends on the place.
    Word,
    /// A name in quotes; the token's text is without them.
    Text,
    /// An operator or bracket.
    Sign,
    /// A comment, to the end of its line or between its marks.
    Comment,
    /// Something that is no part of the language; the message says what.
    Wrong(&'static str),
    /// The end of the source.
    End,
}

/// A piece of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub kind: Kind,
    pub text: &'s str,
    pub span: Span,
    /// How many line breaks stand before it.
    pub breaks: u32,
}

impl<'s> Token<'s> {
    /// Whether it is this operator or bracket.
    pub fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// Whether it is this word.
    pub fn says(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// The name it gives, in quotes or not.
    pub fn name(&self) -> Option<&'s str> {
        matches!(self.kind, Kind::Word | Kind::Text).then_some(self.text)
    }
}

/// Operators and brackets, longest first.
const SIGNS: &[&str] = &["&&", "||", "=>", "!", "=", ".", ":", ",", ";", "|", "(", ")", "{", "}", "[", "]", "<", ">"];

/// All tokens of a source; the last is [`Kind::End`]. After a [`Kind::Wrong`] none follows but the end.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, at: 0, position: Position { line: 1, column: 0 }, breaks: 0 };
    let mut found = Vec::new();
    loop {
        let token = lexer.next();
        found.push(token);
        match token.kind {
            Kind::End => return found,
            Kind::Wrong(_) => {
                let end = token.span.end;
                let span = Span { start: end, end, from: source.len(), to: source.len() };
                found.push(Token { kind: Kind::End, text: "", span, breaks: 0 });
                return found;
            }
            _ => {}
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    position: Position,
    breaks: u32,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, length: usize) {
        for c in self.rest().get(..length).unwrap_or_default().chars() {
            if c == '\n' {
                self.position = Position { line: self.position.line + 1, column: 0 };
                self.breaks += 1;
            } else {
                self.position.column += 1;
            }
        }
        self.at += length;
    }

    fn next(&mut self) -> Token<'s> {
        let blank = self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']).len();
        self.advance(blank);
        let rest = self.rest();
        let (kind, length, inner) = match rest.chars().next() {
            None => (Kind::End, 0, None),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Kind::Word, end, None)
            }
            Some('"') => quoted(rest, '"'),
            Some('\'') => quoted(rest, '\''),
            Some('/') => comment(rest),
            Some(c) => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Kind::Sign, sign.len(), None),
                None => (Kind::Wrong("this character is no part of the language"), c.len_utf8(), None),
            },
        };
        let (start, from, breaks) = (self.position, self.at, std::mem::take(&mut self.breaks));
        self.advance(length);
        self.breaks = 0;
        let text = inner.unwrap_or_else(|| self.source.get(from..self.at).unwrap_or_default());
        Token { kind, text, span: Span { start, end: self.position, from, to: self.at }, breaks }
    }
}

fn quoted(rest: &str, quote: char) -> (Kind, usize, Option<&str>) {
    match rest.get(1..).and_then(|inner| inner.find(quote)) {
        Some(length) => (Kind::Text, length + 2, rest.get(1..=length)),
        None => (Kind::Wrong("this text is not closed"), rest.len(), None),
    }
}

fn comment(rest: &str) -> (Kind, usize, Option<&str>) {
    if rest.starts_with("//") {
        let line = rest.find('\n').unwrap_or(rest.len());
        let text = rest.get(..line).unwrap_or_default();
        return (Kind::Comment, text.trim_end().len(), None);
    }
    if rest.starts_with("/*") {
        return match rest.get(2..).and_then(|inner| inner.find("*/")) {
            Some(length) => (Kind::Comment, length + 4, None),
            None => (Kind::Wrong("this comment is not closed"), rest.len(), None),
        };
    }
    (Kind::Wrong("this character is no part of the language"), 1, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_not_bytes() {
        let found = tokens("/* ä */ a\n  'ö' b");
        let at: Vec<_> = found.iter().map(|t| (t.text, t.span.start.line, t.span.start.column)).collect();
        assert_eq!(at, [("/* ä */", 1, 0), ("a", 1, 8), ("ö", 2, 2), ("b", 2, 6), ("", 2, 7)]);
    }

    #[test]
    fn what_is_no_token_is_said() {
        for (source, column) in [("a #", 2), ("'open", 0), ("/* open", 0), ("a / b", 2), ("x §", 2)] {
            let found = tokens(source);
            let wrong = found.iter().find(|t| matches!(t.kind, Kind::Wrong(_))).unwrap();
            assert_eq!(wrong.span.start, Position { line: 1, column }, "{source}");
            assert_eq!(found.last().unwrap().kind, Kind::End);
        }
    }
}
