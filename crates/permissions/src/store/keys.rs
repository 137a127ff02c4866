//! The digests by which tuples and subjects are found: of all their parts, each with its length before it, so that no two
//! things share one.

use sha2::{Digest as _, Sha256};

use crate::model::{RelationTuple, Subject, SubjectSet};

/// The key of a subject.
pub(crate) fn subject_key(subject: &Subject) -> [u8; 32] {
    match subject {
        Subject::Id(id) => digest(b"id", &[id]),
        Subject::Set(SubjectSet { namespace, object, relation }) => digest(b"set", &[namespace, object, relation]),
    }
}

/// The key of a tuple. Expiry and condition are no part of it: a tuple is there once, with one of each.
pub(crate) fn tuple_key(tuple: &RelationTuple) -> [u8; 32] {
    let (kind, parts): (&[u8], Vec<&str>) = match &tuple.subject {
        Subject::Id(id) => (b"id", vec![&tuple.namespace, &tuple.object, &tuple.relation, id]),
        Subject::Set(set) => {
            (b"set", vec![&tuple.namespace, &tuple.object, &tuple.relation, &set.namespace, &set.object, &set.relation])
        }
    };
    digest(kind, &parts)
}

fn digest<T: AsRef<str>>(kind: &[u8], parts: &[T]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(kind);
    for part in parts {
        let part = part.as_ref().as_bytes();
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fault 7 of the reference server is of this kind: parts that look alike when they are joined.
    #[test]
    fn parts_that_look_alike_when_joined_have_different_keys() {
        let texts = ["a:b#c@d", "a:bc#@d", "ab:#c@d", "a:b#c@(d:#)", "a:b#c@(d:e#f)", "a:b#c@(d:ef#)", "a:b#@cd"];
        let mut keys: Vec<_> = texts.iter().map(|text| tuple_key(&RelationTuple::parse(text).unwrap())).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), texts.len());
        let set = Subject::Set(SubjectSet::new("", "d", ""));
        assert_ne!(subject_key(&Subject::Id("d".into())), subject_key(&set));
    }
}
