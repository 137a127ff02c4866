//! SpiceDB: its schema language, and relationships as lines of text.

use super::{Foreign, Formula, Imported, Join, Problem, Reader, parts, words};
use crate::model::{ConditionCall, RelationTuple, TypeReference};

/// Reads a schema.
pub fn spicedb_schema(text: &str) -> Imported {
    let (mut kinds, mut problems) = (Vec::<Foreign>::new(), Vec::new());
    let clean = without_comments(text);
    let mut skipped = 0_i64;
    for (at, line) in clean.lines().enumerate() {
        let mut rest = line.trim();
        let mut problem = |message: String| problems.push(Problem { line: at + 1, message });
        if skipped > 0 {
            skipped += depth(rest);
            continue;
        }
        if rest.starts_with("caveat ") {
            problem(format!("`{}`: write it as a condition of the configuration", rest.trim_end_matches('{').trim()));
            skipped = depth(rest);
            continue;
        }
        if rest.starts_with("use ") {
            continue;
        }
        if let Some(head) = rest.strip_prefix("definition ") {
            let (name, inner) = head.split_once('{').unwrap_or((head, ""));
            kinds.push(Foreign { name: name.trim().to_owned(), ..Foreign::default() });
            rest = inner;
        }
        for statement in rest.trim().trim_end_matches('}').split(';').map(str::trim).filter(|s| !s.is_empty()) {
            let Some(kind) = kinds.last_mut() else {
                problem(format!("`{statement}` is not understood and left out"));
                continue;
            };
            match member(statement, &mut problem) {
                Ok(found) => kind.relations.push(found),
                Err(why) => problem(format!("`{statement}` is left out: {why}")),
            }
        }
    }
    Imported::of(kinds, problems)
}

fn depth(line: &str) -> i64 {
    line.chars().map(|c| i64::from(c == '{') - i64::from(c == '}')).sum()
}

/// The text with blanks for comments, so that lines keep their numbers.
fn without_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("//").into_iter().chain(rest.find("/*")).min() {
        let (before, comment) = rest.split_at(at);
        out.push_str(before);
        let end = if comment.starts_with("//") {
            comment.find('\n').unwrap_or(comment.len())
        } else {
            comment.find("*/").map_or(comment.len(), |end| end + 2)
        };
        let (comment, behind) = comment.split_at(end);
        out.extend(comment.chars().filter(|c| *c == '\n'));
        rest = behind;
    }
    out + rest
}

fn member(statement: &str, problem: &mut impl FnMut(String)) -> Result<(String, Formula), String> {
    if let Some(rest) = statement.strip_prefix("relation ") {
        let (name, types) = rest.split_once(':').ok_or("a relation has types")?;
        let mut found = Vec::new();
        for kind in types.split('|').map(str::trim) {
            let (kind, with) = kind.split_once(" with ").map_or((kind, ""), |(kind, with)| (kind.trim(), with));
            if !with.is_empty() && with.trim() != "expiration" {
                problem(format!("`{kind} with {with}`: relationships name their condition, types do not"));
            }
            if kind.ends_with(":*") {
                problem(format!("`{kind}` is left out: there is no relationship for everybody"));
                continue;
            }
            let (namespace, relation) = kind.split_once('#').map_or((kind, None), |(n, r)| (n, Some(r.to_owned())));
            found.push(TypeReference { namespace: namespace.to_owned(), relation });
        }
        return if found.is_empty() {
            Err("no type is left".to_owned())
        } else {
            Ok((name.trim().to_owned(), Formula::Direct(found)))
        };
    }
    let rest = statement.strip_prefix("permission ").ok_or("it is not understood")?;
    let (name, expression) = rest.split_once('=').ok_or("a permission has an expression")?;
    let words = words(expression);
    let formula = Reader { words: &words, at: 0 }.whole(operator, atom)?;
    Ok((name.trim().to_owned(), formula))
}

fn operator(reader: &mut Reader<'_>) -> Option<Join> {
    let join = match reader.peek() {
        "+" => Join::Any,
        "&" => Join::All,
        "-" => Join::Without,
        _ => return None,
    };
    reader.take();
    Some(join)
}

fn atom(reader: &mut Reader<'_>) -> Result<Formula, String> {
    let name = reader.take();
    if name == "nil" || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Err(format!("`{name}` does not map"));
    }
    match reader.peek() {
        "->" => {
            reader.take();
            Ok(Formula::Arrow(name, reader.take()))
        }
        "." => {
            reader.take();
            let function = reader.take();
            if function != "any" {
                return Err(format!("`.{function}(…)` does not map"));
            }
            reader.expect("(")?;
            let target = reader.take();
            reader.expect(")")?;
            Ok(Formula::Arrow(name, target))
        }
        _ => Ok(Formula::Of(name)),
    }
}

/// Reads relationships, a line each: `kind:id#relation@kind:id#relation[condition:{…}][expiration:…]`.
pub fn spicedb_relationships(text: &str, schema: &Imported) -> (Vec<RelationTuple>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        match relationship(line, schema) {
            Ok(tuple) => found.push(tuple),
            Err(message) => problems.push(Problem { line: at + 1, message }),
        }
    }
    (found, problems)
}

fn relationship(line: &str, schema: &Imported) -> Result<RelationTuple, String> {
    let (line, traits) = line.split_once('[').map_or((line, ""), |(line, traits)| (line, traits));
    let (left, right) = line.split_once('@').ok_or("there is no `@`")?;
    let (kind, id, relation) = parts(left).ok_or("the object is not understood")?;
    let subject = parts(right).ok_or("the subject is not understood")?;
    if subject.1 == "*" {
        return Err(format!("`{right}` is left out: there is no relationship for everybody"));
    }
    let mut tuple = schema.tuple((kind, id), relation, subject);
    let traits = traits.strip_suffix(']').unwrap_or(traits);
    for one in traits.split("][").filter(|one| !one.is_empty()) {
        if let Some(at) = one.strip_prefix("expiration:") {
            tuple.expires_at = Some(at.parse().map_err(|_| format!("`{at}` is no moment"))?);
            continue;
        }
        let (name, context) = one.split_once(':').unwrap_or((one, "{}"));
        let context = serde_json::from_str(context).map_err(|error| format!("`{context}` is no context: {error}"))?;
        tuple.condition = Some(ConditionCall { name: name.to_owned(), context });
    }
    Ok(tuple)
}
