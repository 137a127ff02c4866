//! Whole numbers as sprig counts them, and the few functions on real ones.

use super::{ANY, Row, real, whole};
use crate::budget::Stop;
use crate::value::Value;

pub(super) const TABLE: &[Row] = &[
    ("add", 0, ANY, |_, a| Ok(Value::Int(a.iter().fold(0, |sum, value| sum.wrapping_add(whole(value)))))),
    ("add1", 1, 1, |_, a| Ok(Value::Int(whole(&a[0]).wrapping_add(1)))),
    ("sub", 2, 2, |_, a| Ok(Value::Int(whole(&a[0]).wrapping_sub(whole(&a[1]))))),
    ("mul", 1, ANY, |_, a| Ok(Value::Int(a.iter().fold(1, |product, value| product.wrapping_mul(whole(value)))))),
    ("div", 2, 2, |_, a| divided(a, i64::wrapping_div)),
    ("mod", 2, 2, |_, a| divided(a, i64::wrapping_rem)),
    ("max", 1, ANY, |_, a| Ok(Value::Int(a.iter().map(whole).max().unwrap_or(0)))),
    ("min", 1, ANY, |_, a| Ok(Value::Int(a.iter().map(whole).min().unwrap_or(0)))),
    ("int", 1, 1, |_, a| Ok(Value::Int(whole(&a[0])))),
    ("int64", 1, 1, |_, a| Ok(Value::Int(whole(&a[0])))),
    ("atoi", 1, 1, |_, a| Ok(Value::Int(whole(&a[0])))),
    ("float64", 1, 1, |_, a| Ok(Value::Float(real(&a[0])))),
    ("floor", 1, 1, |_, a| Ok(Value::Float(real(&a[0]).floor()))),
    ("ceil", 1, 1, |_, a| Ok(Value::Float(real(&a[0]).ceil()))),
    ("round", 2, 3, |_, a| {
        let size = 10f64.powi(i32::try_from(whole(&a[1]).clamp(0, 15)).unwrap_or(0));
        Ok(Value::Float((real(&a[0]) * size).round() / size))
    }),
];

fn divided(a: &[Value], divide: fn(i64, i64) -> i64) -> Result<Value, Stop> {
    match whole(&a[1]) {
        0 => Err("division by zero".into()),
        divisor => Ok(Value::Int(divide(whole(&a[0]), divisor))),
    }
}
