//! What the client wants to read: JSON or a page, and in which languages.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE};

use crate::cookies::Cookies;

/// More languages than anybody reads; the rest of a longer list is not looked at.
const MOST_LANGUAGES: usize = 16;

/// The rule for errors: JSON if `Accept` prefers it among pages, any text, anything and JSON, or if the request's own
/// content type is exactly `application/json`. A bare `*/*`, or no `Accept`, is a browser.
pub fn wants_json(headers: &HeaderMap) -> bool {
    const JSON: &str = "application/json";
    negotiated(headers, &["text/html", "text/*", "*/*", JSON]) == Some(JSON)
        || headers.get(CONTENT_TYPE).is_some_and(|sent| sent.as_bytes() == JSON.as_bytes())
}

/// The narrow rule, for the choice between a redirect and JSON after success: `Accept` alone, pages first.
pub fn prefers_json(headers: &HeaderMap) -> bool {
    negotiated(headers, &["text/html", "application/json"]) == Some("application/json")
}

/// The cookie that holds the language that a person has chosen on the pages.
pub const LANGUAGE_COOKIE: &str = "limen_language";

/// The language that the person chose (the cookie), then those of `Accept-Language`, best first. Refused ones (`q=0`), the wildcard and what is no tag are left out.
pub fn languages(headers: &HeaderMap) -> Vec<String> {
    let mut ranges = ranges(headers, &ACCEPT_LANGUAGE);
    ranges.retain(|(tag, quality)| *quality > 0 && is_language_tag(tag));
    ranges.sort_by_key(|(_, quality)| std::cmp::Reverse(*quality));
    ranges.truncate(MOST_LANGUAGES);
    let cookies = Cookies::from(headers);
    let chosen = cookies.get(LANGUAGE_COOKIE).filter(|tag| is_language_tag(tag)).map(str::to_owned);
    chosen.into_iter().chain(ranges.into_iter().map(|(tag, _)| tag)).collect()
}

fn is_language_tag(text: &str) -> bool {
    text.len() <= 35
        && text.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The offer that `Accept` likes best: by quality, then by how exactly it is named, then by the order of the offers.
fn negotiated<'a>(headers: &HeaderMap, offers: &[&'a str]) -> Option<&'a str> {
    let accepted = ranges(headers, &ACCEPT);
    let mut best: Option<(u16, u8, &'a str)> = None;
    for offer in offers {
        for (range, quality) in accepted.iter().filter(|(_, quality)| *quality > 0) {
            let Some(exactness) = exactness(range, offer) else { continue };
            if best.is_none_or(|(q, e, _)| (*quality, exactness) > (q, e)) {
                best = Some((*quality, exactness, offer));
            }
        }
    }
    best.map(|(_, _, offer)| offer)
}

fn exactness(range: &str, offer: &str) -> Option<u8> {
    if range == "*/*" {
        return Some(0);
    }
    match range.strip_suffix('*') {
        Some(family) if family.ends_with('/') => offer.starts_with(family).then_some(1),
        _ => (range == offer).then_some(2),
    }
}

/// The comma-separated values of a header with their qualities in thousandths (RFC 9110, section 12.4.2).
fn ranges(headers: &HeaderMap, name: &http::HeaderName) -> Vec<(String, u16)> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(range).collect()
}

fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let value = parts.next().filter(|value| !value.is_empty())?.to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((value, quality.map_or(Some(1000), thousandths)?))
}

fn thousandths(quality: &str) -> Option<u16> {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || fraction.len() > 3 || !digits_only(fraction) {
        return None;
    }
    let fraction: u16 = if fraction.is_empty() { 0 } else { format!("{fraction:0<3}").parse().ok()? };
    Some(if whole == "1" { 1000 } else { fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn errors_are_json_where_the_contract_says() {
        for (accept, json) in [
            ("application/json", true),
            ("*/*", false),
            ("text/html", false),
            ("application/json, text/plain, */*", true),
            ("application/*", true),
            ("text/html, application/json", false),
            ("text/html;q=0.5, application/json;q=0.9", true),
            ("text/html;q=0.9, application/json;q=0.5", false),
            ("application/json;q=0", false),
            ("*/*;q=0.8, application/json", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("application/problem+json", false),
            ("", false),
        ] {
            assert_eq!(wants_json(&headers(&[(ACCEPT, accept)])), json, "{accept}");
        }
        assert!(!wants_json(&HeaderMap::new()));
    }

    #[test]
    fn the_content_type_counts_for_errors_only_and_only_if_exact() {
        let exact = headers(&[(ACCEPT, "*/*"), (CONTENT_TYPE, "application/json")]);
        assert!(wants_json(&exact));
        assert!(!prefers_json(&exact));
        assert!(!wants_json(&headers(&[(CONTENT_TYPE, "application/json; charset=utf-8")])));
        assert!(prefers_json(&headers(&[(ACCEPT, "application/json, text/plain, */*")])));
        assert!(!prefers_json(&headers(&[(ACCEPT, "*/*")])));
        assert!(!prefers_json(&HeaderMap::new()));
    }

    #[test]
    fn languages_come_best_first() {
        let asked = headers(&[(ACCEPT_LANGUAGE, "fr;q=0.5, de-CH, *;q=0.1, en;q=0.9, it;q=0, ../../x, es;q=7")]);
        assert_eq!(languages(&asked), ["de-ch", "en", "fr"]);
        assert!(languages(&HeaderMap::new()).is_empty());
    }

    #[test]
    fn the_chosen_language_comes_before_those_of_the_browser() {
        let mut asked = headers(&[(ACCEPT_LANGUAGE, "en, fr;q=0.5")]);
        asked.insert("cookie", "a=b; limen_language=de".parse().unwrap());
        assert_eq!(languages(&asked), ["de", "en", "fr"]);
        asked.insert("cookie", "limen_language=no tag".parse().unwrap());
        assert_eq!(languages(&asked), ["en", "fr"]);
    }

    #[test]
    fn a_flood_of_languages_is_cut() {
        let many = "en,".repeat(1000);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, many.parse().expect("a header"));
        assert_eq!(languages(&headers).len(), MOST_LANGUAGES);
    }
}
