//! How Go's `fmt` prints values: `%v` for actions, and the verbs of `printf`.

use crate::budget::{Budget, Stop};
use crate::value::Value;

/// Wider or more precise than this no mail needs; Go refuses beyond a million.
const WIDEST: usize = 1_000;

/// What an action writes in text: like `%v`, but a missing value is `<no value>`.
pub(crate) fn printed(value: &Value, budget: &mut Budget) -> Result<String, Stop> {
    match value {
        Value::Nothing => Ok("<no value>".to_owned()),
        other => plain(other, budget),
    }
}

/// `%v`.
pub(crate) fn plain(value: &Value, budget: &mut Budget) -> Result<String, Stop> {
    let mut out = String::new();
    write_plain(value, &mut out, budget)?;
    Ok(out)
}

fn write_plain(value: &Value, out: &mut String, budget: &mut Budget) -> Result<(), Stop> {
    match value {
        Value::Nothing => out.push_str("<nil>"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&shortest(*number)),
        Value::Text(text) => {
            budget.text(text.len())?;
            out.push_str(text);
        }
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write_plain(item, out, budget)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (index, (key, item)) in map.entries.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write_plain(item, out, budget)?;
            }
            out.push(']');
        }
    }
    budget.step()?;
    if out.len() > budget.longest_text() { Err(Stop::Limit("output")) } else { Ok(()) }
}

/// `%v` of a float: the shortest digits that read back as the same number, with an exponent below 1e-4 and from 1e6.
/// (Whole numbers of JSON are integers here, so that they print in full.)
pub(crate) fn shortest(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        return exponent(&format!("{number:e}"));
    }
    number.to_string()
}

/// Rust writes `1e21`, Go `1e+21`.
fn exponent(text: &str) -> String {
    let Some((digits, power)) = text.split_once('e') else { return text.to_owned() };
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{digits}e{sign}{power:0>2}")
}

#[derive(Debug, Default)]
struct Directive {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// Go's `Sprintf`, with its marks for wrong verbs and arguments.
pub(crate) fn printf(template: &str, arguments: &[Value], budget: &mut Budget) -> Result<String, Stop> {
    let mut out = String::new();
    let mut arguments_left = arguments.iter();
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let directive = read_directive(&mut characters, &mut arguments_left)?;
        match characters.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match arguments_left.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(value) => {
                    let text = directive.format(verb, value, budget)?;
                    out.push_str(&text);
                }
            },
        }
        if out.len() > budget.longest_text() {
            return Err(Stop::Limit("output"));
        }
    }
    let extra: Vec<_> = arguments_left.collect();
    if !extra.is_empty() {
        out.push_str("%!(EXTRA ");
        for (index, value) in extra.into_iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            out.push_str(&format!("{comma}{}={}", value.kind(), plain(value, budget)?));
        }
        out.push(')');
    }
    budget.text(out.len())?;
    Ok(out)
}

fn read_directive<'a>(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    arguments: &mut impl Iterator<Item = &'a Value>,
) -> Result<Directive, Stop> {
    let mut directive = Directive::default();
    while let Some(flag) = characters.peek() {
        match flag {
            '-' => directive.minus = true,
            '+' => directive.plus = true,
            '#' => directive.sharp = true,
            ' ' => directive.space = true,
            '0' => directive.zero = true,
            _ => break,
        }
        characters.next();
    }
    directive.width = read_number(characters, arguments)?.unwrap_or(0);
    if characters.peek() == Some(&'.') {
        characters.next();
        directive.precision = Some(read_number(characters, arguments)?.unwrap_or(0));
    }
    Ok(directive)
}

fn read_number<'a>(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    arguments: &mut impl Iterator<Item = &'a Value>,
) -> Result<Option<usize>, Stop> {
    let mut number = None;
    if characters.peek() == Some(&'*') {
        characters.next();
        if let Some(Value::Int(given)) = arguments.next() {
            number = usize::try_from(*given).ok();
        }
    }
    while let Some(digit) = characters.peek().and_then(|c| c.to_digit(10)) {
        characters.next();
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize));
    }
    if number.is_some_and(|number| number > WIDEST) {
        return Err(Stop::Limit("width in printf"));
    }
    Ok(number)
}

impl Directive {
    fn format(&self, verb: char, value: &Value, budget: &mut Budget) -> Result<String, Stop> {
        let text = match (verb, value) {
            ('v', Value::Int(number)) | ('d', Value::Int(number)) => self.integer(*number, 10, false),
            ('v', Value::Float(number)) => self.signed(*number, shortest(number.abs())),
            ('v', Value::Text(text)) if self.sharp => quoted(text),
            ('v' | 's', Value::Text(text)) => self.cut(text),
            ('v', other) => plain(other, budget)?,
            ('t', Value::Bool(truth)) => truth.to_string(),
            ('T', other) => other.kind().to_owned(),
            ('b', Value::Int(number)) => self.integer(*number, 2, false),
            ('o', Value::Int(number)) => self.integer(*number, 8, false),
            ('x', Value::Int(number)) => self.integer(*number, 16, false),
            ('X', Value::Int(number)) => self.integer(*number, 16, true),
            ('c', Value::Int(number)) => character(*number).to_string(),
            ('q', Value::Int(number)) => format!("'{}'", character(*number)),
            ('U', Value::Int(number)) => format!("U+{number:04X}"),
            ('q', Value::Text(text)) => quoted(&self.cut(text)),
            ('x', Value::Text(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            ('X', Value::Text(text)) => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
            ('f' | 'F', Value::Float(number)) => {
                self.signed(*number, format!("{:.*}", self.precision.unwrap_or(6), number.abs()))
            }
            ('e', Value::Float(number)) => {
                self.signed(*number, exponent(&format!("{:.*e}", self.precision.unwrap_or(6), number.abs())))
            }
            ('g', Value::Float(number)) => self.signed(*number, shortest(number.abs())),
            ('s' | 'q' | 'd' | 'f' | 'x', Value::List(list)) => {
                let items: Vec<_> =
                    list.items.iter().map(|item| self.format(verb, item, budget)).collect::<Result<_, _>>()?;
                return Ok(format!("[{}]", items.join(" ")));
            }
            (verb, Value::Nothing) => format!("%!{verb}(<nil>)"),
            (verb, other) => format!("%!{verb}({}={})", other.kind(), plain(other, budget)?),
        };
        budget.text(text.len().max(self.width))?;
        Ok(self.pad(text, matches!(value, Value::Int(_) | Value::Float(_))))
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        }
    }

    fn integer(&self, number: i64, radix: u32, upper: bool) -> String {
        let size = number.unsigned_abs();
        let digits = match radix {
            2 => format!("{size:b}"),
            8 => format!("{size:o}"),
            16 if upper => format!("{size:X}"),
            16 => format!("{size:x}"),
            _ => size.to_string(),
        };
        let prefix = match radix {
            8 if self.sharp => "0",
            16 if self.sharp && upper => "0X",
            16 if self.sharp => "0x",
            _ => "",
        };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
        format!("{}{prefix}{digits}", self.sign(number < 0))
    }

    fn signed(&self, number: f64, size: String) -> String {
        if !number.is_finite() { size } else { format!("{}{size}", self.sign(number.is_sign_negative())) }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        }
    }

    fn pad(&self, text: String, number: bool) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if missing == 0 {
            text
        } else if self.minus {
            format!("{text}{}", " ".repeat(missing))
        } else if self.zero && number && self.precision.is_none_or(|_| text.contains('.')) {
            let sign = text.find(|c: char| !matches!(c, '+' | '-' | ' ')).unwrap_or(0);
            format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..])
        } else {
            format!("{}{text}", " ".repeat(missing))
        }
    }
}

fn character(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// `%q` of a text: as a Go literal.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
