//! Faults of the reference server in evaluating, by their numbers in the list that the project keeps: here they do not
//! happen.

use std::sync::Arc;
use std::time::Instant;

use permissions::PermissionError;
use permissions::engine::{Decision, Graph, Names, Options, Snapshot, Undecided};
use permissions::language::{Dialect, parse};
use permissions::model::{RelationTuple, Schema, Subject, SubjectSet};

use crate::differential::{loaded, with_engine};

pub fn read(source: &str) -> Schema {
    let parsed = parse(source, Dialect::Keto);
    parsed.schema.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
}

pub fn stored<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Graph {
    let tuples: Vec<RelationTuple> =
        texts.into_iter().map(|text| RelationTuple::parse(text.as_ref()).unwrap()).collect();
    loaded(&tuples, 10)
}

pub fn ask(snapshot: &Snapshot, schema: &Schema, options: &Options, text: &str) -> Result<Decision, PermissionError> {
    with_engine(snapshot, schema, options, |engine| engine.check(&RelationTuple::parse(text).unwrap(), 0))
}

fn allowed(graph: &Graph, schema: &Schema, text: &str) -> bool {
    ask(&graph.latest(), schema, &Options::keto(), text).unwrap().allowed()
}

const NESTED_TEAMS: &str = r#"
class User implements Namespace {}
class Org implements Namespace { related: { staff: User[] } }
class Team implements Namespace { related: { m: SubjectSet<Org, "staff">[] } }
class Group implements Namespace {
  related: { member: SubjectSet<Team, "m">[] banned: SubjectSet<Team, "m">[] }
  permits = {
    allowed: (ctx) => this.related.member.includes(ctx.subject) && !this.related.banned.includes(ctx.subject),
    both: (ctx) => this.related.member.includes(ctx.subject) && this.related.banned.includes(ctx.subject),
  }
}
class Doc implements Namespace {
  related: { viewer: SubjectSet<Group, "allowed">[] reader: SubjectSet<Group, "both">[] }
}
"#;

/// A set met twice below `!` was skipped the second time, and somebody banned was let in; below `&&`, somebody
/// entitled was kept out.
#[test]
fn fault_1_a_set_that_is_met_twice_is_looked_at_twice() {
    let schema = read(NESTED_TEAMS);
    let graph = stored([
        "Doc:d#viewer@(Group:g#allowed)",
        "Doc:d#reader@(Group:g#both)",
        "Group:g#member@(Team:t#m)",
        "Group:g#banned@(Team:t#m)",
        "Team:t#m@(Org:o#staff)",
        "Org:o#staff@alice",
    ]);
    for mut options in [Options::keto(), Options::limen()] {
        for strict in [false, true] {
            options.strict = strict;
            let answer = |text: &str| ask(&graph.latest(), &schema, &options, text).unwrap();
            assert_eq!(answer("Group:g#allowed@alice"), Decision::Denied);
            assert_eq!(answer("Doc:d#viewer@alice"), Decision::Denied);
            assert_eq!(answer("Group:g#both@alice"), Decision::Allowed);
            assert_eq!(answer("Doc:d#reader@alice"), Decision::Allowed);
        }
    }
}

/// A set first met where the depth was used up counted as seen: the order of rows decided.
#[test]
fn fault_6_a_short_way_counts_though_a_long_one_was_tried_first() {
    let schema = read("class d implements Namespace {} class g implements Namespace {}");
    let mut texts = vec!["d:1#v@(g:c0#m)", "d:1#v@(g:X#m)", "g:c0#m@(g:c1#m)", "g:c1#m@(g:c2#m)", "g:c2#m@(g:X#m)"];
    texts.extend(["g:X#m@(g:Y#m)", "g:Y#m@(g:Z#m)", "g:Z#m@ada"]);
    for turn in 0..texts.len() {
        texts.rotate_left(1);
        assert!(allowed(&stored(&texts), &schema, "d:1#v@ada"), "turn {turn}");
        texts.reverse();
        assert!(allowed(&stored(&texts), &schema, "d:1#v@ada"), "reversed turn {turn}");
    }
    assert!(!allowed(&stored(&texts), &schema, "d:1#v@bert"));
}

/// `a-b` + `c` and `a` + `b-c` had one key: the members of one were denied.
#[test]
fn fault_7_names_with_dashes_are_not_mixed_up() {
    let schema = read(
        r#"class "a-b" implements Namespace { related: { c: a[] } }
           class a implements Namespace { related: { "b-c": a[] } }
           class Doc implements Namespace { related: { v: (SubjectSet<"a-b", "c"> | SubjectSet<a, "b-c">)[] } }"#,
    );
    let mut texts = vec!["Doc:d#v@(a-b:g#c)", "Doc:d#v@(a:g#b-c)", "a-b:g#c@(a:one#b-c)", "a:g#b-c@(a-b:two#c)"];
    texts.extend(["a:one#b-c@ada", "a-b:two#c@bert"]);
    for _ in 0..2 {
        texts.reverse();
        let graph = stored(&texts);
        assert!(allowed(&graph, &schema, "Doc:d#v@ada") && allowed(&graph, &schema, "Doc:d#v@bert"));
    }
}

/// Each level of a ladder of parents doubled the work: twelve took seconds, and forty would take for ever.
#[test]
fn fault_8_a_ladder_costs_what_it_is_long() {
    let schema = read(
        "class User implements Namespace {} class F implements Namespace { related: { parents: F[] viewers: User[] } permits = { \
         view: (ctx) => this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.view(ctx)), \
         hide: (ctx) => !this.related.parents.traverse((p) => p.permits.view(ctx)), } }",
    );
    let levels = 200;
    let mut texts = Vec::new();
    for level in 0..levels {
        for (from, to) in [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")] {
            texts.push(format!("F:{from}{level}#parents@(F:{to}{}#)", level + 1));
        }
    }
    texts.push(format!("F:b{levels}#viewers@ada"));
    let graph = stored(&texts);
    let mut options = Options { depth: 1000, ..Options::keto() };
    // Two folders a level, each looked at a few times at most.
    options.steps = 10 * 2 * levels;
    let started = Instant::now();
    let answer = |text: &str| ask(&graph.latest(), &schema, &options, text).unwrap();
    assert_eq!(answer("F:a0#view@ada"), Decision::Allowed);
    assert_eq!(answer("F:a0#view@bert"), Decision::Denied);
    assert_eq!(answer("F:a0#hide@bert"), Decision::Allowed);
    assert!(started.elapsed().as_secs() < 5);
}

/// One stored set with a relation that nothing declares made every check over it an error, also those that another
/// relationship grants.
#[test]
fn fault_9_a_stored_set_that_nothing_declares_grants_nothing_and_harms_nothing() {
    let schema = read(NESTED_TEAMS);
    let mut texts = vec!["Org:o#staff@(Team:t#typo)", "Team:t#typo@eve", "Org:o#staff@(Gone:x#y)", "Gone:x#y@eve"];
    texts.push("Org:o#staff@alice");
    let graph = stored(texts);
    assert!(allowed(&graph, &schema, "Org:o#staff@alice"));
    assert!(!allowed(&graph, &schema, "Org:o#staff@eve"));
    assert_eq!(
        ask(&graph.latest(), &schema, &Options::keto(), "Team:t#typo@eve"),
        Err(PermissionError::UnknownRelation { namespace: "Team".into(), relation: "typo".into() })
    );
    assert_eq!(
        ask(&graph.latest(), &schema, &Options::keto(), "Gone:x#y@eve"),
        Err(PermissionError::UnknownNamespace("Gone".into()))
    );
}

/// Strict mode followed parents of undeclared types.
#[test]
fn fault_10_strict_traversal_follows_declared_types_only() {
    let schema = read(
        "class User implements Namespace {} class Evil implements Namespace { related: { viewers: User[] } } \
         class F implements Namespace { related: { parents: F[] viewers: User[] } permits = { view: (ctx) => \
         this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((p) => p.related.viewers.includes(ctx.subject)) } }",
    );
    let graph = stored(["F:f#parents@(Evil:e#)", "Evil:e#viewers@eve", "F:f#parents@(F:top#)", "F:top#viewers@ada"]);
    let strict = Options { strict: true, ..Options::keto() };
    assert_eq!(ask(&graph.latest(), &schema, &strict, "F:f#view@eve").unwrap(), Decision::Denied);
    assert_eq!(ask(&graph.latest(), &schema, &strict, "F:f#view@ada").unwrap(), Decision::Allowed);
    assert!(allowed(&graph, &schema, "F:f#view@eve"), "without strict mode, what is stored counts");
}

/// The name of what was never written came back as "".
#[test]
fn fault_12_a_tree_of_what_was_never_written_keeps_its_name() {
    let schema = read(NESTED_TEAMS);
    let graph = stored(["Org:o#staff@alice"]);
    let set = SubjectSet::new("Org", "never-written", "staff");
    let tree = with_engine(&*graph.latest(), &schema, &Options::keto(), |engine| engine.expand(&set, 0)).unwrap();
    assert_eq!(tree.subject, Some(Subject::Set(set)));
    assert!(tree.children.is_empty());
}

/// What could not be found out is no Yes under `!`, whichever limit was in the way.
#[test]
fn not_known_is_not_no() {
    let schema = read(
        "class User implements Namespace {} class Group implements Namespace { related: { members: (User | SubjectSet<Group, \
         \"members\">)[] } } class Doc implements Namespace { related: { banned: (User | SubjectSet<Group, \"members\">)[] } \
         permits = { open: (ctx) => !this.related.banned.includes(ctx.subject), odd: (ctx) => !this.permits.odd(ctx) } }",
    );
    let mut texts: Vec<String> = (0..30).map(|i| format!("Group:g{i}#members@(Group:g{}#members)", i + 1)).collect();
    texts.push("Group:g30#members@ihor".into());
    texts.push("Doc:deep#banned@(Group:g0#members)".into());
    texts.extend((0..5).map(|i| format!("Doc:wide#banned@(Group:w{i}#members)")));
    let graph = stored(&texts);
    let answer = |options: &Options, text: &str| ask(&graph.latest(), &schema, options, text).unwrap();
    let narrow = Options { width: Some(4), ..Options::keto() };
    for options in [Options::keto(), narrow.clone()] {
        assert_eq!(answer(&options, "Doc:deep#open@ihor"), Decision::Undecided(Undecided::Depth));
        assert_eq!(answer(&options, "Doc:deep#banned@ihor"), Decision::Undecided(Undecided::Depth));
    }
    assert_eq!(answer(&narrow, "Doc:wide#open@ihor"), Decision::Undecided(Undecided::Width));
    assert_eq!(answer(&Options::keto(), "Doc:wide#open@ihor"), Decision::Allowed);
    let enough = Options { depth: 40, ..Options::keto() };
    assert_eq!(answer(&enough, "Doc:deep#open@ihor"), Decision::Denied);
    assert_eq!(answer(&enough, "Doc:deep#open@stranger"), Decision::Allowed);
    let few = Options { steps: 5, ..enough.clone() };
    assert_eq!(answer(&few, "Doc:deep#open@ihor"), Decision::Undecided(Undecided::Steps));
    assert_eq!(answer(&enough, "Doc:deep#odd@ihor"), Decision::Undecided(Undecided::Contradiction));
}

#[test]
fn questions_are_called_off() {
    let schema = read("class g implements Namespace {}");
    let graph = stored((0..5_000).map(|i| format!("g:{i}#m@(g:{}#m)", i + 1)));
    let options = Options { depth: 60_000, ..Options::keto() };
    let snapshot = graph.latest();
    let program = permissions::engine::Program::new(&schema, graph.names());
    let context = serde_json::Map::new();
    let engine = permissions::engine::Engine {
        reader: &*snapshot,
        program: &program,
        options: &options,
        now: crate::differential::now(),
        context: &context,
        stop: &|| true,
    };
    let question = RelationTuple::parse("g:0#m@nobody").unwrap();
    assert_eq!(engine.check(&question, 0).unwrap(), Decision::Undecided(Undecided::Time));
}

/// Chains far deeper than any stack are answered.
#[test]
fn depth_costs_no_stack() {
    let schema = read("class g implements Namespace {}");
    let deep = 60_000;
    let mut texts: Vec<String> = (0..deep).map(|i| format!("g:{i}#m@(g:{}#m)", i + 1)).collect();
    texts.push(format!("g:{deep}#m@ada"));
    let graph = stored(texts);
    let options = Options { depth: 65_535, ..Options::keto() };
    assert_eq!(ask(&graph.latest(), &schema, &options, "g:0#m@ada").unwrap(), Decision::Allowed);
    assert_eq!(ask(&graph.latest(), &schema, &options, "g:0#m@bert").unwrap(), Decision::Denied);
    let tree = with_engine(&*graph.latest(), &schema, &options, |e| e.expand(&SubjectSet::new("g", "0", "m"), 0));
    assert_eq!(tree.unwrap().children.len(), 1);
}

#[test]
fn a_relationship_lapses_at_its_moment() {
    let schema = read("class Doc implements Namespace {}");
    let mut tuple = RelationTuple::parse("Doc:d#view@ada").unwrap();
    let graph = Graph::empty(Arc::new(Names::default()), 4);
    let now = crate::differential::now();
    for (revision, (offset, expected)) in [(1, true), (0, false), (-1, false)].into_iter().enumerate() {
        let at = now.as_second() + offset;
        tuple.expires_at = Some(foundation::Timestamp::from_second(at).unwrap());
        graph.apply(revision as u64 + 1, &[permissions::engine::Delta::Insert(tuple.clone())]);
        assert_eq!(allowed(&graph, &schema, "Doc:d#view@ada"), expected, "{offset} s from now");
        assert_eq!(graph.latest().tuples(), 1);
    }
}

/// Conditions are part of every answer: missing values leave it open, also below `!` and where a set is met again.
#[test]
fn conditional_relationships_are_neither_yes_nor_no_without_their_values() {
    let schema = read(
        "class User implements Namespace {} class Doc implements Namespace { related: { viewers: User[] banned: User[] } \
         permits = { view: (ctx) => this.related.viewers.includes(ctx.subject), \
         open: (ctx) => !this.related.banned.includes(ctx.subject), \
         both: (ctx) => (this.permits.view(ctx) || this.related.banned.includes(ctx.subject)) && !this.related.banned.includes(ctx.subject) } }",
    );
    let conditional = |text: &str| {
        let mut tuple = RelationTuple::parse(text).unwrap();
        tuple.condition =
            Some(permissions::model::ConditionCall { name: "office".into(), context: serde_json::Map::new() });
        tuple
    };
    let tuples = [
        conditional("Doc:d#viewers@ada"),
        conditional("Doc:d#banned@ada"),
        RelationTuple::parse("Doc:e#viewers@ada").unwrap(),
        conditional("Doc:e#banned@ada"),
    ];
    let graph = loaded(&tuples, 1);
    let snapshot = graph.latest();
    let conditions = permissions::engine::Conditions::compile([("office", "place == 'office'")]).unwrap();
    let program = permissions::engine::Program::new(&schema, graph.names()).with_conditions(conditions);
    let options = Options::limen();
    let answer = |text: &str, context: serde_json::Value| {
        let context = context.as_object().cloned().unwrap();
        let engine = permissions::engine::Engine {
            reader: &*snapshot,
            program: &program,
            options: &options,
            now: crate::differential::now(),
            context: &context,
            stop: &|| false,
        };
        engine.check(&RelationTuple::parse(text).unwrap(), 0).unwrap()
    };
    let (nothing, inside, outside) =
        (serde_json::json!({}), serde_json::json!({"place": "office"}), serde_json::json!({"place": "home"}));
    let open = Decision::Undecided(Undecided::MissingContext(vec!["place".into()]));
    for text in ["Doc:d#view@ada", "Doc:d#open@ada", "Doc:d#both@ada", "Doc:e#both@ada"] {
        assert_eq!(answer(text, nothing.clone()), open, "{text}");
    }
    assert_eq!(answer("Doc:d#view@ada", inside.clone()), Decision::Allowed);
    assert_eq!(answer("Doc:d#open@ada", inside.clone()), Decision::Denied);
    assert_eq!(answer("Doc:e#both@ada", inside), Decision::Denied);
    assert_eq!(answer("Doc:d#view@ada", outside.clone()), Decision::Denied);
    assert_eq!(answer("Doc:d#open@ada", outside.clone()), Decision::Allowed);
    assert_eq!(answer("Doc:e#both@ada", outside), Decision::Allowed);
}
