//! The namespaces and rules in force: read from their source, compiled, and read again when it changes. A source that
//! cannot be read keeps a server from starting, and a running one at what it has.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use web::{OutboundClient, OutboundRequest};

use crate::engine::{Conditions, Names, Options, Program};
use crate::language::{self, Dialect, Severity};
use crate::model::{Namespace, Schema};
use crate::settings::{LegacyNamespace, Location, NamespaceSource, Settings};

/// What questions are answered by.
#[derive(Debug)]
pub struct Policy {
    /// The namespaces, compiled.
    pub program: Program,
    /// The rules.
    pub options: Options,
    /// Whether running out of a budget is an error.
    pub strict: bool,
    /// Whether what is written must fit the namespaces.
    pub checked_writes: bool,
}

/// What stands in a source: to be compared, and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Where each part is from, and its text.
    parts: Vec<(String, String)>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Names,
    Definitions,
}

impl Policy {
    /// Compiles namespaces and conditions under the rules of the configuration.
    ///
    /// # Errors
    /// A condition that cannot be read, by its name.
    pub fn new(schema: &Schema, settings: &Settings, names: &Names) -> Result<Self, String> {
        let sources = settings.conditions.iter().map(|(name, source)| (name.as_str(), source.expression.as_str()));
        let conditions = Conditions::compile(sources).map_err(|error| error.to_string())?;
        Ok(Self {
            program: Program::new(schema, names).with_conditions(conditions),
            options: options(settings),
            strict: settings.strict(),
            checked_writes: settings.own_format,
        })
    }

    /// The namespace of this name.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.program.schema().namespace(name)
    }
}

fn options(settings: &Settings) -> Options {
    let base = if settings.own_format { Options::limen() } else { Options::keto() };
    let limit = &settings.limit;
    Options {
        strict: settings.strict(),
        depth: limit.max_read_depth.unwrap_or(base.depth),
        width: limit.max_read_width.or(base.width),
        steps: limit.max_check_steps,
        expand_rewrites: settings.feature_flags.expand_rewrites.unwrap_or(base.expand_rewrites),
        expand_size: limit.max_expand_size,
        ..base
    }
}

/// How the language of a configuration is read.
pub fn dialect(settings: &Settings) -> Dialect {
    if settings.own_format { Dialect::Limen } else { Dialect::Keto }
}

/// Reads what stands in a source.
///
/// # Errors
/// Why it cannot be read, with its address.
pub async fn read(source: &NamespaceSource, outbound: &OutboundClient) -> Result<SourceText, String> {
    let (address, kind) = match source {
        NamespaceSource::Named(names) => {
            let parts = names.iter().map(|LegacyNamespace { name, .. }| ("namespaces".to_owned(), name.clone()));
            return Ok(SourceText { parts: parts.collect(), kind: Kind::Names });
        }
        NamespaceSource::Address(address) => (address, None),
        NamespaceSource::Definitions { location, .. } => (location, Some(Kind::Definitions)),
    };
    let told = |reason: String| format!("the namespaces at {address} cannot be read: {reason}");
    match Location::parse(address).map_err(told)? {
        Location::Inline(text) => Ok(definitions("base64", text)),
        Location::Http(url) => {
            let request = OutboundRequest::get(url.clone());
            let answer = outbound.send(request).await.map_err(|error| told(error.to_string()))?;
            if answer.status != 200 {
                return Err(told(format!("the server answered {}", answer.status)));
            }
            let text =
                String::from_utf8(answer.body.to_vec()).map_err(|_| told("it is no text in UTF-8".to_owned()))?;
            Ok(definitions(url.as_str(), text))
        }
        Location::Path(path) => from_path(&path, kind).map_err(told),
    }
}

fn definitions(place: &str, text: String) -> SourceText {
    SourceText { parts: vec![(place.to_owned(), text)], kind: Kind::Definitions }
}

fn from_path(path: &Path, kind: Option<Kind>) -> Result<SourceText, String> {
    if path.is_dir() && kind.is_none() {
        let entries = std::fs::read_dir(path).map_err(|error| error.to_string())?;
        let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| is_list(file));
        files.sort();
        let parts = files.iter().map(|file| names_of(file)).collect::<Result<Vec<_>, _>>()?;
        return Ok(SourceText { parts: parts.concat(), kind: Kind::Names });
    }
    if kind.is_none() && is_list(path) {
        return Ok(SourceText { parts: names_of(path)?, kind: Kind::Names });
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(definitions(&path.display().to_string(), text))
}

fn is_list(file: &Path) -> bool {
    file.extension().is_some_and(|extension| ["yml", "yaml", "json", "toml"].iter().any(|known| extension == *known))
}

/// The names in a file: one namespace, or a list of them.
fn names_of(file: &Path) -> Result<Vec<(String, String)>, String> {
    let place = file.display().to_string();
    let told = |reason: String| format!("{place}: {reason}");
    if file.extension().is_some_and(|extension| extension == "toml") {
        return Err(told("TOML is not read; write the same keys as YAML or JSON".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    let value: yaml_serde::Value = yaml_serde::from_str(&text).map_err(|error| told(error.to_string()))?;
    let list: Vec<LegacyNamespace> = match value {
        list @ yaml_serde::Value::Sequence(_) => yaml_serde::from_value(list),
        one => yaml_serde::from_value(one).map(|one| vec![one]),
    }
    .map_err(|error| told(format!("a namespace is written as id and name: {error}")))?;
    Ok(list.into_iter().map(|namespace| (place.clone(), namespace.name)).collect())
}

/// The folder that tells when a source changes, if it is on this machine.
pub fn folder(source: &NamespaceSource) -> Option<PathBuf> {
    let address = match source {
        NamespaceSource::Named(_) => return None,
        NamespaceSource::Address(address) | NamespaceSource::Definitions { location: address, .. } => address,
    };
    match Location::parse(address) {
        Ok(Location::Path(path)) if path.is_dir() => Some(path),
        Ok(Location::Path(path)) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            Some(parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf))
        }
        _ => None,
    }
}

/// Understands what stands in a source; warnings go to the log.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub fn understand(text: &SourceText, dialect: Dialect) -> Result<Schema, String> {
    if text.kind == Kind::Names {
        let mut namespaces: Vec<Namespace> = Vec::new();
        for (place, name) in &text.parts {
            if namespaces.iter().any(|known| known.name == *name) {
                return Err(format!("{place}: the namespace {name} is there twice"));
            }
            namespaces.push(Namespace::open(name));
        }
        return Ok(Schema { namespaces });
    }
    let Some((place, source)) = text.parts.first() else { return Ok(Schema::default()) };
    let parsed = language::parse(source, dialect);
    let line = |found: &language::Diagnostic| {
        format!("{place}:{}:{}: {}", found.start.line, found.start.column + 1, found.message)
    };
    for warning in parsed.diagnostics.iter().filter(|found| found.severity == Severity::Warning) {
        tracing::warn!("{}", line(warning));
    }
    parsed.schema.ok_or_else(|| {
        let errors = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        errors.map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Reads and compiles what the configuration names.
///
/// # Errors
/// Why there is nothing to answer by.
pub async fn load(
    settings: &Settings,
    names: &Names,
    outbound: &OutboundClient,
) -> Result<(SourceText, Arc<Policy>), String> {
    let text = read(&settings.namespaces, outbound).await?;
    let schema = understand(&text, dialect(settings))?;
    Ok((text, Arc::new(Policy::new(&schema, settings, names)?)))
}
