//! Just enough of an HTTP client for a server on this machine: plain HTTP, a connection a request, JSON both ways.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body; null if there is none.
    pub body: Value,
    /// After how many seconds to try again, if it says so.
    pub retry_after: Option<u64>,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its whole address, http only.
    pub url: &'a str,
    /// The session token to send with it.
    pub token: Option<&'a str>,
    /// Its body.
    pub body: Option<&'a Value>,
}

/// Longer than the inbox is asked to wait for a mail.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request and reads the whole answer.
pub fn send(request: &Request<'_>) -> anyhow::Result<Answer> {
    let (authority, path) = split(request.url)?;
    exchange(request, authority, path).with_context(|| format!("{} {} failed", request.method, request.url))
}

fn split(url: &str) -> anyhow::Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url:?} does not begin with http://"))?;
    let path = rest.find('/').unwrap_or(rest.len());
    Ok((&rest[..path], if path == rest.len() { "/" } else { &rest[path..] }))
}

fn exchange(request: &Request<'_>, authority: &str, path: &str) -> anyhow::Result<Answer> {
    let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let mut stream = TcpStream::connect(address).context("nobody listens there")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(text_of(request, authority, path).as_bytes())?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    parse(&String::from_utf8(text)?)
}

/// HTTP/1.0: the end of the connection is the end of the answer, so no framing needs to be understood.
fn text_of(request: &Request<'_>, authority: &str, path: &str) -> String {
    let mut text = format!("{} {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: application/json\r\n", request.method);
    if let Some(token) = request.token {
        text += &format!("X-Session-Token: {token}\r\n");
    }
    let body = request.body.map(Value::to_string);
    if let Some(body) = &body {
        text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    text + &body.unwrap_or_default()
}

fn parse(text: &str) -> anyhow::Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer breaks off in its head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    let number = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().parse::<u64>().ok())?
        })
    };
    let length = number("content-length");
    ensure!(length.is_none_or(|length| length == body.len() as u64), "the answer breaks off in its body");
    let retry_after = number("retry-after");
    if body.trim().is_empty() {
        return Ok(Answer { status, body: Value::Null, retry_after });
    }
    match serde_json::from_str(body) {
        Ok(body) => Ok(Answer { status, body, retry_after }),
        Err(_) => bail!("the answer ({status}) is no JSON: {}", body.chars().take(200).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(split("http://localhost:4433/a?b=c").unwrap(), ("localhost:4433", "/a?b=c"));
        assert_eq!(split("http://localhost:4433").unwrap(), ("localhost:4433", "/"));
        assert!(split("https://localhost/").is_err());
    }

    #[test]
    fn requests_carry_token_and_body() {
        let body = json!({"a": 1});
        let request = Request { method: "POST", url: "", token: Some("t"), body: Some(&body) };
        let text = text_of(&request, "h:1", "/p");
        assert!(
            text.starts_with("POST /p HTTP/1.0\r\nHost: h:1\r\n") && text.contains("X-Session-Token: t\r\n"),
            "{text}"
        );
        assert!(text.contains("Content-Length: 7\r\n") && text.ends_with("\r\n\r\n{\"a\":1}"), "{text}");
    }

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let answer = parse("HTTP/1.0 200 OK\r\ncontent-length: 7\r\nRetry-After: 2\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!((answer.status, answer.body, answer.retry_after), (200, json!({"a": 1}), Some(2)));
        assert_eq!(parse("HTTP/1.0 204 No Content\r\n\r\n").unwrap().body, Value::Null);
        for broken in [
            "HTTP/1.0 200 OK\r\n",
            "HTTP/1.0 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\":1}",
            "HTTP/1.0 200 OK\r\n\r\n<p>",
        ] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
    }
}
