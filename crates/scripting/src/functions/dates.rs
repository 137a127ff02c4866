//! Given times in Go's layouts. There is no `now`: a mail says when things happened, not when it was rendered.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::{Row, made, shown};
use crate::budget::{Budget, Stop};
use crate::value::Value;

pub(super) const TABLE: &[Row] = &[
    ("date", 2, 2, |budget, a| {
        let layout = shown(budget, &a[0])?;
        written(budget, &layout, &a[1], Offset::UTC)
    }),
    ("dateInZone", 3, 3, |budget, a| {
        let (layout, zone) = (shown(budget, &a[0])?, shown(budget, &a[2])?);
        let Some(offset) = offset(&zone) else {
            return Err("knows UTC and offsets such as +02:00; names of zones depend on the machine".into());
        };
        written(budget, &layout, &a[1], offset)
    }),
    ("htmlDate", 1, 1, |budget, a| written(budget, "2006-01-02", &a[0], Offset::UTC)),
    ("unixEpoch", 1, 1, |budget, a| made(budget, instant(&a[0])?.as_second().to_string())),
];

/// A time is an RFC 3339 text or a number of seconds.
fn instant(value: &Value) -> Result<Timestamp, Stop> {
    let read = match value {
        Value::Text(text) => text.parse().ok(),
        Value::Int(seconds) => Timestamp::from_second(*seconds).ok(),
        _ => None,
    };
    read.ok_or_else(|| Stop::Problem("wants an RFC 3339 time or a number of seconds".to_owned()))
}

fn offset(zone: &str) -> Option<Offset> {
    if matches!(zone, "" | "UTC" | "GMT" | "Z") {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours: i32 = hours.parse().ok()?;
    let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Go's layout elements, longest first where one begins another, with strftime's names for them.
const ELEMENTS: [(&str, &str); 34] = [
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("2006", "%Y"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    ("Z07:00", "Z%:z"),
    ("Z0700", "Z%z"),
    ("002", "%j"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("_2", "%e"),
    ("PM", "%p"),
    ("pm", "%P"),
    (".000000000", "%.9f"),
    (".000000", "%.6f"),
    (".000", "%.3f"),
    (".999999999", "%.f"),
    (".999999", "%.6f"),
    (".999", "%.3f"),
    ("-07", "%:z"),
    ("1", "%-m"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
    ("5", "%-S"),
    ("%", "%%"),
];

fn written(budget: &mut Budget, layout: &str, value: &Value, offset: Offset) -> Result<Value, Stop> {
    let time = instant(value)?.to_zoned(TimeZone::fixed(offset));
    let mut out = String::new();
    let mut rest = layout;
    while let Some(character) = rest.chars().next() {
        budget.step()?;
        let element = ELEMENTS.iter().find(|(go, _)| rest.starts_with(go));
        let Some((go, strftime)) = element else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        rest = &rest[go.len()..];
        let text = match *strftime {
            "Z%:z" | "Z%z" if offset == Offset::UTC => "Z".to_owned(),
            "%Z" if offset == Offset::UTC => "UTC".to_owned(),
            other => {
                let plain = other.strip_prefix('Z').unwrap_or(other);
                let format = if *go == "-07" { "%:z" } else { plain };
                let text = jiff::fmt::strtime::format(format, &time)
                    .map_err(|_| Stop::Problem(format!("can't write {go}")))?;
                if *go == "-07" { text.chars().take(3).collect() } else { text }
            }
        };
        out.push_str(&text);
    }
    made(budget, out)
}
