//! Files that say what permissions should be: relationships, and who is allowed, denied or listed by them. Pure: reads
//! text, runs it over a graph of its own, and says what differs.
//!
//! ```yaml
//! schema: |                     # or schema_file: namespaces.ts
//!   class User implements Namespace {}
//!   class Doc implements Namespace { related: { viewers: User[] } }
//! tuples:
//!   - Doc:plan#viewers@ada
//!   - {tuple: "Doc:plan#viewers@bert", expires_at: 2030-01-01T00:00:00Z}
//! tests:
//!   - name: viewers
//!     now: 2029-01-01T00:00:00Z
//!     allowed: ["Doc:plan#viewers@bert"]
//!     denied: ["Doc:plan#viewers@carl"]
//!     objects: [{namespace: Doc, relation: viewers, subject: ada, are: [plan]}]
//!     subjects: [{of: "Doc:plan#viewers", are: [ada, bert]}]
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use foundation::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::{
    Conditions, Decision, Engine, Explained, Graph, Holds, Names, Options, Program, Snapshot, SubjectFilter, What,
};
use crate::language::{Diagnostic, Dialect, Severity, parse};
use crate::model::{ConditionCall, RelationTuple, Schema, Subject, SubjectSet};

/// A file of tests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exam {
    /// The namespaces in the permission language.
    pub schema: Option<String>,
    /// A file with them instead, relative to this one.
    pub schema_file: Option<String>,
    /// The rules of `keto` or `limen`.
    pub dialect: ExamDialect,
    /// Whether only what is declared counts; by default as the dialect has it.
    pub strict: Option<bool>,
    /// The greatest depth; by default as the dialect has it.
    pub depth: Option<u32>,
    /// Conditions in CEL by name.
    pub conditions: BTreeMap<String, String>,
    /// Relationships of all tests.
    pub tuples: Vec<ExamTuple>,
    /// The tests.
    pub tests: Vec<Test>,
}

/// Whose rules hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExamDialect {
    /// Those of the reference server.
    Keto,
    /// limen's own.
    #[default]
    Limen,
}

/// A relationship.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ExamTuple {
    /// In text form.
    Plain(String),
    /// With what qualifies it.
    Qualified {
        /// In text form.
        tuple: String,
        /// When it lapses.
        expires_at: Option<Timestamp>,
        /// While what holds it counts.
        condition: Option<ConditionCall>,
    },
}

/// What should be so.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Test {
    /// What it is about.
    pub name: String,
    /// The moment of the questions; by default the beginning of 1970, when nothing has lapsed.
    pub now: Option<Timestamp>,
    /// Values for conditions.
    pub context: Map<String, Value>,
    /// Relationships of this test alone.
    pub tuples: Vec<ExamTuple>,
    /// Checks that say yes.
    pub allowed: Vec<String>,
    /// Checks that say no.
    pub denied: Vec<String>,
    /// Checks that nothing can be said to.
    pub undecided: Vec<String>,
    /// Lists of objects.
    pub objects: Vec<ObjectsOf>,
    /// Lists of subjects.
    pub subjects: Vec<SubjectsOf>,
}

/// On which objects a subject has a permission.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsOf {
    /// The namespace.
    pub namespace: String,
    /// The relation or permit.
    pub relation: String,
    /// The subject in text form.
    pub subject: String,
    /// All of them.
    pub are: Vec<String>,
}

/// Which subjects have a permission.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectsOf {
    /// The object and its relation or permit, in text form.
    pub of: String,
    /// Sets of `Namespace#relation` instead of ids.
    pub kind: Option<String>,
    /// All of them, in text form.
    pub are: Vec<String>,
}

/// Why a file cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExamError {
    /// The file itself.
    #[error("the file cannot be read: {0}")]
    File(String),
    /// The namespaces.
    #[error("line {}, column {}: {}", .0.start.line, .0.start.column, .0.message)]
    Schema(Diagnostic),
    /// A relationship or subject.
    #[error("`{0}` is no relationship: {1}")]
    Text(String, String),
    /// A relationship that the namespaces do not take.
    #[error("`{0}` does not fit: {1}")]
    Misfit(String, String),
    /// A condition.
    #[error(transparent)]
    Condition(#[from] crate::engine::ConditionError),
}

/// An assertion that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The test.
    pub test: String,
    /// The question.
    pub question: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Why, line by line.
    pub why: Vec<String>,
}

/// What running a file gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExamReport {
    /// How many assertions hold.
    pub passed: usize,
    /// Those that do not.
    pub differences: Vec<Difference>,
}

impl fmt::Display for ExamReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{}: {}", difference.test, difference.question)?;
            writeln!(f, "  - expected: {}", difference.expected)?;
            writeln!(f, "  + found:    {}", difference.found)?;
            for line in &difference.why {
                writeln!(f, "    {line}")?;
            }
        }
        write!(f, "{} passed, {} failed", self.passed, self.differences.len())
    }
}

impl Exam {
    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, ExamError> {
        let exam: Self = yaml_serde::from_str(text).map_err(|error| ExamError::File(error.to_string()))?;
        match (&exam.schema, &exam.schema_file) {
            (Some(_), None) | (None, Some(_)) => Ok(exam),
            _ => Err(ExamError::File("exactly one of `schema` and `schema_file` is needed".to_owned())),
        }
    }

    /// Runs all tests. `schema_file` is the text of the file of that name, where it is needed.
    pub fn run(&self, schema_file: Option<&str>) -> Result<ExamReport, ExamError> {
        let source = self.schema.as_deref().or(schema_file).unwrap_or_default();
        let (dialect, mut options) = match self.dialect {
            ExamDialect::Keto => (Dialect::Keto, Options::keto()),
            ExamDialect::Limen => (Dialect::Limen, Options::limen()),
        };
        options.strict = self.strict.unwrap_or(options.strict);
        options.depth = self.depth.unwrap_or(options.depth);
        let parsed = parse(source, dialect);
        let Some(schema) = parsed.schema else {
            let first = parsed.diagnostics.into_iter().find(|d| d.severity == Severity::Error);
            return Err(first.map_or_else(|| ExamError::File("no namespaces".to_owned()), ExamError::Schema));
        };
        let mut report = ExamReport::default();
        for (at, test) in self.tests.iter().enumerate() {
            let name = if test.name.is_empty() { format!("test {}", at + 1) } else { test.name.clone() };
            self.run_test(&schema, &options, test, name, &mut report)?;
        }
        Ok(report)
    }

    fn run_test(
        &self,
        schema: &Schema,
        options: &Options,
        test: &Test,
        name: String,
        report: &mut ExamReport,
    ) -> Result<(), ExamError> {
        let mut loader = Graph::loader(Arc::new(Names::default()));
        for tuple in self.tuples.iter().chain(&test.tuples) {
            let tuple = tuple.read()?;
            if options.strict {
                schema.accepts(&tuple).map_err(|why| ExamError::Misfit(tuple.to_string(), why.to_string()))?;
            }
            loader.add(&tuple);
        }
        let graph = loader.finish(1, 1);
        let snapshot = graph.latest();
        let sources = self.conditions.iter().map(|(name, source)| (name.as_str(), source.as_str()));
        let program = Program::new(schema, graph.names()).with_conditions(Conditions::compile(sources)?);
        let now = test.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let engine =
            Engine { reader: &*snapshot, program: &program, options, now, context: &test.context, stop: &|| false };
        let mut run = Run { engine, name, report };
        for (texts, expected) in [(&test.allowed, "allowed"), (&test.denied, "denied"), (&test.undecided, "undecided")]
        {
            for text in texts {
                run.check(text, expected)?;
            }
        }
        test.objects.iter().for_each(|list| run.objects(list));
        test.subjects.iter().try_for_each(|list| run.subjects(list))
    }
}

impl ExamTuple {
    fn read(&self) -> Result<RelationTuple, ExamError> {
        match self {
            Self::Plain(text) => read(text),
            Self::Qualified { tuple, expires_at, condition } => {
                let mut tuple = read(tuple)?;
                tuple.expires_at = *expires_at;
                tuple.condition.clone_from(condition);
                Ok(tuple)
            }
        }
    }
}

fn read(text: &str) -> Result<RelationTuple, ExamError> {
    RelationTuple::parse(text).map_err(|error| ExamError::Text(text.to_owned(), error.to_string()))
}

struct Run<'r> {
    engine: Engine<'r, Snapshot>,
    name: String,
    report: &'r mut ExamReport,
}

impl Run<'_> {
    fn note(&mut self, question: String, expected: String, found: String, why: Vec<String>) {
        if expected == found {
            self.report.passed += 1;
        } else {
            let test = self.name.clone();
            self.report.differences.push(Difference { test, question, expected, found, why });
        }
    }

    fn check(&mut self, text: &str, expected: &str) -> Result<(), ExamError> {
        let tuple = read(text)?;
        let found = match self.engine.check(&tuple, 0) {
            Ok(Decision::Allowed) => "allowed".to_owned(),
            Ok(Decision::Denied) => "denied".to_owned(),
            Ok(Decision::Undecided(why)) if expected != "undecided" => format!("undecided: {why:?}"),
            Ok(Decision::Undecided(_)) => "undecided".to_owned(),
            Err(error) => error.to_string(),
        };
        let mut why = Vec::new();
        if found != expected
            && let Ok(explanation) = self.engine.explain(&tuple, 0)
        {
            told(&explanation.why, 0, &mut why);
        }
        self.note(format!("check {text}"), expected.to_owned(), found, why);
        Ok(())
    }

    fn objects(&mut self, list: &ObjectsOf) {
        let subject = Subject::parse(&list.subject);
        let found = self.engine.list_objects(&list.namespace, &list.relation, &subject, None, usize::MAX);
        let question = format!("objects of {}#{} for {}", list.namespace, list.relation, list.subject);
        self.list(question, &list.are, found.map(|found| found.entries));
    }

    fn subjects(&mut self, list: &SubjectsOf) -> Result<(), ExamError> {
        let set = SubjectSet::parse(&list.of).map_err(|error| ExamError::Text(list.of.clone(), error.to_string()))?;
        let filter = match &list.kind {
            None => SubjectFilter::Ids,
            Some(kind) => {
                let (namespace, relation) = kind.split_once('#').unwrap_or((kind, ""));
                SubjectFilter::Sets { namespace: namespace.to_owned(), relation: relation.to_owned() }
            }
        };
        let found = self.engine.list_subjects(&set, &filter, None, usize::MAX);
        let found = found.map(|found| found.entries.iter().map(ToString::to_string).collect());
        self.list(format!("subjects of {}", list.of), &list.are, found);
        Ok(())
    }

    fn list(&mut self, question: String, expected: &[String], found: Result<Vec<String>, crate::PermissionError>) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let (shown, why) = match found {
            Err(error) => (error.to_string(), Vec::new()),
            Ok(mut found) => {
                found.sort_unstable();
                let missing = expected.iter().filter(|name| !found.contains(name)).map(|name| format!("- {name}"));
                let extra = found.iter().filter(|name| !expected.contains(name)).map(|name| format!("+ {name}"));
                (found.join(", "), missing.chain(extra).collect())
            }
        };
        self.note(question, expected.join(", "), shown, why);
    }
}

/// An explanation as indented lines, as far as people read.
fn told(explained: &Explained, depth: usize, lines: &mut Vec<String>) {
    if depth > 8 || lines.len() > 40 {
        return;
    }
    let holds = match explained.holds {
        Holds::Yes => "yes",
        Holds::No => "no",
        Holds::Open => "open",
    };
    let what = match &explained.what {
        What::Member(set) => set.clone(),
        What::Relationship(text) if explained.holds == Holds::Yes => format!("{text} is stored"),
        What::Relationship(text) => format!("{text} is missing"),
        What::Any => "any of".to_owned(),
        What::All => "all of".to_owned(),
        What::Not => "not".to_owned(),
        What::Traverse(set) => format!("over {set}"),
    };
    lines.push(format!("{}{holds}: {what}", "  ".repeat(depth)));
    explained.because.iter().for_each(|part| told(part, depth + 1, lines));
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
schema: |
  class User implements Namespace {}
  class Doc implements Namespace {
    related: { viewers: (User | SubjectSet<Doc, "viewers">)[] banned: User[] }
    permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) && !this.related.banned.includes(ctx.subject) }
  }
conditions: {office: "place == 'office'"}
tuples:
  - Doc:plan#viewers@ada
  - {tuple: "Doc:plan#viewers@bert", expires_at: 2030-01-01T00:00:00Z}
  - {tuple: "Doc:plan#viewers@dora", condition: {name: office}}
  - Doc:draft#viewers@(Doc:plan#viewers)
tests:
  - name: before
    now: 2029-12-31T23:59:59Z
    allowed: ["Doc:plan#view@ada", "Doc:draft#view@bert"]
    denied: ["Doc:plan#view@carl"]
    undecided: ["Doc:plan#view@dora"]
    objects: [{namespace: Doc, relation: view, subject: ada, are: [draft, plan]}]
    subjects:
      - {of: "Doc:plan#view", are: [bert, ada]}
      - {of: "Doc:draft#viewers", kind: Doc#viewers, are: ["(Doc:plan#viewers)"]}
  - name: after
    now: 2030-01-01T00:00:00Z
    context: {place: office}
    tuples: ["Doc:plan#banned@ada"]
    denied: ["Doc:plan#view@bert", "Doc:plan#view@ada"]
    allowed: ["Doc:plan#view@dora"]
"#;

    #[test]
    fn what_holds_passes() {
        let report = Exam::read(FILE).unwrap().run(None).unwrap();
        assert_eq!(report.differences, []);
        assert_eq!(report.passed, 10);
    }

    #[test]
    fn what_does_not_hold_is_shown_with_its_reason() {
        let wrong = FILE
            .replace("denied: [\"Doc:plan#view@carl\"]", "allowed: [\"Doc:plan#view@carl\"]")
            .replace("    allowed: [\"Doc:plan#view@ada\", \"Doc:draft#view@bert\"]\n", "")
            .replace("are: [draft, plan]", "are: [draft, other]");
        let report = Exam::read(&wrong).unwrap().run(None).unwrap();
        let text = report.to_string();
        assert_eq!(report.differences.len(), 2, "{text}");
        assert!(
            text.contains("before: check Doc:plan#view@carl\n  - expected: allowed\n  + found:    denied"),
            "{text}"
        );
        assert!(text.contains("no: Doc:plan#viewers@carl is missing"), "{text}");
        assert!(text.contains("- other\n    + plan"), "{text}");
        assert!(text.ends_with("6 passed, 2 failed"), "{text}");
    }

    #[test]
    fn files_that_make_no_sense_are_refused() {
        let run = |text: &str| Exam::read(text).and_then(|exam| exam.run(None)).unwrap_err().to_string();
        assert!(run("tests: []").contains("exactly one of"));
        assert!(run("schema: ''\nnope: 1").contains("nope"));
        assert!(run("schema: 'class {'\ntests: []").contains("line 1, column 6"));
        assert!(run("schema: ''\ntuples: [nonsense]\ntests: [{}]").contains("nonsense"));
        assert!(run(&FILE.replace("Doc:plan#viewers@ada\n", "Doc:plan#view@ada\n")).contains("is a permit"));
        let exam = Exam::read("schema_file: names.ts\ntests: [{denied: ['Doc:a#b@c']}]").unwrap();
        assert_eq!(exam.run(Some("class Doc implements Namespace {}")).unwrap().passed, 1);
    }
}
