//! What flows and errors of the API say, in the reader's language. A number or wire id without a text is shown in the
//! server's own words.

use foundation::Texts;
use serde_json::Value;

use crate::flow::Message;

/// What a message says in this language; the server's text where this language has none for the number, or where the
/// message lacks a value that the text needs.
pub(crate) fn message(texts: &Texts, message: &Message) -> String {
    let said = texts.filled(&message.id.to_string(), |key| match message.context.as_ref()?.get(key)? {
        Value::Array(values) => Some(listed(texts, values)),
        Value::String(text) if key == "title" => Some(label(texts, text)),
        _ => message.context_text(key),
    });
    said.unwrap_or_else(|| message.text.clone())
}

/// A title of the operator's schema, in the reader's language where it is one of the usual ones.
pub(crate) fn label(texts: &Texts, title: &str) -> String {
    texts.find(&format!("label.{title}")).unwrap_or(title).to_owned()
}

/// The ways to sign in and the like, by their names.
fn listed(texts: &Texts, values: &[Value]) -> String {
    let names = values.iter().filter_map(Value::as_str);
    let names = names.map(|name| texts.find(&format!("method.{name}")).unwrap_or(name));
    names.collect::<Vec<_>>().join(", ")
}

/// The text for an error of the API by its wire id, or else the server's.
pub(crate) fn error(texts: &Texts, id: Option<&str>, body: &Value) -> Option<String> {
    let own = id.and_then(|id| texts.find(&format!("error.{id}")).map(str::to_owned));
    let theirs = || body.get("reason").or_else(|| body.get("message")).and_then(Value::as_str).map(str::to_owned);
    own.or_else(theirs)
}

#[cfg(test)]
mod tests {
    use foundation::Languages;
    use serde_json::json;

    use super::*;

    fn said(language: &str, value: Value) -> String {
        message(&Languages::embedded().choose([language]), &serde_json::from_value(value).unwrap())
    }

    #[test]
    fn a_message_without_an_entry_or_a_value_is_shown_in_the_servers_words() {
        let known = json!({"id": 4000001, "text": "server", "context": {"reason": "of {that}"}});
        assert_eq!(said("en", known), "of {that}", "values are not templates");
        assert_eq!(said("en", json!({"id": 4000001, "text": "server"})), "server");
        assert_eq!(said("de", json!({"id": 99, "text": "server"})), "server");
    }

    #[test]
    fn lists_and_titles_are_said_in_the_language() {
        let ways = json!({"id": 4000028, "text": "server", "context":
            {"credential_identifier_hint": "a@b", "available_credential_types": ["password", "totp", "own"]}});
        assert!(said("de", ways).ends_with("darin an: Passwort, Authentifizierungs-App, own."));
        let title = |title: &str| json!({"id": 1070002, "text": title, "context": {"title": title}});
        assert_eq!(said("de", title("E-mail address")), "E-Mail-Adresse");
        assert_eq!(said("de", title("Dienstliche Adresse")), "Dienstliche Adresse");
    }

    #[test]
    fn every_text_that_the_code_names_exists() {
        let texts = Languages::embedded().choose(["en"]);
        let mut missing = Vec::new();
        for source in [
            include_str!("view/mod.rs"),
            include_str!("view/flow_page.rs"),
            include_str!("view/fields.rs"),
            include_str!("view/frame.rs"),
            include_str!("http/overview.rs"),
            include_str!("http/mod.rs"),
            include_str!("http/flows.rs"),
            include_str!("http/sessions.rs"),
            include_str!("visit.rs"),
            include_str!("../templates/layout.html"),
            include_str!("../templates/flow.html"),
            include_str!("../templates/form.html"),
            include_str!("../templates/field.html"),
            include_str!("../templates/device.html"),
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
