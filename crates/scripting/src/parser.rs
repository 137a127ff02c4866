//! From tokens to [`Template`]s: the grammar of Go's `text/template/parse`.

use crate::error::TemplateError;
use crate::functions;
use crate::lexer::{self, Located, Token};
use crate::syntax::{Branch, Command, Node, Operand, Pipeline, Template};
use crate::value::Value;

/// Blocks and parentheses within each other. The evaluator recurses as deep as the parser.
const DEEPEST: u32 = 40;

/// Parses `text`; the first template is the text itself, the others are what it defines.
pub(crate) fn parse(name: &str, text: &str) -> Result<Vec<Template>, TemplateError> {
    let tokens = lexer::tokens(name, text)?;
    let mut parser = Parser {
        name,
        tokens,
        at: 0,
        line: 1,
        depth: 0,
        loops: 0,
        defined: Vec::new(),
        scopes: vec![vec!["$".to_owned()]],
    };
    let (body, end) = parser.nodes()?;
    if end != End::OfText {
        return Err(parser.problem(format!("unexpected {}", end.word())));
    }
    let mut templates = vec![Template { name: name.to_owned(), source: name.to_owned(), body }];
    templates.append(&mut parser.defined);
    Ok(templates)
}

/// What ended a list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    OfText,
    Word,
    /// The tokens after `else` are still unread.
    Else,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::OfText => "end of the template: an end is missing",
            Self::Word => "end",
            Self::Else => "else",
        }
    }
}

struct Parser<'a> {
    name: &'a str,
    tokens: Vec<Located>,
    at: usize,
    line: u32,
    depth: u32,
    loops: u32,
    defined: Vec<Template>,
    scopes: Vec<Vec<String>>,
}

impl Parser<'_> {
    fn problem(&self, problem: impl Into<String>) -> TemplateError {
        TemplateError::Syntax { name: self.name.to_owned(), line: self.line, problem: problem.into() }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|located| &located.token)
    }

    fn next(&mut self) -> Option<Token> {
        let located = self.tokens.get(self.at)?.clone();
        self.at += 1;
        self.line = located.line;
        Some(located.token)
    }

    fn spaces(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.at += 1;
        }
    }

    /// The next token that is no space.
    fn peek_word(&mut self) -> Option<&Token> {
        self.spaces();
        self.peek()
    }

    fn close(&mut self, after: &str) -> Result<(), TemplateError> {
        self.spaces();
        match self.next() {
            Some(Token::Close) => Ok(()),
            other => Err(self.problem(format!("unexpected {} after {after}", describe(other.as_ref())))),
        }
    }

    fn deeper(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            Err(self.problem("too many blocks or parentheses within each other"))
        } else {
            Ok(())
        }
    }

    /// Reads nodes up to `end`, `else` or the end of the text.
    fn nodes(&mut self) -> Result<(Vec<Node>, End), TemplateError> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let end = loop {
            match self.next() {
                None => break End::OfText,
                Some(Token::Text(text)) => nodes.push(Node::Text(text)),
                Some(Token::Open) => {
                    self.spaces();
                    let word = match self.peek() {
                        Some(Token::Word(word)) => word.clone(),
                        _ => String::new(),
                    };
                    match word.as_str() {
                        "end" => {
                            self.next();
                            self.close("end")?;
                            break End::Word;
                        }
                        "else" => {
                            self.next();
                            break End::Else;
                        }
                        word => nodes.extend(self.action(word)?),
                    }
                }
                Some(other) => return Err(self.problem(format!("unexpected {}", describe(Some(&other))))),
            }
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    fn action(&mut self, word: &str) -> Result<Option<Node>, TemplateError> {
        let line = self.line;
        match word {
            "if" => self.branch(word).map(Node::If).map(Some),
            "with" => self.branch(word).map(Node::With).map(Some),
            "range" => self.branch(word).map(Node::Range).map(Some),
            "define" => self.define().map(|()| None),
            "block" => self.block(line).map(Some),
            "template" => self.template(line).map(Some),
            "break" | "continue" => {
                self.next();
                if self.loops == 0 {
                    return Err(self.problem(format!("{word} outside range")));
                }
                self.close(word)?;
                Ok(Some(if word == "break" { Node::Break } else { Node::Continue }))
            }
            _ => {
                let pipeline = self.pipeline(false, word)?;
                self.close("the action")?;
                Ok(Some(Node::Action(pipeline)))
            }
        }
    }

    /// `if`, `with` or `range` from the keyword to its `end`. Variables that the subject declares live until there.
    fn branch(&mut self, keyword: &str) -> Result<Branch, TemplateError> {
        self.next();
        self.scopes.push(Vec::new());
        let subject = self.pipeline(keyword == "range", keyword)?;
        self.close(keyword)?;
        self.loops += u32::from(keyword == "range");
        let (body, end) = self.scoped_nodes()?;
        self.loops -= u32::from(keyword == "range");
        let otherwise = match end {
            End::Word => Vec::new(),
            End::OfText => return Err(self.problem(format!("unexpected {}", end.word()))),
            End::Else => self.otherwise(keyword)?,
        };
        self.scopes.pop();
        Ok(Branch { subject, body, otherwise })
    }

    /// What follows `else`: `else if` and `else with` are a branch of their own that shares the `end`.
    fn otherwise(&mut self, keyword: &str) -> Result<Vec<Node>, TemplateError> {
        if let Some(Token::Word(word)) = self.peek_word().cloned()
            && word == keyword
            && keyword != "range"
        {
            self.deeper()?;
            let branch = self.branch(keyword)?;
            self.depth -= 1;
            return Ok(vec![if keyword == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.close("else")?;
        let (nodes, end) = self.scoped_nodes()?;
        if end == End::Word { Ok(nodes) } else { Err(self.problem(format!("unexpected {} after else", end.word()))) }
    }

    fn scoped_nodes(&mut self) -> Result<(Vec<Node>, End), TemplateError> {
        self.scopes.push(Vec::new());
        let nodes = self.nodes();
        self.scopes.pop();
        nodes
    }

    /// The body of `define` and `block`: a template of its own, so that no variable or loop around it counts.
    fn definition(&mut self, name: String) -> Result<(), TemplateError> {
        let scopes = std::mem::replace(&mut self.scopes, vec![vec!["$".to_owned()]]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.nodes()?;
        self.scopes = scopes;
        self.loops = loops;
        if end != End::Word {
            return Err(self.problem(format!("unexpected {} in the definition of {name:?}", end.word())));
        }
        self.defined.push(Template { name, source: self.name.to_owned(), body });
        Ok(())
    }

    fn template_name(&mut self, keyword: &str) -> Result<String, TemplateError> {
        self.next();
        self.spaces();
        match self.next() {
            Some(Token::Constant(Value::Text(name))) => Ok(name.to_string()),
            other => Err(self.problem(format!("{keyword} needs a quoted name, not {}", describe(other.as_ref())))),
        }
    }

    fn define(&mut self) -> Result<(), TemplateError> {
        if self.depth > 1 {
            return Err(self.problem("define inside another block"));
        }
        let name = self.template_name("define")?;
        self.close("define")?;
        self.definition(name)
    }

    fn block(&mut self, line: u32) -> Result<Node, TemplateError> {
        let name = self.template_name("block")?;
        let data = self.pipeline(false, "block")?;
        self.close("block")?;
        self.definition(name.clone())?;
        Ok(Node::Template { line, name, data: Some(data) })
    }

    fn template(&mut self, line: u32) -> Result<Node, TemplateError> {
        let name = self.template_name("template")?;
        let data = match self.peek_word() {
            Some(Token::Close) => None,
            _ => Some(self.pipeline(false, "template")?),
        };
        self.close("template")?;
        Ok(Node::Template { line, name, data })
    }

    fn pipeline(&mut self, of_range: bool, place: &str) -> Result<Pipeline, TemplateError> {
        self.spaces();
        let line = self.tokens.get(self.at).map_or(self.line, |located| located.line);
        let (names, assigns) = self.declaration(of_range)?;
        let mut commands = Vec::new();
        loop {
            let command = self.command()?;
            if command.operands.is_empty() {
                return Err(self.problem(if commands.is_empty() {
                    format!("a value is missing in {place}")
                } else {
                    "a command is missing after |".to_owned()
                }));
            }
            if !commands.is_empty() && !matches!(command.operands[0], Operand::Function(_)) {
                return Err(self.problem("only functions can follow |"));
            }
            commands.push(command);
            if self.peek_word() == Some(&Token::Pipe) {
                self.next();
            } else {
                break;
            }
        }
        // Declared only now: `$x := $x` needs an older `$x`.
        if !assigns && let Some(scope) = self.scopes.last_mut() {
            scope.extend(names.iter().cloned());
        }
        Ok(Pipeline { line, names, assigns, commands })
    }

    /// `$x :=`, `$x =` or, in `range`, `$i, $x :=`.
    fn declaration(&mut self, of_range: bool) -> Result<(Vec<String>, bool), TemplateError> {
        let start = self.at;
        let mut names = Vec::new();
        while let Some(Token::Variable(name)) = self.peek_word().cloned() {
            self.next();
            names.push(name);
            match self.peek_word() {
                Some(Token::Comma) if of_range && names.len() == 1 => {
                    self.next();
                }
                Some(sign @ (Token::Declare | Token::Assign)) => {
                    let assigns = *sign == Token::Assign;
                    self.next();
                    if assigns && let Some(unknown) = names.iter().find(|name| !self.is_declared(name)) {
                        return Err(self.problem(format!("undefined variable {unknown}")));
                    }
                    return Ok((names, assigns));
                }
                _ => break,
            }
        }
        self.at = start;
        Ok((Vec::new(), false))
    }

    fn is_declared(&self, name: &str) -> bool {
        self.scopes.iter().flatten().any(|known| known == name)
    }

    fn command(&mut self) -> Result<Command, TemplateError> {
        let mut operands = Vec::new();
        self.spaces();
        while let Some(operand) = self.operand()? {
            operands.push(operand);
            match self.peek() {
                Some(Token::Space) => self.spaces(),
                Some(Token::Pipe | Token::Close | Token::RightParenthesis) | None => break,
                Some(other) => {
                    let other = describe(Some(other));
                    return Err(self.problem(format!("unexpected {other} right after a value: a space is missing")));
                }
            }
        }
        Ok(Command { operands })
    }

    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let operand = match self.peek() {
            Some(Token::Dot) => Operand::Dot,
            Some(Token::Constant(value)) => Operand::Constant(value.clone()),
            Some(Token::Field(_)) => return self.fields(Operand::Dot).map(Some),
            Some(Token::Variable(name)) => {
                let name = name.clone();
                if !self.is_declared(&name) {
                    self.next();
                    return Err(self.problem(format!("undefined variable {name}")));
                }
                Operand::Variable(name)
            }
            Some(Token::Word(word)) if word == "nil" => Operand::Nil,
            Some(Token::Word(word)) => {
                let word = word.clone();
                if !functions::is_known(&word) {
                    self.next();
                    return Err(self.problem(format!("function {word:?} not defined")));
                }
                Operand::Function(word)
            }
            Some(Token::LeftParenthesis) => {
                self.next();
                self.deeper()?;
                let pipeline = self.pipeline(false, "parentheses")?;
                self.depth -= 1;
                self.spaces();
                if self.peek() != Some(&Token::RightParenthesis) {
                    return Err(self.problem("a parenthesis is not closed"));
                }
                Operand::Parenthesis(Box::new(pipeline))
            }
            _ => return Ok(None),
        };
        self.next();
        self.fields(operand).map(Some)
    }

    /// The `.a.b` right behind an operand.
    fn fields(&mut self, operand: Operand) -> Result<Operand, TemplateError> {
        let mut names = Vec::new();
        while let Some(Token::Field(name)) = self.peek() {
            names.push(name.clone());
            self.next();
        }
        if names.is_empty() {
            return Ok(operand);
        }
        if matches!(operand, Operand::Constant(_) | Operand::Nil) {
            return Err(self.problem(format!("unexpected .{} after a constant", names[0])));
        }
        Ok(Operand::Fields(Box::new(operand), names))
    }
}

fn describe(token: Option<&Token>) -> String {
    match token {
        None => "end of the template".to_owned(),
        Some(Token::Text(_)) => "text".to_owned(),
        Some(Token::Open) => "{{".to_owned(),
        Some(Token::Close) => "}}".to_owned(),
        Some(Token::Space) => "space".to_owned(),
        Some(Token::Field(name)) => format!(".{name}"),
        Some(Token::Dot) => "a dot".to_owned(),
        Some(Token::Variable(name) | Token::Word(name)) => name.clone(),
        Some(Token::Constant(_)) => "a constant".to_owned(),
        Some(Token::Pipe) => "|".to_owned(),
        Some(Token::Declare) => ":=".to_owned(),
        Some(Token::Assign) => "=".to_owned(),
        Some(Token::Comma) => "a comma".to_owned(),
        Some(Token::LeftParenthesis) => "(".to_owned(),
        Some(Token::RightParenthesis) => ")".to_owned(),
    }
}
