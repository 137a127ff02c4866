//! OpenFGA: its modelling language, and tuples as YAML or JSON.

use serde::Deserialize;

use super::{Foreign, Formula, Imported, Join, Problem, Reader, parts, words};
use crate::model::{ConditionCall, RelationTuple, TypeReference};

/// Reads a model.
pub fn openfga_model(text: &str) -> Imported {
    let (mut kinds, mut problems) = (Vec::<Foreign>::new(), Vec::new());
    let mut in_condition = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.split_once(" #").map_or(line, |(line, _)| line).trim();
        let mut problem = |message: String| problems.push(Problem { line: at + 1, message });
        if in_condition {
            in_condition = !line.starts_with('}');
        } else if line.is_empty() || line.starts_with('#') || line == "model" || line == "relations" {
        } else if let Some(version) = line.strip_prefix("schema ") {
            if !["1.1", "1.2"].contains(&version.trim()) {
                problem(format!("version {version} of the language is not known"));
            }
        } else if line.starts_with("condition ") {
            problem(format!("`{}`: write it as a condition of the configuration", line.trim_end_matches('{').trim()));
            in_condition = !line.ends_with('}');
        } else if let Some(name) = line.strip_prefix("type ") {
            kinds.push(Foreign { name: name.trim().to_owned(), ..Foreign::default() });
        } else if let (Some(rest), Some(kind)) = (line.strip_prefix("define "), kinds.last_mut()) {
            match define(rest, &mut problem) {
                Ok(found) => kind.relations.push(found),
                Err(why) => problem(format!("`{line}` is left out: {why}")),
            }
        } else {
            problem(format!("`{line}` is not understood and left out"));
        }
    }
    Imported::of(kinds, problems)
}

fn define(text: &str, problem: &mut impl FnMut(String)) -> Result<(String, Formula), String> {
    let (name, expression) = text.split_once(':').ok_or("there is no `:`")?;
    let mut words = words(expression);
    // Everybody, and conditions of types, have no counterpart: taken out before the expression is read.
    while let Some(at) = words.iter().position(|word| word == "*") {
        problem(format!("`{}:*` is left out: there is no relationship for everybody", words[at.saturating_sub(2)]));
        let (from, to) = (at.saturating_sub(2), at + 1);
        let comma_behind = words.get(to).is_some_and(|word| word == ",");
        let comma_before = from > 0 && words.get(from - 1).is_some_and(|word| word == ",");
        words
            .drain(if comma_before { from - 1 } else { from }..if comma_behind && !comma_before { to + 1 } else { to });
    }
    while let Some(at) = words.iter().position(|word| word == "with") {
        problem("`with`: relationships name their condition, types do not".to_owned());
        words.drain(at..(at + 2).min(words.len()));
    }
    let formula = Reader { words: &words, at: 0 }.whole(operator, atom)?;
    Ok((name.trim().to_owned(), formula))
}

fn operator(reader: &mut Reader<'_>) -> Option<Join> {
    let join = match reader.peek() {
        "or" => Join::Any,
        "and" => Join::All,
        "but" => {
            reader.take();
            Join::Without
        }
        _ => return None,
    };
    reader.take();
    Some(join)
}

fn atom(reader: &mut Reader<'_>) -> Result<Formula, String> {
    if reader.peek() == "[" {
        reader.take();
        let mut types = Vec::new();
        while reader.peek() != "]" {
            let namespace = reader.take();
            if namespace.is_empty() {
                return Err("`[` is not closed".to_owned());
            }
            let relation = (reader.peek() == "#").then(|| {
                reader.take();
                reader.take()
            });
            types.push(TypeReference { namespace, relation });
            if reader.peek() == "," {
                reader.take();
            }
        }
        reader.take();
        return if types.is_empty() { Err("no type is left".to_owned()) } else { Ok(Formula::Direct(types)) };
    }
    let name = reader.take();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Err(format!("`{name}` is not understood"));
    }
    if reader.peek() == "from" {
        reader.take();
        return Ok(Formula::Arrow(reader.take(), name));
    }
    Ok(Formula::Of(name))
}

#[derive(Deserialize)]
struct Tuple {
    user: String,
    relation: String,
    object: String,
    condition: Option<ConditionCall>,
}

/// Reads tuples: a list of `user`, `relation`, `object` and perhaps `condition`, in YAML or JSON.
pub fn openfga_tuples(text: &str, model: &Imported) -> (Vec<RelationTuple>, Vec<Problem>) {
    let tuples: Vec<Tuple> = match yaml_serde::from_str(text) {
        Ok(tuples) => tuples,
        Err(error) => {
            let line = error.location().map_or(1, |place| place.line());
            return (Vec::new(), vec![Problem { line, message: error.to_string() }]);
        }
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (at, tuple) in tuples.into_iter().enumerate() {
        let (Some(object), Some(subject)) = (parts(&tuple.object), parts(&tuple.user)) else {
            problems.push(Problem { line: at + 1, message: format!("entry {}: `kind:id` is expected", at + 1) });
            continue;
        };
        if subject.1 == "*" {
            let message =
                format!("entry {}: `{}` is left out: there is no relationship for everybody", at + 1, tuple.user);
            problems.push(Problem { line: at + 1, message });
            continue;
        }
        let mut one = model.tuple((object.0, object.1), &tuple.relation, subject);
        one.condition = tuple.condition;
        found.push(one);
    }
    (found, problems)
}
