//! The functions beyond Go's own.

use serde_json::json;

use crate::text;

#[test]
fn texts() {
    for (template, expected) in [
        ("{{ upper \"ab\" }}{{ lower \"AB\" }}{{ title \"ada of x_y\" }}", "ABabAda Of X_y"),
        (
            "{{ trim \" a \" }}|{{ trimSuffix \"-x\" \"a-x\" }}|{{ trimPrefix \"a\" \"ab\" }}|{{ trimAll \"-\" \"-a-\" }}",
            "a|a|b|a",
        ),
        (
            "{{ replace \"a\" \"o\" \"banana\" }} {{ contains \"an\" \"banana\" }} {{ hasPrefix \"b\" \"ba\" }} {{ hasSuffix \"b\" \"ba\" }}",
            "bonono true true false",
        ),
        ("{{ quote \"a\" 1 }} {{ squote \"a\" }} {{ cat \"a\" 1 true }}", "\"a\" \"1\" 'a' a 1 true"),
        (
            "{{ join \", \" (list 1 \"b\") }} {{ splitList \",\" \"a,b\" }} {{ first (list 7 8) }}{{ last (list 7 8) }}",
            "1, b [a b] 78",
        ),
        (
            "{{ trunc 2 \"äöü\" }} {{ trunc -1 \"abc\" }} {{ repeat 3 \"ab\" }} {{ substr 1 3 \"abcd\" }}",
            "äö c ababab bc",
        ),
        ("{{ plural \"minute\" \"minutes\" 1 }} {{ 5 | plural \"minute\" \"minutes\" }}", "minute minutes"),
        ("{{ indent 2 \"a\\nb\" }}{{ nindent 1 \"c\" }}", "  a\n  b\n c"),
        ("{{ regexMatch \"^a+$\" \"aaa\" }} {{ regexReplaceAll \"(a)(b)\" \"abab\" \"${2}${1}\" }}", "true baba"),
        ("{{ toString 12 | len }} {{ b64enc \"hi\" }} {{ b64dec \"aGk=\" }}", "2 aGk= hi"),
    ] {
        assert_eq!(text(template, &json!({})), expected, "{template}");
    }
}

#[test]
fn values() {
    let data = json!({"empty": "", "name": "Ada", "map": {"a": 1}, "at": "2026-03-09T07:05:03.5Z"});
    for (template, expected) in [
        ("{{ .empty | default \"you\" }} {{ .missing | default 3 }} {{ default \"x\" .name }}", "you 3 Ada"),
        ("{{ empty .empty }} {{ coalesce .empty .missing .name }} {{ ternary \"y\" \"n\" true }}", "true Ada y"),
        (
            "{{ $d := dict \"k\" 1 \"l\" (list 2) }}{{ get $d \"k\" }} {{ hasKey $d \"x\" }} {{ $d.l }} [{{ get $d \"x\" }}]",
            "1 false [2] []",
        ),
        (
            "{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 2 }} {{ int \"42\" }} {{ int 3.9 }}",
            "6 3 6 3 1 42 3",
        ),
        (
            "{{ toJson .map }} {{ toJson \"<a>\" }} {{ (fromJson \"{\\\"a\\\":5}\").a }}",
            "{\"a\":1} \"\\u003ca\\u003e\" 5",
        ),
        ("{{ date \"2006-01-02 15:04:05\" .at }}", "2026-03-09 07:05:03"),
        ("{{ date \"Mon, 2 Jan 06 3:4 PM MST\" .at }}", "Mon, 9 Mar 26 7:5 AM UTC"),
        ("{{ dateInZone \"02.01.2006 15:04 -07:00\" .at \"+02:00\" }}", "09.03.2026 09:05 +02:00"),
        ("{{ date \"2006-01-02T15:04:05Z07:00\" 0 }}", "1970-01-01T00:00:00Z"),
        (
            "{{ uniq (list 1 1 2) }} {{ has 2 (list 1 2) }} {{ without (list 1 2) 1 }} {{ keys .map }}",
            "[1 2] true [2] [a]",
        ),
    ] {
        assert_eq!(text(template, &data), expected, "{template}");
    }
}
