//! What must hold for every template and every value.

use proptest::prelude::*;
use scripting::{Limits, TemplateSet};
use serde_json::json;

const PIECES: [&str; 40] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    ".",
    ".a",
    "$",
    "$x",
    ":=",
    "=",
    "|",
    "(",
    ")",
    ",",
    "\"",
    "`",
    "'",
    "\\",
    "if",
    "else",
    "end",
    "range",
    "with",
    "define \"d\"",
    "template \"d\"",
    "block \"b\" .",
    "printf \"%5.2v%q%!\"",
    "index",
    "1",
    "-2.5e3",
    "/*",
    "*/",
    "<a href=",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "ä",
    "regexMatch \"(a\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_the_parser_or_the_evaluator_panic(text in "\\PC{0,80}", picks in prop::collection::vec(0..PIECES.len(), 0..40)) {
        let pieced: String = picks.into_iter().map(|pick| PIECES[pick]).collect();
        for template in [text.clone(), format!("{{{{{text}}}}}"), pieced.clone(), format!("{{{{ {pieced} }}}}")] {
            let mut set = TemplateSet::new().with_limits(Limits { steps: 10_000, output: 10_000, depth: 16 });
            if set.add("t", &template).is_ok() {
                let data = json!({"a": text, "b": [1, {"c": null}]});
                let _ = set.render_text("t", &data);
                let _ = set.render_html("t", &data);
            }
        }
    }

    #[test]
    fn no_value_leaves_its_place(value in hostile()) {
        for template in PLACES {
            let mut set = TemplateSet::new();
            set.add("t", template).unwrap();
            let calm = set.render_html("t", &json!({"x": "calm"})).unwrap();
            let tried = set.render_html("t", &json!({"x": value})).unwrap();
            prop_assert_eq!(skeleton(&calm), skeleton(&tried), "{}: {}", template, tried);
            prop_assert!(!tried.to_ascii_lowercase().contains("href=\"javascript:"), "{}", tried);
        }
    }
}

const PLACES: [&str; 14] = [
    "<p>{{ .x }}</p><b>",
    "<p title=\"{{ .x }}\" id='{{ .x }}'>a</p>",
    "<p title={{ .x }} id=b>a</p>",
    "<a href=\"{{ .x }}\">a</a>",
    "<a href=\"/{{ .x }}?{{ .x }}#{{ .x }}\">a</a>",
    "<a href={{ .x }}>a</a>",
    "<script>a = {{ .x }}; b = \"{{ .x }}\"; c = '{{ .x }}'; d = `{{ .x }}${ {{ .x }} }`; e = /{{ .x }}/; // {{ .x }}\n/*{{ .x }}*/</script><b>",
    "<style>a { b: {{ .x }}; c: \"{{ .x }}\"; d: url({{ .x }}) }</style><b>",
    "<p style=\"a: {{ .x }}; b: '{{ .x }}'; c: url('{{ .x }}')\" onclick='f({{ .x }}, \"{{ .x }}\")'>a</p>",
    "<title>{{ .x }}</title><textarea>{{ .x }}</textarea><b>",
    "<!-- {{ .x }} --><b>",
    "<!doctype {{ .x }}><b>",
    "<img srcset=\"{{ .x }} 1x, {{ .x }} 2x\"><b>",
    "<p>{{ .x | html }}</p><p title=\"{{ .x | html }}\">",
];

fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "<",
        ">",
        "\"",
        "'",
        "`",
        "&",
        "=",
        "/",
        "\\",
        "</script>",
        "</style>",
        "-->",
        "<!--",
        "javascript:",
        "*/",
        "//",
        "\n",
        "\u{2028}",
        "\0",
        " ",
        "onload=",
        "${",
        "}",
        "(",
        ")",
        ";",
        "]]>",
        "%",
        "&quot;",
        "&#34;",
        "\u{b}",
        "a",
        "1",
    ];
    prop::collection::vec(0..pieces.len(), 0..12)
        .prop_map(move |picks| picks.into_iter().map(|pick| pieces[pick]).collect())
}

/// Tags and names of attributes as a browser's tokenizer finds them: written apart from the crate, as a check on it.
fn skeleton(html: &str) -> Vec<String> {
    let characters: Vec<char> = html.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        if characters[at] != '<' {
            at += 1;
            continue;
        }
        at += 1;
        let start = at;
        while at < characters.len() && !characters[at].is_ascii_whitespace() && characters[at] != '>' {
            at += 1;
        }
        let name: String = characters[start..at].iter().collect::<String>().to_ascii_lowercase();
        if name.starts_with('!') {
            while at < characters.len() && characters[at] != '>' {
                at += 1;
            }
            continue;
        }
        at = attributes(&characters, at, &mut found);
        if ["script", "style", "title", "textarea"].contains(&name.as_str()) {
            let rest: String = characters[at..].iter().collect();
            let end = rest.to_ascii_lowercase().find(&format!("</{name}")).unwrap_or(rest.len());
            at += rest[..end].chars().count();
        }
        found.push(name);
    }
    found
}

fn attributes(characters: &[char], mut at: usize, found: &mut Vec<String>) -> usize {
    while at < characters.len() && characters[at] != '>' {
        if characters[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        while at < characters.len() && !"=>".contains(characters[at]) && !characters[at].is_ascii_whitespace() {
            at += 1;
        }
        found.push(characters[start..at].iter().collect());
        if at < characters.len() && characters[at] == '=' {
            at += 1;
            match characters.get(at) {
                Some(quote @ ('"' | '\'')) => {
                    at += 1;
                    while at < characters.len() && characters[at] != *quote {
                        at += 1;
                    }
                    at += 1;
                }
                _ => {
                    while at < characters.len() && characters[at] != '>' && !characters[at].is_ascii_whitespace() {
                        at += 1;
                    }
                }
            }
        }
    }
    at
}
