//! What the server mails: read from the outbox by the admin API, which shows it where `dev` is on.

use serde_json::Value;

use crate::server::{Server, address};

/// What waits to be mailed to a person, newest first.
pub async fn mails(server: &Server, name: &str) -> Vec<Value> {
    let path = format!("/admin/courier/messages?page_size=100&recipient={}", address(name).replace('@', "%40"));
    let answer = server.admin("GET", &path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json.as_array().expect("a list").clone()
}

/// The code in the newest mail to a person. Time passes, so that the next mail is newer.
pub async fn mailed_code(server: &Server, name: &str) -> String {
    let mails = mails(server, name).await;
    let body = mails.first().expect("a mail")["body"].as_str().expect("a body").to_owned();
    server.wait(1);
    let digits = body.split(|c: char| !c.is_ascii_alphanumeric());
    digits
        .filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
        .next()
        .unwrap_or_else(|| panic!("no code in {body}"))
}

/// The path and query of the link in the newest mail to a person.
pub async fn mailed_link(server: &Server, name: &str) -> String {
    let mails = mails(server, name).await;
    let body = mails.first().expect("a mail")["body"].as_str().expect("a body").to_owned();
    server.wait(1);
    let link = body.split_whitespace().find(|word| word.starts_with("http://public.test/"));
    let link = link.unwrap_or_else(|| panic!("no link in {body}"));
    link.trim_start_matches("http://public.test").to_owned()
}

/// A code that is not this one.
pub fn another(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}
