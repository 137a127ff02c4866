//! Durations as the configuration files write them: `1h30m`, `500ms`, `0s`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A duration in Go's notation, without fractions: one or more of `<number><unit>` with unit `h`, `m`, `s`, `ms`, `us`
/// (or `µs`) and `ns`. The contract's pattern is `^([0-9]+(ns|us|ms|s|m|h))+$`; a leading sign is read, so that limits
/// that are switched off by a negative value can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration {
    nanoseconds: i64,
}

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration: write numbers with units h, m, s, ms, us or ns, for example 1h30m")]
pub struct DurationError(String);

impl GoDuration {
    /// The duration of so many whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self { nanoseconds: seconds.saturating_mul(1_000_000_000) }
    }

    /// The duration of so many milliseconds.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self { nanoseconds: milliseconds.saturating_mul(1_000_000) }
    }

    /// In nanoseconds; negative if the text had a minus sign.
    pub const fn as_nanos(self) -> i64 {
        self.nanoseconds
    }

    /// In whole seconds, cut towards zero.
    pub const fn as_secs(self) -> i64 {
        self.nanoseconds / 1_000_000_000
    }

    /// As a standard duration; zero where this one is negative.
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanoseconds).unwrap_or(0))
    }
}

impl std::ops::Add<GoDuration> for jiff::Timestamp {
    type Output = jiff::Timestamp;

    fn add(self, duration: GoDuration) -> jiff::Timestamp {
        self.saturating_add(jiff::SignedDuration::from_nanos(duration.nanoseconds)).unwrap_or(self)
    }
}

impl std::str::FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse(text).ok_or_else(|| DurationError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<GoDuration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(GoDuration::default());
    }
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..unit_end] {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[unit_end..];
    }
    Some(GoDuration { nanoseconds: sign * total })
}

impl std::fmt::Display for GoDuration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.nanoseconds.unsigned_abs();
        if self.nanoseconds < 0 {
            formatter.write_str("-")?;
        }
        if rest == 0 {
            return formatter.write_str("0s");
        }
        for (unit, size) in [
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ] {
            if rest >= size {
                write!(formatter, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_contract_allows() {
        for (text, nanoseconds) in [
            ("1h30m", 5_400_000_000_000),
            ("500ms", 500_000_000),
            ("0s", 0),
            ("0", 0),
            ("-1s", -1_000_000_000),
            ("1us2ns", 1_002),
        ] {
            assert_eq!(text.parse::<GoDuration>().map(GoDuration::as_nanos), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "1", "h", "1d", "1.5h", "1h ", "99999999999h", "-", "1hm"] {
            assert!(text.parse::<GoDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["1h30m", "500ms", "0s", "24h", "1us2ns"] {
            assert_eq!(text.parse::<GoDuration>().map(|d| d.to_string()), Ok(text.to_owned()));
        }
    }
}
