//! The figures of the engine alone, without network and database: `cargo run --release -p permissions --example figures`.
//! The first argument is the number of relationships of the large store (10,000,000), which is compared with 10,000.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints, and that may fail")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use foundation::Timestamp;
use permissions::engine::{Delta, Engine, Graph, Names, Options, Program, Snapshot, TupleReader as _};
use permissions::language::{Dialect, parse};
use permissions::model::{RelationTuple, Subject, SubjectSet};
use serde_json::Map;

const SCHEMA: &str = r#"
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Folder implements Namespace {
  related: { parents: Folder[] viewers: (User | SubjectSet<Group, "members">)[] }
  permits = {
    view: (ctx) =>
      this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.view(ctx)),
  }
}
class Doc implements Namespace {
  related: { parents: Folder[] viewers: (User | SubjectSet<Group, "members">)[] banned: User[] }
  permits = {
    view: (ctx) =>
      this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((p) => p.permits.view(ctx)),
    edit: (ctx) => this.permits.view(ctx) && !this.related.banned.includes(ctx.subject),
  }
}
"#;

/// Checks that are measured one by one: what, question, answer, goal of the 99th percentile in microseconds.
const QUESTIONS: &[(&str, &str, bool, u64)] = &[
    ("two groups deep", "Doc:two#view@ada", true, 1_000),
    ("five parents deep", "Doc:five#view@ada", true, 3_000),
    ("200 wide, hit", "Doc:wide200#view@in199", true, 5_000),
    ("200 wide, miss", "Doc:wide200#view@nobody", false, 5_000),
    ("10,000 wide, hit", "Doc:wide10000#view@in9999", true, 30_000),
    ("10,000 wide, miss", "Doc:wide10000#view@nobody", false, 30_000),
];

fn id(name: impl Into<String>) -> Subject {
    Subject::Id(name.into())
}

fn set(namespace: &str, object: impl Into<String>, relation: &str) -> Subject {
    Subject::Set(SubjectSet::new(namespace, object, relation))
}

/// A store of about this many relationships, with the shapes that are measured in it.
fn store(count: usize) -> (Graph, Duration) {
    let started = Instant::now();
    let mut loader = Graph::loader(Arc::new(Names::default()));
    let mut add = |namespace: &str, object: String, relation: &str, subject: Subject| {
        loader.add(&RelationTuple::new(namespace, object, relation, subject));
    };
    let (users, groups, docs) = (count / 10, count / 100, count / 5);
    for group in 0..groups {
        for member in 0..30 {
            let user = (group * 7_919 + member * 104_729) % users;
            add("Group", format!("g{group}"), "members", id(format!("user{user}")));
        }
    }
    for doc in 0..docs {
        let name = format!("doc{doc}");
        add("Doc", name.clone(), "viewers", set("Group", format!("g{}", (doc * 31) % groups), "members"));
        add("Doc", name.clone(), "viewers", id(format!("user{}", (doc * 17) % users)));
        add("Doc", name, "parents", set("Folder", format!("f{}", doc % (docs / 10)), ""));
    }
    for folder in 1..docs / 10 {
        add("Folder", format!("f{folder}"), "parents", set("Folder", format!("f{}", folder / 8), ""));
    }
    shapes(&mut add);
    let graph = loader.finish(1, 16);
    (graph, started.elapsed())
}

fn shapes(add: &mut impl FnMut(&str, String, &str, Subject)) {
    add("Doc", "two".into(), "viewers", set("Group", "near", "members"));
    add("Group", "near".into(), "members", set("Group", "far", "members"));
    add("Group", "far".into(), "members", id("ada"));
    add("Doc", "five".into(), "parents", set("Folder", "level1", ""));
    for level in 1..5 {
        add("Folder", format!("level{level}"), "parents", set("Folder", format!("level{}", level + 1), ""));
    }
    add("Folder", "level5".into(), "viewers", id("ada"));
    for wide in [200, 10_000] {
        for at in 0..wide {
            add("Doc", format!("wide{wide}"), "viewers", set("Group", format!("w{at}"), "members"));
            add("Group", format!("w{at}"), "members", id(format!("in{at}")));
        }
    }
    for at in 0..1_000 {
        add("Doc", format!("mine{at}"), "viewers", set("Group", "mine", "members"));
    }
    add("Group", "mine".into(), "members", id("lister"));
}

/// The middle and the 99th percentile of many runs.
fn time(runs: usize, mut run: impl FnMut(usize)) -> (Duration, Duration) {
    let mut all: Vec<Duration> = (0..runs)
        .map(|at| {
            let started = Instant::now();
            run(at);
            started.elapsed()
        })
        .collect();
    all.sort_unstable();
    (all[runs / 2], all[runs * 99 / 100])
}

/// Kilobytes that the process holds.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).unwrap_or(0)
}

fn row(what: impl AsRef<str>, found: impl AsRef<str>, goal: &str, met: bool) {
    println!("{:40} {:52} {goal:14} {}", what.as_ref(), found.as_ref(), if met { "yes" } else { "NO" });
}

/// Prints the rows of one store, and says how many mixed checks a second it answers.
fn measure(snapshot: &Snapshot, count: usize) -> f64 {
    let program = Program::new(&parse(SCHEMA, Dialect::Limen).schema.unwrap(), snapshot.names());
    let (options, context, now) = (Options::limen(), Map::new(), Timestamp::UNIX_EPOCH);
    let engine =
        Engine { reader: snapshot, program: &program, options: &options, now, context: &context, stop: &|| false };
    for (what, text, expected, goal) in QUESTIONS {
        let tuple = RelationTuple::parse(text).unwrap();
        let (middle, late) = time(2_000, |_| assert_eq!(engine.check(&tuple, 0).unwrap().allowed(), *expected));
        let met = late < Duration::from_micros(*goal);
        row(
            format!("{count}: {what}"),
            format!("{middle:.1?}, p99 {late:.1?}"),
            &format!("p99 < {} ms", goal / 1_000),
            met,
        );
    }
    let lister = id("lister");
    let (middle, late) = time(50, |_| {
        assert_eq!(engine.list_objects("Doc", "view", &lister, None, 1_000).unwrap().entries.len(), 1_000);
    });
    row(
        format!("{count}: list of 1,000 objects"),
        format!("{middle:.1?}, p99 {late:.1?}"),
        "p99 < 30 ms",
        late.as_millis() < 30,
    );
    // Different documents and people each time: caches of the processor help only as far as they do in life.
    let (docs, users) = (count / 5, count / 10);
    let mixed: Vec<RelationTuple> = (0..200_000)
        .map(|at: usize| {
            let user = id(format!("user{}", (at * 69_621) % users));
            RelationTuple::new("Doc", format!("doc{}", (at * 48_271) % docs), "edit", user)
        })
        .collect();
    let started = Instant::now();
    let allowed = mixed.iter().filter(|tuple| engine.check(tuple, 0).unwrap().allowed()).count();
    let rate = mixed.len() as f64 / started.elapsed().as_secs_f64();
    row(
        format!("{count}: mixed checks, one thread"),
        format!("{rate:.0} a second, {allowed} of {} allowed", mixed.len()),
        "",
        true,
    );
    rate
}

fn main() {
    let large: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000_000);
    let (small, _) = store(10_000);
    let small_rate = measure(&small.latest(), 10_000);
    drop(small);
    let before = resident();
    let (graph, load) = store(large);
    let snapshot = graph.latest();
    let tuples = snapshot.tuples() as usize;
    let (names, bytes) = (graph.names().bytes(), snapshot.bytes());
    row("relationships", format!("{tuples}"), "", true);
    row("loading", format!("{:.0} a second", tuples as f64 / load.as_secs_f64()), "", true);
    let each = |bytes: usize| bytes as f64 / tuples as f64;
    let found = format!("{:.1} bytes a relationship, and names {:.1}", each(bytes), each(names));
    row("memory by structure", found, "< 150 bytes", each(bytes + names) < 150.0);
    let grown = resident().saturating_sub(before) * 1024;
    row("memory, resident", format!("{:.1} bytes a relationship", each(grown)), "< 150 bytes", each(grown) < 150.0);
    let rate = measure(&snapshot, large);
    row(
        format!("mixed checks, {large} to 10,000"),
        format!("{:.2}", rate / small_rate),
        ">= 0.8",
        rate / small_rate >= 0.8,
    );
    drop(snapshot);
    let mut revision = 1;
    let (middle, late) = time(2_000, |at| {
        revision += 1;
        let tuple = RelationTuple::new("Doc", format!("doc{}", at * 97), "viewers", id(format!("new{at}")));
        graph.apply(revision, &[Delta::Insert(tuple)]);
    });
    row("one write applied", format!("{middle:.1?}, p99 {late:.1?}"), "", true);
}
