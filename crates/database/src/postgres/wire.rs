//! Values in PostgreSQL's binary form. A parameter takes the form of the type that the prepared statement gives it.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::value::time_to_text;
use crate::{DbError, Value};

/// Microseconds between 1970 and PostgreSQL's epoch, 2000-01-01T00:00:00Z.
const EPOCH: i64 = 946_684_800_000_000;

/// The version byte before the text of a JSONB value.
const JSONB_VERSION: u8 = 1;

/// A value on its way to the server.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a Value);

type Fault = Box<dyn Error + Sync + Send>;

/// The type of a value that stands for itself, for statements that are not prepared.
pub(super) fn kind(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
        Value::Uuid(_) => Type::UUID,
        Value::Time(_) => Type::TIMESTAMPTZ,
        Value::Json(_) => Type::JSONB,
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        let mismatch = || -> Fault { format!("a value does not fit a parameter of type {kind}").into() };
        match (self.0, kind) {
            (Value::Null, _) => return Ok(IsNull::Yes),
            (Value::Bool(truth), &Type::BOOL) => out.put_u8(u8::from(*truth)),
            (Value::Int(number), &Type::INT8) => out.put_i64(*number),
            (Value::Int(number), &Type::INT4) => out.put_i32(i32::try_from(*number)?),
            (Value::Int(number), &Type::INT2) => out.put_i16(i16::try_from(*number)?),
            (Value::Bool(truth), &Type::INT8) => out.put_i64(i64::from(*truth)),
            (Value::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (Value::Uuid(id), &Type::UUID) => out.put_slice(id.as_bytes()),
            (Value::Text(text), &Type::UUID) => out.put_slice(Uuid::parse_str(text)?.as_bytes()),
            (Value::Time(instant), &Type::TIMESTAMPTZ) => out.put_i64(instant.as_microsecond() - EPOCH),
            (Value::Text(text), &Type::TIMESTAMPTZ) => out.put_i64(text.parse::<Timestamp>()?.as_microsecond() - EPOCH),
            (value, &Type::JSONB | &Type::JSON) => {
                if *kind == Type::JSONB {
                    out.put_u8(JSONB_VERSION);
                }
                out.put_slice(text(value).ok_or_else(mismatch)?.as_bytes());
            }
            (value, &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN) => {
                out.put_slice(text(value).ok_or_else(mismatch)?.as_bytes());
            }
            _ => return Err(mismatch()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The textual form, where it is the same on both engines.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Uuid(id) => Some(id.hyphenated().to_string()),
        Value::Time(instant) => Some(time_to_text(*instant)),
        Value::Json(json) => Some(json.to_string()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Bytes(_) => None,
    }
}

/// A column's value.
pub(super) fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Value, DbError> {
    row.try_get::<_, Cell>(index).map(|cell| cell.0).map_err(|error| DbError::Column {
        column: row.columns().get(index).map(|column| column.name().to_owned()).unwrap_or_default(),
        reason: Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
    })
}

struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        let value = match *kind {
            Type::BOOL => Value::Bool(bool::from_sql(kind, raw)?),
            Type::INT2 => Value::Int(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
                Value::Text(std::str::from_utf8(raw)?.to_owned())
            }
            Type::JSONB => match raw.split_first() {
                Some((&JSONB_VERSION, text)) => Value::Text(std::str::from_utf8(text)?.to_owned()),
                _ => return Err("JSONB of an unknown version".into()),
            },
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            Type::UUID => Value::Uuid(Uuid::from_slice(raw)?),
            Type::TIMESTAMPTZ => {
                let microseconds = i64::from_be_bytes(raw.try_into()?);
                Value::Time(Timestamp::from_microsecond(microseconds.saturating_add(EPOCH))?)
            }
            // SUM and AVG give NUMERIC here and an integer in SQLite: CAST(… AS BIGINT) reads the same on both.
            Type::NUMERIC => return Err("NUMERIC: write CAST(… AS BIGINT)".into()),
            _ => return Err(format!("columns of type {kind} are not read").into()),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Fault> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
