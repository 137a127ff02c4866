//! Runs a parsed template over data and writes text or HTML.

use std::collections::BTreeMap;

use crate::TemplateSet;
use crate::budget::{Budget, Stop};
use crate::error::TemplateError;
use crate::format;
use crate::functions;
use crate::html::HtmlWriter;
use crate::syntax::{Branch, Command, Node, Operand, Pipeline, Template};
use crate::value::Value;

/// Where output goes.
#[derive(Debug)]
pub(crate) enum Sink {
    Text(String),
    Html(Box<HtmlWriter>),
}

impl Sink {
    pub(crate) fn text() -> Self {
        Self::Text(String::new())
    }

    pub(crate) fn html() -> Self {
        Self::Html(Box::default())
    }

    fn written(&self) -> usize {
        match self {
            Self::Text(out) => out.len(),
            Self::Html(writer) => writer.written(),
        }
    }
}

pub(crate) fn render(
    set: &TemplateSet,
    name: &str,
    data: &serde_json::Value,
    sink: Sink,
) -> Result<String, TemplateError> {
    let template = set.find(name).ok_or_else(|| TemplateError::Missing(name.to_owned()))?;
    let mut budget = Budget::new(set.limits());
    let data = Value::from_json(data, &mut budget).map_err(|stop| place(stop, template, 1))?;
    let mut evaluation = Evaluation { set, sink, budget, depth: 0, line: 1 };
    evaluation.template(template, data)?;
    match evaluation.sink {
        Sink::Text(out) => Ok(out),
        Sink::Html(writer) => writer.finish().map_err(|stop| place(stop, template, evaluation.line)),
    }
}

fn place(stop: Stop, template: &Template, line: u32) -> TemplateError {
    let name = template.source.clone();
    match stop {
        Stop::Problem(problem) => TemplateError::Evaluation { name, line, problem },
        Stop::Limit(limit) => TemplateError::Limit { name, line, limit },
    }
}

/// How a list of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// Why a template stopped: here, or inside a template that it called (which named the place already).
enum Halt {
    Here(Stop),
    Inside(TemplateError),
}

impl<T: Into<Stop>> From<T> for Halt {
    fn from(stop: T) -> Self {
        Self::Here(stop.into())
    }
}

struct Evaluation<'a> {
    set: &'a TemplateSet,
    sink: Sink,
    budget: Budget,
    depth: u32,
    /// Of the action at work.
    line: u32,
}

/// What names mean inside one template.
struct Scope {
    dot: Value,
    variables: Vec<(String, Value)>,
}

impl Scope {
    fn find(&self, name: &str) -> Option<&Value> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn assign(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            slot.1 = value;
        }
    }
}

impl Evaluation<'_> {
    fn template(&mut self, template: &Template, data: Value) -> Result<(), TemplateError> {
        let mut scope = Scope { dot: data.clone(), variables: vec![("$".to_owned(), data)] };
        match self.nodes(&template.body, &mut scope) {
            Ok(_) => Ok(()),
            Err(Halt::Here(stop)) => Err(place(stop, template, self.line)),
            Err(Halt::Inside(error)) => Err(error),
        }
    }

    /// Runs `nodes`; variables declared in them end with them.
    fn nodes(&mut self, nodes: &[Node], scope: &mut Scope) -> Result<Flow, Halt> {
        self.depth += 1;
        if self.depth > self.set.limits().depth {
            return Err(Stop::Limit("nesting").into());
        }
        let outer = scope.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            flow = self.node(node, scope)?;
            if flow != Flow::On {
                break;
            }
        }
        scope.variables.truncate(outer);
        self.depth -= 1;
        Ok(flow)
    }

    fn node(&mut self, node: &Node, scope: &mut Scope) -> Result<Flow, Halt> {
        self.budget.step()?;
        match node {
            Node::Text(text) => self.write_text(text)?,
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, scope)?;
                if pipeline.names.is_empty() {
                    self.write_value(pipeline, &value)?;
                }
            }
            Node::If(branch) | Node::With(branch) => {
                return self.condition(branch, matches!(node, Node::With(_)), scope);
            }
            Node::Range(branch) => return self.range(branch, scope),
            Node::Template { line, name, data } => {
                self.line = *line;
                let data = match data {
                    Some(pipeline) => self.pipeline(pipeline, scope)?,
                    None => Value::Nothing,
                };
                let Some(template) = self.set.find(name) else {
                    return Err(format!("there is no template named {name:?}").into());
                };
                self.template(template, data).map_err(Halt::Inside)?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn condition(&mut self, branch: &Branch, moves_dot: bool, scope: &mut Scope) -> Result<Flow, Halt> {
        let outer = scope.variables.len();
        let value = self.pipeline(&branch.subject, scope)?;
        let flow = if !value.is_true() {
            self.nodes(&branch.otherwise, scope)
        } else if moves_dot {
            let dot = std::mem::replace(&mut scope.dot, value);
            let flow = self.nodes(&branch.body, scope);
            scope.dot = dot;
            flow
        } else {
            self.nodes(&branch.body, scope)
        };
        scope.variables.truncate(outer);
        flow
    }

    fn range(&mut self, branch: &Branch, scope: &mut Scope) -> Result<Flow, Halt> {
        let outer = scope.variables.len();
        let subject = self.command_chain(&branch.subject, scope)?;
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &subject {
            Value::Nothing => Box::new(std::iter::empty()),
            Value::List(list) => {
                Box::new(list.items.iter().enumerate().map(|(index, item)| (Value::Int(index as i64), item.clone())))
            }
            Value::Map(map) => Box::new(map.entries.iter().map(|(key, item)| (Value::text(key), item.clone()))),
            Value::Int(count) => Box::new((0..*count).map(|index| (Value::Int(index), Value::Int(index)))),
            other => return Err(format!("range can't go over a {}", other.kind()).into()),
        };
        let names = &branch.subject.names;
        let mut any = false;
        for (key, item) in items {
            any = true;
            self.budget.step()?;
            let bound: Vec<(&String, Value)> = match names.as_slice() {
                [] => Vec::new(),
                [one] => vec![(one, item.clone())],
                [first, second, ..] => vec![(first, key), (second, item.clone())],
            };
            for (name, value) in bound {
                if branch.subject.assigns {
                    scope.assign(name, value);
                } else {
                    scope.variables.push((name.clone(), value));
                }
            }
            let dot = std::mem::replace(&mut scope.dot, item);
            let flow = self.nodes(&branch.body, scope);
            scope.dot = dot;
            scope.variables.truncate(outer);
            if flow? == Flow::Break {
                break;
            }
        }
        if any { Ok(Flow::On) } else { self.nodes(&branch.otherwise, scope) }
    }

    /// The value of a pipeline, bound to the names it declares.
    fn pipeline(&mut self, pipeline: &Pipeline, scope: &mut Scope) -> Result<Value, Halt> {
        let value = self.command_chain(pipeline, scope)?;
        for name in &pipeline.names {
            if pipeline.assigns {
                scope.assign(name, value.clone());
            } else {
                scope.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command_chain(&mut self, pipeline: &Pipeline, scope: &mut Scope) -> Result<Value, Halt> {
        self.line = pipeline.line;
        let mut piped = None;
        for command in &pipeline.commands {
            piped = Some(self.command(command, piped.take(), scope)?);
            self.line = pipeline.line;
        }
        Ok(piped.unwrap_or(Value::Nothing))
    }

    fn command(&mut self, command: &Command, piped: Option<Value>, scope: &mut Scope) -> Result<Value, Halt> {
        self.budget.step()?;
        let Some((first, rest)) = command.operands.split_first() else { return Ok(Value::Nothing) };
        let Operand::Function(name) = first else {
            if !rest.is_empty() {
                return Err("a value that is no function can't have arguments".into());
            }
            return self.operand(first, scope);
        };
        if name == "and" || name == "or" {
            return self.connective(name == "and", rest, piped, scope);
        }
        let mut arguments = Vec::with_capacity(rest.len() + 1);
        for operand in rest {
            arguments.push(self.operand(operand, scope)?);
        }
        arguments.extend(piped);
        Ok(functions::call(name, &mut self.budget, &arguments)?)
    }

    /// `and` and `or` stop at the first argument that decides, and are that argument.
    fn connective(
        &mut self,
        and: bool,
        operands: &[Operand],
        piped: Option<Value>,
        scope: &mut Scope,
    ) -> Result<Value, Halt> {
        let mut last = None;
        for operand in operands {
            let value = self.operand(operand, scope)?;
            if value.is_true() != and {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| "and/or needs at least one argument".into())
    }

    fn operand(&mut self, operand: &Operand, scope: &mut Scope) -> Result<Value, Halt> {
        match operand {
            Operand::Dot => Ok(scope.dot.clone()),
            Operand::Nil => Ok(Value::Nothing),
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Variable(name) => Ok(scope.find(name).cloned().unwrap_or(Value::Nothing)),
            Operand::Function(name) if name == "and" || name == "or" => Err("and/or needs arguments".into()),
            Operand::Function(name) => Ok(functions::call(name, &mut self.budget, &[])?),
            Operand::Parenthesis(pipeline) => self.pipeline(pipeline, scope),
            Operand::Fields(base, names) => {
                let mut value = self.operand(base, scope)?;
                for name in names {
                    value = field(&value, name)?;
                }
                Ok(value)
            }
        }
    }

    fn write_text(&mut self, text: &str) -> Result<(), Stop> {
        self.check_room(text.len())?;
        match &mut self.sink {
            Sink::Text(out) => out.push_str(text),
            Sink::Html(writer) => writer.literal(text),
        }
        Ok(())
    }

    fn write_value(&mut self, pipeline: &Pipeline, value: &Value) -> Result<(), Stop> {
        match &mut self.sink {
            Sink::Text(out) => {
                let text = format::printed(value, &mut self.budget)?;
                out.push_str(&text);
            }
            Sink::Html(writer) => writer.value(value, escapes_itself(pipeline), &mut self.budget)?,
        }
        self.check_room(0)
    }

    fn check_room(&mut self, more: usize) -> Result<(), Stop> {
        if self.sink.written().saturating_add(more) > self.budget.longest_text() {
            return Err(Stop::Limit("output"));
        }
        self.budget.text(more)
    }
}

/// Whether the pipeline ends in `html`: escaping it again for a text place would show the escapes.
fn escapes_itself(pipeline: &Pipeline) -> bool {
    let last = pipeline.commands.last().and_then(|command| command.operands.first());
    matches!(last, Some(Operand::Function(name)) if name == "html")
}

/// `.name` of `value`. A field of nothing is nothing, as for a map with a missing key in Go.
fn field(value: &Value, name: &str) -> Result<Value, Stop> {
    match value {
        Value::Map(map) => Ok(entry(&map.entries, name)),
        Value::Nothing => Ok(Value::Nothing),
        other => Err(format!("can't evaluate field {name} in a {}", other.kind()).into()),
    }
}

fn entry(entries: &BTreeMap<String, Value>, name: &str) -> Value {
    entries.get(name).cloned().unwrap_or(Value::Nothing)
}
