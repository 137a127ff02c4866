//! The language itself.

use scripting::{TemplateError, TemplateSet};
use serde_json::json;

use crate::{problem, text};

#[test]
fn actions_and_control() {
    let data = json!({"name": "Ada", "list": ["a", "b"], "map": {"z": 1, "a": [true, null]}, "none": [], "zero": 0});
    for (template, expected) in [
        ("Hello {{ .name }}!", "Hello Ada!"),
        ("{{ .missing }}|{{ .missing.deeper }}|{{ .map.none }}", "<no value>|<no value>|<no value>"),
        ("{{ .map }} {{ .list }}", "map[a:[true <nil>] z:1] [a b]"),
        ("{{ if .zero }}a{{ else if .list }}b{{ else }}c{{ end }}", "b"),
        ("{{ if .missing }}a{{ end }}-", "-"),
        ("{{ with .name }}{{ . }}{{ $.zero }}{{ else }}none{{ end }}", "Ada0"),
        ("{{ with .missing }}x{{ else with .name }}y{{ . }}{{ end }}", "yAda"),
        ("{{ with $x := .name }}{{ $x }}{{ end }}", "Ada"),
        ("{{ range .list }}<{{ . }}>{{ end }}", "<a><b>"),
        ("{{ range $i, $e := .list }}{{ $i }}={{ $e }} {{ end }}", "0=a 1=b "),
        ("{{ range $k, $v := .map }}{{ $k }};{{ end }}", "a;z;"),
        ("{{ range .none }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ range .list }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"),
        ("{{ range .list }}{{ if eq . \"a\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "b"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ define \"greet\" }}Hi {{ . }}{{ end }}{{ template \"greet\" .name }}", "Hi Ada"),
        ("{{ block \"b\" .name }}<{{ . }}>{{ end }}", "<Ada>"),
        ("a  {{- .name -}}  b", "aAdab"),
        ("a {{- /* a comment */ -}} b{{/* another */}}c", "abc"),
        ("{{ \"q\\\"\\n\\u00e4\" }}{{ `raw \\n` }}{{ 'a' }}", "q\"\näraw \\n97"),
        ("{{ \"x\" | printf \"%s-%s\" \"y\" }}", "y-x"),
        ("{{ (index .list 1) | upper }}", "B"),
    ] {
        assert_eq!(text(template, &data), expected, "{template}");
    }
}

#[test]
fn go_functions() {
    let data = json!({"n": 3, "f": 1.5, "big": 1234567.5, "s": "äb", "l": [1, 2, 3]});
    for (template, expected) in [
        ("{{ len .s }} {{ len .l }}", "3 3"),
        ("{{ index .l 2 }} {{ slice .l 1 2 }} {{ slice \"abc\" 1 }}", "3 [2] bc"),
        ("{{ .f }} {{ .big }} {{ 1e-7 }} {{ 3.0 }}", "1.5 1.2345675e+06 1e-07 3"),
        (
            "{{ eq .n 1 2 3 }}{{ ne .n 3 }}{{ lt .n 4 }}{{ le .n 3 }}{{ gt .f 1 }}{{ ge .n 4 }}",
            "truefalsetruetruetruefalse",
        ),
        ("{{ and .n 0 }}{{ or 0 .n }}{{ not .n }}", "03false"),
        ("{{ and 0 (index .l 99) }}", "0"),
        (
            "{{ printf \"%05d|%-4d|%x|%q|%v|%6.2f|%t|%s|%%\" 42 7 255 .s .l .f true .s }}",
            "00042|7   |ff|\"äb\"|[1 2 3]|  1.50|true|äb|%",
        ),
        (
            "{{ printf \"%d\" \"x\" }} {{ printf \"%s\" }} {{ printf \"a\" 1 }}",
            "%!d(string=x) %!s(MISSING) a%!(EXTRA int=1)",
        ),
        ("{{ print 1 2 \"x\" 3 }}|{{ println 1 \"x\" }}", "1 2x3|1 x\n"),
        ("{{ html \"<a&b>\" }} {{ urlquery \"a b&c\" }} {{ js \"it's\" }}", "&lt;a&amp;b&gt; a%20b%26c it\\u0027s"),
    ] {
        assert_eq!(text(template, &data), expected, "{template}");
    }
}

#[test]
fn a_file_of_definitions_does_not_empty_another_template() {
    let mut set = TemplateSet::new();
    set.add("main", "{{ template \"part\" . }}").unwrap();
    set.add("partials", "{{ define \"part\" }}old{{ end }}").unwrap();
    set.add("override", "{{ define \"part\" }}new {{ .x }}{{ end }}{{ define \"main\" }} {{ end }}").unwrap();
    assert_eq!(set.render_text("main", &json!({"x": 1})).unwrap(), "new 1");
    assert_eq!(set.render_text("nothing", &json!({})), Err(TemplateError::Missing("nothing".into())));
}

#[test]
fn problems_name_template_and_line() {
    let data = json!({"name": "Ada", "list": [1]});
    for (template, expected) in [
        ("a\n{{ .name", "template \"t\", line 2: an action is not closed by }}"),
        ("{{ if .x }}\n\n", "line 1: unexpected end of the template: an end is missing"),
        ("\n{{ end }}", "line 2: unexpected end"),
        ("{{ nosuch 1 }}", "function \"nosuch\" not defined"),
        ("{{ $x }}", "undefined variable $x"),
        ("{{ env \"HOME\" }}", "function \"env\" not defined"),
        ("{{ now }}", "function \"now\" not defined"),
        ("\n\n{{ .name.first }}", "line 3: can't evaluate field first in a string"),
        ("{{ index .list 7 }}", "index out of range: 7"),
        ("{{ template \"gone\" }}", "there is no template named \"gone\""),
        ("{{ 1 | 2 }}", "only functions can follow |"),
        ("{{ }}", "a value is missing"),
        ("{{ len }}", "wrong number of arguments for len: want 1, got 0"),
        ("{{ \"open }}", "a text is not closed"),
        ("{{ break }}", "break outside range"),
        ("{{ fail \"stop\" }}", "fail: stop"),
        ("{{ div 1 0 }}", "division by zero"),
    ] {
        let problem = problem(template, &data);
        assert!(problem.contains(expected), "{template}: {problem}");
    }
}

/// The template of the conformance profile.
#[test]
fn the_recorded_template_renders_as_recorded() {
    let template = "{{ define \"greeting\" }}Hello {{ . | default \"you\" | title }}{{ end }}{{ template \"greeting\" .Identity.traits.name }}: \
        {{ .Code | trunc 2 }}.. to {{ .To }}{{ if gt (len .Code) 5 }} six{{ end }}{{ range $i, $e := list 1 2 3 }} {{ $i }}={{ $e }}{{ end }} \
        {{ printf \"%05d\" 42 }} <b> {{ index .TransientPayload \"campaign\" }} {{ .Identity.id | len }}";
    let data = json!({
        "Identity": {"id": "00000000-0000-0000-0000-000000000000", "traits": {"name": "ada <i> & \"co\""}},
        "Code": "123456", "To": "ada@example.org", "TransientPayload": {"campaign": "spring"}
    });
    assert_eq!(
        text(template, &data),
        "Hello Ada <I> & \"Co\": 12.. to ada@example.org six 0=1 1=2 2=3 00042 <b> spring 36"
    );
}
