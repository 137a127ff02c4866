//! What goes into a statement: the eight kinds of value that both engines keep, and how SQLite writes them down.

use jiff::Timestamp;
use uuid::Uuid;

use crate::DbError;

/// A parameter of a statement, or a column of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// `{{bool}}`: BOOLEAN; in SQLite INTEGER 0 or 1.
    Bool(bool),
    /// `{{int}}`: BIGINT; in SQLite INTEGER.
    Int(i64),
    /// `{{text}}`: TEXT, compared by bytes.
    Text(String),
    /// `{{bytes}}`: BYTEA; in SQLite BLOB.
    Bytes(Vec<u8>),
    /// `{{uuid}}`: UUID; in SQLite TEXT, lower case with hyphens.
    Uuid(Uuid),
    /// `{{time}}`: TIMESTAMPTZ; in SQLite TEXT of 27 characters in UTC, so that order by bytes is order in time. Cut
    /// to microseconds.
    Time(Timestamp),
    /// `{{json}}`: JSONB, which does not keep the order of members; in SQLite TEXT, which does.
    Json(serde_json::Value),
}

/// Makes the parameters of a statement: `params![tenant, id, &name]` is a `&[Value]`.
#[macro_export]
macro_rules! params {
    () => { &[] as &[$crate::Value] };
    ($($value:expr),+ $(,)?) => { &[$($crate::Value::from($value)),+] as &[$crate::Value] };
}

impl Value {
    /// Refuses U+0000: PostgreSQL has no place for it in TEXT and JSONB, so that SQLite must not take it either.
    pub(crate) fn check(&self) -> Result<(), DbError> {
        let has_nul = match self {
            Self::Text(text) => text.contains('\0'),
            Self::Json(json) => json_has_nul(json),
            _ => false,
        };
        if has_nul { Err(DbError::NulCharacter) } else { Ok(()) }
    }
}

fn json_has_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(json_has_nul),
        serde_json::Value::Object(members) => {
            members.iter().any(|(name, member)| name.contains('\0') || json_has_nul(member))
        }
        _ => false,
    }
}

/// An instant as SQLite keeps it: `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
pub(crate) fn time_to_text(instant: Timestamp) -> String {
    // jiff rounds when it prints with a precision; the database cuts, as PostgreSQL's microseconds do here.
    let cut = Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(instant);
    format!("{cut:.6}")
}

macro_rules! value_from {
    ($($source:ty => |$name:ident| $value:expr;)+) => {
        $(impl From<$source> for Value {
            fn from($name: $source) -> Self {
                $value
            }
        })+
    };
}

value_from! {
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    &String => |text| Self::Text(text.clone());
    bool => |truth| Self::Bool(truth);
    i64 => |number| Self::Int(number);
    i32 => |number| Self::Int(number.into());
    u32 => |number| Self::Int(number.into());
    Uuid => |id| Self::Uuid(id);
    &Uuid => |id| Self::Uuid(*id);
    Timestamp => |instant| Self::Time(instant);
    &Timestamp => |instant| Self::Time(*instant);
    serde_json::Value => |json| Self::Json(json);
    &serde_json::Value => |json| Self::Json(json.clone());
    Vec<u8> => |bytes| Self::Bytes(bytes);
    &Vec<u8> => |bytes| Self::Bytes(bytes.clone());
    &[u8] => |bytes| Self::Bytes(bytes.to_vec());
    [u8; 32] => |bytes| Self::Bytes(bytes.to_vec());
    &[u8; 32] => |bytes| Self::Bytes(bytes.to_vec());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_of_one_width_and_sort_by_bytes() {
        let instants =
            ["1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z", "2026-11-22T10:00:00.000001Z", "2026-11-22T10:00:00.1Z"];
        let texts: Vec<String> = instants.iter().map(|text| time_to_text(text.parse::<Timestamp>().unwrap())).collect();
        assert_eq!(texts[1], "1970-01-01T00:00:00.000000Z");
        assert!(texts.iter().all(|text| text.len() == 27), "{texts:?}");
        assert!(texts.is_sorted(), "{texts:?}");
    }

    #[test]
    fn times_are_cut_not_rounded() {
        let instant: Timestamp = "2026-01-01T00:00:00.999999999Z".parse().unwrap();
        assert_eq!(time_to_text(instant), "2026-01-01T00:00:00.999999Z");
    }

    #[test]
    fn nul_is_found_in_texts_and_anywhere_in_json() {
        for value in [Value::from("a\0"), json!({"a": ["b\u{0}"]}).into(), json!({"a\u{0}": 1}).into()] {
            assert_eq!(value.check(), Err(DbError::NulCharacter), "{value:?}");
        }
        assert_eq!(Value::Bytes(vec![0]).check(), Ok(()));
        assert_eq!(Value::from(json!({"a": "\\u0000"})).check(), Ok(()));
    }

    #[test]
    fn none_is_null() {
        assert_eq!(params![None::<&str>, Some(1_i64)], &[Value::Null, Value::Int(1)]);
    }
}
