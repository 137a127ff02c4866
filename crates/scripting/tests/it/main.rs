//! Templates through the public surface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod functions;
mod html;
mod jsonnet;
mod limits;
mod random;
mod text;

use scripting::TemplateSet;
use serde_json::Value;

fn text(template: &str, data: &Value) -> String {
    let mut set = TemplateSet::new();
    set.add("t", template).unwrap();
    set.render_text("t", data).unwrap()
}

fn html(template: &str, data: &Value) -> String {
    let mut set = TemplateSet::new();
    set.add("t", template).unwrap();
    set.render_html("t", data).unwrap()
}

fn problem(template: &str, data: &Value) -> String {
    let mut set = TemplateSet::new();
    match set.add("t", template) {
        Err(error) => error.to_string(),
        Ok(()) => set.render_text("t", data).unwrap_err().to_string(),
    }
}
