//! The words for people, by language: the files of `locales/`, one object of names to texts each. Texts of pages and
//! mails have names (`login.title`), texts of flows the numbers of `api/messages.json`. An operator may replace single
//! texts. What is said when is no matter of this crate.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Timestamp;

/// All languages; the first is the default.
const FILES: [(&str, &str); 2] =
    [("en", include_str!("../../../locales/en.json")), ("de", include_str!("../../../locales/de.json"))];

/// Texts of an operator: language tag → name → text.
pub type OwnTexts = BTreeMap<String, BTreeMap<String, String>>;

/// The texts of every language.
#[derive(Debug, Clone)]
pub struct Languages(Vec<Texts>);

/// The texts of one language.
#[derive(Debug, Clone)]
pub struct Texts {
    language: &'static str,
    entries: Arc<HashMap<String, String>>,
    own: Arc<OwnTexts>,
}

impl Languages {
    /// Reads the files that are part of the program. One that is no object of texts counts as empty; a test reads all.
    pub fn embedded() -> Self {
        let read = |(language, file): (&'static str, &str)| {
            let entries = serde_json::from_str(file).unwrap_or_default();
            Texts { language, entries: Arc::new(entries), own: Arc::default() }
        };
        Self(FILES.into_iter().map(read).collect())
    }

    /// The first of the wanted languages that there is, or the default. `de-CH` is served by `de`.
    pub fn choose<'a>(&self, wanted: impl IntoIterator<Item = &'a str>) -> Texts {
        let find = |tag: &str| self.0.iter().find(|texts| texts.language.eq_ignore_ascii_case(primary(tag)));
        wanted.into_iter().find_map(find).unwrap_or(&self.0[0]).clone()
    }

    /// Every language, the default first.
    pub fn all(&self) -> impl Iterator<Item = &Texts> {
        self.0.iter()
    }
}

/// `de` of `de-CH` and of `de_CH`.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

impl Texts {
    /// The language tag, for `<html lang>`.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// These texts, with an operator's own before them.
    #[must_use]
    pub fn with_own(self, own: Arc<OwnTexts>) -> Self {
        Self { own, ..self }
    }

    /// The text of a name, if there is one.
    pub fn find(&self, name: &str) -> Option<&str> {
        let own = self.own.get(self.language).and_then(|own| own.get(name));
        own.or_else(|| self.entries.get(name)).map(String::as_str)
    }

    /// The text of a name. A name without a text shows itself, so that a test sees it.
    pub fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.find(name).unwrap_or(name)
    }

    /// A text with each `{key}` replaced by its value; the values are not looked at again.
    pub fn with(&self, name: &str, values: &[(&str, &str)]) -> String {
        let value = |key: &str| values.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
        self.filled(name, value).unwrap_or_else(|| self.text(name).to_owned())
    }

    /// A text with each `{key}` replaced; `None` where there is no such text, or a value is missing.
    pub fn filled(&self, name: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut rest = self.find(name)?;
        let mut filled = String::with_capacity(rest.len());
        while let Some((before, after)) = rest.split_once('{') {
            let (key, after) = after.split_once('}')?;
            filled.push_str(before);
            filled.push_str(&value(key)?);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }

    /// `name.one` or `name.other`, with `{count}`. Enough for languages with two forms.
    pub fn counted(&self, name: &str, count: i64) -> String {
        let form = if count == 1 { "one" } else { "other" };
        self.with(&format!("{name}.{form}"), &[("count", &count.to_string())])
    }

    /// A moment in words, in UTC.
    pub fn moment(&self, at: Timestamp) -> String {
        let part = |format: &str| at.strftime(format).to_string();
        let month = part("%-m").parse::<usize>().unwrap_or(1).saturating_sub(1);
        let month = self.text("date.months").split(',').nth(month).unwrap_or_default();
        let values = [("day", part("%-d")), ("month", month.to_owned()), ("year", part("%Y")), ("time", part("%H:%M"))];
        self.with("date.moment", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> =
            text.split('{').skip(1).map(|part| part.split_once('}').expect("a place is closed").0).collect();
        places.sort_unstable();
        places
    }

    fn files() -> Vec<(&'static str, BTreeMap<String, String>)> {
        let read = |(language, file): (&'static str, &str)| {
            (language, serde_json::from_str(file).unwrap_or_else(|error| panic!("locales/{language}.json: {error}")))
        };
        FILES.into_iter().map(read).collect()
    }

    #[test]
    fn every_language_says_everything_with_the_same_places() {
        let files = files();
        let (_, english) = &files[0];
        for (language, texts) in &files[1..] {
            let missing: Vec<_> = english.keys().filter(|name| !texts.contains_key(*name)).collect();
            let more: Vec<_> = texts.keys().filter(|name| !english.contains_key(*name)).collect();
            assert!(missing.is_empty() && more.is_empty(), "locales/{language}.json lacks {missing:?}, has {more:?}");
            for (name, text) in texts {
                assert_eq!(places(text), places(&english[name]), "{name} in locales/{language}.json");
                assert_eq!(text.is_empty(), english[name].is_empty(), "{name} in locales/{language}.json");
            }
        }
    }

    #[test]
    fn every_number_of_the_catalogue_is_said_in_every_language() {
        let catalogue: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(include_str!("../../../api/messages.json")).unwrap();
        for (language, texts) in files() {
            for (number, message) in &catalogue {
                let text = texts.get(number).unwrap_or_else(|| panic!("{number} in locales/{language}.json"));
                let known: Vec<&str> =
                    message["context"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
                for place in places(text) {
                    assert!(known.contains(&place), "{number} in locales/{language}.json: {place}");
                }
            }
        }
    }

    #[test]
    fn the_best_wanted_language_that_exists_is_chosen() {
        let languages = Languages::embedded();
        let chosen = |wanted: &[&str]| languages.choose(wanted.iter().copied()).language();
        assert_eq!(chosen(&[]), "en");
        assert_eq!(chosen(&["fr", "de-CH", "en"]), "de");
        assert_eq!(chosen(&["DE_at"]), "de");
        assert_eq!(chosen(&["fr", "den", ""]), "en");
    }

    #[test]
    fn places_are_filled_and_values_are_no_templates() {
        let own = OwnTexts::from([("en".to_owned(), BTreeMap::from([("x".to_owned(), "a {b} c {d}".to_owned())]))]);
        let texts = Languages::embedded().choose(["en"]).with_own(Arc::new(own));
        assert_eq!(texts.with("x", &[("b", "{d}"), ("d", "1")]), "a {d} c 1");
        assert_eq!(texts.filled("x", |key| (key == "b").then(String::new)), None, "a value is missing");
        assert_eq!(texts.text("nothing of this name"), "nothing of this name");
        assert_eq!(texts.filled("nothing of this name", |_| Some(String::new())), None);
    }

    #[test]
    fn an_operators_texts_come_first_in_their_language_only() {
        let own = OwnTexts::from([("de".to_owned(), BTreeMap::from([("login.title".to_owned(), "Hallo".to_owned())]))]);
        let own = Arc::new(own);
        let languages = Languages::embedded();
        assert_eq!(languages.choose(["de"]).with_own(own.clone()).text("login.title"), "Hallo");
        assert_eq!(languages.choose(["en"]).with_own(own).text("login.title"), "Sign in");
    }

    #[test]
    fn dates_and_counts_are_written_in_the_language() {
        let at: Timestamp = "2026-03-01T09:05:00Z".parse().unwrap();
        let languages = Languages::embedded();
        let (english, german) = (languages.choose(["en"]), languages.choose(["de"]));
        assert_eq!(english.moment(at), "1 March 2026, 09:05 UTC");
        assert_eq!(german.moment(at), "1. März 2026, 09:05 Uhr (UTC)");
        assert_eq!(english.counted("mail.minutes", 1), "1 minute");
        assert_eq!(german.counted("mail.minutes", 15), "15 Minuten");
    }
}
