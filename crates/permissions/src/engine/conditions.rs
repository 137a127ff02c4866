//! Conditions of relationships: expressions in CEL over values that are stored with the relationship and values that
//! come with the question.
//!
//! The library that evaluates them knows no limit of cost, so what may be large is limited here: expressions when they
//! are configured, contexts when they arrive.

use std::collections::HashMap;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{Context, ExecutionError};
use foundation::Timestamp;
use serde_json::{Map, Value};

use crate::model::ConditionCall;

/// Characters of an expression.
const LONGEST: usize = 4096;
/// How deep brackets may be nested.
const DEEPEST: usize = 24;
/// How deep loops (`all`, `exists`, `map`, `filter`) may be nested.
const LOOPS: usize = 2;
/// Values in a context, those within values included.
const VALUES: usize = 500;
/// Characters of all texts and keys in a context.
const TEXT: usize = 32 * 1024;

/// Why a condition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It is too long, or nested too deep.
    #[error(
        "the condition `{0}` is too large: {LONGEST} characters, {DEEPEST} brackets and {LOOPS} loops deep at most"
    )]
    TooLarge(String),
    /// It is no expression.
    #[error("the condition `{name}` cannot be read: {why}")]
    Syntax {
        /// The condition.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A context has too many or too long values.
    #[error("the context is too large: {VALUES} values and {TEXT} characters at most")]
    Context,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Something is missing or does not fit: what.
    Missing(String),
}

/// Conditions by name.
#[derive(Debug, Default, Clone)]
pub struct Conditions {
    programs: std::sync::Arc<HashMap<String, cel::Program>>,
}

impl Conditions {
    /// Reads conditions: name and expression.
    pub fn compile<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConditionError> {
        let mut programs = HashMap::new();
        for (name, expression) in sources {
            if expression.len() > LONGEST || brackets(expression) > DEEPEST {
                return Err(ConditionError::TooLarge(name.to_owned()));
            }
            let program = cel::Program::compile(expression)
                .map_err(|error| ConditionError::Syntax { name: name.to_owned(), why: error.to_string() })?;
            if loops(program.expression()) > LOOPS {
                return Err(ConditionError::TooLarge(name.to_owned()));
            }
            programs.insert(name.to_owned(), program);
        }
        Ok(Self { programs: std::sync::Arc::new(programs) })
    }

    /// Whether there is a condition of this name.
    pub fn has(&self, name: &str) -> bool {
        self.programs.contains_key(name)
    }

    /// Whether a context is small enough: to be asked before it is stored or used.
    pub fn check_context(context: &Map<String, Value>) -> Result<(), ConditionError> {
        let (mut values, mut text) = (0, 0);
        let mut open: Vec<&Value> = context.values().collect();
        text += context.keys().map(String::len).sum::<usize>();
        while let Some(value) = open.pop() {
            values += 1;
            match value {
                Value::String(inner) => text += inner.len(),
                Value::Array(inner) => open.extend(inner),
                Value::Object(inner) => {
                    text += inner.keys().map(String::len).sum::<usize>();
                    open.extend(inner.values());
                }
                _ => {}
            }
            if values > VALUES || text > TEXT {
                return Err(ConditionError::Context);
            }
        }
        Ok(())
    }

    /// Whether a condition holds. Stored values win over those of the question; `now` is the moment of the question, in
    /// seconds since 1970, whatever a context says.
    pub fn holds(&self, call: &ConditionCall, context: &Map<String, Value>, now: Timestamp) -> Verdict {
        let Some(program) = self.programs.get(&call.name) else {
            return Verdict::Missing(format!("the condition `{}`", call.name));
        };
        if Self::check_context(&call.context).and_then(|()| Self::check_context(context)).is_err() {
            return Verdict::Missing("a smaller context".to_owned());
        }
        let references = program.references();
        let mut given = Context::default();
        for (name, value) in context.iter().chain(&call.context) {
            if references.has_variable(name) {
                given.add_variable_from_value(name.as_str(), converted(value));
            }
        }
        given.add_variable_from_value("now", now.as_second());
        match program.execute(&given) {
            Ok(cel::Value::Bool(true)) => Verdict::Yes,
            Ok(cel::Value::Bool(false)) => Verdict::No,
            Ok(_) => Verdict::Missing(format!("a yes or no from the condition `{}`", call.name)),
            Err(ExecutionError::UndeclaredReference(name) | ExecutionError::NoSuchKey(name)) => {
                Verdict::Missing(name.to_string())
            }
            Err(_) => Verdict::Missing(format!("fitting values for the condition `{}`", call.name)),
        }
    }
}

fn converted(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => cel::Value::Int(whole),
            None => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.clone()),
        Value::Array(values) => cel::Value::from(values.iter().map(converted).collect::<Vec<_>>()),
        Value::Object(fields) => {
            let fields: HashMap<String, cel::Value> =
                fields.iter().map(|(name, value)| (name.clone(), converted(value))).collect();
            cel::Value::Map(fields.into())
        }
    }
}

/// How deep brackets are nested, also signs in front of each other, which the parser descends into as well.
fn brackets(expression: &str) -> usize {
    let (mut depth, mut signs, mut deepest) = (0_usize, 0_usize, 0_usize);
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '!' | '-' | '?' => signs += 1,
            c if c.is_whitespace() => {}
            _ => signs = 0,
        }
        deepest = deepest.max(depth + signs);
    }
    deepest
}

/// How deep loops are nested.
fn loops(expression: &IdedExpr) -> usize {
    let most = |parts: &mut dyn Iterator<Item = &IdedExpr>| parts.map(loops).max().unwrap_or(0);
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
        Expr::Call(call) => most(&mut call.args.iter().chain(call.target.as_deref())),
        Expr::Comprehension(inner) => {
            let around = most(&mut [&inner.iter_range, &inner.accu_init, &inner.result].into_iter());
            around.max(1 + most(&mut [&inner.loop_cond, &inner.loop_step].into_iter()))
        }
        Expr::List(list) => most(&mut list.elements.iter()),
        Expr::Map(map) => map.entries.iter().map(|entry| in_entry(&entry.expr)).max().unwrap_or(0),
        Expr::Select(select) => loops(&select.operand),
        Expr::Struct(made) => made.entries.iter().map(|entry| in_entry(&entry.expr)).max().unwrap_or(0),
    }
}

fn in_entry(entry: &EntryExpr) -> usize {
    match entry {
        EntryExpr::StructField(field) => loops(&field.value),
        EntryExpr::MapEntry(entry) => loops(&entry.key).max(loops(&entry.value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn verdict(expression: &str, stored: Value, given: Value) -> Verdict {
        let conditions = Conditions::compile([("c", expression)]).unwrap();
        let call = ConditionCall { name: "c".into(), context: fields(stored) };
        conditions.holds(&call, &fields(given), Timestamp::from_second(1_000).unwrap())
    }

    #[test]
    fn conditions_read_stored_and_given_values() {
        let none = || json!({});
        assert_eq!(verdict("amount <= limit", json!({"limit": 10}), json!({"amount": 10})), Verdict::Yes);
        assert_eq!(verdict("amount <= limit", json!({"limit": 10}), json!({"amount": 11})), Verdict::No);
        assert_eq!(verdict("amount <= limit", json!({"limit": 10}), json!({"amount": 11, "limit": 99})), Verdict::No);
        assert_eq!(verdict("amount <= limit", json!({"limit": 10}), none()), Verdict::Missing("amount".into()));
        assert_eq!(
            verdict("ip in nets && m.k == 'v'", none(), json!({"ip": "a", "nets": ["a"], "m": {"k": "v"}})),
            Verdict::Yes
        );
        assert_eq!(verdict("m.k == 'v'", none(), json!({"m": {}})), Verdict::Missing("k".into()));
        assert_eq!(verdict("now < 2000", none(), json!({"now": 9_999})), Verdict::Yes);
        assert_eq!(verdict("list.all(x, x > 0)", none(), json!({"list": [1, 2]})), Verdict::Yes);
        assert!(matches!(verdict("1 + 1", none(), none()), Verdict::Missing(_)));
        assert!(matches!(verdict("a < 1", none(), json!({"a": "text"})), Verdict::Missing(_)));
        let unknown = ConditionCall { name: "gone".into(), context: Map::new() };
        assert!(matches!(
            Conditions::default().holds(&unknown, &Map::new(), Timestamp::UNIX_EPOCH),
            Verdict::Missing(_)
        ));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let refused = |expression: &str| Conditions::compile([("c", expression)]).err();
        assert!(matches!(refused("a <"), Some(ConditionError::Syntax { .. })));
        let large = [
            format!("a == '{}'", "x".repeat(LONGEST)),
            format!("{}a{}", "(".repeat(30), ")".repeat(30)),
            format!("{}a", "!".repeat(2_000)),
            "l.all(x, l.all(y, l.all(z, x + y + z > 0)))".to_owned(),
        ];
        for expression in large {
            assert!(matches!(refused(&expression), Some(ConditionError::TooLarge(_))), "{expression}");
        }
        assert_eq!(refused("l.all(x, l.all(y, x + y > 0)) && l.exists(x, x > 1)"), None);
        let many: Vec<u32> = (0..=VALUES as u32).collect();
        assert_eq!(Conditions::check_context(&fields(json!({"l": many}))), Err(ConditionError::Context));
        assert_eq!(Conditions::check_context(&fields(json!({"t": "x".repeat(TEXT)}))), Err(ConditionError::Context));
        assert!(matches!(verdict("l.all(x, x >= 0)", json!({}), json!({"l": many})), Verdict::Missing(_)));
    }
}
