//! Trees of who is in a set, in the shapes that the contract records.

use permissions::engine::{Options, Tree, TreeKind};
use permissions::model::{Schema, Subject, SubjectSet};

use crate::differential::with_engine;
use crate::known_faults::{read, stored};

/// A tree as one line: kinds as u, i, x and leaves bare.
fn shown(tree: &Tree) -> String {
    let name = match &tree.subject {
        None => String::new(),
        Some(Subject::Id(id)) => id.clone(),
        Some(Subject::Set(set)) => format!("{}#{}", set.object, set.relation),
    };
    let kind = match tree.kind {
        TreeKind::Union => "u",
        TreeKind::Intersection => "i",
        TreeKind::Exclusion => "x",
        TreeKind::Leaf => return name,
    };
    let children: Vec<String> = tree.children.iter().map(shown).collect();
    format!("{kind}:{name}[{}]", children.join(" "))
}

fn tree(schema: &Schema, tuples: &[&str], options: &Options, set: &str, depth: i64) -> String {
    let graph = stored(tuples);
    let set = SubjectSet::parse(set).unwrap();
    with_engine(&*graph.latest(), schema, options, |engine| shown(&engine.expand(&set, depth).unwrap()))
}

const PLAIN: &str = "class Group implements Namespace {} class Document implements Namespace {}";

const GROUPS: &[&str] = &[
    "Group:inner#members@ada",
    "Group:inner#members@bert",
    "Group:outer#members@(Group:inner#members)",
    "Group:outer#members@carl",
    "Document:spec#viewers@(Group:outer#members)",
    "Document:spec#viewers@dora",
    "Document:spec#parents@(Folder:f)",
    "Group:a#members@(Group:b#members)",
    "Group:b#members@(Group:a#members)",
    "Group:b#members@(Group:b#members)",
    "Group:b#members@ada",
];

#[test]
fn the_depth_cuts_trees() {
    let schema = read(PLAIN);
    let at = |depth| tree(&schema, GROUPS, &Options::keto(), "Document:spec#viewers", depth);
    assert_eq!(at(1), "spec#viewers");
    assert_eq!(at(2), "u:spec#viewers[dora outer#members]");
    assert_eq!(at(3), "u:spec#viewers[dora u:outer#members[carl inner#members]]");
    let whole = "u:spec#viewers[dora u:outer#members[carl u:inner#members[ada bert]]]";
    for depth in [4, 0, -1, 100] {
        assert_eq!(at(depth), whole);
    }
}

#[test]
fn objects_as_such_cycles_and_the_unknown_are_leaves() {
    let schema = read(PLAIN);
    let of = |set| tree(&schema, GROUPS, &Options::keto(), set, 0);
    assert_eq!(of("Document:spec#parents"), "u:spec#parents[f#]");
    assert_eq!(of("Document:spec#nobody"), "spec#nobody");
    assert_eq!(of("Document:spec"), "spec#");
    assert_eq!(of("Group:a#members"), "u:a#members[u:b#members[ada a#members b#members]]");
}

#[test]
fn the_size_is_limited() {
    let schema = read(PLAIN);
    let options = Options { expand_size: 3, ..Options::keto() };
    assert_eq!(tree(&schema, GROUPS, &options, "Document:spec#viewers", 0), "u:spec#viewers[dora outer#members]");
}

#[test]
fn permits_are_followed_where_the_configuration_says_so() {
    let schema = read(
        "class User implements Namespace {} \
         class Folder implements Namespace { related: { viewers: User[] } } \
         class Doc implements Namespace { related: { parents: Folder[] owners: User[] banned: User[] } permits = { \
           own: (ctx) => this.related.owners.includes(ctx.subject), \
           edit: (ctx) => (this.permits.own(ctx) || this.related.parents.traverse((p) => p.related.viewers.includes(ctx.subject))) \
             && !this.related.banned.includes(ctx.subject), \
         } }",
    );
    let tuples = ["Doc:d#owners@olena", "Doc:d#parents@(Folder:f)", "Folder:f#viewers@carl"];
    let follow = Options { expand_rewrites: true, depth: 10, ..Options::keto() };
    let of = |set, options| tree(&schema, &tuples, options, set, 0);
    assert_eq!(of("Doc:d#own", &follow), "u:d#own[u:d#owners[olena]]");
    assert_eq!(
        of("Doc:d#edit", &follow),
        "i:d#edit[u:[u:d#own[u:d#owners[olena]] u:d#parents[u:f#viewers[carl]]] x:[d#banned]]"
    );
    assert_eq!(of("Doc:none#own", &follow), "u:none#own[none#owners]");
    assert_eq!(of("Doc:d#edit", &Options::keto()), "d#edit");
}

#[test]
fn strict_trees_have_declared_subjects_only() {
    let schema = read(
        "class User implements Namespace {} \
         class Doc implements Namespace { related: { viewers: (User | SubjectSet<Doc, \"viewers\">)[] others: User[] } }",
    );
    let tuples =
        ["Doc:a#viewers@(Doc:b#viewers)", "Doc:b#viewers@ada", "Doc:a#viewers@(Doc:c#others)", "Doc:c#others@eve"];
    let strict = Options { strict: true, ..Options::keto() };
    // As recorded: a relation that takes sets shows these alone, and `Doc:b#viewers` holds none.
    assert_eq!(tree(&schema, &tuples, &strict, "Doc:a#viewers", 0), "u:a#viewers[b#viewers]");
    assert_eq!(
        tree(&schema, &tuples, &Options::keto(), "Doc:a#viewers", 0),
        "u:a#viewers[u:b#viewers[ada] u:c#others[eve]]"
    );
}
