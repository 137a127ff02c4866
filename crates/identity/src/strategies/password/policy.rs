//! Which passwords are refused: too short, too long for bcrypt, too much like the identifier, or known to be in the hands
//! of others (identity-flows.md §18).

use std::time::Duration;

use serde_json::Value;

use crate::error::Error;
use crate::model::message::{Message, ids};
use crate::settings::HasherAlgorithm;
use crate::strategies::Scene;

/// bcrypt looks at no more bytes than these.
const BCRYPT_LIMIT: usize = 72;
/// Longer texts are not compared: it costs the product of their lengths.
const LONGEST_COMPARED: usize = 256;

/// The message that says why a password is refused; `None` for a good one.
pub async fn check(scene: &Scene<'_>, password: &str, identifiers: &[String]) -> Result<Option<Message>, Error> {
    let config = &scene.cx.settings().selfservice.methods.password.config;
    let shortest = config.min_password_length as usize;
    if password.len() < shortest {
        let context = [("min_length", Value::from(shortest)), ("actual_length", Value::from(password.len()))];
        return Ok(Some(Message::new(ids::PASSWORD_TOO_SHORT, context)));
    }
    if scene.cx.settings().hashers.algorithm == HasherAlgorithm::Bcrypt && password.len() > BCRYPT_LIMIT {
        return Ok(Some(too_long(password)));
    }
    if config.identifier_similarity_check_enabled
        && identifiers.iter().any(|identifier| is_similar(password, identifier))
    {
        return Ok(Some(Message::plain(ids::PASSWORD_TOO_SIMILAR)));
    }
    if config.haveibeenpwned_enabled {
        return breached(scene, password).await;
    }
    Ok(None)
}

/// The refusal of a password that bcrypt would cut.
pub fn too_long(password: &str) -> Message {
    let context = [("max_length", Value::from(BCRYPT_LIMIT)), ("actual_length", Value::from(password.len()))];
    Message::new(ids::PASSWORD_TOO_LONG, context)
}

/// Whether a password is nearly the identifier: fewer than five edits away, or sharing more than half of itself with it in
/// one piece.
fn is_similar(password: &str, identifier: &str) -> bool {
    let password: Vec<char> = password.to_lowercase().chars().collect();
    let identifier: Vec<char> = identifier.to_lowercase().chars().collect();
    if password.is_empty() || password.len() > LONGEST_COMPARED || identifier.len() > LONGEST_COMPARED {
        return false;
    }
    let shared = longest_common_piece(&password, &identifier) as f64 / password.len() as f64;
    edits(&password, &identifier) < 5 || shared > 0.5
}

/// The Levenshtein distance.
fn edits(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

fn longest_common_piece(left: &[char], right: &[char]) -> usize {
    let mut longest = 0;
    let mut row = vec![0; right.len() + 1];
    for a in left {
        for j in (0..right.len()).rev() {
            row[j + 1] = if *a == right[j] { row[j] + 1 } else { 0 };
            longest = longest.max(row[j + 1]);
        }
    }
    longest
}

/// Asks the range API of Have I Been Pwned: five characters of the SHA-1 leave this machine, no more.
async fn breached(scene: &Scene<'_>, password: &str) -> Result<Option<Message>, Error> {
    let config = &scene.cx.settings().selfservice.methods.password.config;
    let (prefix, suffix) = crypto::passwords::sha1_prefix(password);
    let url = range_url(&config.haveibeenpwned_host, &prefix);
    let answer = tokio::time::timeout(Duration::from_secs(1), scene.service.outbound.get(&url)).await;
    let list = match answer {
        Ok(Ok(response)) if response.status == 200 => String::from_utf8_lossy(&response.body).into_owned(),
        _ if config.ignore_network_errors => {
            tracing::warn!("the list of breached passwords cannot be reached; the password is accepted unchecked");
            return Ok(None);
        }
        _ => {
            let reason = "it cannot be checked right now whether others know it. Try again in a moment";
            return Ok(Some(Message::new(ids::PASSWORD_REFUSED, [("reason", Value::from(reason))])));
        }
    };
    let count = breach_count(&list, &suffix);
    if count > u64::from(config.max_breaches) {
        return Ok(Some(Message::new(ids::PASSWORD_BREACHED, [("breaches", Value::from(count))])));
    }
    Ok(None)
}

/// Where to ask about a prefix. A host is asked over TLS; a copy of the list in one's own network may be named by its URL.
fn range_url(host: &str, prefix: &str) -> String {
    let base = if host.contains("://") { host.trim_end_matches('/').to_owned() } else { format!("https://{host}") };
    format!("{base}/range/{prefix}")
}

/// How often the list says that a password was seen. Lines are `<rest of the hash>:<count>`.
fn breach_count(list: &str, suffix: &str) -> u64 {
    list.lines()
        .filter_map(|line| line.trim().split_once(':'))
        .find(|(hash, _)| hash.eq_ignore_ascii_case(suffix))
        .and_then(|(_, count)| count.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_the_identifier_is_similar() {
        for (password, identifier, similar) in [
            ("ada@example.org", "ada@example.org", true),
            ("ADA@EXAMPLE.ORG", "ada@example.org", true),
            ("ada@example.org1", "ada@example.org", true),
            ("example.org!", "ada@example.org", true),
            ("correct-horse-7-battery", "ada@example.org", false),
            ("zzzzzzzz", "ada", false),
        ] {
            assert_eq!(is_similar(password, identifier), similar, "{password} {identifier}");
        }
    }

    #[test]
    fn distances_are_counted_in_edits() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(edits(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(edits(&chars(""), &chars("abc")), 3);
        assert_eq!(longest_common_piece(&chars("xabcy"), &chars("zabcabq")), 3);
    }

    #[test]
    fn a_host_is_asked_over_tls_unless_a_url_says_otherwise() {
        for (host, url) in [
            ("api.pwnedpasswords.com", "https://api.pwnedpasswords.com/range/ABCDE"),
            ("list.test:8443", "https://list.test:8443/range/ABCDE"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/range/ABCDE"),
        ] {
            assert_eq!(range_url(host, "ABCDE"), url);
        }
    }

    #[test]
    fn counts_are_read_from_the_list() {
        let list = "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2\r\nBROKEN";
        assert_eq!(breach_count(list, "00d4f6e8fa6eecad2a3aa415eec418d38ec"), 2);
        assert_eq!(breach_count(list, "011053FD0102E94D6AE2F8B83D76FAF94F6"), 0);
    }
}
