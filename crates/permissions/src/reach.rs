//! Lists of what follows from relationships: the objects that a subject reaches, the subjects that reach an object. All pages
//! of a list are of one state.

use foundation::{GoDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::engine::{Listed, SubjectFilter};
use crate::failure::Failure;
use crate::model::{Subject, SubjectSet};
use crate::questions::{Ask, elsewhere};
use crate::service::Permissions;
use crate::token::Consistency;

const TOKEN_LIFE: GoDuration = GoDuration::from_secs(3600);
const DEFAULT_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// A page of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesPage {
    /// The names, in order.
    pub names: Vec<String>,
    /// Where the next page begins; empty on the last.
    pub next: String,
    /// Names that were left out because it could not be found out whether they belong here.
    pub undecided: usize,
    /// The state that was asked.
    pub revision: u64,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum Reach {
    /// The objects of a namespace to which the subject has the relation.
    Objects {
        /// The namespace.
        namespace: String,
        /// The relation or permit.
        relation: String,
        /// An id.
        subject_id: Option<String>,
        /// Or a set, as its three names.
        subject_set: Option<(String, String, String)>,
    },
    /// The subject ids that have the relation to the object.
    Subjects {
        /// The namespace.
        namespace: String,
        /// The object.
        object: String,
        /// The relation or permit.
        relation: String,
    },
}

impl Reach {
    /// The objects that a subject reaches.
    pub fn objects(namespace: &str, relation: &str, subject: &Subject) -> Self {
        let (subject_id, subject_set) = match subject {
            Subject::Id(id) => (Some(id.clone()), None),
            Subject::Set(set) => (None, Some((set.namespace.clone(), set.object.clone(), set.relation.clone()))),
        };
        Self::Objects { namespace: namespace.to_owned(), relation: relation.to_owned(), subject_id, subject_set }
    }

    /// The subjects that reach an object.
    pub fn subjects(set: &SubjectSet) -> Self {
        Self::Subjects { namespace: set.namespace.clone(), object: set.object.clone(), relation: set.relation.clone() }
    }

    /// Binds a page token to the question.
    fn purpose(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into();
        format!("page of names {}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

/// What is sealed in a page token.
#[derive(Serialize, Deserialize)]
struct Continuation {
    until: Timestamp,
    revision: u64,
    after: String,
}

impl Permissions {
    /// A page of a list.
    ///
    /// # Errors
    /// A namespace or relation that is not there, a token of another question, a state that is too old to go on with, and
    /// budgets that did not suffice.
    pub async fn reach(&self, reach: &Reach, ask: &Ask, size: i64, token: &str) -> Result<NamesPage, Failure> {
        let purpose = reach.purpose();
        let (after, consistency) = match self.reached(&purpose, token)? {
            Some(last) => (Some(last.after), Consistency::Exactly(last.revision)),
            None => (None, ask.consistency),
        };
        let view = self.view(&Ask { consistency, ..ask.clone() }).await?;
        let revision = view.snapshot.revision();
        let size = usize::try_from(size).ok().filter(|size| *size > 0).unwrap_or(DEFAULT_PAGE).min(LARGEST_PAGE);
        let asked = reach.clone();
        let listed = elsewhere(move || {
            view.ask(&view.policy.options, |engine| match &asked {
                Reach::Objects { namespace, relation, subject_id, subject_set } => {
                    let subject = subject_of(subject_id.as_ref(), subject_set.as_ref());
                    engine.list_objects(namespace, relation, &subject, after.as_deref(), size)
                }
                Reach::Subjects { namespace, object, relation } => {
                    let set = SubjectSet::new(namespace, object, relation);
                    let after = after.map(Subject::Id);
                    engine.list_subjects(&set, &SubjectFilter::Ids, after.as_ref(), size).map(ids)
                }
            })
        })
        .await?;
        let next = listed.next.map(|after| {
            let until = self.deps.clock.now() + TOKEN_LIFE;
            let text = serde_json::to_vec(&Continuation { until, revision, after }).unwrap_or_default();
            self.pages.load().seal_text(self.deps.rng.as_ref(), &purpose, &text)
        });
        let next = next.unwrap_or_default();
        Ok(NamesPage { names: listed.entries, next, undecided: listed.undecided, revision })
    }

    fn reached(&self, purpose: &str, token: &str) -> Result<Option<Continuation>, Failure> {
        if token.is_empty() {
            return Ok(None);
        }
        let opened = self.pages.load().open_text(purpose, token);
        let read: Option<Continuation> = opened.and_then(|text| serde_json::from_slice(&text).ok());
        let now = self.deps.clock.now();
        read.filter(|found| found.until > now).map(Some).ok_or_else(|| {
            Failure::bad_request(
                "The page token is not one of this question, or has expired. Begin with the first page.",
            )
        })
    }
}

fn subject_of(id: Option<&String>, set: Option<&(String, String, String)>) -> Subject {
    match set {
        Some((namespace, object, relation)) => Subject::Set(SubjectSet::new(namespace, object, relation)),
        None => Subject::Id(id.cloned().unwrap_or_default()),
    }
}

fn ids(listed: Listed<Subject>) -> Listed<String> {
    let id = |subject: Subject| match subject {
        Subject::Id(id) => id,
        Subject::Set(set) => set.to_string(),
    };
    Listed {
        entries: listed.entries.into_iter().map(id).collect(),
        next: listed.next.map(id),
        undecided: listed.undecided,
    }
}
