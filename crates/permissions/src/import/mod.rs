//! Models and relationships of other systems, as far as they map: SpiceDB's schema language and relationships, and
//! OpenFGA's modelling language and tuples. Pure: text in, namespaces and relationships out, and what did not map said.
//!
//! Their relations may be both written and computed; ours are one or the other. Such a relation becomes a permit of its
//! name and a relation `name_direct`, which its relationships are written to.

mod openfga;
mod spicedb;

use std::collections::HashMap;

use crate::model::{Namespace, Relation, RelationTuple, Rewrite, Schema, Subject, SubjectSet, TypeReference};

pub use openfga::{openfga_model, openfga_tuples};
pub use spicedb::{spicedb_relationships, spicedb_schema};

/// Something that did not map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// What, and what became of it.
    pub message: String,
}

/// Namespaces from another system.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The namespaces.
    pub schema: Schema,
    /// What did not map. What is left out grants nothing.
    pub problems: Vec<Problem>,
    /// Relations whose relationships are written elsewhere: namespace and name, and the new name.
    renamed: HashMap<(String, String), String>,
    /// The one kind of subjects that are known by their id alone.
    people: Option<String>,
}

/// A kind of objects of another system.
#[derive(Debug, Default)]
struct Foreign {
    name: String,
    relations: Vec<(String, Formula)>,
}

/// What a relation there is made of.
#[derive(Debug, Clone)]
enum Formula {
    Direct(Vec<TypeReference>),
    Of(String),
    Arrow(String, String),
    Any(Vec<Formula>),
    All(Vec<Formula>),
    Without(Box<Formula>, Box<Formula>),
}

impl Formula {
    fn direct(&self, found: &mut Vec<TypeReference>) -> bool {
        match self {
            Self::Direct(types) => {
                found.extend(types.iter().cloned());
                true
            }
            Self::Of(_) | Self::Arrow(..) => false,
            // All parts are asked, so that all types are found.
            Self::Any(parts) | Self::All(parts) => parts.iter().filter(|part| part.direct(found)).count() > 0,
            Self::Without(from, what) => {
                let (first, second) = (from.direct(found), what.direct(found));
                first || second
            }
        }
    }

    fn rewrite(&self, direct: &str) -> Rewrite {
        match self {
            Self::Direct(_) => Rewrite::Computed(direct.to_owned()),
            Self::Of(name) => Rewrite::Computed(name.clone()),
            Self::Arrow(relation, target) => Rewrite::Traverse { relation: relation.clone(), target: target.clone() },
            Self::Any(parts) => Rewrite::Any(parts.iter().map(|part| part.rewrite(direct)).collect()),
            Self::All(parts) => Rewrite::All(parts.iter().map(|part| part.rewrite(direct)).collect()),
            Self::Without(from, what) => {
                Rewrite::All(vec![from.rewrite(direct), Rewrite::Not(Box::new(what.rewrite(direct)))])
            }
        }
    }
}

impl Imported {
    fn of(foreign: Vec<Foreign>, problems: Vec<Problem>) -> Self {
        let mut imported = Self { problems, ..Self::default() };
        let mut silent = foreign.iter().filter(|kind| kind.relations.is_empty());
        imported.people = match (silent.next(), silent.next()) {
            (Some(only), None) => Some(only.name.clone()),
            _ => None,
        };
        for kind in foreign {
            let mut relations = Vec::new();
            for (name, formula) in kind.relations {
                imported.relation(&kind.name, name, &formula, &mut relations);
            }
            imported.schema.namespaces.push(Namespace { name: kind.name, relations });
        }
        imported
    }

    fn relation(&mut self, namespace: &str, name: String, formula: &Formula, relations: &mut Vec<Relation>) {
        let mut types = Vec::new();
        let written = formula.direct(&mut types);
        if matches!(formula, Formula::Direct(_)) {
            relations.push(Relation { name, types, rewrite: None });
            return;
        }
        let direct = format!("{name}_direct");
        if written {
            types.dedup();
            relations.push(Relation { name: direct.clone(), types, rewrite: None });
            self.renamed.insert((namespace.to_owned(), name.clone()), direct.clone());
        }
        let rewrite = match formula.rewrite(&direct) {
            group @ (Rewrite::Any(_) | Rewrite::All(_)) => group,
            single => Rewrite::Any(vec![single]),
        };
        relations.push(Relation { name, types: Vec::new(), rewrite: Some(rewrite) });
    }

    /// A relationship with the names that this schema has for it.
    fn tuple(&self, object: (&str, &str), relation: &str, subject: (&str, &str, &str)) -> RelationTuple {
        let (namespace, object) = object;
        let key = (namespace.to_owned(), relation.to_owned());
        let relation = self.renamed.get(&key).map_or(relation, String::as_str);
        let (kind, id, of) = subject;
        let subject = if of.is_empty() && self.people.as_deref() == Some(kind) {
            Subject::Id(id.to_owned())
        } else {
            Subject::Set(SubjectSet::new(kind, id, of))
        };
        RelationTuple::new(namespace, object, relation, subject)
    }
}

/// `kind:id` or `kind:id#relation`.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = text.split_once(':')?;
    let (id, relation) = rest.split_once('#').unwrap_or((rest, ""));
    (!kind.is_empty() && !id.is_empty()).then_some((kind, id, if relation == "..." { "" } else { relation }))
}

/// Words and signs of an expression.
fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || matches!(c, '_' | '/') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        if c == '-' && chars.peek() == Some(&'>') {
            chars.next();
            found.push("->".to_owned());
        } else if !c.is_whitespace() {
            found.push(c.to_string());
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Any,
    All,
    Without,
}

/// Joins the operands of a chain. A chain of different joins has no meaning without parentheses.
fn joined(first: Formula, rest: Vec<(Join, Formula)>) -> Result<Formula, String> {
    let Some((join, _)) = rest.first() else { return Ok(first) };
    let join = *join;
    if rest.iter().any(|(other, _)| *other != join) {
        return Err("operators are mixed without parentheses".to_owned());
    }
    let rest = rest.into_iter().map(|(_, formula)| formula);
    Ok(match join {
        Join::Any => Formula::Any(std::iter::once(first).chain(rest).collect()),
        Join::All => Formula::All(std::iter::once(first).chain(rest).collect()),
        Join::Without => rest.fold(first, |from, what| Formula::Without(Box::new(from), Box::new(what))),
    })
}

/// Parentheses deeper than this are not followed.
const DEEPEST: usize = 32;

/// Reads an expression from its words: what an operator is, and how an operand without parentheses is read.
struct Reader<'w> {
    words: &'w [String],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> &str {
        self.words.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        let word = self.peek().to_owned();
        self.at += 1;
        word
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.peek() != word {
            return Err(format!("expected `{word}`, found `{}`", self.peek()));
        }
        self.take();
        Ok(())
    }

    fn whole(
        &mut self,
        operator: fn(&mut Self) -> Option<Join>,
        atom: fn(&mut Self) -> Result<Formula, String>,
    ) -> Result<Formula, String> {
        let found = self.chain(operator, atom, 0)?;
        if self.at < self.words.len() { Err(format!("`{}` is not understood", self.peek())) } else { Ok(found) }
    }

    fn chain(
        &mut self,
        operator: fn(&mut Self) -> Option<Join>,
        atom: fn(&mut Self) -> Result<Formula, String>,
        depth: usize,
    ) -> Result<Formula, String> {
        if depth > DEEPEST {
            return Err("parentheses are nested too deep".to_owned());
        }
        let operand = |reader: &mut Self| {
            if reader.peek() == "(" {
                reader.take();
                let inner = reader.chain(operator, atom, depth + 1)?;
                reader.expect(")")?;
                Ok(inner)
            } else {
                atom(reader)
            }
        };
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(join) = operator(self) {
            rest.push((join, operand(self)?));
        }
        joined(first, rest)
    }
}

#[cfg(test)]
mod tests;
