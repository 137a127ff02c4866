//! A change of one relationship, and the JSON form of relationships and changes: that of PATCH and of the log.

use foundation::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{ConditionCall, RelationTuple, Subject, SubjectSet};

/// What becomes of a relationship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", content = "relation_tuple", rename_all = "snake_case")]
pub enum Change {
    /// It is there, with this expiry and condition.
    Insert(RelationTuple),
    /// It is gone, whatever its expiry and condition were.
    Delete(RelationTuple),
}

impl Change {
    /// The relationship.
    pub fn tuple(&self) -> &RelationTuple {
        match self {
            Self::Insert(tuple) | Self::Delete(tuple) => tuple,
        }
    }
}

/// As clients write it: every text may be missing or null, which means "".
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    relation: Option<String>,
    #[serde(default)]
    subject_id: Option<String>,
    #[serde(default)]
    subject_set: Option<WrittenSet>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    condition: Option<ConditionCall>,
}

#[derive(Deserialize)]
struct WrittenSet {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    relation: Option<String>,
}

impl<'de> Deserialize<'de> for RelationTuple {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let subject = match (written.subject_id, written.subject_set) {
            (Some(id), None) => Subject::Id(id),
            (None, Some(set)) => Subject::Set(SubjectSet::new(
                set.namespace.unwrap_or_default(),
                set.object.unwrap_or_default(),
                set.relation.unwrap_or_default(),
            )),
            // Both: the reference server stores one of them and shows two.
            _ => return Err(serde::de::Error::custom("exactly one of subject_id and subject_set is needed")),
        };
        Ok(Self {
            namespace: written.namespace.unwrap_or_default(),
            object: written.object.unwrap_or_default(),
            relation: written.relation.unwrap_or_default(),
            subject,
            expires_at: written.expires_at,
            condition: written.condition,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RelationTuple, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn relationships_come_back_as_they_were() {
        for text in ["Doc:a#view@ada", "Doc:a#parents@(Folder:f)", "Doc:a#view@(Group:g#members)", "D:#@"] {
            let mut tuple = RelationTuple::parse(text).unwrap();
            tuple.expires_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
            let text = serde_json::to_string(&Change::Delete(tuple.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), Change::Delete(tuple));
        }
    }

    /// Fault 11 of the reference server: it stores one subject of two and shows both.
    #[test]
    fn one_subject_is_needed_and_no_more() {
        assert!(read(r#"{"namespace": "a", "subject_id": "x", "subject_set": {}}"#).is_err());
        assert!(read(r#"{"namespace": "a", "subject_id": null}"#).is_err());
        let short = read(r#"{"namespace": "a", "subject_set": {"namespace": "g", "object": "o"}, "more": 1}"#).unwrap();
        assert_eq!(short.to_string(), "a:#@(g:o)");
        assert!(read(r#"{"namespace": "a", "object": 7, "subject_id": "x"}"#).is_err());
    }
}
