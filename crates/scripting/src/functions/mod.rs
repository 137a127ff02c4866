//! The functions that templates may call: Go's own, and the hermetic ones of sprig (no environment, no network, no
//! clock, no randomness). One table per file, one row per function.
//!
//! Deliberately more lenient than Go in one point: where sprig wants text and gets another kind of value, it is taken
//! as printed instead of stopping the mail.

mod builtin;
mod collections;
mod dates;
mod encodings;
mod numbers;
mod texts;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::budget::{Budget, Stop};
use crate::value::Value;

/// Name, least and most number of arguments, function.
type Row = (&'static str, usize, usize, Function);
type Function = fn(&mut Budget, &[Value]) -> Result<Value, Stop>;
const ANY: usize = usize::MAX;

static FUNCTIONS: LazyLock<HashMap<&'static str, Row>> = LazyLock::new(|| {
    let tables = [builtin::TABLE, texts::TABLE, collections::TABLE, numbers::TABLE, dates::TABLE, encodings::TABLE];
    tables.iter().flat_map(|table| table.iter()).map(|row| (row.0, *row)).collect()
});

pub(crate) fn is_known(name: &str) -> bool {
    // These two decide which arguments to look at, so the evaluator runs them.
    name == "and" || name == "or" || FUNCTIONS.contains_key(name)
}

pub(crate) fn call(name: &str, budget: &mut Budget, arguments: &[Value]) -> Result<Value, Stop> {
    let Some((_, least, most, function)) = FUNCTIONS.get(name) else {
        return Err(format!("function {name:?} not defined").into());
    };
    if arguments.len() < *least || arguments.len() > *most {
        let wanted = match (least, most) {
            (least, most) if least == most => least.to_string(),
            (least, &ANY) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        };
        return Err(format!("wrong number of arguments for {name}: want {wanted}, got {}", arguments.len()).into());
    }
    budget.items(arguments.len())?;
    function(budget, arguments).map_err(|stop| match stop {
        Stop::Problem(problem) => Stop::Problem(format!("{name}: {problem}")),
        limit => limit,
    })
}

/// Makes a text that a function made into a value, and counts the work.
fn made(budget: &mut Budget, text: impl AsRef<str>) -> Result<Value, Stop> {
    budget.text(text.as_ref().len())?;
    Ok(Value::text(text))
}

fn shown(budget: &mut Budget, value: &Value) -> Result<Arc<str>, Stop> {
    let text = value.shown(budget)?;
    budget.text(text.len())?;
    Ok(text)
}

/// A whole number, read from other kinds as sprig does; what has none is 0.
fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        Value::Text(text) => {
            text.trim().parse().ok().or_else(|| text.trim().parse().ok().map(|f: f64| f as i64)).unwrap_or(0)
        }
        _ => 0,
    }
}

fn real(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Text(text) => text.trim().parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// The items of a list; nothing counts as an empty one.
fn items(value: &Value) -> Result<&[Value], Stop> {
    match value {
        Value::List(list) => Ok(&list.items),
        Value::Nothing => Ok(&[]),
        other => Err(format!("wants a list, not a {}", other.kind()).into()),
    }
}
