//! The values that templates work on: JSON, plus "there is nothing here". Cheap to clone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::budget::{Budget, Stop};
use crate::format;

/// Nesting beyond this is refused wherever values are made, so that no recursion over a value can be deep.
const DEEPEST: u32 = 100;

/// More values within one value than this are refused: a list that holds another twice, and so on, is small in memory
/// and endless to print.
const LARGEST: u64 = 1 << 20;

/// A value. Maps are ordered by their keys' bytes: Go prints and walks maps in that order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A missing key and JSON's null: both are `<no value>` in text.
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Arc<List>),
    Map(Arc<Map>),
}

#[derive(Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) items: Vec<Value>,
    extent: Extent,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Map {
    pub(crate) entries: BTreeMap<String, Value>,
    extent: Extent,
}

/// How much there is within a value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Extent {
    depth: u32,
    size: u64,
}

impl Value {
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    pub(crate) fn list(items: Vec<Value>) -> Result<Self, Stop> {
        let extent = around(items.iter())?;
        Ok(Self::List(Arc::new(List { items, extent })))
    }

    pub(crate) fn map(entries: BTreeMap<String, Value>) -> Result<Self, Stop> {
        let extent = around(entries.values())?;
        Ok(Self::Map(Arc::new(Map { entries, extent })))
    }

    pub(crate) fn texts<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Result<Self, Stop> {
        Self::list(items.into_iter().map(Self::text).collect())
    }

    /// How many values there are within this one: the price of comparing it.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64 / 64 + 1,
            Self::List(list) => list.extent.size,
            Self::Map(map) => map.extent.size,
            _ => 1,
        }
    }

    pub(crate) fn from_json(json: &serde_json::Value, budget: &mut Budget) -> Result<Self, Stop> {
        budget.step()?;
        Ok(match json {
            serde_json::Value::Null => Self::Nothing,
            serde_json::Value::Bool(truth) => Self::Bool(*truth),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => {
                Self::list(items.iter().map(|item| Self::from_json(item, budget)).collect::<Result<_, _>>()?)?
            }
            serde_json::Value::Object(members) => Self::map(
                members
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), Self::from_json(member, budget)?)))
                    .collect::<Result<_, Stop>>()?,
            )?,
        })
    }

    pub(crate) fn to_json(&self, budget: &mut Budget) -> Result<serde_json::Value, Stop> {
        budget.step()?;
        Ok(match self {
            Self::Nothing => serde_json::Value::Null,
            Self::Bool(truth) => (*truth).into(),
            Self::Int(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Text(text) => {
                budget.text(text.len())?;
                text.as_ref().into()
            }
            Self::List(list) => {
                list.items.iter().map(|item| item.to_json(budget)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Self::Map(map) => serde_json::Value::Object(
                map.entries
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), member.to_json(budget)?)))
                    .collect::<Result<_, Stop>>()?,
            ),
        })
    }

    /// Go's truth: whatever is not the zero value of its type.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
        }
    }

    /// The name that error texts and `kindOf` use.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
        }
    }

    /// As text, for functions that take text.
    pub(crate) fn shown(&self, budget: &mut Budget) -> Result<Arc<str>, Stop> {
        match self {
            Self::Text(text) => Ok(Arc::clone(text)),
            Self::Nothing => Ok(Arc::from("")),
            other => Ok(Arc::from(format::plain(other, budget)?)),
        }
    }
}

fn around<'a>(children: impl Iterator<Item = &'a Value>) -> Result<Extent, Stop> {
    let mut extent = Extent { depth: 1, size: 1 };
    for child in children {
        let depth = match child {
            Value::List(list) => list.extent.depth,
            Value::Map(map) => map.extent.depth,
            _ => 0,
        };
        extent.depth = extent.depth.max(depth + 1);
        extent.size = extent.size.saturating_add(child.size());
    }
    if extent.depth > DEEPEST || extent.size > LARGEST { Err(Stop::Limit("nesting")) } else { Ok(extent) }
}
