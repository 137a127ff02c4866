//! `limen permissions …`: questions to a running permission service, its relationships, and its definitions.

mod remote;
mod tuples;

use std::path::PathBuf;

use ::permissions::exam::Exam;
use ::permissions::language::{self, Dialect};
use ::permissions::model::{Subject, SubjectSet};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::Value;

use self::remote::{Remote, query, subject_parameters};
use super::config::Environment;
use super::{block_on, migrate};
use crate::logs;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Permissions {
    /// Say whether a subject has a relation to an object. Exit status 0 in both cases, unless --exit-status is given.
    Check(Check),
    /// Show who has a relation to an object, as a tree.
    Expand(Expand),
    /// Read and write relationships.
    #[command(subcommand)]
    Tuples(tuples::Tuples),
    /// Say whether the service is ready.
    Status(Status),
    /// The database's tables, as `limen migrate sql`.
    Migrate(migrate::Sql),
    /// Write definitions nicely; comments stay.
    Fmt(Fmt),
    /// Run files that say who is allowed, denied and listed; exit status 0 if all is so.
    Test {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One line of JSON.
    Json,
    /// JSON on several lines.
    JsonPretty,
}

/// Where the service is.
#[derive(Debug, Args, Clone)]
pub struct Where {
    /// The address of serve.read; KETO_READ_REMOTE is read as well.
    #[arg(long, value_name = "HOST:PORT")]
    read_remote: Option<String>,
    /// The address of serve.write; KETO_WRITE_REMOTE is read as well.
    #[arg(long, value_name = "HOST:PORT")]
    write_remote: Option<String>,
    /// Speak TLS with the service.
    #[arg(long)]
    tls: bool,
    /// Accepted for compatibility: TLS is spoken with --tls alone.
    #[arg(long, hide = true)]
    insecure_disable_transport_security: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Arguments of `limen permissions check`.
#[derive(Debug, Args)]
pub struct Check {
    /// An id, or namespace:object#relation.
    subject: String,
    /// The relation or permit.
    relation: String,
    /// namespace:object
    object: String,
    /// How deep to look; as deep as allowed without it.
    #[arg(short = 'd', long, default_value_t = 0)]
    max_depth: i32,
    /// Say why.
    #[arg(long)]
    explain: bool,
    /// End with status 3 if the answer is no.
    #[arg(long)]
    exit_status: bool,
    #[command(flatten)]
    at: Where,
}

/// Arguments of `limen permissions expand`.
#[derive(Debug, Args)]
pub struct Expand {
    /// The relation or permit.
    relation: String,
    /// namespace:object
    object: String,
    /// How deep to look; as deep as allowed without it.
    #[arg(short = 'd', long, default_value_t = 0)]
    max_depth: i32,
    #[command(flatten)]
    at: Where,
}

/// Arguments of `limen permissions status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Which listener to ask.
    #[arg(long, value_parser = ["read", "write"], default_value = "read")]
    endpoint: String,
    /// Wait until it is ready.
    #[arg(short, long)]
    block: bool,
    #[command(flatten)]
    at: Where,
}

/// Arguments of `limen permissions fmt`.
#[derive(Debug, Args)]
pub struct Fmt {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; end with an error if a file would change.
    #[arg(long)]
    check: bool,
}

/// Does what the arguments say.
///
/// # Errors
/// A service that does not answer or refuses, and files that cannot be read.
pub fn run(what: &Permissions, environment: &Environment) -> anyhow::Result<()> {
    match what {
        Permissions::Check(check) => block_on(ask(check, environment)),
        Permissions::Expand(expand) => block_on(tree(expand, environment)),
        Permissions::Tuples(what) => tuples::run(what, environment),
        Permissions::Status(status) => block_on(ready(status, environment)),
        Permissions::Migrate(sql) => migrate::run(sql, environment),
        Permissions::Fmt(fmt) => format(fmt),
        Permissions::Test { files } => test(files),
    }
}

/// `namespace:object`.
fn object(text: &str) -> anyhow::Result<(&str, &str)> {
    text.split_once(':').with_context(|| format!("{text:?} is not written namespace:object"))
}

/// An answer in the format that is wanted; the lines are for people.
fn say(format: Format, value: &Value, lines: impl FnOnce() -> String) -> anyhow::Result<()> {
    match format {
        Format::Table => logs::say(&lines()),
        Format::Json => logs::say(&value.to_string()),
        Format::JsonPretty => logs::say(&serde_json::to_string_pretty(value)?),
    }
}

async fn ask(check: &Check, environment: &Environment) -> anyhow::Result<()> {
    let remote = Remote::new(&check.at, environment)?;
    let (namespace, name) = object(&check.object)?;
    let depth = check.max_depth.to_string();
    let mut parameters = vec![
        ("namespace", namespace),
        ("object", name),
        ("relation", check.relation.as_str()),
        ("max-depth", depth.as_str()),
    ];
    let subject = Subject::parse(&check.subject);
    parameters.extend(subject_parameters(&subject));
    let path = if check.explain { "/relation-tuples/explain" } else { "/relation-tuples/check/openapi" };
    let answer = remote.get_read(&format!("{path}?{}", query(&parameters))).await?;
    let allowed = answer["allowed"].as_bool().unwrap_or(false);
    say(check.at.format, &answer, || {
        let mut text = if allowed { "Allowed\n".to_owned() } else { "Denied\n".to_owned() };
        if let Some(reason) = answer.get("reason") {
            told(reason, 0, &mut text);
        }
        text
    })?;
    if check.exit_status && !allowed {
        std::process::exit(3);
    }
    Ok(())
}

/// A step of an explanation, and what it follows from.
fn told(step: &Value, depth: usize, text: &mut String) {
    let what = match &step["what"] {
        Value::String(word) => word.clone(),
        Value::Object(map) => {
            map.iter().map(|(kind, name)| format!("{kind} {}", name.as_str().unwrap_or_default())).collect()
        }
        _ => String::new(),
    };
    *text += &format!("{}{} {what}\n", "  ".repeat(depth), step["holds"].as_str().unwrap_or_default());
    for below in step["because"].as_array().into_iter().flatten() {
        told(below, depth + 1, text);
    }
}

async fn tree(expand: &Expand, environment: &Environment) -> anyhow::Result<()> {
    let remote = Remote::new(&expand.at, environment)?;
    let (namespace, name) = object(&expand.object)?;
    let depth = expand.max_depth.to_string();
    let parameters =
        [("namespace", namespace), ("object", name), ("relation", expand.relation.as_str()), ("max-depth", &depth)];
    let answer = remote.get_read(&format!("/relation-tuples/expand?{}", query(&parameters))).await?;
    say(expand.at.format, &answer, || {
        let mut text = String::new();
        branch(&answer, 0, &mut text);
        text
    })
}

fn branch(node: &Value, depth: usize, text: &mut String) {
    let tuple = &node["tuple"];
    let subject = match (tuple["subject_id"].as_str(), tuple.get("subject_set")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(set)) => {
            serde_json::from_value::<SubjectSet>(set.clone()).map_or(String::new(), |set| set.to_string())
        }
        (None, None) => String::new(),
    };
    *text += &format!("{}{} {subject}\n", "  ".repeat(depth), node["type"].as_str().unwrap_or_default());
    for child in node["children"].as_array().into_iter().flatten() {
        branch(child, depth + 1, text);
    }
}

async fn ready(status: &Status, environment: &Environment) -> anyhow::Result<()> {
    let remote = Remote::new(&status.at, environment)?;
    loop {
        let answer = if status.endpoint == "read" {
            remote.get_read("/health/ready").await
        } else {
            remote.get_write("/health/ready").await
        };
        match answer {
            Ok(_) => return logs::say("SERVING\n"),
            Err(error) if !status.block => return Err(error),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(300)).await,
        }
    }
}

fn format(fmt: &Fmt) -> anyhow::Result<()> {
    let mut differing = Vec::new();
    for file in &fmt.files {
        let shown = file.display();
        let source = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
        let nice = language::format(&source).map_err(|found| {
            let lines = found
                .iter()
                .map(|found| format!("{shown}:{}:{}: {}", found.start.line, found.start.column + 1, found.message));
            anyhow::anyhow!(lines.collect::<Vec<_>>().join("\n"))
        })?;
        // What is written with precedence in mind reads differently here.
        for found in language::parse(&source, Dialect::Limen).diagnostics {
            logs::say(&format!("{shown}:{}:{}: {}", found.start.line, found.start.column + 1, found.message))?;
        }
        if nice != source {
            differing.push(shown.to_string());
            if !fmt.check {
                std::fs::write(file, nice).with_context(|| format!("{shown} cannot be written"))?;
            }
        }
    }
    if fmt.check && !differing.is_empty() {
        bail!("not written nicely: {}", differing.join(", "));
    }
    Ok(())
}

fn test(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut failed = 0;
    for file in files {
        let shown = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
        let exam = Exam::read(&text).with_context(|| shown.to_string())?;
        let beside = exam.schema_file.as_ref().map(|name| file.with_file_name(name));
        let schema = beside
            .map(|path| std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display())));
        let report = exam.run(schema.transpose()?.as_deref()).with_context(|| shown.to_string())?;
        logs::say(&format!("{shown}: {report}"))?;
        failed += report.differences.len();
    }
    if failed > 0 {
        bail!("{failed} assertions do not hold");
    }
    Ok(())
}
