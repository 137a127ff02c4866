//! The words of the pages, by language: those of the layout by name, those of flows by message number. A number that a
//! language file does not list is shown in the server's own words, so a file need only hold what it says better.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::flow::Message;

/// All languages; the first is the default. A file is a JSON object of names or numbers to texts with `{key}` places.
const FILES: [(&str, &str); 1] = [("en", include_str!("../../../locales/en.json"))];

/// The texts of every language.
#[derive(Debug)]
pub(crate) struct Languages(Vec<Arc<Texts>>);

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The language tag, for `<html lang>`.
    pub(crate) language: &'static str,
    entries: HashMap<String, String>,
}

impl Languages {
    /// Reads the embedded files. One that is no JSON object counts as empty; a test reads them all.
    pub(crate) fn embedded() -> Self {
        let read = |(language, file): (&'static str, &str)| {
            Arc::new(Texts { language, entries: serde_json::from_str(file).unwrap_or_default() })
        };
        Self(FILES.into_iter().map(read).collect())
    }

    /// The language that the browser likes best (RFC 9110 section 12.5.4), out of those there are.
    pub(crate) fn choose(&self, accept_language: Option<&str>) -> Arc<Texts> {
        let mut wanted: Vec<(f32, &str)> = accept_language
            .unwrap_or_default()
            .split(',')
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let tag = parts.next().filter(|tag| !tag.is_empty())?;
                let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
                (quality > 0.0).then_some((quality, tag))
            })
            .collect();
        wanted.sort_by(|(left, _), (right, _)| right.total_cmp(left));
        let language_of = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        wanted
            .iter()
            .find_map(|(_, tag)| self.0.iter().find(|texts| texts.language == language_of(tag)))
            .unwrap_or(&self.0[0])
            .clone()
    }
}

impl Texts {
    /// A text of the layout. A name without a text shows itself, so that a test sees it.
    pub(crate) fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.entries.get(name).map_or(name, String::as_str)
    }

    /// A text of the layout, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(String::as_str)
    }

    /// A text of the layout with `{key}` replaced by its value.
    pub(crate) fn with(&self, name: &str, values: &[(&str, &str)]) -> String {
        fill(self.text(name), |key| values.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
            .unwrap_or_else(|| self.text(name).to_owned())
    }

    /// What a message says in this language; the server's text where this language has none for the number, or where
    /// the message lacks a value that the text needs.
    pub(crate) fn message(&self, message: &Message) -> String {
        self.entries
            .get(&message.id.to_string())
            .and_then(|template| fill(template, |key| message.context_text(key)))
            .unwrap_or_else(|| message.text.clone())
    }

    /// The text for an error of the API by its wire id, or else the server's.
    pub(crate) fn error(&self, id: Option<&str>, body: &Value) -> Option<String> {
        let own = id.and_then(|id| self.find(&format!("error.{id}")).map(str::to_owned));
        let theirs = || body.get("reason").or_else(|| body.get("message")).and_then(Value::as_str).map(str::to_owned);
        own.or_else(theirs)
    }
}

/// Replaces each `{key}`; `None` where a value is missing.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&value(key)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(value: Value) -> Message {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn each_embedded_file_is_an_object_of_texts() {
        for (language, file) in FILES {
            let entries: HashMap<String, String> =
                serde_json::from_str(file).unwrap_or_else(|error| panic!("locales/{language}.json: {error}"));
            assert!(entries.contains_key("login.title"), "{language}");
        }
    }

    #[test]
    fn a_message_without_an_entry_or_a_value_is_shown_in_the_servers_words() {
        let texts =
            Texts { language: "en", entries: HashMap::from([("4000001".to_owned(), "Because {reason}".to_owned())]) };
        let known = message(json!({"id": 4000001, "text": "server", "context": {"reason": "of {that}"}}));
        assert_eq!(texts.message(&known), "Because of {that}", "values are not templates");
        assert_eq!(texts.message(&message(json!({"id": 4000001, "text": "server"}))), "server");
        assert_eq!(texts.message(&message(json!({"id": 99, "text": "server"}))), "server");
    }

    #[test]
    fn the_browsers_best_language_that_exists_is_chosen() {
        let languages = Languages(vec![
            Arc::new(Texts { language: "en", entries: HashMap::new() }),
            Arc::new(Texts { language: "de", entries: HashMap::new() }),
        ]);
        assert_eq!(languages.choose(None).language, "en");
        assert_eq!(languages.choose(Some("fr, de-CH;q=0.8, en;q=0.5")).language, "de");
        assert_eq!(languages.choose(Some("de;q=0, en")).language, "en");
        assert_eq!(languages.choose(Some(";;q=x,,")).language, "en");
    }

    #[test]
    fn every_text_that_the_code_names_exists() {
        let languages = Languages::embedded();
        let texts = languages.choose(None);
        let mut missing = Vec::new();
        for source in [
            include_str!("view/mod.rs"),
            include_str!("view/flow_page.rs"),
            include_str!("view/fields.rs"),
            include_str!("http/overview.rs"),
            include_str!("http/mod.rs"),
            include_str!("http/flows.rs"),
            include_str!("http/sessions.rs"),
            include_str!("visit.rs"),
            include_str!("../templates/layout.html"),
            include_str!("../templates/flow.html"),
            include_str!("../templates/field.html"),
            include_str!("../templates/overview.html"),
            include_str!("../templates/logout.html"),
            include_str!("../templates/notice.html"),
            include_str!("../templates/notices.html"),
        ] {
            for call in [".text(\"", ".with(\"", ".frame(\""] {
                for part in source.split(call).skip(1) {
                    let name = part.split('"').next().unwrap_or_default();
                    if texts.find(name).is_none() {
                        missing.push(name.to_owned());
                    }
                }
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }
}
