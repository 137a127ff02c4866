//! Revisions of the graph: what readers see while it is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use permissions::engine::{Decision, Delta, Graph, Names, Options};
use permissions::model::{RelationTuple, Subject};

use crate::known_faults::{ask, read};

fn tuple(text: &str) -> RelationTuple {
    RelationTuple::parse(text).unwrap()
}

/// The changes of a revision are seen together, and a snapshot does not change.
#[test]
fn readers_see_whole_revisions_while_somebody_writes() {
    let schema = read("class Doc implements Namespace {}");
    let graph = Graph::empty(Arc::new(Names::default()), 8);
    let done = AtomicBool::new(false);
    let options = Options::keto();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut both = [0_u32; 2];
                    while !done.load(Ordering::Relaxed) {
                        let snapshot = graph.latest();
                        let answer = |text| ask(&snapshot, &schema, &options, text).unwrap() == Decision::Allowed;
                        let (one, other) = (answer("Doc:one#view@ada"), answer("Doc:other#view@ada"));
                        assert_eq!(one, other, "revision {}", snapshot.revision());
                        assert_eq!(one, snapshot.revision() % 2 == 1);
                        both[usize::from(one)] += 1;
                    }
                    both
                })
            })
            .collect();
        for revision in 1..3_000_u64 {
            let pair = ["Doc:one#view@ada", "Doc:other#view@ada"].map(tuple);
            let deltas = pair.map(|t| if revision % 2 == 1 { Delta::Insert(t) } else { Delta::Delete(t) });
            graph.apply(revision, &deltas);
            graph.apply(revision, &[Delta::Insert(tuple("Doc:again#view@ada"))]);
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            let [without, with] = reader.join().unwrap();
            assert!(without + with > 0);
        }
    });
    assert!(!ask(&graph.latest(), &schema, &options, "Doc:again#view@ada").unwrap().allowed(), "a repeated revision");
}

#[test]
fn revisions_are_held_within_the_window_only() {
    let graph = Graph::empty(Arc::new(Names::default()), 3);
    for revision in [10, 20, 30, 40] {
        graph.apply(revision, &[Delta::Insert(RelationTuple::new("D", "d", "r", Subject::Id(format!("u{revision}"))))]);
    }
    assert_eq!(graph.latest().revision(), 40);
    let at = |revision| graph.at(revision).map(|snapshot| snapshot.tuples());
    assert_eq!(
        [at(10), at(19), at(20), at(25), at(30), at(40), at(41)],
        [None, None, Some(2), Some(2), Some(3), Some(4), None]
    );
}
