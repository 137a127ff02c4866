//! Texts: case, trimming, searching, replacing, laying out.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::builtin::bounded;
use super::{ANY, Row, items, made, shown, whole};
use crate::budget::{Budget, Stop};
use crate::format;
use crate::value::Value;

pub(super) const TABLE: &[Row] = &[
    ("upper", 1, 1, |budget, a| map(budget, &a[0], |text| text.to_uppercase())),
    ("lower", 1, 1, |budget, a| map(budget, &a[0], |text| text.to_lowercase())),
    ("title", 1, 1, |budget, a| map(budget, &a[0], title)),
    ("untitle", 1, 1, |budget, a| map(budget, &a[0], untitle)),
    ("trim", 1, 1, |budget, a| map(budget, &a[0], |text| text.trim().to_owned())),
    ("nospace", 1, 1, |budget, a| map(budget, &a[0], |text| text.split_whitespace().collect())),
    ("trimAll", 2, 2, |budget, a| pair(budget, a, |set, text| text.trim_matches(|c| set.contains(c)).to_owned())),
    ("trimSuffix", 2, 2, |budget, a| pair(budget, a, |end, text| text.strip_suffix(end).unwrap_or(text).to_owned())),
    ("trimPrefix", 2, 2, |budget, a| {
        pair(budget, a, |start, text| text.strip_prefix(start).unwrap_or(text).to_owned())
    }),
    ("contains", 2, 2, |budget, a| test(budget, a, |part, text| text.contains(part))),
    ("hasPrefix", 2, 2, |budget, a| test(budget, a, |start, text| text.starts_with(start))),
    ("hasSuffix", 2, 2, |budget, a| test(budget, a, |end, text| text.ends_with(end))),
    ("trunc", 2, 2, trunc),
    ("substr", 3, 3, substr),
    ("abbrev", 2, 2, abbrev),
    ("replace", 3, 3, replace),
    ("repeat", 2, 2, repeat),
    ("quote", 0, ANY, |budget, a| each(budget, a, format::quoted)),
    ("squote", 0, ANY, |budget, a| each(budget, a, |text| format!("'{text}'"))),
    ("cat", 0, ANY, |budget, a| each(budget, a, str::to_owned)),
    ("toString", 1, 1, |budget, a| Ok(Value::Text(shown(budget, &a[0])?))),
    ("indent", 2, 2, |budget, a| indent(budget, a, "")),
    ("nindent", 2, 2, |budget, a| indent(budget, a, "\n")),
    ("plural", 3, 3, |_, a| Ok(if whole(&a[2]) == 1 { a[0].clone() } else { a[1].clone() })),
    ("join", 2, 2, join),
    ("splitList", 2, 2, split_list),
    ("sortAlpha", 1, 1, sort),
    ("toStrings", 1, 1, |budget, a| {
        let texts: Vec<_> = items(&a[0])?.iter().map(|item| shown(budget, item)).collect::<Result<_, _>>()?;
        Value::texts(texts)
    }),
    ("regexMatch", 2, 2, |budget, a| {
        let (regex, text) = regex_and_text(budget, a)?;
        Ok(Value::Bool(regex.is_match(&text)))
    }),
    ("regexFind", 2, 2, |budget, a| {
        let (regex, text) = regex_and_text(budget, a)?;
        made(budget, regex.find(&text).map_or("", |found| found.as_str()))
    }),
    ("regexReplaceAll", 3, 3, |budget, a| regex_replace(budget, a, false)),
    ("regexReplaceAllLiteral", 3, 3, |budget, a| regex_replace(budget, a, true)),
];

fn map(budget: &mut Budget, value: &Value, change: impl Fn(&str) -> String) -> Result<Value, Stop> {
    let text = shown(budget, value)?;
    made(budget, change(&text))
}

fn pair(budget: &mut Budget, a: &[Value], change: impl Fn(&str, &str) -> String) -> Result<Value, Stop> {
    let (first, text) = (shown(budget, &a[0])?, shown(budget, &a[1])?);
    made(budget, change(&first, &text))
}

fn test(budget: &mut Budget, a: &[Value], holds: impl Fn(&str, &str) -> bool) -> Result<Value, Stop> {
    let (first, text) = (shown(budget, &a[0])?, shown(budget, &a[1])?);
    Ok(Value::Bool(holds(&first, &text)))
}

/// Each argument that is there, changed, with spaces between.
fn each(budget: &mut Budget, a: &[Value], change: impl Fn(&str) -> String) -> Result<Value, Stop> {
    let mut out = String::new();
    for argument in a.iter().filter(|argument| **argument != Value::Nothing) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&change(&shown(budget, argument)?));
        budget.text(out.len())?;
    }
    made(budget, out)
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if inside {
            out.push(character)
        } else {
            out.extend(character.to_uppercase())
        }
        // Go's rule: ASCII other than letters, digits and underscores separates; beyond ASCII, white space does.
        inside = if character.is_ascii() {
            character.is_ascii_alphanumeric() || character == '_'
        } else {
            !character.is_whitespace()
        };
    }
    out
}

fn untitle(text: &str) -> String {
    let words: Vec<String> = text
        .split(' ')
        .map(|word| {
            let mut characters = word.chars();
            characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
        })
        .collect();
    words.join(" ")
}

/// The first so many characters; with a negative number the last.
fn trunc(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (count, text) = (whole(&a[0]), shown(budget, &a[1])?);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let cut: String = if count < 0 {
        text.chars().skip(text.chars().count().saturating_sub(size)).collect()
    } else {
        text.chars().take(size).collect()
    };
    made(budget, cut)
}

fn substr(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (start, end, text) = (whole(&a[0]), whole(&a[1]), shown(budget, &a[2])?);
    let length = text.chars().count();
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(length).min(length);
    let part: String = text.chars().skip(start).take(end.saturating_sub(start)).collect();
    made(budget, part)
}

fn abbrev(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (width, text) = (whole(&a[0]), shown(budget, &a[1])?);
    let Some(kept) = usize::try_from(width).ok().filter(|width| *width >= 4) else { return Ok(Value::Text(text)) };
    if text.chars().count() <= kept {
        return Ok(Value::Text(text));
    }
    let cut: String = text.chars().take(kept - 3).collect();
    made(budget, cut + "...")
}

fn replace(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (old, new, text) = (shown(budget, &a[0])?, shown(budget, &a[1])?, shown(budget, &a[2])?);
    let found = text.matches(&*old).count();
    budget.text(found.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::text(text.replace(&*old, &new)))
}

fn repeat(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (times, text) = (bounded(&a[0], i64::MAX)?, shown(budget, &a[1])?);
    if text.is_empty() {
        return Ok(Value::Text(text));
    }
    budget.text(times.saturating_mul(text.len()))?;
    Ok(Value::text(text.repeat(times)))
}

fn indent(budget: &mut Budget, a: &[Value], before: &str) -> Result<Value, Stop> {
    let (width, text) = (bounded(&a[0], i64::MAX)?, shown(budget, &a[1])?);
    let lines = text.matches('\n').count() + 1;
    budget.text(lines.saturating_mul(width).saturating_add(text.len()))?;
    let pad = " ".repeat(width);
    Ok(Value::text(format!("{before}{pad}{}", text.replace('\n', &format!("\n{pad}")))))
}

fn join(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let separator = shown(budget, &a[0])?;
    let Value::List(list) = &a[1] else { return Ok(Value::Text(shown(budget, &a[1])?)) };
    let mut out = String::new();
    for (position, item) in list.items.iter().filter(|item| **item != Value::Nothing).enumerate() {
        if position > 0 {
            out.push_str(&separator);
        }
        out.push_str(&shown(budget, item)?);
        if out.len() > budget.longest_text() {
            return Err(Stop::Limit("output"));
        }
    }
    made(budget, out)
}

fn split_list(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let (separator, text) = (shown(budget, &a[0])?, shown(budget, &a[1])?);
    budget.items(text.len())?;
    if separator.is_empty() {
        Value::texts(text.chars().map(|character| character.to_string()))
    } else {
        Value::texts(text.split(&*separator))
    }
}

fn sort(budget: &mut Budget, a: &[Value]) -> Result<Value, Stop> {
    let mut texts: Vec<Arc<str>> = items(&a[0])?.iter().map(|item| shown(budget, item)).collect::<Result<_, _>>()?;
    budget.items(texts.len().saturating_mul(16))?;
    texts.sort();
    Value::texts(texts)
}

fn regex_and_text(budget: &mut Budget, a: &[Value]) -> Result<(Regex, Arc<str>), Stop> {
    let (pattern, text) = (shown(budget, &a[0])?, shown(budget, &a[1])?);
    // Compiling costs far more than a step, and a search is linear in the text.
    budget.items(1_000 + pattern.len().saturating_mul(16))?;
    let regex = RegexBuilder::new(&pattern)
        .size_limit(1 << 18)
        .dfa_size_limit(1 << 18)
        .build()
        .map_err(|_| Stop::Problem("the pattern can't be compiled".to_owned()))?;
    budget.items(text.len())?;
    Ok((regex, text))
}

fn regex_replace(budget: &mut Budget, a: &[Value], literal: bool) -> Result<Value, Stop> {
    let (regex, text) = regex_and_text(budget, a)?;
    let replacement = shown(budget, &a[2])?;
    let mut out = String::new();
    let mut last = 0;
    for captures in regex.captures_iter(&text) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(&text[last..whole.start()]);
        if literal {
            out.push_str(&replacement)
        } else {
            captures.expand(&replacement, &mut out)
        }
        last = whole.end();
        budget.step()?;
        if out.len() > budget.longest_text() {
            return Err(Stop::Limit("output"));
        }
    }
    out.push_str(&text[last..]);
    made(budget, out)
}
