//! Relationships and namespaces: plain values and their wire shapes. No parsing of the language, no evaluation.

mod change;
mod query;
mod schema;
mod tuple;

pub use change::Change;
pub use query::{SubjectQuery, TupleQuery};
pub use schema::{Misfit, Namespace, Relation, Rewrite, Schema, Stranded, TypeReference};
pub use tuple::{ConditionCall, RelationTuple, Subject, SubjectSet, TupleTextError};
