//! Lists, maps, and choosing between values.

use std::collections::BTreeMap;

use super::{ANY, Row, items, shown, whole};
use crate::budget::{Budget, Stop};
use crate::value::Value;

pub(super) const TABLE: &[Row] = &[
    // `default d v` with v missing altogether: `{{ default "x" }}` is the default.
    ("default", 1, 2, |_, a| Ok(a.get(1).filter(|value| value.is_true()).unwrap_or(&a[0]).clone())),
    ("empty", 1, 1, |_, a| Ok(Value::Bool(!a[0].is_true()))),
    ("coalesce", 0, ANY, |_, a| Ok(a.iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nothing))),
    ("ternary", 3, 3, |_, a| Ok(if a[2].is_true() { a[0].clone() } else { a[1].clone() })),
    ("all", 0, ANY, |_, a| Ok(Value::Bool(a.iter().all(Value::is_true)))),
    ("any", 0, ANY, |_, a| Ok(Value::Bool(a.iter().any(Value::is_true)))),
    ("fail", 1, 1, |budget, a| Err(Stop::Problem(shown(budget, &a[0])?.to_string()))),
    ("kindOf", 1, 1, |_, a| Ok(Value::text(a[0].kind()))),
    ("typeOf", 1, 1, |_, a| Ok(Value::text(a[0].kind()))),
    ("kindIs", 2, 2, |_, a| Ok(Value::Bool(matches!(&a[0], Value::Text(kind) if **kind == *a[1].kind())))),
    ("list", 0, ANY, |_, a| Value::list(a.to_vec())),
    ("tuple", 0, ANY, |_, a| Value::list(a.to_vec())),
    ("first", 1, 1, |_, a| Ok(items(&a[0])?.first().cloned().unwrap_or(Value::Nothing))),
    ("last", 1, 1, |_, a| Ok(items(&a[0])?.last().cloned().unwrap_or(Value::Nothing))),
    ("rest", 1, 1, |budget, a| copied(budget, items(&a[0])?.get(1..).unwrap_or_default())),
    ("initial", 1, 1, |budget, a| {
        let all = items(&a[0])?;
        copied(budget, &all[..all.len().saturating_sub(1)])
    }),
    ("reverse", 1, 1, |budget, a| {
        let all = items(&a[0])?;
        budget.items(all.len())?;
        Value::list(all.iter().rev().cloned().collect())
    }),
    ("append", 2, 2, |budget, a| with(budget, items(&a[0])?, &a[1..2])),
    ("prepend", 2, 2, |budget, a| with(budget, &a[1..2], items(&a[0])?)),
    ("concat", 0, ANY, |budget, a| {
        let mut all = Vec::new();
        for list in a {
            let more = items(list)?;
            budget.items(more.len())?;
            all.extend_from_slice(more);
        }
        Value::list(all)
    }),
    ("compact", 1, 1, |budget, a| kept(budget, items(&a[0])?, |_, item, _| Ok(item.is_true()))),
    ("uniq", 1, 1, |budget, a| {
        kept(budget, items(&a[0])?, |budget, item, before| Ok(!contains(budget, before, item)?))
    }),
    ("without", 1, ANY, |budget, a| {
        kept(budget, items(&a[0])?, |budget, item, _| Ok(!contains(budget, &a[1..], item)?))
    }),
    ("has", 2, 2, |budget, a| contains(budget, items(&a[1])?, &a[0]).map(Value::Bool)),
    ("until", 1, 1, |budget, a| count(budget, whole(&a[0]))),
    ("dict", 0, ANY, dict),
    ("get", 2, 2, |budget, a| {
        let name = shown(budget, &a[1])?;
        Ok(entries(&a[0])?.and_then(|map| map.get(&*name)).cloned().unwrap_or_else(|| Value::text("")))
    }),
    ("hasKey", 2, 2, |budget, a| {
        let name = shown(budget, &a[1])?;
        Ok(Value::Bool(entries(&a[0])?.is_some_and(|map| map.contains_key(&*name))))
    }),
    ("keys", 1, ANY, |budget, a| {
        let mut names = Vec::new();
        for map in a {
            names.extend(entries(map)?.into_iter().flat_map(BTreeMap::keys));
            budget.items(names.len())?;
        }
        Value::texts(names)
    }),
    ("values", 1, 1, |budget, a| {
        let all: Vec<Value> = entries(&a[0])?.into_iter().flat_map(BTreeMap::values).cloned().collect();
        budget.items(all.len())?;
        Value::list(all)
    }),
    ("pick", 1, ANY, |budget, a| chosen(budget, a, true)),
    ("omit", 1, ANY, |budget, a| chosen(budget, a, false)),
    ("merge", 1, ANY, |budget, a| merge(budget, a.iter().rev())),
    ("mergeOverwrite", 1, ANY, |budget, a| merge(budget, a.iter())),
    ("dig", 3, ANY, dig),
];

fn entries(value: &Value) -> Result<Option<&BTreeMap<String, Value>>, Stop> {
    match value {
        Value::Map(map) => Ok(Some(&map.entries)),
        Value::Nothing => Ok(None),
        other => Err(format!("wants a map, not a {}", other.kind()).into()),
    }
}

fn copied(budget: &mut Budget, part: &[Value]) -> Result<Value, Stop> {
    budget.items(part.len())?;
    Value::list(part.to_vec())
}

fn with(budget: &mut Budget, left: &[Value], right: &[Value]) -> Result<Value, Stop> {
    budget.items(left.len() + right.len())?;
    Value::list([left, right].concat())
}

/// The items that `keep` accepts, given those kept before.
fn kept(
    budget: &mut Budget,
    all: &[Value],
    keep: impl Fn(&mut Budget, &Value, &[Value]) -> Result<bool, Stop>,
) -> Result<Value, Stop> {
    let mut left = Vec::new();
    for item in all {
        budget.step()?;
        if keep(budget, item, &left)? {
            left.push(item.clone());
        }
    }
    Value::list(left)
}

fn contains(budget: &mut Budget, all: &[Value], item: &Value) -> Result<bool, Stop> {
    let work = item.size().saturating_mul(all.len() as u64);
    budget.items(usize::try_from(work).unwrap_or(usize::MAX))?;
    Ok(all.contains(item))
}

fn count(budget: &mut Budget, to: i64) -> Result<Value, Stop> {
    budget.items(usize::try_from(to.unsigned_abs()).unwrap_or(usize::MAX))?;
    let numbers =
        if to >= 0 { (0..to).map(Value::Int).collect() } else { (to + 1..=0).rev().map(Value::Int).collect() };
    Value::list(numbers)
}

fn dict(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let mut map = BTreeMap::new();
    for pair in a.chunks(2) {
        let name = shown(budget, &pair[0])?.to_string();
        map.insert(name, pair.get(1).cloned().unwrap_or_else(|| Value::text("")));
    }
    Value::map(map)
}

fn chosen(budget: &mut Budget, a: &[Value], wanted: bool) -> Result<Value, Stop> {
    let named = |name: &str| a[1..].iter().any(|value| matches!(value, Value::Text(text) if **text == *name));
    let all = entries(&a[0])?.into_iter().flatten();
    let part: BTreeMap<String, Value> =
        all.filter(|(name, _)| named(name) == wanted).map(|(name, value)| (name.clone(), value.clone())).collect();
    budget.items(part.len())?;
    Value::map(part)
}

/// Later maps win.
fn merge<'a>(budget: &mut Budget, maps: impl Iterator<Item = &'a Value>) -> Result<Value, Stop> {
    let mut all = BTreeMap::new();
    for map in maps {
        let more = entries(map)?;
        budget.items(more.map_or(0, BTreeMap::len))?;
        all.extend(more.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    }
    Value::map(all)
}

/// `dig "a" "b" default map`.
fn dig(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (path, rest) = a.split_at(a.len() - 2);
    let mut found = rest[1].clone();
    for name in path {
        let name = shown(budget, name)?;
        let next = match &found {
            Value::Map(map) => map.entries.get(&*name).cloned(),
            _ => None,
        };
        match next {
            Some(value) => found = value,
            None => return Ok(rest[0].clone()),
        }
    }
    Ok(found)
}
