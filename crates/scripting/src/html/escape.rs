//! Escapes and character references of HTML itself.

/// For text and for quoted attributes.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        push(character, &mut out);
    }
    out
}

/// For text that holds character references already: they stay, all else is escaped.
pub(super) fn text_again(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '&' { out.push('&') } else { push(character, &mut out) }
    }
    out
}

/// For an attribute without quotes: white space and what browsers take for the value's end are escaped too.
pub(super) fn unquoted(text: &str) -> String {
    if text.is_empty() {
        return super::REFUSED.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '=' | '`' => {
                out.push_str(&format!("&#{};", u32::from(character)));
            }
            other => push(other, &mut out),
        }
    }
    out
}

fn push(character: char, out: &mut String) {
    match character {
        '\0' => out.push('\u{FFFD}'),
        '"' => out.push_str("&#34;"),
        '&' => out.push_str("&amp;"),
        '\'' => out.push_str("&#39;"),
        '+' => out.push_str("&#43;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        other => out.push(other),
    }
}

/// The character that `reference` (what stands between `&` and the end, `;` included if there) means, as far as it
/// matters for following quotes, slashes and colons. Unknown names are left as they are written.
pub(super) fn decode(reference: &str) -> Option<char> {
    let name = reference.strip_suffix(';').unwrap_or(reference);
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "quot" | "QUOT" => '"',
        "apos" => '\'',
        "amp" | "AMP" => '&',
        "lt" | "LT" => '<',
        "gt" | "GT" => '>',
        "colon" => ':',
        "sol" => '/',
        "bsol" => '\\',
        "grave" => '`',
        "lpar" => '(',
        "rpar" => ')',
        "Tab" => '\t',
        "NewLine" => '\n',
        "quest" => '?',
        "num" => '#',
        _ => return None,
    })
}
