//! What comes out of a statement: rows, read by column name.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{DbError, Value};

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// What a column can be read as. `Option` of it reads NULL as `None`.
pub trait FromColumn: Sized {
    /// Reads `value`; the error says what was expected.
    fn from_column(value: &Value) -> Result<Self, &'static str>;
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The value of the column of this name.
    ///
    /// # Errors
    /// [`DbError::Column`] if there is none, or if it holds something else than a `T`.
    pub fn get<T: FromColumn>(&self, column: &str) -> Result<T, DbError> {
        let fault = |reason: &str| DbError::Column { column: column.to_owned(), reason: reason.to_owned() };
        let index = self
            .columns
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| fault("the answer has no such column"))?;
        let value = self.values.get(index).ok_or_else(|| fault("the answer has no such column"))?;
        T::from_column(value).map_err(|expected| match value {
            Value::Null => fault(&format!("NULL, expected {expected}")),
            _ => fault(&format!("expected {expected}")),
        })
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        if *value == Value::Null { Ok(None) } else { T::from_column(value).map(Some) }
    }
}

impl FromColumn for bool {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Bool(truth) => Ok(*truth),
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            _ => Err("a truth value"),
        }
    }
}

impl FromColumn for i64 {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        if let Value::Int(number) = value { Ok(*number) } else { Err("a whole number") }
    }
}

impl FromColumn for i32 {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        i64::from_column(value)?.try_into().map_err(|_| "a whole number of 32 bits")
    }
}

impl FromColumn for String {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        if let Value::Text(text) = value { Ok(text.clone()) } else { Err("a text") }
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        if let Value::Bytes(bytes) = value { Ok(bytes.clone()) } else { Err("bytes") }
    }
}

impl FromColumn for Uuid {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Uuid(id) => Ok(*id),
            Value::Text(text) => text.parse().map_err(|_| "a UUID"),
            _ => Err("a UUID"),
        }
    }
}

impl FromColumn for Timestamp {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Time(instant) => Ok(*instant),
            Value::Text(text) => text.parse().map_err(|_| "a time"),
            _ => Err("a time"),
        }
    }
}

impl FromColumn for serde_json::Value {
    fn from_column(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Json(json) => Ok(json.clone()),
            Value::Text(text) => serde_json::from_str(text).map_err(|_| "JSON"),
            _ => Err("JSON"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Value) -> Row {
        Row::new(Arc::from(["a".to_owned()]), vec![value])
    }

    #[test]
    fn a_wrong_kind_is_an_error_that_names_the_column() {
        let error = row(Value::Int(2)).get::<bool>("a").unwrap_err();
        assert_eq!(error, DbError::Column { column: "a".into(), reason: "expected a truth value".into() });
        assert!(row(Value::Null).get::<String>("a").unwrap_err().to_string().contains("NULL"));
        assert!(row(Value::Int(1)).get::<i64>("b").is_err());
        assert!(row(Value::Int(1 << 40)).get::<i32>("a").is_err());
    }

    #[test]
    fn null_reads_as_none_and_only_as_that() {
        assert_eq!(row(Value::Null).get::<Option<Uuid>>("a"), Ok(None));
        assert!(row(Value::Text("no".into())).get::<Option<Uuid>>("a").is_err());
    }
}
