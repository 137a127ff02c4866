//! The schema's verdict, as sentences with key, value, origin and what may have been meant.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use crate::merge::{Merged, Path};
use crate::nearest::nearest;
use crate::schema::{MASK, Schema, carries_secret};
use crate::{KeyProblem, Origin, Problem};

/// All that the schema says against a document. `name` writes a path as the operator knows it.
pub(crate) fn check(
    schema: &Schema,
    merged: &Merged,
    name: &dyn Fn(&[String]) -> String,
) -> Result<Vec<Problem>, Problem> {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .offline()
        .build(&schema.document)
        .map_err(|error| Problem::Schema(error.masked().to_string()))?;
    let mut problems: Vec<Problem> = Vec::new();
    let mut badly_typed: Vec<Path> = Vec::new();
    for error in validator.iter_errors(&merged.value) {
        let path: Path = error.instance_path().segments().map(|segment| segment.to_string()).collect();
        // What has the wrong type is not one of the allowed values either: one sentence is enough.
        if badly_typed.contains(&path) {
            continue;
        }
        if matches!(error.kind(), Kind::Type { .. }) {
            badly_typed.push(path.clone());
        }
        for problem in (Reporter { schema, merged, name }).problems(&error, path) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    Ok(problems)
}

struct Reporter<'a> {
    schema: &'a Schema,
    merged: &'a Merged,
    name: &'a dyn Fn(&[String]) -> String,
}

impl Reporter<'_> {
    fn problems(&self, error: &ValidationError<'_>, path: Path) -> Vec<Problem> {
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                unexpected.iter().map(|key| self.unknown(&path, key)).collect()
            }
            Kind::Required { property } => {
                let mut missing = path;
                missing.push(property.as_str().unwrap_or_default().to_owned());
                let about = self.because(error).or_else(|| self.about(&missing));
                vec![self.problem(&missing, "is missing".to_owned(), None, None, about)]
            }
            Kind::Enum { options } => {
                let hint = self.meant(error.instance(), options);
                vec![self.bad_value(path, error, format!("must be {}", one_of(options)), hint)]
            }
            kind => {
                let message = sentence(kind).unwrap_or_else(|| error.masked_with("the value").to_string());
                let hint = self.because(error).or_else(|| self.about(&path));
                vec![self.bad_value(path, error, message, hint)]
            }
        }
    }

    fn unknown(&self, path: &Path, key: &str) -> Problem {
        let mut full = path.clone();
        full.push(key.to_owned());
        let known = self.schema.find(path).map(|place| place.properties()).unwrap_or_default();
        let mut known_sorted = known.clone();
        known_sorted.sort_unstable();
        let hint = match nearest(key, known.into_iter()) {
            Some(near) => Some(format!("Did you mean {near}?")),
            None if known_sorted.is_empty() => None,
            None => Some(format!("Known here: {}", known_sorted.join(", "))),
        };
        self.problem(&full, "is no known key".to_owned(), None, self.merged.origin(&full).cloned(), hint)
    }

    fn bad_value(&self, path: Path, error: &ValidationError<'_>, message: String, hint: Option<String>) -> Problem {
        let value = self.shown(&path, error.instance());
        let origin = self.merged.origin(&path).cloned();
        self.problem(&path, message, value, origin, hint)
    }

    fn problem(
        &self,
        path: &[String],
        message: String,
        value: Option<String>,
        origin: Option<Origin>,
        hint: Option<String>,
    ) -> Problem {
        let key = if path.is_empty() { None } else { Some((self.name)(path)) };
        KeyProblem { key, message, value, origin, hint }.into()
    }

    /// A value as it may be shown: no secret, and nothing long.
    fn shown(&self, path: &[String], value: &Value) -> Option<String> {
        match value {
            Value::Object(_) => Some("an object".to_owned()),
            Value::Array(_) => Some("a list".to_owned()),
            scalar if self.schema.is_secret(path) || carries_secret(scalar) => Some(MASK.to_owned()),
            scalar => {
                let text = scalar.to_string();
                let short: String = text.chars().take(80).collect();
                Some(if short.len() < text.len() { format!("{short}…") } else { short })
            }
        }
    }

    fn about(&self, path: &[String]) -> Option<String> {
        self.schema.find(path)?.description().map(str::to_owned)
    }

    /// The schema's own words on a rule between several keys; they stand beside the keyword that failed.
    fn because(&self, error: &ValidationError<'_>) -> Option<String> {
        let keyword = error.schema_path().as_str();
        let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.document.pointer(parent)?.get("x-limen-because")?.as_str().map(str::to_owned)
    }

    fn meant(&self, value: &Value, options: &Value) -> Option<String> {
        let options = options.as_array()?.iter().filter_map(Value::as_str);
        nearest(value.as_str()?, options).map(|near| format!("Did you mean {near}?"))
    }
}

fn one_of(options: &Value) -> String {
    let options: Vec<String> = options
        .as_array()
        .into_iter()
        .flatten()
        .map(|option| {
            option.as_str().map_or_else(
                || option.to_string(),
                |text| if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() },
            )
        })
        .collect();
    format!("one of {}", options.join(", "))
}

fn sentence(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("must be a value of type {kind}"),
        Kind::Type { kind: TypeKind::Multiple(_) } => "has a value of the wrong type".to_owned(),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} entries"),
        Kind::UniqueItems => "must not name the same entry twice".to_owned(),
        Kind::Pattern { .. } => "is not written as it should be".to_owned(),
        Kind::Format { format } => format!("is no well-formed {format}"),
        Kind::Not { .. } | Kind::FalseSchema => "has values that do not go together".to_owned(),
        _ => return None,
    })
}
