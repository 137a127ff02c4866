//! Reading everything, in order: files, environment, what the program forces; then the check.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::merge::{Merged, Path, at};
use crate::schema::Schema;
use crate::{
    Explanation, KeyProblem, LaterKey, LaterKind, Origin, Problem, SettingsError, check, document, environment, later,
    nearest,
};

/// Which shape the files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The compatible server's: this service's keys at the top.
    Kratos,
    /// limen's own: this service's keys under its name.
    Limen,
}

/// What is to be read. Later sources stand above earlier ones: files in order, environment, overrides.
#[derive(Debug, Clone)]
pub struct Loader {
    schema: Arc<str>,
    service: &'static str,
    files: Vec<PathBuf>,
    environment: BTreeMap<String, String>,
    overrides: Vec<(String, Value)>,
}

impl Loader {
    /// Checks against this schema (the text of a JSON Schema, draft 7).
    pub fn new(schema: &str) -> Self {
        Self {
            schema: schema.into(),
            service: "identity",
            files: Vec::new(),
            environment: BTreeMap::new(),
            overrides: Vec::new(),
        }
    }

    /// Reads this service's section of limen's own format; without it, that of `identity`.
    #[must_use]
    pub fn service(mut self, name: &'static str) -> Self {
        self.service = name;
        self
    }

    /// Reads these files; later ones stand above earlier ones, lists are replaced.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.files.extend(files);
        self
    }

    /// Reads these variables. The environment is a parameter: the program reads it once.
    #[must_use]
    pub fn environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Forces values by dotted path, above everything else.
    #[must_use]
    pub fn overrides(mut self, overrides: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.overrides.extend(overrides);
        self
    }

    /// The files that are read.
    pub fn file_paths(&self) -> &[PathBuf] {
        &self.files
    }

    /// Reads and checks.
    ///
    /// # Errors
    /// All that is wrong, at once: files that cannot be read, else what the schema says.
    pub fn load(&self) -> Result<Loaded, SettingsError> {
        let loaded = self.load_unchecked()?;
        let problems = check::check(&loaded.schema, &loaded.merged, &|path| loaded.name(path))?;
        if problems.is_empty() { Ok(loaded) } else { Err(SettingsError { problems }) }
    }

    /// Reads without the check, for commands that need one value alone.
    ///
    /// # Errors
    /// Files that cannot be read, and list entries out of order.
    pub fn load_unchecked(&self) -> Result<Loaded, SettingsError> {
        let schema = Schema::parse(&self.schema).map_err(Problem::Schema)?;
        let known_top = schema.root().properties();
        let mut problems = Vec::new();
        let mut merged = Merged::new();
        let mut own = Vec::new();
        let mut dialect = Dialect::Kratos;
        for file in &self.files {
            match document::read(file, &known_top, self.service) {
                Ok((value, shape)) => {
                    if shape == Dialect::Limen {
                        dialect = Dialect::Limen;
                        own.extend(value.as_object().into_iter().flat_map(serde_json::Map::keys).cloned());
                    }
                    merged.put(value, &Origin::File(file.clone()));
                }
                Err(problem) => problems.push(problem),
            }
        }
        let (assignments, remarks) = environment::assignments(&schema, &self.environment);
        let forced = self.overrides.iter().map(|(path, value)| (split(path), value.clone(), Origin::Override));
        let variables =
            assignments.into_iter().map(|found| (found.path, found.value, Origin::Environment(found.variable)));
        for (path, value, origin) in variables.chain(forced) {
            if let Err(message) = merged.set(&path, value, &origin) {
                let key = Some(path.join("."));
                let problem = KeyProblem { key, message, value: None, origin: Some(origin), hint: None };
                problems.push(problem.into());
            }
        }
        if !problems.is_empty() {
            return Err(SettingsError { problems });
        }
        own.retain(|key| !SHARED.contains(&key.as_str()));
        Ok(Loaded { schema: Arc::new(schema), service: self.service, merged, dialect, own, remarks })
    }

    /// The defaults of all keys, as a document.
    ///
    /// # Errors
    /// A broken schema.
    pub fn defaults(&self) -> Result<Value, SettingsError> {
        Ok(Schema::parse(&self.schema).map_err(Problem::Schema)?.defaults())
    }
}

/// Keys that limen's own file writes beside the services.
const SHARED: [&str; 4] = ["dsn", "log", "dev", "version"];

fn split(path: &str) -> Path {
    path.split('.').map(str::to_owned).collect()
}

/// A configuration that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    schema: Arc<Schema>,
    service: &'static str,
    merged: Merged,
    dialect: Dialect,
    /// The top-level keys that stand under the service's name in limen's own format.
    own: Vec<String>,
    remarks: Vec<String>,
}

impl Loaded {
    /// The document as it was set; defaults are not filled in.
    pub fn value(&self) -> &Value {
        &self.merged.value
    }

    /// Which shape the files have. A strict default is right for limen's own, a compatible one for the other.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What should be said in the log: variables that were ignored.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The document with secrets masked.
    pub fn masked(&self) -> Value {
        self.schema.masked(&mut Vec::new(), self.value())
    }

    /// Who set a value, by dotted path.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.merged.origin(&self.path(key))
    }

    /// The keys that are set and that this release does not have, each with what becomes of it.
    pub fn later_keys(&self) -> Vec<LaterKey> {
        let found = later::later_keys(&self.schema, self.value());
        found.into_iter().map(|(path, kind)| LaterKey { key: self.name(&path), kind }).collect()
    }

    /// The keys without effect, for the log.
    ///
    /// # Errors
    /// Keys that this release does not have and that must not be passed over.
    pub fn refuse_unavailable(&self) -> Result<Vec<String>, SettingsError> {
        let (refused, accepted): (Vec<LaterKey>, Vec<LaterKey>) =
            self.later_keys().into_iter().partition(|found| found.kind == LaterKind::Refuse);
        let problems: Vec<Problem> = refused
            .into_iter()
            .map(|found| {
                KeyProblem {
                    origin: self.origin(&found.key).cloned(),
                    key: Some(found.key),
                    message: "asks for what this release does not have".to_owned(),
                    value: None,
                    hint: Some("Passing over it would not be safe: take it out or switch it off".to_owned()),
                }
                .into()
            })
            .collect();
        if problems.is_empty() {
            Ok(accepted.into_iter().map(|found| found.key).collect())
        } else {
            Err(SettingsError { problems })
        }
    }

    /// What an operator wants to know of one key.
    ///
    /// # Errors
    /// An unknown key, with the nearest known one.
    pub fn explain(&self, key: &str) -> Result<Explanation, SettingsError> {
        let path = self.path(key);
        let Some(place) = self.schema.find(&path) else { return Err(self.unknown(&path).into()) };
        let default = at(&self.schema.defaults(), &path).cloned();
        let set = at(self.value(), &path);
        let value = set.or(default.as_ref()).map(|value| self.schema.masked(&mut path.clone(), value));
        let origin = match (set, &value) {
            (Some(_), _) => self.merged.origin(&path).cloned(),
            (None, Some(_)) => Some(Origin::Default),
            (None, None) => None,
        };
        let allowed = place.get("enum").and_then(Value::as_array).into_iter().flatten();
        let reachable =
            !path.iter().any(|segment| segment.contains('-')) && place.get("x-limen-env") != Some(&Value::Bool(false));
        Ok(Explanation {
            key: self.name(&path),
            value,
            origin,
            description: place.description().unwrap_or_default().to_owned(),
            default,
            allowed: allowed.map(|option| option.as_str().map_or_else(|| option.to_string(), str::to_owned)).collect(),
            keys: place.properties().into_iter().map(str::to_owned).collect(),
            variable: reachable.then(|| path.join("_").to_uppercase()),
            later: place.get("x-limen-later").is_some(),
        })
    }

    fn unknown(&self, path: &[String]) -> Problem {
        let depth = (0..path.len()).rev().find(|depth| self.schema.find(&path[..*depth]).is_some()).unwrap_or(0);
        let known = self.schema.find(&path[..depth]).map(|place| place.properties()).unwrap_or_default();
        let hint = path
            .get(depth)
            .and_then(|wrong| nearest::nearest(wrong, known.into_iter()))
            .map(|near| format!("Did you mean {near}?"));
        let message = "is no known key".to_owned();
        KeyProblem { key: Some(path.join(".")), message, value: None, origin: None, hint }.into()
    }

    /// A path from a dotted text, in either format's words.
    fn path(&self, key: &str) -> Path {
        let mut path = split(key);
        let own_format =
            path.len() > 1 && path[0] == self.service && self.schema.root().properties().contains(&path[1].as_str());
        if own_format {
            path.remove(0);
        }
        path
    }

    /// A path as the operator's file writes it.
    fn name(&self, path: &[String]) -> String {
        let in_section = path.first().is_some_and(|first| self.own.contains(first));
        if in_section { format!("{}.{}", self.service, path.join(".")) } else { path.join(".") }
    }

    /// Puts values back to what they were, for keys that cannot change while the program runs.
    pub(crate) fn restore(&mut self, path: &Path, old: Option<&Value>, origin: Option<Origin>) {
        let mut overlay = old.cloned().unwrap_or(Value::Null);
        for segment in path.iter().rev() {
            overlay = Value::Object([(segment.clone(), overlay)].into_iter().collect());
        }
        self.merged.put(overlay, &origin.unwrap_or(Origin::Default));
    }

    pub(crate) fn named(&self, path: &[String]) -> String {
        self.name(path)
    }
}
