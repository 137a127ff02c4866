//! Query strings: filters, relationships, and how deep to look.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::failure::Failure;
use crate::model::{RelationTuple, Subject, SubjectQuery, SubjectSet, TupleQuery};
use crate::questions::Ask;
use crate::token::{Consistency, Tokens};

/// A query string, taken apart. Of a parameter that is there twice the first counts.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

/// The parameters that make a filter.
const FILTER: [&str; 7] = [
    "namespace",
    "object",
    "relation",
    "subject_id",
    "subject_set.namespace",
    "subject_set.object",
    "subject_set.relation",
];

impl Query {
    pub(super) fn parse(text: Option<&str>) -> Self {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            found.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(found)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parameters that no filter has.
    pub(super) fn others(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|name| !FILTER.contains(name)).collect()
    }

    fn subject(&self) -> Result<Option<Subject>, Failure> {
        if self.get("subject").is_some() {
            return Err(Failure::bad_request(
                "subject is no longer understood: write subject_id, or subject_set.namespace, subject_set.object and \
                 subject_set.relation.",
            ));
        }
        let set = ["subject_set.namespace", "subject_set.object", "subject_set.relation"].map(|name| self.get(name));
        match (self.get("subject_id"), set) {
            (None, [None, None, None]) => Ok(None),
            (Some(id), [None, None, None]) => Ok(Some(Subject::Id(id.to_owned()))),
            (None, [Some(namespace), Some(object), Some(relation)]) => {
                Ok(Some(Subject::Set(SubjectSet::new(namespace, object, relation))))
            }
            (Some(_), _) => Err(Failure::bad_request("Write subject_id or subject_set.*, not both.")),
            (None, _) => Err(Failure::bad_request(
                "A subject set needs subject_set.namespace, subject_set.object and subject_set.relation, even if the \
                 relation is empty.",
            )),
        }
    }

    /// The subject, which there must be.
    pub(super) fn whole_subject(&self) -> Result<Subject, Failure> {
        self.subject()?.ok_or_else(|| Failure::bad_request("A subject is needed: subject_id, or subject_set.*."))
    }

    /// A parameter that there must be.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::bad_request(format!("{name} is needed.")))
    }

    /// The filter.
    pub(super) fn filter(&self) -> Result<TupleQuery, Failure> {
        let text = |name: &str| self.get(name).map(str::to_owned);
        Ok(TupleQuery {
            namespace: text("namespace"),
            object: text("object"),
            relation: text("relation"),
            subject: self.subject()?.map(|subject| match subject {
                Subject::Id(id) => SubjectQuery::Id(id),
                Subject::Set(set) => SubjectQuery::Set(set),
            }),
        })
    }

    /// A whole relationship.
    pub(super) fn tuple(&self) -> Result<RelationTuple, Failure> {
        let subject = self.subject()?;
        match (self.get("namespace"), self.get("object"), self.get("relation"), subject) {
            (Some(namespace), Some(object), Some(relation), Some(subject)) => {
                Ok(RelationTuple::new(namespace, object, relation, subject))
            }
            _ => Err(Failure::bad_request(
                "The relationship is not complete: namespace, object, relation and a subject are needed.",
            )),
        }
    }

    /// How deep to look, and which state to ask.
    pub(super) fn ask(&self, tokens: &Tokens) -> Result<Ask, Failure> {
        let depth = self.get("max-depth").map_or(Ok(0), depth)?;
        let exactly = self.get("snaptoken-exactly").unwrap_or_default();
        let consistency = match tokens.exactly(exactly)? {
            Consistency::Latest => tokens.at_least(self.get("snaptoken").unwrap_or_default())?,
            exactly => exactly,
        };
        Ok(Ask { consistency, depth, ..Ask::default() })
    }

    /// A whole number; 0 if there is none.
    pub(super) fn number(&self, name: &str) -> Result<i64, Failure> {
        match self.get(name) {
            None | Some("") => Ok(0),
            Some(text) => text.parse().map_err(|_| Failure::bad_request(format!("{name} must be a whole number."))),
        }
    }
}

/// A number as Go writes them: 0x, 0o or 0 and 0b in front say its base.
fn depth(text: &str) -> Result<i64, Failure> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, rest) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let digits_only = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let number = digits_only.then(|| i64::from_str_radix(rest, base).ok()).flatten();
    let number = number.ok_or_else(|| Failure::bad_request("max-depth must be a whole number."))?;
    Ok(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_read_in_the_bases_that_clients_use() {
        for (text, number) in [("12", 12), ("0x3", 3), ("010", 8), ("0b11", 3), ("0o7", 7), ("-1", -1), ("0", 0)] {
            assert_eq!(depth(text).unwrap(), number, "{text}");
        }
        for text in ["", "x", "1.5", "0x", "08", "9223372036854775808", "--1", "-", "1 "] {
            assert!(depth(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_subject_is_whole_and_one() {
        let filter = |text: &str| Query::parse(Some(text)).filter();
        assert!(filter("subject_id=a&subject_set.object=b").is_err());
        assert!(filter("subject_set.namespace=a&subject_set.object=b").is_err());
        assert!(filter("subject=a").is_err());
        let set = filter("subject_set.namespace=a&subject_set.object=b&subject_set.relation=").unwrap();
        assert_eq!(set.subject, Some(SubjectQuery::Set(SubjectSet::new("a", "b", ""))));
        assert_eq!(filter("object=").unwrap().object.as_deref(), Some(""));
        assert_eq!(Query::parse(Some("namespace=a&page_size=1")).others(), ["page_size"]);
    }
}
