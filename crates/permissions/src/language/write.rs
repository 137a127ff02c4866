//! Writes namespaces as a source: the way back from what [`super::parse`] gives.

use std::fmt::Write as _;

use crate::model::{Namespace, Relation, Rewrite, Schema, TypeReference};

/// Writes namespaces in the permission language. Reading them again gives the same, as long as names have no quotes in
/// them.
pub fn write(schema: &Schema) -> String {
    let mut out = String::new();
    for (at, namespace) in schema.namespaces.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        class(namespace, schema, &mut out);
    }
    out
}

fn name(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('"') { '\'' } else { '"' };
    format!("{quote}{text}{quote}")
}

fn class(namespace: &Namespace, schema: &Schema, out: &mut String) {
    let (permits, relations): (Vec<_>, Vec<_>) = namespace.relations.iter().partition(|r| r.rewrite.is_some());
    let _ = write!(out, "class {} implements Namespace {{", name(&namespace.name));
    if !relations.is_empty() {
        out.push_str("\n  related: {\n");
        for relation in &relations {
            let _ = writeln!(out, "    {}: {}", name(&relation.name), types(&relation.types));
        }
        out.push_str("  }\n");
    }
    if !permits.is_empty() {
        out.push_str("\n  permits = {\n");
        for permit in permits {
            let Some(rewrite) = &permit.rewrite else { continue };
            let body = Body { namespace, schema };
            let _ = writeln!(out, "    {}: (ctx) => {},", name(&permit.name), body.top(rewrite));
        }
        out.push_str("  }\n");
    }
    out.push_str("}\n");
}

fn types(types: &[TypeReference]) -> String {
    let one = |t: &TypeReference| match &t.relation {
        Some(relation) => format!("SubjectSet<{}, {}>", name(&t.namespace), quoted(relation)),
        None => name(&t.namespace),
    };
    match types {
        [single] => format!("{}[]", one(single)),
        many => format!("({})[]", many.iter().map(one).collect::<Vec<_>>().join(" | ")),
    }
}

struct Body<'w> {
    namespace: &'w Namespace,
    schema: &'w Schema,
}

impl Body<'_> {
    /// The body of a permit: a group of one is not shown as a group.
    fn top(&self, rewrite: &Rewrite) -> String {
        match rewrite {
            Rewrite::Any(parts) if parts.len() == 1 => self.part(&parts[0]),
            Rewrite::Any(parts) => self.joined(parts, " || "),
            Rewrite::All(parts) => self.joined(parts, " && "),
            other => self.part(other),
        }
    }

    fn joined(&self, parts: &[Rewrite], sign: &str) -> String {
        parts.iter().map(|part| self.part(part)).collect::<Vec<_>>().join(sign)
    }

    fn part(&self, rewrite: &Rewrite) -> String {
        match rewrite {
            Rewrite::Any(parts) => format!("({})", self.joined(parts, " || ")),
            Rewrite::All(parts) => format!("({})", self.joined(parts, " && ")),
            Rewrite::Not(inner) => match inner.as_ref() {
                group @ (Rewrite::Any(_) | Rewrite::All(_)) => format!("!{}", self.part(group)),
                negated @ Rewrite::Not(_) => format!("!({})", self.part(negated)),
                atom => format!("!{}", self.part(atom)),
            },
            Rewrite::Computed(of) => asked("this", self.namespace.relation(of), of),
            Rewrite::Traverse { relation, target } => {
                let first = self.namespace.relation(relation).and_then(|r| r.types.first());
                let declared = first.and_then(|t| self.schema.namespace(&t.namespace)).and_then(|n| n.relation(target));
                format!("this.related{}.traverse((p) => {})", property(relation), asked("p", declared, target))
            }
        }
    }
}

fn property(text: &str) -> String {
    let name = name(text);
    if name == text { format!(".{text}") } else { format!("[{name}]") }
}

fn asked(of: &str, declared: Option<&Relation>, name: &str) -> String {
    if declared.is_some_and(|relation| relation.rewrite.is_some()) {
        format!("{of}.permits{}(ctx)", property(name))
    } else {
        format!("{of}.related{}.includes(ctx.subject)", property(name))
    }
}
