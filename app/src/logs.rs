//! What the program says: lines for people on a terminal, JSON otherwise. Never a secret, a token, a code or an address.

mod json_lines;
mod lines;

use std::io::{IsTerminal, Write as _};

use identity::settings::Log;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use self::json_lines::JsonLines;
use self::lines::{Last, Lines};

/// Starts writing logs to standard error, as the configuration says. What is given writes the last lines when it is dropped.
pub fn start(log: &Log) -> Last {
    let level = match log.level.as_str() {
        "trace" => "trace",
        "debug" => "debug",
        "warning" | "warn" => "warn",
        "error" | "fatal" | "panic" => "error",
        _ => "info",
    };
    // Libraries speak up from warnings on; what they say of a connection below that is of no use to operators.
    let own =
        ["limen", "identity", "courier", "database", "web", "pages", "permissions", "settings", "crypto", "scripting"];
    let filter = own.iter().fold("warn".to_owned(), |filter, name| format!("{filter},{name}={level}"));
    let filter = EnvFilter::new(filter);
    let terminal = std::io::stderr().is_terminal();
    let builder = fmt::Subscriber::builder().with_env_filter(filter);
    let json = match log.format.as_deref() {
        None => !terminal,
        Some(format) => format.starts_with("json") || format == "gelf",
    };
    let lines = if terminal { Lines::unbuffered() } else { Lines::buffered() };
    let last = lines.flush_at_end();
    let builder = builder.with_writer(lines);
    let result = if json {
        tracing::subscriber::set_global_default(builder.event_format(JsonLines).finish())
    } else {
        tracing::subscriber::set_global_default(builder.with_target(false).with_ansi(terminal).finish())
    };
    // Only a second call fails, and the first one's output stays.
    let _ = result;
    last
}

/// Writes what a command answers.
///
/// # Errors
/// Standard output is closed.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(())
}

/// Writes why the program ends, with all causes. Without standard error there is nobody to tell.
pub fn say_error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "limen: {error:#}");
}
