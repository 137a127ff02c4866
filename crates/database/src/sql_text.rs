//! Just enough of SQL's grammar to find placeholders, statement ends and words outside literals and comments.

/// What a stretch of SQL text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that is not one of the others.
    Code,
    /// `'…'`, with the quotes.
    Literal,
    /// `"…"`, with the quotes.
    Identifier,
    /// `-- …` up to the end of the line, or `/* … */`.
    Comment,
}

/// Cuts `text` into stretches of one kind; together they are `text` again.
pub(crate) fn pieces(text: &str) -> Vec<(Kind, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = ["'", "\"", "--", "/*"].iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len());
        if start > 0 {
            pieces.push((Kind::Code, &rest[..start]));
            rest = &rest[start..];
            continue;
        }
        let (kind, opening, closing) = match rest.as_bytes() {
            [b'\'', ..] => (Kind::Literal, 1, "'"),
            [b'"', ..] => (Kind::Identifier, 1, "\""),
            [b'-', ..] => (Kind::Comment, 2, "\n"),
            _ => (Kind::Comment, 2, "*/"),
        };
        // A doubled quote ends one literal and begins the next one, which comes to the same for all uses here.
        let end = rest[opening..].find(closing).map_or(rest.len(), |at| opening + at + closing.len());
        pieces.push((kind, &rest[..end]));
        rest = &rest[end..];
    }
    pieces
}

/// `$1` as `?1`: SQLite takes `$1` for a name and numbers names by first appearance.
pub(crate) fn placeholders_for_sqlite(text: &str) -> String {
    let mut rewritten = String::with_capacity(text.len());
    for (kind, piece) in pieces(text) {
        if kind != Kind::Code {
            rewritten.push_str(piece);
            continue;
        }
        let mut characters = piece.chars().peekable();
        while let Some(character) = characters.next() {
            let placeholder = character == '$' && characters.peek().is_some_and(char::is_ascii_digit);
            rewritten.push(if placeholder { '?' } else { character });
        }
    }
    rewritten
}

/// The statements of a script, without their semicolons; empty ones are left out.
pub(crate) fn statements(script: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for (kind, piece) in pieces(script) {
        match kind {
            Kind::Code => {
                let mut parts = piece.split(';');
                if let (Some(first), Some(last)) = (parts.next(), statements.last_mut()) {
                    last.push_str(first);
                }
                statements.extend(parts.map(str::to_owned));
            }
            Kind::Comment => {}
            Kind::Literal | Kind::Identifier => {
                if let Some(last) = statements.last_mut() {
                    last.push_str(piece);
                }
            }
        }
    }
    statements
        .into_iter()
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// The words of the code in `text`, lower case: names, keywords and numbers; each other character that is no space
/// stands alone. Literals count as one word `''`, quoted names as what is between the quotes.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (kind, piece) in pieces(text) {
        match kind {
            Kind::Comment => {}
            Kind::Literal => words.push("''".to_owned()),
            Kind::Identifier => words.push(piece.trim_matches('"').to_owned()),
            Kind::Code => {
                let mut word = String::new();
                for character in piece.chars() {
                    if character.is_alphanumeric() || character == '_' {
                        word.extend(character.to_lowercase());
                        continue;
                    }
                    if !word.is_empty() {
                        words.push(std::mem::take(&mut word));
                    }
                    if !character.is_whitespace() {
                        words.push(character.to_string());
                    }
                }
                if !word.is_empty() {
                    words.push(word);
                }
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_rewritten_outside_literals_names_and_comments() {
        assert_eq!(
            placeholders_for_sqlite("SELECT '$1 it''s $2', \"$3\", $12 -- $4\n, $5 /* $6 */ + $7 || '$'"),
            "SELECT '$1 it''s $2', \"$3\", ?12 -- $4\n, ?5 /* $6 */ + ?7 || '$'"
        );
    }

    #[test]
    fn scripts_are_cut_at_semicolons_outside_literals_and_comments() {
        assert_eq!(
            statements(
                "-- first; of two\nCREATE TABLE a (b TEXT DEFAULT ';');\n\n INSERT /* ; */ INTO a VALUES ('x;y');;"
            ),
            ["CREATE TABLE a (b TEXT DEFAULT ';')", "INSERT  INTO a VALUES ('x;y')"]
        );
    }

    #[test]
    fn words_leave_out_comments_and_hide_literals() {
        assert_eq!(words("SELECT a.B, 'now()' -- now()\nFROM x"), ["select", "a", ".", "b", ",", "''", "from", "x"]);
    }

    #[test]
    fn an_open_literal_ends_with_the_text() {
        assert_eq!(pieces("a 'b"), [(Kind::Code, "a "), (Kind::Literal, "'b")]);
        assert_eq!(pieces("'é'"), [(Kind::Literal, "'é'")]);
    }
}
