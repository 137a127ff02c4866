//! The parsed form of a template. Plain data: made by the parser, read by the evaluator.

use crate::value::Value;

/// One named template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) name: String,
    /// The text that it was parsed from: errors name this one.
    pub(crate) source: String,
    pub(crate) body: Vec<Node>,
}

impl Template {
    /// Whether it would only ever write white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
    }
}

/// One piece of a template's body.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Text(String),
    /// Writes the value of a pipeline, unless it declares or assigns.
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        line: u32,
        name: String,
        data: Option<Pipeline>,
    },
    Break,
    Continue,
}

/// `if`, `with` and `range`: `else if` and `else with` are a node of their own in `otherwise`.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) subject: Pipeline,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// `$a, $b := command | command`.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) line: u32,
    pub(crate) names: Vec<String>,
    /// `=` rather than `:=`.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A function or value with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) operands: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Dot,
    Nil,
    Constant(Value),
    Variable(String),
    Function(String),
    Parenthesis(Box<Pipeline>),
    /// `.a.b` on something.
    Fields(Box<Operand>, Vec<String>),
}
