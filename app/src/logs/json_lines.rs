//! Log lines as JSON, written in one pass: time, level, the fields of the event, where it was said.

use std::fmt::{self, Debug, Write as _};

use foundation::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// An object a line.
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let about = event.metadata();
        write!(writer, "{{\"timestamp\":\"{}\",\"level\":\"{}\"", SystemClock.now(), about.level())?;
        let mut fields = Fields { writer: &mut writer, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        writeln!(writer, ",\"target\":\"{}\"}}", about.target())
    }
}

struct Fields<'a, W> {
    writer: &'a mut W,
    result: fmt::Result,
}

impl<W: fmt::Write> Fields<'_, W> {
    fn field(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = write!(self.writer, ",\"{}\":", field.name()).and_then(|()| value(self.writer));
        }
    }

    fn text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        self.field(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_fmt(text)?;
            writer.write_char('"')
        });
    }
}

impl<W: fmt::Write> Visit for Fields<'_, W> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |writer| write!(writer, "{value}"));
    }
}

/// Escapes what may not stand in a JSON text (RFC 8259 section 7).
struct Escaped<'a, W>(&'a mut W);

impl<W: fmt::Write> fmt::Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
            self.0.write_str(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'\n' => self.0.write_str("\\n")?,
                b'\t' => self.0.write_str("\\t")?,
                byte @ (b'"' | b'\\') => write!(self.0, "\\{}", char::from(byte))?,
                byte => write!(self.0, "\\u{byte:04x}")?,
            }
            // All of these take one byte.
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_event_is_one_object_whatever_it_says() {
        let seen = Seen::default();
        let writer = seen.clone();
        let subscriber =
            fmt::Subscriber::builder().with_writer(move || writer.clone()).event_format(JsonLines).finish();
        let hostile = "a \"quote\", a \\, a\nline\u{1} and ü";
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(sent = hostile, count = -3, yes = true, ms = 7_u64, error = %hostile, "said {hostile}");
        });
        let bytes = seen.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], format!("said {hostile}"));
        assert_eq!((&line["sent"], &line["error"]), (&hostile.into(), &hostile.into()));
        assert_eq!((&line["count"], &line["yes"], &line["ms"]), (&(-3).into(), &true.into(), &7.into()));
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].as_str().unwrap().starts_with("20"));
        assert!(line["target"].as_str().unwrap().ends_with("json_lines::tests"));
    }
}
