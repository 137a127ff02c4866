//! JSON and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Row, made, shown};
use crate::budget::{Budget, Stop};
use crate::value::Value;

pub(super) const TABLE: &[Row] = &[
    ("toJson", 1, 1, |budget, a| {
        let json = a[0].to_json(budget)?.to_string();
        made(budget, json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
    }),
    ("toRawJson", 1, 1, |budget, a| {
        let json = a[0].to_json(budget)?.to_string();
        made(budget, json)
    }),
    ("toPrettyJson", 1, 1, |budget, a| {
        let json = a[0].to_json(budget)?;
        made(budget, serde_json::to_string_pretty(&json).unwrap_or_default())
    }),
    ("fromJson", 1, 1, from_json),
    ("b64enc", 1, 1, |budget, a| {
        let text = shown(budget, &a[0])?;
        made(budget, STANDARD.encode(text.as_bytes()))
    }),
    ("b64dec", 1, 1, |budget, a| {
        let text = shown(budget, &a[0])?;
        match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => made(budget, String::from_utf8_lossy(&bytes)),
            // As in sprig: the decoder's complaint is the text.
            Err(error) => made(budget, error.to_string()),
        }
    }),
];

/// What is no JSON is nothing, as in sprig.
fn from_json(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let text = shown(budget, &a[0])?;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    Value::from_json(&json, budget)
}
