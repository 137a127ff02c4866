//! The permission language: what is read, what is refused and where, and how it is written.

use permissions::language::{Dialect, Position, Severity, format, parse};
use permissions::model::{Rewrite, Schema};
use proptest::prelude::*;

const CLASS: &str = "class A implements Namespace ";

/// A class with relations `x` and `y`, a permit `q`, and a permit `p` of this body.
fn permit(body: &str) -> String {
    format!(
        "{CLASS}{{\n  related: {{\n    x: A[]\n    y: A[]\n  }}\n  permits = {{\n    p: (ctx) => {body},\n    \
         q: (ctx) => this.related.x.includes(ctx.subject),\n  }}\n}}"
    )
}

fn includes(relation: &str) -> String {
    format!("this.related.{relation}.includes(ctx.subject)")
}

fn read(source: &str, dialect: Dialect) -> Schema {
    let parsed = parse(source, dialect);
    parsed.schema.unwrap_or_else(|| panic!("{source}\n{:?}", parsed.diagnostics))
}

fn body(text: &str, dialect: Dialect) -> Rewrite {
    read(&permit(text), dialect).namespace("A").unwrap().relation("p").unwrap().rewrite.clone().unwrap()
}

/// Where the first error is.
fn first_error(source: &str, dialect: Dialect) -> (u32, u32, u32) {
    let parsed = parse(source, dialect);
    assert!(parsed.schema.is_none(), "accepted: {source}");
    let error = parsed.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap();
    assert_eq!(error.start.line, error.end.line);
    (error.start.line, error.start.column, error.end.column)
}

fn computed(name: &str) -> Rewrite {
    Rewrite::Computed(name.into())
}

#[test]
fn all_that_the_contract_accepts_is_read() {
    let (x, y) = (includes("x"), includes("y"));
    let mut sources: Vec<String> = [
        "// a comment\n/* and another */",
        "import { Namespace } from '@ory/keto-namespace-types'\n\nclass A implements Namespace {}",
        "export class A implements Namespace {};",
        "class A implements Namespace { related: { x: A[] } }",
        "class A implements Namespace { related: { x: (A)[] } }",
        "class A implements Namespace { related: { x: Array<A> } }",
        "class A implements Namespace { related: { x: (A | SubjectSet<A, \"x\">)[] } }",
        "class A implements Namespace { related: { x: Array<A | SubjectSet<A, 'x'>> } }",
        "class A implements Namespace { related: { x: SubjectSet<A, \"x\">[], y: A[]; z: A[] } }",
        "class A implements Namespace { related: {} permits = {} related: { x: A[] }; }",
        "class A implements Namespace { related: { \"a-b\": A[] } permits = { \"c.d\": (ctx) => \
         this.related[\"a-b\"].includes(ctx.subject), e: (ctx) => this.permits[\"c.d\"](ctx) } }",
        "class \"odd name\" implements Namespace {} class B implements Namespace { related: { a: A[] } } \
         class A implements Namespace {}",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    sources.extend(
        [
            x.clone(),
            format!("!{x}"),
            format!("!(!({x}))"),
            format!("({x} || {y}) && this.permits.q(ctx)"),
            "this.related.x.traverse((p) => p.permits.q(ctx))".into(),
            "this.related.x.traverse(p => p.related.y.includes(ctx.subject,),)".into(),
            "this.related.x.traverse((p) => p.permits.p(ctx))".into(),
            format!("{}{x}{}", "(".repeat(9), ")".repeat(9)),
            format!("\n      // why\n      {x} /* or */ ||\n      {y}"),
        ]
        .map(|text| permit(&text)),
    );
    for source in sources {
        for dialect in [Dialect::Keto, Dialect::Limen] {
            let parsed = parse(&source, dialect);
            assert!(parsed.schema.is_some() && parsed.diagnostics.is_empty(), "{source}\n{:?}", parsed.diagnostics);
        }
    }
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let cases = [
        ("class {", (1, 6, 7)),
        ("class A implements Foo {}", (1, 19, 22)),
        ("class A extends Namespace {}", (1, 8, 15)),
        ("class A implements Namespace { related: { x: A } }", (1, 47, 48)),
        ("class A implements Namespace { related: { x: A[ } }", (1, 48, 49)),
        ("class A implements Namespace { related: { x: [] } }", (1, 46, 47)),
        ("class A implements Namespace { related: { x: } }", (1, 47, 48)),
        ("class A implements Namespace { related: { : A[] } }", (1, 42, 43)),
        ("class A implements Namespace { related: { x: SubjectSet<A>[] } }", (1, 57, 58)),
        ("class A implements Namespace { relations: { x: A[] } }", (1, 31, 40)),
        ("class A implements Namespace { permits: { p: (ctx) => this.permits.p(ctx) } }", (1, 38, 39)),
        ("class A implements Namespace { permits = { p: ctx => this.permits.p(ctx) } }", (1, 46, 49)),
        ("class A implements Namespace { permits = { p: (c) => this.permits.p(ctx) } }", (1, 47, 48)),
        ("class A implements Namespace { permits = { p: (ctx: Foo) => this.permits.p(ctx) } }", (1, 52, 55)),
        ("class A implements Namespace { permits = { p: (ctx): number => this.permits.p(ctx) } }", (1, 53, 59)),
        ("class A implements Namespace { related: { x: B[] } }", (1, 45, 46)),
        ("class A implements Namespace { related: { x: SubjectSet<A, \"nope\">[] } }", (1, 60, 64)),
        ("/* ö */ class A implements Namespace { related: { x: B[] } }", (1, 53, 54)),
    ];
    for (source, place) in cases {
        assert_eq!(first_error(source, Dialect::Keto), place, "{source}");
    }
    let x = includes("x");
    let in_permit = [
        ("that.related.x.includes(ctx.subject)".to_owned(), (16, 20)),
        ("this.foo.x.includes(ctx.subject)".into(), (21, 24)),
        ("this.related.x.contains(ctx.subject)".into(), (31, 39)),
        ("this.related.x.includes(ctx)".into(), (43, 44)),
        ("this.related.x.includes(ctx.user)".into(), (44, 48)),
        ("this.related.x.includes(ctx.subject, )".into(), (51, 52)),
        ("true".into(), (16, 20)),
        ("this.related.x == this.related.y".into(), (31, 32)),
        (format!("{x} and {x}"), (53, 56)),
        (format!("!!{x}"), (17, 18)),
        ("this.related.x.traverse((p) => p.related.y.traverse((r) => r.permits.q(ctx)))".into(), (59, 67)),
        ("this.related.z.includes(ctx.subject)".into(), (29, 30)),
        ("this.permits.nope(ctx)".into(), (29, 33)),
        (format!("{x} && this.permits.nope(ctx)"), (69, 73)),
        ("this.related.x.traverse((p) => p.permits.nope(ctx))".into(), (29, 30)),
    ];
    for (text, (start, end)) in in_permit {
        assert_eq!(first_error(&permit(&text), Dialect::Keto), (7, start, end), "{text}");
    }
}

#[test]
fn all_names_that_nothing_declares_are_shown_in_order() {
    let source = format!(
        "{CLASS}{{ related: {{ x: B[] y: C[] }} permits = {{ p: (ctx) => this.related.nope.includes(ctx.subject) }} }}"
    );
    let columns: Vec<u32> = parse(&source, Dialect::Keto).diagnostics.iter().map(|d| d.start.column).collect();
    assert_eq!(columns, [45, 52, 95]);
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let source =
        "class A implements Namespace { permits = { p: (ctx) => true, q: (ctx) => false } }\nclass {}\nclass C foo";
    let lines: Vec<u32> = parse(source, Dialect::Limen).diagnostics.iter().map(|d| d.start.line).collect();
    assert_eq!(lines, [1, 1, 2, 3]);
}

#[test]
fn what_is_not_closed_is_refused() {
    let x = includes("x");
    let mut sources: Vec<String> = [
        "class A",
        "class A implements",
        "class A implements Namespace {",
        "class A implements Namespace { related: {",
        "class A implements Namespace { related: { \"x: A[] } }",
        "/* open",
        "class A implements Namespace { related: { x: A[] § } }",
        "class A implements Namespace { related: { x: ()[] } }",
    ]
    .map(str::to_owned)
    .to_vec();
    let bodies = [format!("({x}"), format!("{x})"), format!("{x} & {x}"), format!("{x} ? {x} : {x}")];
    sources.extend(bodies.map(|text| permit(&text)));
    for source in sources {
        assert!(parse(&source, Dialect::Keto).schema.is_none(), "{source}");
    }
}

/// Fault 14 of the reference: a stranger was let in by `a !b`, and operators without a second side were dropped.
#[test]
fn forgotten_operators_and_operands_are_errors_in_both_dialects() {
    let (x, y) = (includes("x"), includes("y"));
    let bodies = [
        format!("{x} !{y}"),
        format!("{x} {y}"),
        format!("{x} !({y})"),
        format!("({x}) ({y})"),
        format!("{x} ||"),
        format!("{x} &&"),
        format!("|| {x}"),
        String::new(),
        format!("({x} ||)"),
    ];
    for text in bodies {
        for dialect in [Dialect::Keto, Dialect::Limen] {
            assert!(parse(&permit(&text), dialect).schema.is_none(), "{text}");
        }
    }
    let last_body_empty = "class A implements Namespace { permits = { view: (ctx) => } }";
    assert!(parse(last_body_empty, Dialect::Keto).schema.is_none());
}

/// Fault 14: no precedence. The old reading stays for old files, with a warning; new files have to say what they mean.
#[test]
fn a_mix_of_operators_is_read_from_left_to_right_or_refused() {
    let text = format!("{} || {} && this.permits.q(ctx)", includes("x"), includes("y"));
    assert_eq!(
        body(&text, Dialect::Keto),
        Rewrite::All(vec![Rewrite::Any(vec![computed("x"), computed("y")]), computed("q")])
    );
    let warned = parse(&permit(&text), Dialect::Keto).diagnostics;
    assert_eq!(warned.len(), 1);
    assert_eq!(warned[0].severity, Severity::Warning);
    let refused = parse(&permit(&text), Dialect::Limen);
    assert!(refused.schema.is_none());
    let error = &refused.diagnostics[0];
    let (a, b) = (includes("x"), includes("y"));
    assert!(error.message.contains(&format!("`({a} || {b}) && this.permits.q(ctx)`")), "{}", error.message);
    assert!(error.message.contains(&format!("`{a} || ({b} && this.permits.q(ctx))`")), "{}", error.message);
    assert_eq!((error.start, error.end.line), (Position { line: 7, column: 16 }, 7));
    for clear in
        [format!("({a} || {b}) && this.permits.q(ctx)"), format!("{a} || ({b} && {a})"), format!("{a} || {b} || {a}")]
    {
        assert!(parse(&permit(&clear), Dialect::Limen).diagnostics.is_empty(), "{clear}");
    }
}

#[test]
fn names_declared_twice_are_told() {
    for source in [
        "class A implements Namespace {} class A implements Namespace {}",
        "class A implements Namespace { related: { x: A[] x: A[] } }",
        "class A implements Namespace { related: { x: A[] } permits = { x: (ctx) => this.related.x.includes(ctx.subject) } }",
    ] {
        let keto = parse(source, Dialect::Keto);
        assert!(keto.schema.is_some(), "{source}");
        assert_eq!(keto.diagnostics.len(), 1);
        assert!(parse(source, Dialect::Limen).schema.is_none(), "{source}");
    }
}

#[test]
fn a_permit_may_not_depend_on_its_own_opposite() {
    let alone = permit("!this.permits.p(ctx)");
    let through_parents = permit("!this.related.x.traverse((a) => a.permits.p(ctx))");
    let through_another = permit(&format!("{} && !this.permits.r(ctx)", includes("x")))
        .replace("    q:", "    r: (ctx) => this.permits.p(ctx),\n    q:");
    for source in [alone, through_parents, through_another] {
        assert!(parse(&source, Dialect::Limen).schema.is_none(), "{source}");
        assert_eq!(parse(&source, Dialect::Keto).diagnostics[0].severity, Severity::Warning);
    }
    assert!(parse(&permit("!this.permits.q(ctx)"), Dialect::Limen).schema.is_some());
}

#[test]
fn nesting_is_limited() {
    let x = includes("x");
    assert!(parse(&permit(&format!("{}{x}{}", "(".repeat(10), ")".repeat(10))), Dialect::Keto).schema.is_none());
    let many = 100_000;
    assert!(parse(&permit(&format!("{}{x}{}", "!(".repeat(many), ")".repeat(many))), Dialect::Keto).schema.is_none());
}

#[test]
fn sources_are_written_nicely() {
    let source = "import { Namespace } from '@ory/x'\n\n\n// people\nclass User implements Namespace {}\nclass Doc implements \
                  Namespace{related:{owners:(User|SubjectSet<Doc,'owners'>)[],/* who reads */ readers:Array<User>;\n\n\n    // old\n\
                  parents: Doc[] }permits={own:(ctx:Context):boolean=>this.related.owners.includes(ctx.subject),\n\
                  // both\n view:(ctx)=>this.permits.own(ctx)||// why\n this.related.parents.traverse(p=>p.permits.view(ctx))&&\
                  !(this.related['readers'].includes(ctx.subject))}}";
    let expected = "import { Namespace } from '@ory/x'\n\n// people\nclass User implements Namespace {}\n\n\
class Doc implements Namespace {
  related: {
    owners: (User | SubjectSet<Doc, \"owners\">)[] /* who reads */
    readers: Array<User>

    // old
    parents: Doc[]
  }

  permits = {
    own: (ctx: Context): boolean => this.related.owners.includes(ctx.subject),
    // both
    view: (ctx) =>
      this.permits.own(ctx) || // why
      this.related.parents.traverse(p => p.permits.view(ctx)) &&
      !(this.related[\"readers\"].includes(ctx.subject)),
  }
}
";
    let written = format(source).unwrap();
    assert_eq!(written, expected);
    assert_eq!(format(&written).unwrap(), written);
    assert_eq!(read(&written, Dialect::Keto), read(source, Dialect::Keto));
    assert!(format("class {").is_err());
}

/// Pieces that sources are made of, so that random texts come far into the parser.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "class A implements Namespace {",
        "}",
        "related: {",
        "permits = {",
        "x: A[]",
        "x: (A | SubjectSet<A, \"x\">)[]",
        "p: (ctx) =>",
        "this.related.x.includes(ctx.subject)",
        "this.permits.p(ctx)",
        "||",
        "&&",
        "!",
        "(",
        ")",
        ",",
        ";",
        "// c\n",
        "/* c */",
        "\n\n",
        "'",
        "é",
        "#",
        "this",
        "Array<",
        ">",
        "this.related.x.traverse((p) => p.permits.p(ctx))",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|parts| parts.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(source in prop_oneof![any::<String>(), pieces()]) {
        for dialect in [Dialect::Keto, Dialect::Limen] {
            let parsed = parse(&source, dialect);
            for d in &parsed.diagnostics {
                prop_assert!(d.start <= d.end);
                prop_assert!(d.start.line >= 1);
            }
            prop_assert_eq!(parsed.schema.is_none(), parsed.diagnostics.iter().any(|d| d.severity == Severity::Error));
        }
        if let Ok(written) = format(&source) {
            let again = format(&written);
            prop_assert_eq!(again.as_ref(), Ok(&written), "source: {:?}", source);
            prop_assert_eq!(parse(&written, Dialect::Keto).schema, parse(&source, Dialect::Keto).schema);
        }
    }

    #[test]
    fn expressions_survive_writing(text in expression_text()) {
        let source = permit(&text);
        let written = format(&source).unwrap();
        prop_assert_eq!(format(&written).unwrap(), written.clone());
        prop_assert_eq!(parse(&written, Dialect::Keto).schema, parse(&source, Dialect::Keto).schema);
    }
}

fn expression_text() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just(includes("x")),
        Just("this.permits.q(ctx)".to_owned()),
        Just("this.related[\"y\"].traverse((p) => p.permits.q(ctx))".to_owned()),
        Just("// said\n this.related.x.includes(ctx.subject)".to_owned()),
    ];
    atom.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join("\n&& "))),
            inner.prop_map(|part| format!("!({part})")),
        ]
    })
}
