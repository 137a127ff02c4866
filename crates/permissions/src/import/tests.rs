use super::*;
use crate::language::{Dialect, parse, write};

const SPICEDB: &str = r#"
// people
definition user {}
definition group { relation member: user | group#member }
definition folder {
  relation parent: folder
  relation viewer: user | group#member | user:*
  permission view = viewer + parent->view
}
definition doc {
  relation folder: folder
  relation owner: user with expiration
  relation banned: user
  permission edit = (owner + folder->view) - banned
  permission odd = owner + folder->view & banned
  permission any = folder.any(view)
}
caveat office(place string) {
  place == "office"
}
"#;

const OPENFGA: &str = r#"
model
  schema 1.1

type user

type group
  relations
    define member: [user, group#member]

type folder
  relations
    define parent: [folder]
    define viewer: [user, user:*, group#member] or viewer from parent

type doc
  relations
    define folder: [folder] # where it is
    define owner: [user]
    define banned: [user with office]
    define edit: (owner or viewer from folder) but not banned
"#;

/// The source that comes out is read again, in the strict dialect, and means the same.
fn reads_back(imported: &Imported) {
    let source = write(&imported.schema);
    let parsed = parse(&source, Dialect::Limen);
    assert_eq!(parsed.schema.as_ref(), Some(&imported.schema), "{source}\n{:?}", parsed.diagnostics);
}

fn lines(problems: &[Problem]) -> Vec<usize> {
    problems.iter().map(|problem| problem.line).collect()
}

#[test]
fn schemas_of_spicedb_come_over() {
    let imported = spicedb_schema(SPICEDB);
    assert_eq!(lines(&imported.problems), [7, 15, 18], "{:?}", imported.problems);
    reads_back(&imported);
    let doc = imported.schema.namespace("doc").unwrap();
    assert!(doc.relation("odd").is_none(), "an expression that could mean two things is left out");
    let computed = |name: &str| Rewrite::Computed(name.into());
    let view = Rewrite::Traverse { relation: "folder".into(), target: "view".into() };
    assert_eq!(
        doc.relation("edit").unwrap().rewrite,
        Some(Rewrite::All(vec![
            Rewrite::Any(vec![computed("owner"), view]),
            Rewrite::Not(Box::new(computed("banned")))
        ]))
    );
}

#[test]
fn relationships_of_spicedb_come_over() {
    let text = "doc:plan#owner@user:ada[expiration:2030-01-01T00:00:00Z]\ndoc:plan#folder@folder:f\n\
                group:g#member@group:h#member[office:{\"place\":\"x\"}]\nnonsense\nfolder:f#viewer@user:*\n";
    let imported = spicedb_schema(SPICEDB);
    let (tuples, problems) = spicedb_relationships(text, &imported);
    let shown: Vec<String> = tuples.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["doc:plan#owner@ada", "doc:plan#folder@(folder:f)", "group:g#member@(group:h#member)"]);
    assert_eq!(tuples[0].expires_at.map(|at| at.as_second()), Some(1_893_456_000));
    assert_eq!(tuples[2].condition.as_ref().unwrap().context["place"], "x");
    assert_eq!(lines(&problems), [4, 5]);
    assert!(tuples.iter().all(|tuple| imported.schema.accepts(tuple).is_ok()));
}

#[test]
fn models_of_openfga_come_over() {
    let imported = openfga_model(OPENFGA);
    assert_eq!(imported.problems.len(), 2, "{:?}", imported.problems);
    reads_back(&imported);
    let folder = imported.schema.namespace("folder").unwrap();
    assert_eq!(folder.relation("viewer_direct").unwrap().types.len(), 2);
    let text = "- {user: 'user:ada', relation: viewer, object: 'folder:f'}\n\
                - {user: 'folder:f', relation: folder, object: 'doc:d'}\n\
                - {user: 'group:g#member', relation: viewer, object: 'folder:f'}\n\
                - {user: 'user:*', relation: viewer, object: 'folder:f'}\n";
    let (tuples, problems) = openfga_tuples(text, &imported);
    let shown: Vec<String> = tuples.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["folder:f#viewer_direct@ada", "doc:d#folder@(folder:f)", "folder:f#viewer_direct@(group:g#member)"]
    );
    assert_eq!(problems.len(), 1);
    assert!(tuples.iter().all(|tuple| imported.schema.accepts(tuple).is_ok()));
}

#[test]
fn nonsense_is_said_and_left_out() {
    for text in
        ["definition", "relation x: y", "definition a { permission p = }", "definition a { permission p = (b }", "{{{"]
    {
        spicedb_schema(text);
    }
    let broken = spicedb_schema("definition a {\n permission p = b + \n permission q = x.all(y)\n}");
    assert_eq!(lines(&broken.problems), [2, 3]);
    let broken = openfga_model("type a\n  define p: [user\n  define q: x and y or z\n  define r: *\nnonsense");
    assert_eq!(lines(&broken.problems).last(), Some(&5));
    assert!(broken.schema.namespaces[0].relations.is_empty(), "{:?}", broken.schema);
    let deep = format!("definition a {{ permission p = {}b{} }}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(spicedb_schema(&deep).problems.len(), 1);
    assert_eq!(openfga_tuples("nonsense", &broken).1.len(), 1);
}
