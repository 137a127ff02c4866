//! No template hangs, and none eats the machine.

use scripting::{Limits, TemplateError, TemplateSet};
use serde_json::json;

#[test]
fn what_would_not_end_is_stopped() {
    for (template, limit) in [
        ("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}", "nesting"),
        ("{{ range 1000000000000 }}{{ end }}", "steps"),
        ("{{ range until 1000000000000 }}{{ end }}", "steps"),
        ("{{ repeat 1000000000 \"xxxxxxxx\" }}", "output"),
        ("{{ indent 1000000000 \"x\" }}", "output"),
        ("{{ printf \"%999999999d\" 1 }}", "width in printf"),
        ("{{ $x := \"xxxxxxxxxx\" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}", "output"),
        ("{{ $x := list 1 }}{{ range 64 }}{{ $x = list $x $x }}{{ end }}{{ $x }}", "nesting"),
        ("{{ $x := list 1 }}{{ range 10000 }}{{ $x = list $x }}{{ end }}{{ $x }}", "nesting"),
        ("{{ $x := repeat 100000 \"a\" }}{{ replace \"a\" $x $x }}", "output"),
        ("{{ $x := repeat 100000 \"a\" }}{{ regexReplaceAll \"a\" $x $x }}", "output"),
        ("{{ range 900000 }}0123456789{{ end }}", "output"),
        ("{{ $l := until 5000 }}{{ range 100000 }}{{ if has -1 $l }}{{ end }}{{ end }}", "steps"),
    ] {
        let mut set = TemplateSet::new();
        set.add("t", template).unwrap();
        for result in [set.render_text("t", &json!({})), set.render_html("t", &json!({}))] {
            let expected = TemplateError::Limit { name: "t".into(), line: 1, limit: static_limit(limit) };
            assert_eq!(result, Err(expected), "{template}");
        }
    }
}

fn static_limit(name: &str) -> &'static str {
    ["nesting", "steps", "output", "width in printf"].into_iter().find(|known| *known == name).unwrap()
}

#[test]
fn limits_can_be_tightened() {
    let mut set = TemplateSet::new().with_limits(Limits { steps: 5, ..Limits::default() });
    set.add("t", "{{ 1 }}{{ 2 }}{{ 3 }}{{ 4 }}").unwrap();
    assert!(matches!(set.render_text("t", &json!({})), Err(TemplateError::Limit { limit: "steps", .. })));
}

#[test]
fn deep_templates_are_refused_and_deep_data_too() {
    let mut set = TemplateSet::new();
    assert!(set.add("t", &"{{ if 1 }}".repeat(1000)).is_err());
    assert!(set.add("t", &format!("{{{{ {} }}}}", "(".repeat(10_000))).is_err());
    assert!(set.add("t", &"x".repeat((1 << 20) + 1)).is_err());
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = json!([deep]);
    }
    set.add("t", "{{ . }}").unwrap();
    assert!(matches!(set.render_text("t", &deep), Err(TemplateError::Limit { limit: "nesting", .. })));
}
