//! One evaluation: a template, its one argument, a JSON document. No imports, no native functions, no external variables.

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::program::{
    Callbacks, EvalError, EvalErrorKind, EvalStackTraceItem, ImportError, NativeError, Program, Thunk, Value,
};
use rsjsonnet_lang::span::SpanId;

use super::frame::Answer;

/// The name by which a template takes its argument.
const ARGUMENT: &str = "ctx";

/// The error text that means: send nothing.
const CANCEL: &str = "cancel";

/// The longest error text that is told.
const LONGEST_ERROR: usize = 500;

/// Evaluates `template`; a function is called with `argument`.
pub(super) fn evaluate(template: &str, argument: &serde_json::Value, most: usize) -> Answer {
    let arena = Arena::new();
    let mut program = Program::new(&arena);
    let (context, _) = program.span_manager_mut().insert_source_context(template.len());
    let thunk = match program.load_source(context, template.as_bytes(), true, "template") {
        Ok(thunk) => thunk,
        Err(error) => return Answer::Failed(cut(&format!("the template is no Jsonnet: {}", words(&error)))),
    };
    match run(&mut program, &thunk, argument) {
        Ok(json) if json.len() > most => Answer::TooLarge,
        Ok(json) => Answer::Json(json),
        Err(error) => match error.kind {
            EvalErrorKind::ExplicitError { message, .. } if message.trim() == CANCEL => Answer::Cancelled,
            EvalErrorKind::ExplicitError { message, .. } => {
                Answer::Failed(cut(&format!("the template raised an error: {message}")))
            }
            kind => Answer::Failed(cut(&format!("the template cannot be evaluated: {}", words(&kind)))),
        },
    }
}

fn run<'p>(program: &mut Program<'p>, thunk: &Thunk<'p>, argument: &serde_json::Value) -> Result<String, EvalError> {
    let value = program.eval_value(thunk, &mut Nothing)?;
    let value = if value.is_function() {
        let name = program.intern_str(ARGUMENT);
        let argument = to_value(program, argument);
        let argument = program.value_to_thunk(&argument);
        program.eval_call(thunk, &[], &[(name, argument)], &mut Nothing)?
    } else {
        value
    };
    program.manifest_json(&value, false)
}

fn to_value<'p>(program: &mut Program<'p>, json: &serde_json::Value) -> Value<'p> {
    match json {
        serde_json::Value::Null => Value::null(),
        serde_json::Value::Bool(truth) => Value::bool(*truth),
        serde_json::Value::Number(number) => Value::number(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::string(text),
        serde_json::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| to_value(program, item)).collect();
            program.make_array(&items)
        }
        serde_json::Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(name, value)| (program.intern_str(name), to_value(program, value))).collect();
            program.make_object(&members)
        }
    }
}

/// The kind of an error in the library's words, without the positions that mean something to it alone.
fn words(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let mut kept = String::new();
    for part in text.split(", ") {
        if !part.contains("SpanId") {
            kept.push_str(if kept.is_empty() { "" } else { ", " });
            kept.push_str(part);
        } else if let Some((before, _)) = part.split_once('{') {
            kept.push_str(before.trim_end());
        }
    }
    kept
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_ERROR).collect()
}

/// A template reaches nothing outside itself.
struct Nothing;

impl<'p> Callbacks<'p> for Nothing {
    fn import(&mut self, _: &mut Program<'p>, _: SpanId, _: &str) -> Result<Thunk<'p>, ImportError> {
        Err(ImportError)
    }

    fn import_str(&mut self, _: &mut Program<'p>, _: SpanId, _: &str) -> Result<String, ImportError> {
        Err(ImportError)
    }

    fn import_bin(&mut self, _: &mut Program<'p>, _: SpanId, _: &str) -> Result<Vec<u8>, ImportError> {
        Err(ImportError)
    }

    fn trace(&mut self, _: &mut Program<'p>, _: &str, _: &[EvalStackTraceItem]) {}

    fn native_call(
        &mut self,
        _: &mut Program<'p>,
        _: InternedStr<'p>,
        _: &[Value<'p>],
    ) -> Result<Value<'p>, NativeError> {
        Err(NativeError)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json_of(template: &str, argument: serde_json::Value) -> serde_json::Value {
        match evaluate(template, &argument, 10_000) {
            Answer::Json(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_function_gets_its_argument_and_a_value_needs_none() {
        let argument = json!({"identity": {"id": "7", "n": [1, 2.5, null, true]}, "text": "ü\u{1F600}\n\""});
        assert_eq!(
            json_of("function(ctx) {id: ctx.identity.id, all: ctx.identity.n, t: ctx.text}", argument),
            json!({"id": "7", "all": [1, 2.5, null, true], "t": "ü\u{1F600}\n\""})
        );
        assert_eq!(json_of("{a: 1 + 1}", json!({})), json!({"a": 2}));
        assert_eq!(
            json_of("function(ctx, other='x') {o: other, k: std.objectFields(ctx)}", json!({"b": 1, "a": 2}))["k"],
            json!(["a", "b"])
        );
    }

    #[test]
    fn the_error_cancel_is_told_from_others() {
        assert_eq!(evaluate("function(ctx) error 'cancel'", &json!({}), 100), Answer::Cancelled);
        let Answer::Failed(text) = evaluate("function(ctx) error 'cancelled by me'", &json!({}), 100) else {
            panic!("an error")
        };
        assert!(text.contains("cancelled by me"), "{text}");
        let Answer::Failed(text) = evaluate("function(ctx) {", &json!({}), 100) else { panic!("an error") };
        assert!(text.starts_with("the template is no Jsonnet"), "{text}");
        let Answer::Failed(text) = evaluate("function(ctx) ctx.missing", &json!({}), 100) else { panic!("an error") };
        assert!(text.contains("missing") && !text.contains("Span"), "{text}");
    }

    #[test]
    fn nothing_outside_is_reached() {
        for template in [
            "function(ctx) import '/etc/hostname'",
            "function(ctx) importstr '/etc/hostname'",
            "function(ctx) importbin '/etc/hostname'",
            "function(ctx) std.native('exec')('id')",
            "function(ctx) std.extVar('HOME')",
        ] {
            assert!(matches!(evaluate(template, &json!({}), 1000), Answer::Failed(_)), "{template}");
        }
    }

    #[test]
    fn deep_recursion_and_large_results_are_refused() {
        let recursion = "local f(n) = 1 + f(n + 1); function(ctx) f(0)";
        assert!(
            matches!(evaluate(recursion, &json!({}), 1000), Answer::Failed(text) if text.contains("StackOverflow"))
        );
        assert_eq!(evaluate("function(ctx) std.repeat('x', 200)", &json!({}), 100), Answer::TooLarge);
    }
}
