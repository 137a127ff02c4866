//! Declarations: classes, their relations and the heads of permits. Expressions are in `expression`.
//!
//! A mistake does not end the reading: the parser says it and goes on behind the member or class that it is in.

use super::lexer::{Kind, Token, tokens};
use super::syntax::{Class, Member, MemberKind, Name, Type};
use super::{Diagnostic, Dialect, Position, Severity, Span};

/// More mistakes than this are not reported.
const MOST: usize = 50;

/// A mistake was met and reported.
pub(super) struct Stumbled;

pub(super) type Parse<T> = Result<T, Stumbled>;

/// What layout needs to know of a token beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A class begins here.
    Class,
    /// A block of relations or permits begins here.
    Block,
    /// A relation begins here.
    Relation,
    /// A permit begins here.
    Permit,
    /// The `=>` behind the head of a permit.
    Arrow,
    /// An operator that stands in no parentheses.
    Operator,
}

pub(super) struct Parser<'s> {
    pub source: &'s str,
    pub dialect: Dialect,
    tokens: Vec<Token<'s>>,
    at: usize,
    pub diagnostics: Vec<Diagnostic>,
    /// By the place of the token.
    pub marks: Vec<(usize, Mark)>,
}

impl<'s> Parser<'s> {
    pub fn new(source: &'s str, dialect: Dialect) -> Self {
        let tokens = tokens(source).into_iter().filter(|t| t.kind != Kind::Comment).collect();
        Self { source, dialect, tokens, at: 0, diagnostics: Vec::new(), marks: Vec::new() }
    }

    /// The token that comes next.
    pub fn peek(&self) -> Token<'s> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Token<'s> {
        // INVARIANT: the lexer ends every source with an `End`.
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get((self.at + by).min(last)).copied().unwrap_or(Token {
            kind: Kind::End,
            text: "",
            span: Span::default(),
            breaks: 0,
        })
    }

    pub fn take(&mut self) -> Token<'s> {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
        token
    }

    /// Where the token before the next one ends.
    pub fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |t| t.span.to)
    }

    pub fn end_of_last(&self) -> Position {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(Position::default(), |t| t.span.end)
    }

    pub fn mark(&mut self, token: &Token<'_>, mark: Mark) {
        self.marks.push((token.span.from, mark));
    }

    pub fn say(&mut self, severity: Severity, span: Span, message: impl Into<String>) {
        if self.diagnostics.len() < MOST {
            let (start, end) = (span.start, span.end);
            self.diagnostics.push(Diagnostic { severity, message: message.into(), start, end });
        }
    }

    /// Reports that something else was expected here.
    pub fn expected(&mut self, token: Token<'_>, what: &str) -> Stumbled {
        let message = match token.kind {
            Kind::Wrong(why) => why.to_owned(),
            Kind::End => format!("expected {what}, but the source ends"),
            _ => format!("expected {what}, found `{}`", token.text),
        };
        self.say(Severity::Error, token.span, message);
        Stumbled
    }

    pub fn sign(&mut self, sign: &str) -> Parse<Token<'s>> {
        if self.peek().is(sign) { Ok(self.take()) } else { Err(self.expected(self.peek(), &format!("`{sign}`"))) }
    }

    pub fn word(&mut self, word: &str) -> Parse<Token<'s>> {
        if self.peek().says(word) { Ok(self.take()) } else { Err(self.expected(self.peek(), &format!("`{word}`"))) }
    }

    /// Takes a sign if it comes next.
    pub fn maybe(&mut self, sign: &str) -> bool {
        let there = self.peek().is(sign);
        if there {
            self.take();
        }
        there
    }

    pub fn name(&mut self, what: &str) -> Parse<Name> {
        let token = self.peek();
        let Some(text) = token.name() else { return Err(self.expected(token, what)) };
        self.take();
        let mut span = token.span;
        if token.kind == Kind::Text && !text.contains('\n') {
            // The contract's places of names are those without their quotes.
            span.start.column += 1;
            span.end.column -= 1;
        }
        Ok(Name { text: text.to_owned(), span })
    }

    /// All classes. What stands outside of them (imports, exports) is passed over.
    pub fn file(&mut self) -> Vec<Class> {
        let mut classes = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                Kind::End => return classes,
                Kind::Wrong(_) => {
                    self.expected(token, "a class");
                }
                Kind::Word if token.text == "class" => {
                    self.mark(&token, Mark::Class);
                    if let Ok(class) = self.class() {
                        classes.push(class);
                    } else {
                        self.skip_to_class();
                    }
                }
                _ => {}
            }
        }
    }

    fn skip_to_class(&mut self) {
        while self.peek().kind != Kind::End && !self.peek().says("class") {
            self.take();
        }
    }

    fn class(&mut self) -> Parse<Class> {
        let name = self.name("the name of the class")?;
        self.word("implements")?;
        self.word("Namespace")?;
        self.sign("{")?;
        let mut members = Vec::new();
        loop {
            let token = self.peek();
            if token.is("}") {
                self.take();
                return Ok(Class { name, members });
            } else if token.is(";") {
                self.take();
            } else if token.says("related") {
                self.mark(&token, Mark::Block);
                self.take();
                self.sign(":")?;
                self.block(&mut members, Self::relation)?;
            } else if token.says("permits") {
                self.mark(&token, Mark::Block);
                self.take();
                self.sign("=")?;
                self.block(&mut members, Self::permit)?;
            } else {
                return Err(self.expected(token, "`related`, `permits` or `}`"));
            }
        }
    }

    fn block(&mut self, members: &mut Vec<Member>, member: fn(&mut Self) -> Parse<Member>) -> Parse<()> {
        self.sign("{")?;
        loop {
            if self.maybe("}") {
                return Ok(());
            }
            if self.maybe(";") {
                continue;
            }
            match member(self) {
                Ok(found) => members.push(found),
                Err(Stumbled) => self.skip_to_member()?,
            }
        }
    }

    /// Goes on to what looks like the next member of the block, or to its end.
    fn skip_to_member(&mut self) -> Parse<()> {
        let mut depth = 0_u32;
        loop {
            let token = self.peek();
            if token.kind == Kind::End || matches!(token.kind, Kind::Wrong(_)) || token.says("class") {
                return Err(Stumbled);
            } else if token.is("(") || token.is("{") || token.is("[") {
                depth += 1;
            } else if token.is("}") && depth == 0 {
                return Ok(());
            } else if token.is(")") || token.is("}") || token.is("]") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && token.is(",") {
                self.take();
                return Ok(());
            }
            self.take();
        }
    }

    fn relation(&mut self) -> Parse<Member> {
        let first = self.peek();
        let name = self.name("the name of a relation")?;
        self.mark(&first, Mark::Relation);
        self.sign(":")?;
        let mut types = Vec::new();
        if self.maybe("(") {
            self.union(&mut types)?;
            self.sign(")")?;
            self.list()?;
        } else if self.peek().says("Array") && self.ahead(1).is("<") {
            self.take();
            self.take();
            self.union(&mut types)?;
            self.sign(">")?;
            return Ok(Member { name, kind: MemberKind::Relation(types) });
        } else {
            types.push(self.one_type()?);
            self.list()?;
        }
        self.maybe(",");
        Ok(Member { name, kind: MemberKind::Relation(types) })
    }

    /// `[]`: relations may hold many.
    fn list(&mut self) -> Parse<()> {
        self.sign("[")?;
        self.sign("]").map(drop)
    }

    fn union(&mut self, types: &mut Vec<Type>) -> Parse<()> {
        loop {
            types.push(self.one_type()?);
            if !self.maybe("|") {
                return Ok(());
            }
        }
    }

    fn one_type(&mut self) -> Parse<Type> {
        let token = self.peek();
        if token.kind == Kind::Sign {
            // The contract reports a missing type at the token behind the one that stands in its place.
            self.take();
            return Err(self.expected(self.peek(), "a type, such as `User[]`"));
        }
        if token.says("SubjectSet") && self.ahead(1).is("<") {
            self.take();
            self.take();
            let namespace = self.name("the namespace of the subject set")?;
            self.sign(",")?;
            let relation = self.name("the relation of the subject set")?;
            self.sign(">")?;
            return Ok(Type { namespace, relation: Some(relation) });
        }
        Ok(Type { namespace: self.name("a type")?, relation: None })
    }

    fn permit(&mut self) -> Parse<Member> {
        let first = self.peek();
        let name = self.name("the name of a permit")?;
        self.mark(&first, Mark::Permit);
        self.sign(":")?;
        self.sign("(")?;
        self.word("ctx")?;
        if self.maybe(":") {
            self.word("Context")?;
        }
        self.sign(")")?;
        if self.maybe(":") {
            self.word("boolean")?;
        }
        let arrow = self.sign("=>")?;
        self.mark(&arrow, Mark::Arrow);
        let body = self.expression(1)?;
        let next = self.peek();
        if !next.is("}") && !self.maybe(",") {
            return Err(self.expected(next, "`||`, `&&`, `,` or `}`"));
        }
        Ok(Member { name, kind: MemberKind::Permit(body) })
    }
}
