//! Expressions of permits.

use super::lexer::{Kind, Token};
use super::parser::{Mark, Parse, Parser};
use super::syntax::{Expression, Name, Operator};
use super::{Dialect, Severity, Span};

/// How deep parentheses and `!` may be nested; the body of a permit counts as one.
const DEEPEST: u32 = 10;

/// A chain of operands: each but the first with the operator before it.
struct Chain {
    first: Expression,
    rest: Vec<(Operator, Expression)>,
    /// The operands as written, for messages.
    texts: Vec<String>,
    span: Span,
}

impl<'s> Parser<'s> {
    /// An expression and all that its operators join.
    pub fn expression(&mut self, depth: u32) -> Parse<Expression> {
        let start = self.peek();
        let chain = self.chain(depth, start)?;
        let mixed = chain.rest.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a != b));
        if mixed {
            let message = format!(
                "`||` and `&&` stand side by side; write {} or {}",
                left_to_right(&chain),
                as_typescript(&chain)
            );
            match self.dialect {
                Dialect::Limen => self.say(Severity::Error, chain.span, message),
                Dialect::Keto => self.say(
                    Severity::Warning,
                    chain.span,
                    format!("{message}: it is read as the former, though TypeScript means the latter"),
                ),
            }
        }
        Ok(chain.rest.into_iter().fold(chain.first, |left, (operator, right)| operator.join(left, right)))
    }

    fn chain(&mut self, depth: u32, start: Token<'s>) -> Parse<Chain> {
        let (first, text) = self.operand(depth)?;
        let mut chain = Chain { first, rest: Vec::new(), texts: vec![text], span: start.span };
        loop {
            let token = self.peek();
            let operator = if token.is("||") {
                Operator::Or
            } else if token.is("&&") {
                Operator::And
            } else {
                if token.is("!") || token.is("(") || token.says("this") {
                    return Err(self.expected(token, "`||` or `&&` before the next part"));
                }
                return Ok(chain);
            };
            if depth == 1 {
                self.mark(&token, Mark::Operator);
            }
            self.take();
            let next = self.peek();
            if next.is(",") || next.is("}") || next.is(")") || next.kind == Kind::End {
                return Err(self.expected(next, &format!("something behind `{}`", operator.sign())));
            }
            let (right, text) = self.operand(depth)?;
            chain.rest.push((operator, right));
            chain.texts.push(text);
            chain.span.to = self.behind();
            chain.span.end = self.end_of_last();
        }
    }

    /// An operand and its text.
    fn operand(&mut self, depth: u32) -> Parse<(Expression, String)> {
        let token = self.peek();
        if depth > DEEPEST {
            self.say(Severity::Error, token.span, format!("expressions may be nested {DEEPEST} deep at most"));
            return Err(super::parser::Stumbled);
        }
        let found = if token.is("(") {
            self.parenthesised(depth + 1)?
        } else if token.is("!") {
            self.take();
            let inner = self.peek();
            if inner.is("(") {
                Expression::Not(Box::new(self.parenthesised(depth + 2)?))
            } else if depth + 1 > DEEPEST {
                self.say(Severity::Error, inner.span, format!("expressions may be nested {DEEPEST} deep at most"));
                return Err(super::parser::Stumbled);
            } else {
                Expression::Not(Box::new(self.atom()?))
            }
        } else {
            self.atom()?
        };
        let text = self.source.get(token.span.from..self.behind()).unwrap_or_default();
        Ok((found, text.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    fn parenthesised(&mut self, depth: u32) -> Parse<Expression> {
        self.sign("(")?;
        let found = self.expression(depth)?;
        self.sign(")")?;
        Ok(found)
    }

    fn atom(&mut self) -> Parse<Expression> {
        let token = self.peek();
        if !token.says("this") {
            return Err(self.expected(token, "`this`, `!` or `(`"));
        }
        self.take();
        self.sign(".")?;
        let kind = self.peek();
        if kind.says("permits") {
            self.take();
            let name = self.property()?;
            self.of_context()?;
            return Ok(Expression::Computed(name));
        }
        if !kind.says("related") {
            return Err(self.expected(kind, "`related` or `permits`"));
        }
        self.take();
        let relation = self.property()?;
        self.sign(".")?;
        let verb = self.peek();
        if verb.says("includes") {
            self.take();
            self.sign("(")?;
            self.subject()?;
            self.sign(")")?;
            Ok(Expression::Computed(relation))
        } else if verb.says("traverse") {
            self.take();
            self.sign("(")?;
            let target = self.arrow()?;
            self.sign(")")?;
            Ok(Expression::Traverse { relation, target })
        } else {
            Err(self.expected(verb, "`includes` or `traverse`"))
        }
    }

    /// `.name`, `["name"]`.
    fn property(&mut self) -> Parse<Name> {
        if self.maybe("[") {
            let name = self.name("a name")?;
            self.sign("]")?;
            return Ok(name);
        }
        self.sign(".")?;
        self.name("a name")
    }

    fn of_context(&mut self) -> Parse<()> {
        self.sign("(")?;
        self.word("ctx")?;
        self.sign(")").map(drop)
    }

    fn subject(&mut self) -> Parse<()> {
        self.word("ctx")?;
        self.sign(".")?;
        self.word("subject").map(drop)
    }

    /// `(x) => x.permits.name(ctx)`, `x => x.related.name.includes(ctx.subject)`: what is asked of each.
    fn arrow(&mut self) -> Parse<Name> {
        let open = self.maybe("(");
        let variable = self.name("the name of a variable")?;
        if open {
            self.sign(")")?;
        }
        self.sign("=>")?;
        let token = self.peek();
        if token.kind != Kind::Word || token.text != variable.text {
            return Err(self.expected(token, &format!("`{}`", variable.text)));
        }
        self.take();
        self.sign(".")?;
        let kind = self.peek();
        if kind.says("permits") {
            self.take();
            let target = self.property()?;
            self.of_context()?;
            return Ok(target);
        }
        if !kind.says("related") {
            return Err(self.expected(kind, "`related` or `permits`"));
        }
        self.take();
        let target = self.property()?;
        self.sign(".")?;
        self.word("includes")?;
        self.sign("(")?;
        self.subject()?;
        self.maybe(",");
        self.sign(")")?;
        self.maybe(",");
        Ok(target)
    }
}

/// A chain with the parentheses that reading from left to right gives it.
fn left_to_right(chain: &Chain) -> String {
    let mut text = chain.texts.first().cloned().unwrap_or_default();
    let mut last = None;
    for ((operator, _), operand) in chain.rest.iter().zip(chain.texts.iter().skip(1)) {
        if last.is_some_and(|last| last != *operator) {
            text = format!("({text})");
        }
        text = format!("{text} {} {operand}", operator.sign());
        last = Some(*operator);
    }
    format!("`{text}`")
}

/// A chain with the parentheses that precedence gives it.
fn as_typescript(chain: &Chain) -> String {
    let mut groups = vec![chain.texts.get(..1).unwrap_or_default().to_vec()];
    for ((operator, _), operand) in chain.rest.iter().zip(chain.texts.iter().skip(1)) {
        match (operator, groups.last_mut()) {
            (Operator::And, Some(group)) => group.push(operand.clone()),
            _ => groups.push(vec![operand.clone()]),
        }
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|group| if group.len() > 1 { format!("({})", group.join(" && ")) } else { group.concat() })
        .collect();
    format!("`{}`", groups.join(" || "))
}
