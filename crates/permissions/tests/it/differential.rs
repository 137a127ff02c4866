//! The engine against the plain meaning, over random namespaces and relationships: checks, lists, orders of writing.
//!
//! Twenty thousand questions by default; `LIMEN_TEST_QUESTIONS` asks for more and `LIMEN_TEST_SEED` for others. A
//! difference names its seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use foundation::Timestamp;
use permissions::PermissionError;
use permissions::engine::{
    Decision, Delta, DepthRule, Engine, Explained, Graph, Holds, Names, Options, Partial, Program, Snapshot,
    SubjectFilter, TupleReader, Undecided, Wanted, What,
};
use permissions::model::{RelationTuple, Schema, Subject, SubjectSet};
use serde_json::Map;

use crate::naive::{Naive, Truth, spoken_of};
use crate::random::{Dice, schema, tuples};

#[expect(clippy::disallowed_methods, reason = "how long a run takes is for whoever starts it to say")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub fn loaded(tuples: &[RelationTuple], window: usize) -> Graph {
    let mut loader = Graph::loader(Arc::new(Names::default()));
    tuples.iter().for_each(|tuple| loader.add(tuple));
    loader.finish(1, window)
}

pub fn with_engine<R: TupleReader, T>(
    reader: &R,
    schema: &Schema,
    options: &Options,
    run: impl FnOnce(&Engine<'_, R>) -> T,
) -> T {
    let program = Program::new(schema, reader.names());
    let (context, stop) = (Map::new(), || false);
    run(&Engine { reader, program: &program, options, now: now(), context: &context, stop: &stop })
}

fn truth(decision: &Decision) -> Truth {
    match decision {
        Decision::Allowed => Truth::Yes,
        Decision::Denied => Truth::No,
        Decision::Undecided(_) => Truth::Unknown,
    }
}

struct Case {
    seed: u64,
    schema: Schema,
    tuples: Vec<RelationTuple>,
    options: Options,
    sets: Vec<SubjectSet>,
    subjects: Vec<Subject>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let wild = dice.chance(30);
        let schema = schema(&mut dice, wild);
        let tuples = tuples(&mut dice, &schema, now());
        let mut options = if dice.chance(50) { Options::keto() } else { Options::limen() };
        options.strict = dice.chance(40);
        options.depth_rule = if dice.chance(50) { DepthRule::Recorded } else { DepthRule::Hops };
        options.width = dice.chance(15).then_some(2);
        options.depth = if dice.chance(40) { 1 + dice.roll(6) as u32 } else { 1000 };
        let (objects, _) = spoken_of(&tuples);
        let mut sets = Vec::new();
        for namespace in &schema.namespaces {
            let names = objects.get(&namespace.name).cloned().unwrap_or_default();
            for object in names.iter().map(String::as_str).chain(["never-named"]) {
                if namespace.relations.is_empty() {
                    sets.extend(["a", "odd"].map(|r| SubjectSet::new(&namespace.name, object, r)));
                }
                sets.extend(namespace.relations.iter().map(|r| SubjectSet::new(&namespace.name, object, &r.name)));
            }
        }
        let mut subjects: Vec<Subject> = ["u0", "u1", "u2", "u3", "stranger"].map(|id| Subject::Id(id.into())).into();
        for _ in 0..2 {
            subjects.push(Subject::Set(dice.of(&sets).clone()));
        }
        Self { seed, schema, tuples, options, sets, subjects }
    }

    fn show(&self, set: &SubjectSet, subject: &Subject) -> String {
        let tuples: Vec<String> = self.tuples.iter().map(|t| format!("{t}{:?}", t.expires_at)).collect();
        format!("seed {}: {set}@{subject}\n{:#?}\n{}\n{:#?}", self.seed, self.options, tuples.join("\n"), self.schema)
    }

    /// Compares all questions; how many were answered yes, no and not at all.
    fn checks(&self, snapshot: &Snapshot, naive: &Naive<'_>) -> [u64; 3] {
        let mut answers = [0; 3];
        with_engine(snapshot, &self.schema, &self.options, |engine| {
            for set in &self.sets {
                for subject in &self.subjects {
                    let expected = naive.check(set, subject, self.options.depth);
                    let tuple = RelationTuple::new(&set.namespace, &set.object, &set.relation, subject.clone());
                    let found = engine.check(&tuple, 0).unwrap();
                    assert_eq!(truth(&found), expected, "{found:?} {}", self.show(set, subject));
                    answers[expected as usize] += 1;
                }
            }
        });
        answers
    }

    fn lists(&self, snapshot: &Snapshot, naive: &Naive<'_>) {
        let (objects, ids) = spoken_of(&self.tuples);
        with_engine(snapshot, &self.schema, &self.options, |engine| {
            let relations: BTreeSet<(&str, &str)> =
                self.sets.iter().map(|s| (s.namespace.as_str(), s.relation.as_str())).collect();
            for (namespace, relation) in relations {
                let subject = &self.subjects[self.seed as usize % self.subjects.len()];
                let known = objects.get(namespace).cloned().unwrap_or_default();
                let expected: Vec<String> = known
                    .into_iter()
                    .filter(|object| {
                        let set = SubjectSet::new(namespace, object, relation);
                        naive.check(&set, subject, self.options.depth) == Truth::Yes
                    })
                    .collect();
                let found = paged(|after| engine.list_objects(namespace, relation, subject, after, 2).unwrap());
                assert_eq!(found, expected, "{}", self.show(&SubjectSet::new(namespace, "*", relation), subject));
            }
            let set = &self.sets[self.seed as usize % self.sets.len()];
            let expected: Vec<Subject> = ids
                .iter()
                .map(|id| Subject::Id(id.clone()))
                .filter(|subject| naive.check(set, subject, self.options.depth) == Truth::Yes)
                .collect();
            let found = paged(|after| engine.list_subjects(set, &SubjectFilter::Ids, after, 2).unwrap());
            assert_eq!(found, expected, "{}", self.show(set, &Subject::Id("*".into())));
            let filter = SubjectFilter::Sets { namespace: "Team".into(), relation: "a".into() };
            let expected: Vec<Subject> = objects
                .get("Team")
                .into_iter()
                .flatten()
                .map(|object| Subject::Set(SubjectSet::new("Team", object, "a")))
                .filter(|subject| naive.check(set, subject, self.options.depth) == Truth::Yes)
                .collect();
            let found = paged(|after| engine.list_subjects(set, &filter, after, 3).unwrap());
            assert_eq!(found, expected, "{}", self.show(set, &Subject::Id("Team:*#a".into())));
        });
    }
}

/// All pages of a list.
fn paged<T: Clone + AsRefStr, L>(list: L) -> Vec<T>
where
    L: Fn(Option<&T::Cursor>) -> permissions::engine::Listed<T>,
{
    let mut found = Vec::new();
    let mut after: Option<T> = None;
    loop {
        let page = list(after.as_ref().map(T::cursor));
        found.extend(page.entries);
        match page.next {
            None => return found,
            Some(next) => after = Some(next),
        }
    }
}

/// What a list goes on behind.
trait AsRefStr {
    type Cursor: ?Sized;
    fn cursor(&self) -> &Self::Cursor;
}

impl AsRefStr for String {
    type Cursor = str;
    fn cursor(&self) -> &str {
        self
    }
}

impl AsRefStr for Subject {
    type Cursor = Subject;
    fn cursor(&self) -> &Subject {
        self
    }
}

#[test]
fn engine_and_plain_meaning_agree() {
    let (wanted, first) = (setting("LIMEN_TEST_QUESTIONS", 20_000), setting("LIMEN_TEST_SEED", 1));
    let (mut answers, mut seed) = ([0; 3], first);
    while answers.iter().sum::<u64>() < wanted {
        let case = Case::new(seed);
        let naive = Naive::new(&case.schema, &case.tuples, &case.options, now());
        let graph = loaded(&case.tuples, 4);
        for (sum, more) in answers.iter_mut().zip(case.checks(&graph.latest(), &naive)) {
            *sum += more;
        }
        case.lists(&graph.latest(), &naive);
        seed += 1;
    }
    let [yes, no, unknown] = answers;
    println!("seeds {first} to {}: {yes} yes, {no} no, {unknown} open", seed - 1);
    assert!(yes * 10 > wanted && no * 10 > wanted && unknown * 100 > wanted, "the questions are too much alike");
}

/// Fault 6 of the reference: what is answered does not depend on the order of writing, nor on what was there before.
#[test]
fn the_order_of_writing_does_not_matter() {
    for seed in 1..60 {
        let case = Case::new(seed);
        let naive = Naive::new(&case.schema, &case.tuples, &case.options, now());
        let mut dice = Dice::new(seed);
        let mut mixed = case.tuples.clone();
        dice.shuffle(&mut mixed);
        let graph = Graph::empty(Arc::new(Names::default()), 100);
        let mut revision = 0;
        for tuple in &mixed {
            revision += 1;
            let other = RelationTuple::new("Box", format!("x{}", dice.roll(9)), "a", Subject::Id("u1".into()));
            graph.apply(revision, &[Delta::Insert(other.clone()), Delta::Insert(tuple.clone()), Delta::Delete(other)]);
        }
        assert_eq!(graph.latest().tuples(), mixed.len() as u64);
        case.checks(&graph.latest(), &naive);
        case.lists(&graph.latest(), &naive);
    }
}

/// What is stored of what was wanted.
fn fetched(tuples: &[RelationTuple], wanted: &Wanted) -> Vec<RelationTuple> {
    let of_object = |t: &RelationTuple, namespace: &str, object: &str| match &t.subject {
        Subject::Set(set) => set.namespace == namespace && set.object == object,
        Subject::Id(_) => false,
    };
    let is = |t: &&RelationTuple| match wanted {
        Wanted::Direct(set, subject) => t.set() == *set && t.subject == *subject,
        Wanted::Sets(set) => t.set() == *set && matches!(t.subject, Subject::Set(_)),
        Wanted::Subjects(set) => t.set() == *set,
        Wanted::Holders(subject) => t.subject == *subject,
        Wanted::HoldersOfObject(namespace, object) => of_object(t, namespace, object),
        Wanted::Everything => true,
    };
    tuples.iter().filter(is).cloned().collect()
}

/// A store of which only parts are fetched gives the same answers, in rounds of fetching.
#[test]
fn what_is_fetched_in_parts_answers_the_same() {
    for seed in 1..40 {
        let case = Case::new(seed);
        let naive = Naive::new(&case.schema, &case.tuples, &case.options, now());
        let mut dice = Dice::new(seed);
        for _ in 0..30 {
            let (set, subject) = (dice.of(&case.sets), dice.of(&case.subjects));
            let tuple = RelationTuple::new(&set.namespace, &set.object, &set.relation, subject.clone());
            let mut partial = Partial::new(Arc::new(Names::default()));
            let mut rounds = 0;
            let found = loop {
                let found = with_engine(&partial, &case.schema, &case.options, |e| e.check(&tuple, 0).unwrap());
                if found != Decision::Undecided(Undecided::Unfetched) {
                    break found;
                }
                let wanted = partial.wanted();
                assert!(!wanted.is_empty() && rounds < 200);
                wanted.iter().for_each(|wanted| partial.supply(wanted, &fetched(&case.tuples, wanted)));
                rounds += 1;
            };
            assert_eq!(truth(&found), naive.check(set, subject, case.options.depth), "{}", case.show(set, subject));
            let mut partial = Partial::new(Arc::new(Names::default()));
            let listed = loop {
                let list = with_engine(&partial, &case.schema, &case.options, |e| {
                    e.list_objects(&set.namespace, &set.relation, subject, None, 100)
                });
                match list {
                    Ok(listed) => break listed.entries,
                    Err(error) => assert_eq!(error, PermissionError::Unfetched),
                }
                let wanted = partial.wanted();
                assert!(!wanted.is_empty());
                wanted.iter().for_each(|wanted| partial.supply(wanted, &fetched(&case.tuples, wanted)));
            };
            let whole = loaded(&case.tuples, 1);
            let expected = with_engine(&*whole.latest(), &case.schema, &case.options, |e| {
                e.list_objects(&set.namespace, &set.relation, subject, None, 100).unwrap().entries
            });
            assert_eq!(listed, expected, "{}", case.show(set, subject));
        }
    }
}

/// An explanation says what the check says, and a proof consists of stored relationships and rests on nothing but them.
#[test]
fn explanations_agree_with_checks() {
    let mut proven = 0;
    for seed in 1..120 {
        let case = Case::new(seed);
        let graph = loaded(&case.tuples, 1);
        let naive = Naive::new(&case.schema, &case.tuples, &case.options, now());
        with_engine(&*graph.latest(), &case.schema, &case.options, |engine| {
            for set in &case.sets {
                let subject = &case.subjects[seed as usize % case.subjects.len()];
                let tuple = RelationTuple::new(&set.namespace, &set.object, &set.relation, subject.clone());
                let told = engine.explain(&tuple, 0).unwrap();
                assert_eq!(told.decision, engine.check(&tuple, 0).unwrap());
                let wanted = match truth(&told.decision) {
                    Truth::Yes => Holds::Yes,
                    Truth::No => Holds::No,
                    Truth::Unknown => Holds::Open,
                };
                assert_eq!(told.why.holds, wanted, "{}", case.show(set, subject));
                if wanted == Holds::Yes {
                    proven += 1;
                    let proof = &told.why;
                    assert!(proves(proof, &naive.tuples), "{proof:#?} {}", case.show(set, subject));
                }
            }
        });
    }
    assert!(proven > 200, "{proven}");
}

/// Checks a proof by itself: what holds is stored, or follows from what is below it.
fn proves(explained: &Explained, stored: &[RelationTuple]) -> bool {
    if explained.cut {
        return false;
    }
    let all = || explained.because.iter().all(|part| proves(part, stored));
    match &explained.what {
        What::Relationship(text) => stored.iter().any(|tuple| tuple.to_string() == *text),
        What::Not => explained.because.iter().all(|part| part.holds == Holds::No),
        What::All => explained.because.iter().all(|part| part.holds == Holds::Yes) && all(),
        What::Member(_) | What::Any | What::Traverse(_) => !explained.because.is_empty() && all(),
    }
}

#[test]
fn each_revision_answers_as_if_it_were_the_last() {
    for seed in 1..25 {
        let case = Case::new(seed);
        let graph = Graph::empty(Arc::new(Names::default()), 1000);
        let mut dice = Dice::new(seed);
        let mut states = vec![Vec::new()];
        let mut present: Vec<RelationTuple> = Vec::new();
        for revision in 1..40_u64 {
            let tuple = dice.of(&case.tuples).clone();
            if let Some(at) = present.iter().position(|t| t.set() == tuple.set() && t.subject == tuple.subject) {
                present.remove(at);
                graph.apply(revision, &[Delta::Delete(tuple)]);
            } else {
                present.push(tuple.clone());
                graph.apply(revision, &[Delta::Insert(tuple)]);
            }
            states.push(present.clone());
        }
        for (revision, state) in states.iter().enumerate().step_by(7) {
            let snapshot = graph.at(revision as u64).unwrap();
            assert_eq!((snapshot.revision(), snapshot.tuples()), (revision as u64, state.len() as u64));
            let naive = Naive::new(&case.schema, state, &case.options, now());
            case.checks(&snapshot, &naive);
        }
        assert!(graph.at(40).is_none());
    }
}
