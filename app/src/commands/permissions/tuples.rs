//! `limen permissions tuples …`: relationships from files and arguments into a running service, and back.

use std::io::Read as _;
use std::path::Path;

use ::permissions::model::{RelationTuple, Subject};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::remote::{Remote, query, subject_parameters};
use super::{Format, Where, say};
use crate::commands::block_on;
use crate::commands::config::Environment;
use crate::logs;

/// What to do with relationships.
#[derive(Debug, Subcommand)]
pub enum Tuples {
    /// Read namespace:object#relation@subject, a line each, with // comments; print JSON.
    Parse {
        /// Files; - for standard input.
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Create relationships, all or none.
    Create(Change),
    /// Delete relationships, all or none.
    Delete(Change),
    /// List relationships, page by page.
    Get(Get),
    /// Delete all that a filter means; without --force, print them only.
    DeleteAll(DeleteAll),
}

/// Arguments of `create` and `delete`.
#[derive(Debug, Args)]
pub struct Change {
    /// Files or folders with JSON, one relationship or a list; - for standard input.
    #[arg(required = true)]
    files: Vec<String>,
    #[command(flatten)]
    at: Where,
}

/// A filter.
#[derive(Debug, Args, Clone)]
pub struct Filter {
    /// The namespace.
    #[arg(long)]
    namespace: Option<String>,
    /// The object.
    #[arg(long)]
    object: Option<String>,
    /// The relation.
    #[arg(long)]
    relation: Option<String>,
    /// The subject, an id.
    #[arg(long)]
    subject_id: Option<String>,
    /// The subject, namespace:object#relation.
    #[arg(long, conflicts_with = "subject_id")]
    subject_set: Option<String>,
}

/// Arguments of `get`.
#[derive(Debug, Args)]
pub struct Get {
    #[command(flatten)]
    filter: Filter,
    /// How many at once.
    #[arg(long, default_value_t = 100)]
    page_size: u32,
    /// Where to go on.
    #[arg(long, default_value = "")]
    page_token: String,
    #[command(flatten)]
    at: Where,
}

/// Arguments of `delete-all`.
#[derive(Debug, Args)]
pub struct DeleteAll {
    #[command(flatten)]
    filter: Filter,
    /// Really delete.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    at: Where,
}

/// Does what the arguments say.
///
/// # Errors
/// Files that cannot be read, and a service that does not answer or refuses.
pub fn run(what: &Tuples, environment: &Environment) -> anyhow::Result<()> {
    match what {
        Tuples::Parse { files } => parse(files),
        Tuples::Create(change) => block_on(write(change, "insert", environment)),
        Tuples::Delete(change) => block_on(write(change, "delete", environment)),
        Tuples::Get(get) => block_on(list(get, environment)),
        Tuples::DeleteAll(delete) => block_on(delete_all(delete, environment)),
    }
}

fn text(file: &str) -> anyhow::Result<String> {
    if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))
}

fn parse(files: &[String]) -> anyhow::Result<()> {
    let mut tuples = Vec::new();
    for file in files {
        for (number, line) in text(file)?.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with("//") {
                continue;
            }
            tuples.push(RelationTuple::parse(line).with_context(|| format!("{file}:{}", number + 1))?);
        }
    }
    let value = match tuples.as_slice() {
        [one] => json!(one),
        all => json!(all),
    };
    logs::say(&serde_json::to_string_pretty(&value)?)
}

/// The relationships of a file, or of all JSON files of a folder.
fn read(file: &str) -> anyhow::Result<Vec<RelationTuple>> {
    if Path::new(file).is_dir() {
        let mut files: Vec<_> = std::fs::read_dir(file)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        let parts = files.iter().map(|path| read(&path.display().to_string())).collect::<anyhow::Result<Vec<_>>>()?;
        return Ok(parts.concat());
    }
    let value: Value = serde_json::from_str(&text(file)?).with_context(|| format!("{file} is no JSON"))?;
    let list = if value.is_array() { value } else { json!([value]) };
    serde_json::from_value(list).with_context(|| format!("{file} holds no relationships"))
}

async fn write(change: &Change, action: &str, environment: &Environment) -> anyhow::Result<()> {
    let remote = Remote::new(&change.at, environment)?;
    let mut tuples = Vec::new();
    for file in &change.files {
        tuples.extend(read(file)?);
    }
    let changes: Vec<Value> = tuples.iter().map(|tuple| json!({"action": action, "relation_tuple": tuple})).collect();
    let answer = remote.post_write("/admin/relation-tuples/transact", &json!({"changes": changes})).await?;
    say(change.at.format, &json!(tuples), || {
        format!("{}inserted {}, deleted {}\n", lines(&tuples), answer["inserted"], answer["deleted"])
    })
}

fn lines(tuples: &[RelationTuple]) -> String {
    tuples.iter().map(|tuple| format!("{tuple}\n")).collect()
}

impl Filter {
    fn query(&self, more: &[(&str, &str)]) -> String {
        let subject = match (&self.subject_id, &self.subject_set) {
            (Some(id), _) => Some(Subject::Id(id.clone())),
            (None, set) => set.as_deref().map(Subject::parse),
        };
        let mut parameters: Vec<(&str, &str)> = more.to_vec();
        let parts = [("namespace", &self.namespace), ("object", &self.object), ("relation", &self.relation)];
        parameters.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        parameters.extend(subject.iter().flat_map(subject_parameters));
        query(&parameters)
    }
}

async fn page(
    remote: &Remote,
    filter: &Filter,
    size: &str,
    token: &str,
) -> anyhow::Result<(Value, Vec<RelationTuple>)> {
    let path = format!("/relation-tuples?{}", filter.query(&[("page_size", size), ("page_token", token)]));
    let answer = remote.get_read(&path).await?;
    let tuples =
        serde_json::from_value(answer["relation_tuples"].clone()).context("this is no list of relationships")?;
    Ok((answer, tuples))
}

async fn list(get: &Get, environment: &Environment) -> anyhow::Result<()> {
    let remote = Remote::new(&get.at, environment)?;
    let (answer, tuples) = page(&remote, &get.filter, &get.page_size.to_string(), &get.page_token).await?;
    say(get.at.format, &answer, || {
        let next = answer["next_page_token"].as_str().unwrap_or_default();
        let rest = if next.is_empty() { String::new() } else { format!("next page: --page-token {next}\n") };
        lines(&tuples) + &rest
    })
}

async fn delete_all(delete: &DeleteAll, environment: &Environment) -> anyhow::Result<()> {
    let remote = Remote::new(&delete.at, environment)?;
    if delete.at.format != Format::Table && !delete.force {
        bail!("delete-all without --force only prints for people: leave out --format");
    }
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let (answer, tuples) = page(&remote, &delete.filter, "500", &token).await?;
        found.extend(tuples);
        token = answer["next_page_token"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
    }
    if !delete.force {
        return logs::say(&format!("{}these would be deleted; --force deletes them\n", lines(&found)));
    }
    let changes: Vec<Value> = found.iter().map(|tuple| json!({"action": "delete", "relation_tuple": tuple})).collect();
    let answer = remote.post_write("/admin/relation-tuples/transact", &json!({"changes": changes})).await?;
    say(delete.at.format, &answer, || format!("deleted {}\n", answer["deleted"]))
}
