//! Writes a source nicely. It goes over the tokens, so that comments stay, with marks of the parser for what begins
//! where. Only what stands outside of classes is left as it is.

use std::collections::HashMap;

use super::lexer::{Kind, Token, tokens};
use super::parser::{Mark, Parser};
use super::{Diagnostic, Dialect, has_errors};

/// Writes a source nicely; comments stay. Writing it again changes nothing. What cannot be read is said instead.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    let mut parser = Parser::new(source, Dialect::Keto);
    parser.file();
    if has_errors(&parser.diagnostics) {
        return Err(parser.diagnostics);
    }
    let tokens = tokens(source);
    let mut printer = Printer {
        source,
        marks: parser.marks.into_iter().collect(),
        out: String::new(),
        indent: 0,
        inside: false,
        parentheses: 0,
        permit: None,
        last: None,
        fresh: false,
        wrap: false,
    };
    for at in 0..tokens.len() {
        printer.token(&tokens, at);
    }
    let text = printer.out.trim();
    Ok(if text.is_empty() { String::new() } else { format!("{text}\n") })
}

/// What is known of the permit being written.
struct Permit {
    /// Its body has operators, so each part gets a line.
    wraps: bool,
    /// Behind its arrow.
    body: bool,
}

struct Printer<'s> {
    source: &'s str,
    marks: HashMap<usize, Mark>,
    out: String,
    indent: usize,
    /// Within a class.
    inside: bool,
    parentheses: usize,
    permit: Option<Permit>,
    last: Option<Token<'s>>,
    /// The next token has to begin a line.
    fresh: bool,
    /// That line continues an expression.
    wrap: bool,
}

impl<'s> Printer<'s> {
    fn token(&mut self, tokens: &[Token<'s>], at: usize) {
        let Some(token) = tokens.get(at).copied() else { return };
        let mark = self.marks.get(&token.span.from).copied().filter(|_| token.kind != Kind::Comment);
        if token.kind == Kind::End {
            return;
        }
        if token.kind == Kind::Comment {
            return self.comment(token);
        }
        if !self.inside && mark != Some(Mark::Class) {
            return self.outside(token);
        }
        if token.is(";") || token.is(",") && self.parentheses == 0 && !self.within_angles(tokens, at) {
            return;
        }
        match mark {
            Some(Mark::Class) => self.class(token),
            Some(Mark::Block | Mark::Relation) => self.line(token, mark == Some(Mark::Block)),
            Some(Mark::Permit) => {
                self.line(token, false);
                self.permit = Some(Permit { wraps: self.wraps(tokens, at), body: false });
            }
            _ => {}
        }
        self.close(token);
        self.write(token);
        self.open(token, mark);
        if self.ends_permit(tokens, at) {
            self.out.push(',');
            self.permit = None;
        }
    }

    /// Whether a comma stands between the parts of a `SubjectSet<…>`.
    fn within_angles(&self, tokens: &[Token<'s>], at: usize) -> bool {
        let before = tokens.get(..at).unwrap_or_default().iter().rev();
        before.filter(|t| t.kind != Kind::Comment).nth(1).is_some_and(|t| t.is("<"))
    }

    /// Whether the body of the permit that begins here has operators outside of parentheses.
    fn wraps(&self, tokens: &[Token<'s>], at: usize) -> bool {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        rest.iter()
            .filter(|t| t.kind != Kind::Comment)
            .map_while(|t| {
                let mark = self.marks.get(&t.span.from);
                (!matches!(mark, Some(Mark::Permit | Mark::Block | Mark::Class))).then_some(mark)
            })
            .any(|mark| mark == Some(&Mark::Operator))
    }

    /// Whether the permit being written ends with this token.
    fn ends_permit(&self, tokens: &[Token<'s>], at: usize) -> bool {
        let next = tokens.get(at + 1..).unwrap_or_default().iter().find(|t| t.kind != Kind::Comment);
        self.permit.as_ref().is_some_and(|p| p.body)
            && self.parentheses == 0
            && next.is_some_and(|t| t.is(",") || t.is("}"))
    }

    /// Outside of classes everything stays, but for more than one empty line.
    fn outside(&mut self, token: Token<'s>) {
        // What closed a class or stood between classes as a separator goes.
        if token.is(";") && self.last.is_some_and(|last| last.is("}")) {
            return;
        }
        self.gap(token);
        self.out.push_str(self.source.get(token.span.from..token.span.to).unwrap_or_default());
        self.last = Some(token);
    }

    fn gap(&mut self, token: Token<'s>) {
        if let Some(last) = self.last {
            match token.breaks {
                _ if self.fresh => self.out.push_str(if token.breaks > 1 { "\n\n" } else { "\n" }),
                0 if last.span.to == token.span.from => {}
                0 => self.out.push(' '),
                1 => self.out.push('\n'),
                _ => self.out.push_str("\n\n"),
            }
        }
        self.fresh = false;
    }

    fn class(&mut self, token: Token<'s>) {
        let after_comment = self.last.is_some_and(|last| last.kind == Kind::Comment);
        match self.last {
            None => {}
            Some(last) if last.kind != Kind::Comment && !last.is("}") && token.breaks == 0 => self.out.push(' '),
            Some(_) if after_comment && token.breaks < 2 => self.out.push('\n'),
            Some(_) => self.out.push_str("\n\n"),
        }
        self.fresh = false;
        self.inside = true;
        self.last = None;
    }

    /// Begins a line with this token.
    fn line(&mut self, token: Token<'s>, block: bool) {
        let Some(last) = self.last else { return };
        let blank = !last.is("{") && (token.breaks > 1 || block && last.kind != Kind::Comment);
        self.out.push_str(if blank { "\n\n" } else { "\n" });
        self.out.push_str(&"  ".repeat(self.indent));
        self.fresh = false;
        self.wrap = false;
        self.last = None;
    }

    /// A line that goes on with an expression.
    fn continued(&mut self) {
        self.out.push('\n');
        self.out.push_str(&"  ".repeat(self.indent + usize::from(self.wrap || self.permit.is_some())));
        self.fresh = false;
        self.last = None;
    }

    fn comment(&mut self, token: Token<'s>) {
        if !self.inside {
            self.gap(token);
        } else if token.breaks == 0 || self.last.is_none() {
            self.out.push(' ');
        } else {
            let deeper = usize::from(self.permit.is_some());
            let blank = token.breaks > 1 && !self.last.is_some_and(|last| last.is("{"));
            self.out.push_str(if blank { "\n\n" } else { "\n" });
            self.out.push_str(&"  ".repeat(self.indent + deeper));
        }
        self.out.push_str(token.text);
        self.fresh = token.text.starts_with("//");
        self.last = Some(token);
    }

    fn close(&mut self, token: Token<'s>) {
        if token.is(")") {
            self.parentheses = self.parentheses.saturating_sub(1);
        }
        if token.is("}") {
            self.indent = self.indent.saturating_sub(1);
            if !self.last.is_some_and(|last| last.is("{")) {
                self.out.push('\n');
                self.out.push_str(&"  ".repeat(self.indent));
            }
            self.fresh = false;
            self.last = None;
        }
    }

    fn open(&mut self, token: Token<'s>, mark: Option<Mark>) {
        self.last = Some(token);
        if token.is("(") {
            self.parentheses += 1;
        } else if token.is("{") {
            self.indent += 1;
        } else if token.is("}") {
            self.inside = self.indent > 0;
        } else if let Some(permit) = &mut self.permit {
            match mark {
                Some(Mark::Arrow) => {
                    permit.body = true;
                    self.fresh = permit.wraps;
                }
                Some(Mark::Operator) => self.fresh = true,
                _ => {}
            }
        }
    }

    fn write(&mut self, token: Token<'s>) {
        if self.fresh {
            self.continued();
        }
        if self.last.is_some_and(|last| spaced(last, token)) {
            self.out.push(' ');
        }
        if token.kind == Kind::Text {
            let quote = if token.text.contains('"') { '\'' } else { '"' };
            self.out.push(quote);
            self.out.push_str(token.text);
            self.out.push(quote);
        } else {
            self.out.push_str(token.text);
        }
    }
}

/// Whether a space stands between two tokens of a line.
fn spaced(last: Token<'_>, next: Token<'_>) -> bool {
    const TIGHT_BEFORE: &[&str] = &[",", ":", ")", "]", ">", ".", "<", "["];
    const TIGHT_AFTER: &[&str] = &["(", "[", "<", ".", "!"];
    let is = |token: Token<'_>, signs: &[&str]| token.kind == Kind::Sign && signs.contains(&token.text);
    if last.kind == Kind::Comment || next.kind == Kind::Comment {
        return true;
    }
    let call = next.is("(") && (matches!(last.kind, Kind::Word | Kind::Text) || last.is("]"));
    !(is(next, TIGHT_BEFORE) || is(last, TIGHT_AFTER) || call)
}
