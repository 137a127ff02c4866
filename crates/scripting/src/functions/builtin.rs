//! The functions of Go's `text/template`, except `and` and `or` (the evaluator's) and `call` (there is nothing to
//! call).

use std::cmp::Ordering;

use super::{ANY, Row, made, shown, whole};
use crate::budget::{Budget, Stop};
use crate::format;
use crate::html;
use crate::value::Value;

pub(super) const TABLE: &[Row] = &[
    ("not", 1, 1, |_, arguments| Ok(Value::Bool(!arguments[0].is_true()))),
    ("len", 1, 1, |_, arguments| length(&arguments[0])),
    ("index", 1, ANY, |_, arguments| index(&arguments[0], &arguments[1..])),
    ("slice", 1, 4, slice),
    ("print", 0, ANY, print),
    ("println", 0, ANY, println),
    ("printf", 1, ANY, |budget, arguments| {
        let template = shown(budget, &arguments[0])?;
        format::printf(&template, &arguments[1..], budget).map(Value::text)
    }),
    ("eq", 2, ANY, |_, arguments| {
        let (first, rest) = arguments.split_at(1);
        for other in rest {
            if equal(&first[0], other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
    ("ne", 2, 2, |_, arguments| Ok(Value::Bool(!equal(&arguments[0], &arguments[1])?))),
    ("lt", 2, 2, |_, arguments| ordered(arguments, Ordering::is_lt)),
    ("le", 2, 2, |_, arguments| ordered(arguments, Ordering::is_le)),
    ("gt", 2, 2, |_, arguments| ordered(arguments, Ordering::is_gt)),
    ("ge", 2, 2, |_, arguments| ordered(arguments, Ordering::is_ge)),
    ("html", 1, ANY, |budget, arguments| {
        let text = joined(budget, arguments)?;
        made(budget, html::escape_text(&text))
    }),
    ("js", 1, ANY, |budget, arguments| {
        let text = joined(budget, arguments)?;
        made(budget, html::escape_script(&text))
    }),
    ("urlquery", 1, ANY, |budget, arguments| {
        let text = joined(budget, arguments)?;
        made(budget, html::escape_query(&text))
    }),
];

fn length(value: &Value) -> Result<Value, Stop> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.len(),
        other => return Err(format!("a {} has no length", other.kind()).into()),
    };
    Ok(Value::Int(length as i64))
}

fn index(value: &Value, keys: &[Value]) -> Result<Value, Stop> {
    let mut found = value.clone();
    for key in keys {
        found = match (&found, key) {
            (Value::Map(map), Value::Text(name)) => map.entries.get(name.as_ref()).cloned().unwrap_or(Value::Nothing),
            (Value::List(list), Value::Int(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| list.items.get(at))
                .cloned()
                .ok_or_else(|| Stop::Problem(format!("index out of range: {at}")))?,
            (Value::Text(text), Value::Int(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| text.as_bytes().get(at))
                .map(|byte| Value::Int(i64::from(*byte)))
                .ok_or_else(|| Stop::Problem(format!("index out of range: {at}")))?,
            (Value::Nothing, _) => return Err("index of nothing".into()),
            (other, key) => return Err(format!("can't index a {} with a {}", other.kind(), key.kind()).into()),
        };
    }
    Ok(found)
}

fn slice(budget: &mut Budget, arguments: &[Value]) -> Result<Value, Stop> {
    let length = match &arguments[0] {
        Value::Text(text) => text.len(),
        Value::List(list) => list.items.len(),
        other => return Err(format!("can't slice a {}", other.kind()).into()),
    };
    let bound = |at: usize, default: usize| match arguments.get(at) {
        None => Ok(default),
        Some(Value::Int(number)) => usize::try_from(*number)
            .ok()
            .filter(|number| *number <= length)
            .ok_or_else(|| Stop::Problem(format!("index out of range: {number}"))),
        Some(other) => Err(format!("can't index with a {}", other.kind()).into()),
    };
    let (from, to) = (bound(1, 0)?, bound(2, length)?);
    bound(3, length)?;
    if from > to {
        return Err(format!("invalid slice: {from} > {to}").into());
    }
    match &arguments[0] {
        // By bytes, as in Go; a cut through a character leaves a replacement character.
        Value::Text(text) => made(budget, String::from_utf8_lossy(&text.as_bytes()[from..to])),
        Value::List(list) => {
            budget.items(to - from)?;
            Value::list(list.items[from..to].to_vec())
        }
        _ => Ok(Value::Nothing),
    }
}

/// Spaces stand between arguments where neither is a text.
fn print(budget: &mut Budget, arguments: &[Value]) -> Result<Value, Stop> {
    let text = joined(budget, arguments)?;
    made(budget, text)
}

fn joined(budget: &mut Budget, arguments: &[Value]) -> Result<String, Stop> {
    let mut out = String::new();
    let mut after_text = true;
    for (position, argument) in arguments.iter().enumerate() {
        let is_text = matches!(argument, Value::Text(_));
        if position > 0 && !is_text && !after_text {
            out.push(' ');
        }
        out.push_str(&format::plain(argument, budget)?);
        budget.text(out.len())?;
        after_text = is_text;
    }
    Ok(out)
}

fn println(budget: &mut Budget, arguments: &[Value]) -> Result<Value, Stop> {
    let mut out = String::new();
    for (position, argument) in arguments.iter().enumerate() {
        if position > 0 {
            out.push(' ');
        }
        out.push_str(&format::plain(argument, budget)?);
        budget.text(out.len())?;
    }
    out.push('\n');
    made(budget, out)
}

/// Equality of simple values. More lenient than Go: whole and real numbers compare, and kinds that differ are unequal.
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, Stop> {
    match (left, right) {
        (Value::List(_) | Value::Map(_), Value::List(_) | Value::Map(_)) => {
            Err("lists and maps can't be compared".into())
        }
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => Ok(*a as f64 == *b),
        (left, right) => Ok(left == right),
    }
}

fn ordered(arguments: &[Value], wanted: fn(Ordering) -> bool) -> Result<Value, Stop> {
    let order = match (&arguments[0], &arguments[1]) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            super::real(&arguments[0]).partial_cmp(&super::real(&arguments[1]))
        }
        (a, b) => return Err(format!("can't order a {} and a {}", a.kind(), b.kind()).into()),
    };
    Ok(Value::Bool(order.is_some_and(wanted)))
}

/// For tables that need a number out of a range.
pub(super) fn bounded(value: &Value, most: i64) -> Result<usize, Stop> {
    usize::try_from(whole(value).clamp(0, most)).map_err(|_| Stop::Limit("output"))
}
