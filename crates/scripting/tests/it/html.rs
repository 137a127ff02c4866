//! Escaping by place.

use serde_json::json;

use crate::html;

const HOSTILE: &str = "<i>\"'&`=x";

#[test]
fn each_place_has_its_escape() {
    let data = json!({"x": HOSTILE, "n": 36, "l": ["</script>", 1], "bad": "javascript:alert(1)", "u": "https://a.example/?q=1&r=a b"});
    for (template, expected) in [
        ("<p>{{ .x }}</p>", "<p>&lt;i&gt;&#34;&#39;&amp;`=x</p>"),
        ("<p>{{ .missing }}|{{ .n }}</p>", "<p>|36</p>"),
        ("<p>{{ .x | html }}</p>", "<p>&lt;i&gt;&#34;&#39;&amp;`=x</p>"),
        ("<p title=\"{{ .x }}\">a</p>", "<p title=\"&lt;i&gt;&#34;&#39;&amp;`=x\">a</p>"),
        ("<p title={{ .x }}>a</p>", "<p title=&lt;i&gt;&#34;&#39;&amp;&#96;&#61;x>a</p>"),
        ("<a href=\"{{ .bad }}\">a</a>", "<a href=\"#ZgotmplZ\">a</a>"),
        ("<a href='{{ .bad }}'>a</a>", "<a href='#ZgotmplZ'>a</a>"),
        ("<a href=\"java{{ \"script:alert(1)\" }}\">a</a>", "<a href=\"java#ZgotmplZ\">a</a>"),
        ("<a href=\"javascript:f('{{ .n }}')\">a</a>", "<a href=\"javascript:f('ZgotmplZ')\">a</a>"),
        ("<img src={{ .bad }}>", "<img src=#ZgotmplZ>"),
        ("<a href=\"{{ .u }}\">a</a>", "<a href=\"https://a.example/?q=1&amp;r=a%20b\">a</a>"),
        ("<a href=\"/p?q={{ .x }}\">a</a>", "<a href=\"/p?q=%3ci%3e%22%27%26%60%3dx\">a</a>"),
        (
            "<script>var n = {{ .x }}, m = {{ .n }};</script>",
            "<script>var n = \"\\u003ci\\u003e\\\"\\u0027\\u0026\\u0060=x\", m =  36 ;</script>",
        ),
        ("<script>var l = {{ .l }};</script>", "<script>var l = [\"\\u003c\\u002fscript\\u003e\",1];</script>"),
        (
            "<script>var n = \"{{ .x }}\";</script>",
            "<script>var n = \"\\u003ci\\u003e\\u0022\\u0027\\u0026\\u0060\\u003dx\";</script>",
        ),
        (
            "<script>// {{ .x }}\nvar a = 4 / {{ .n }} / 2; /* {{ .x }} */</script>",
            "<script>// \nvar a = 4 /  36  / 2; /*  */</script>",
        ),
        ("<script>var r = /[/\"]{{ .n }}/; f({{ .n }})</script>", "<script>var r = /[/\"]36/; f( 36 )</script>"),
        (
            "<p onclick=\"f(&quot;{{ .x }}&quot;, {{ .n }})\">a</p>",
            "<p onclick=\"f(&quot;\\u003ci\\u003e\\u0022\\u0027\\u0026\\u0060\\u003dx&quot;,  36 )\">a</p>",
        ),
        (
            "<style>p { color: {{ \"red\" }}; width: {{ \"expression(1)\" }} }</style>",
            "<style>p { color: red; width: ZgotmplZ }</style>",
        ),
        ("<p style=\"background: url('{{ .bad }}')\">a</p>", "<p style=\"background: url('#ZgotmplZ')\">a</p>"),
        (
            "<title>{{ .x }}</title><textarea>{{ \"</textarea>\" }}</textarea>",
            "<title>&lt;i&gt;&#34;&#39;&amp;`=x</title><textarea>&lt;/textarea&gt;</textarea>",
        ),
        ("<p>a<!-- {{ .x }} -->b</p>", "<p>ab</p>"),
        ("<p {{ \"onclick\" }}=\"1\" {{ \"lang\" }}=\"de\">a</p>", "<p ZgotmplZ=\"1\" lang=\"de\">a</p>"),
        (
            "<meta content=\"{{ .x }}\"><iframe srcdoc=\"{{ .x }}\"></iframe>",
            "<meta content=\"ZgotmplZ\"><iframe srcdoc=\"ZgotmplZ\"></iframe>",
        ),
    ] {
        assert_eq!(html(template, &data), expected, "{template}");
    }
}

#[test]
fn html_that_ends_inside_a_tag_is_refused() {
    for template in ["<a href=\"", "<p", "<script>var a = 1;", "<!-- a"] {
        let mut set = scripting::TemplateSet::new();
        set.add("t", template).unwrap();
        assert!(set.render_html("t", &json!({})).unwrap_err().to_string().contains("ends inside"), "{template}");
    }
}
