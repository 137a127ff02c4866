//! Who lives the story: asks the server, tells what was asked and answered, and insists on the expected answer.

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use foundation::{Clock, Rng};
use serde_json::{Value, json};

use super::Addresses;
use super::authenticator::Authenticator;
use crate::client::{Answer, Request, send};

/// The person, and what they know and hold.
pub struct Person<'a> {
    addresses: &'a Addresses,
    clock: &'a dyn Clock,
    rng: &'a dyn Rng,
    output: &'a mut dyn Write,
    /// Their e-mail address: another one each time, so that the story can be told again.
    pub email: String,
    /// Their password, once they have one.
    pub password: String,
    /// The session that they are signed in with.
    pub token: Option<String>,
    /// The app in their hand, once it is set up.
    pub app: Option<Authenticator>,
    /// Backup codes that were not used.
    pub backup_codes: Vec<String>,
    /// A flow that the server sent them on to.
    pub next_flow: Option<String>,
    last_mail: Option<String>,
}

impl<'a> Person<'a> {
    /// Somebody whom the server does not know.
    pub fn new(addresses: &'a Addresses, clock: &'a dyn Clock, rng: &'a dyn Rng, output: &'a mut dyn Write) -> Self {
        let email = format!("ada-{}@example.org", rng.digits(10));
        let (token, app, next_flow, last_mail) = (None, None, None, None);
        Self {
            addresses,
            clock,
            rng,
            output,
            email,
            password: String::new(),
            token,
            app,
            backup_codes: Vec::new(),
            next_flow,
            last_mail,
        }
    }

    /// Prints a line.
    pub fn say(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.output, "{line}").context("nobody listens to the story")
    }

    /// A password that nobody used before.
    pub fn new_password(&self) -> String {
        format!("harbour-{}-lantern", self.rng.digits(12))
    }

    /// Asks the public API, with the session if there is one, and insists on a status.
    pub fn ask(&mut self, expected: u16, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let url = self.public(path);
        let token = self.token.clone();
        self.exchange(expected, method, &url, token.as_deref(), body)
    }

    /// Asks the public API with another session.
    pub fn ask_as(&mut self, token: &str, expected: u16, method: &str, path: &str) -> anyhow::Result<Value> {
        let url = self.public(path);
        self.exchange(expected, method, &url, Some(token), None)
    }

    /// Asks the admin API.
    pub fn ask_admin(&mut self, expected: u16, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.addresses.admin.trim_end_matches('/'));
        self.exchange(expected, "GET", &url, None, None)
    }

    /// Begins a flow.
    pub fn begin(&mut self, kind: &str) -> anyhow::Result<Value> {
        self.ask(200, "GET", &format!("/self-service/{kind}"), None)
    }

    /// Fills in a flow's form.
    pub fn submit(&mut self, expected: u16, flow: &Value, body: &Value) -> anyhow::Result<Value> {
        let url = text(flow, "/ui/action")?.to_owned();
        let token = self.token.clone();
        self.exchange(expected, "POST", &url, token.as_deref(), Some(body))
    }

    /// Reads the code in the next mail.
    pub fn code_from_mail(&mut self) -> anyhow::Result<String> {
        let mail = self.next_mail()?;
        Ok(text(&mail, "/code").context("the mail holds a code")?.to_owned())
    }

    /// Reads the next mail and insists on its subject.
    pub fn mail_about(&mut self, subject: &str) -> anyhow::Result<()> {
        let mail = self.next_mail()?;
        ensure!(text(&mail, "/subject")?.contains(subject), "the mail should be about {subject:?}: {mail}");
        Ok(())
    }

    fn next_mail(&mut self) -> anyhow::Result<Value> {
        let after = self.last_mail.as_ref().map(|id| format!("&after={id}")).unwrap_or_default();
        let inbox = self.addresses.inbox.trim_end_matches('/');
        let url = format!("{inbox}/api/messages/next?to={}&timeout=20s{after}", self.email);
        let mail = self.exchange(200, "GET", &url, None, None)?;
        self.last_mail = Some(text(&mail, "/id")?.to_owned());
        Ok(mail)
    }

    /// Waits for the web hook that tells of this person's account.
    pub fn hook_about_me(&mut self) -> anyhow::Result<Value> {
        let inbox = self.addresses.inbox.trim_end_matches('/').to_owned();
        let mut after = String::new();
        // Whoever signed up before has a hook there too.
        for _ in 0..1000 {
            let url = format!("{inbox}/api/hooks/next?name=signed-up&timeout=20s{after}");
            let hook = send(&Request { method: "GET", url: &url, token: None, body: None })?.body;
            let id = text(&hook, "/id").context("no web hook tells of the new account")?.to_owned();
            if text(&hook, "/body")?.contains(&self.email) {
                self.say(&format!("   POST {} {}", "/hooks/receive/signed-up", shortened(text(&hook, "/body")?, 110)))?;
                self.say(&format!(
                    "   webhook-id {}, signature {}",
                    text(&hook, "/webhook_id")?,
                    text(&hook, "/signature")?
                ))?;
                return Ok(hook);
            }
            after = format!("&after={id}");
        }
        bail!("no web hook tells of the new account: a configuration of an earlier release has none (make clean-all)")
    }

    /// The next code of the authenticator app.
    pub fn code_from_app(&mut self) -> anyhow::Result<String> {
        let now = self.clock.now();
        self.app.as_mut().context("there is no app yet")?.code(now)
    }

    fn public(&self, path: &str) -> String {
        format!("{}{path}", self.addresses.public.trim_end_matches('/'))
    }

    fn exchange(
        &mut self,
        expected: u16,
        method: &str,
        url: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let shown = body.map(|body| format!(" {}", shortened(&body.to_string(), 110))).unwrap_or_default();
        self.say(&format!("   {method} {}{shown}", short_url(url)))?;
        let Answer { status, body, .. } = send(&Request { method, url, token, body })?;
        self.say(&format!("   → {status} {}", told(&body)))?;
        if status != expected {
            bail!("{method} {url} should answer {expected}, and answers {status}: {body}");
        }
        Ok(body)
    }
}

/// A text in an answer, by JSON pointer.
pub fn text<'v>(value: &'v Value, pointer: &str) -> anyhow::Result<&'v str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer should have a text at {pointer}: {}", shortened(&value.to_string(), 2000)))
}

/// Insists on a value in an answer, by JSON pointer.
pub fn expect(value: &Value, pointer: &str, expected: impl Into<Value>) -> anyhow::Result<()> {
    let (found, expected) = (value.pointer(pointer).unwrap_or(&Value::Null), expected.into());
    let whole = shortened(&value.to_string(), 2000);
    ensure!(*found == expected, "{pointer} should be {expected}, and is {found}, in {whole}");
    Ok(())
}

/// Insists on a message, by its number, above the form or at any of its fields.
pub fn expect_message(flow: &Value, id: u64) -> anyhow::Result<()> {
    let found: Vec<u64> = messages(flow).filter_map(|message| message["id"].as_u64()).collect();
    ensure!(found.contains(&id), "the form should show message {id}, and shows {found:?}");
    Ok(())
}

fn messages(flow: &Value) -> impl Iterator<Item = &Value> {
    let above = flow.pointer("/ui/messages").and_then(Value::as_array).into_iter().flatten();
    let nodes = flow.pointer("/ui/nodes").and_then(Value::as_array).into_iter().flatten();
    above.chain(nodes.filter_map(|node| node["messages"].as_array()).flatten())
}

/// What an answer says, in a few words.
fn told(body: &Value) -> String {
    let mut words = Vec::new();
    let mut name = |label: &str, pointer: &str| {
        if let Some(value) = body.pointer(pointer).filter(|value| !value.is_null() && !value.is_object()) {
            let word = format!("{label} {}", shortened(value.as_str().unwrap_or(&value.to_string()), 70));
            if !words.contains(&word) {
                words.push(word);
            }
        }
    };
    name("error", "/error/id");
    name("because", "/error/reason");
    name("state", "/state");
    name("person", "/identity/traits/email");
    name("person", "/session/identity/traits/email");
    name("assurance", "/authenticator_assurance_level");
    name("assurance", "/session/authenticator_assurance_level");
    name("mail", "/subject");
    name("code", "/code");
    name("status", "/status");
    name("count", "/count");
    words.extend(
        messages(body).filter_map(|message| message["text"].as_str()).map(|text| format!("“{}”", shortened(text, 90))),
    );
    if let Some(list) = body.as_array() {
        words.push(format!("{} in the list", list.len()));
    }
    words.join(" · ")
}

/// A URL without what is the same in all of them.
fn short_url(url: &str) -> String {
    let path = url.splitn(4, '/').nth(3).map_or_else(|| url.to_owned(), |path| format!("/{path}"));
    shortened(&path, 90)
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(['…']).collect()
}

/// The body of a form.
pub fn form(method: &str, fields: &[(&str, &str)]) -> Value {
    let mut body = json!({ "method": method });
    for (name, value) in fields {
        body[*name] = (*value).into();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Value {
        json!({"ui": {"messages": [{"id": 1, "text": "one"}], "nodes": [{"messages": [{"id": 2, "text": "two"}]}, {}]}})
    }

    #[test]
    fn messages_are_found_above_the_form_and_at_its_fields() {
        assert!(expect_message(&flow(), 1).is_ok() && expect_message(&flow(), 2).is_ok());
        assert!(expect_message(&flow(), 3).unwrap_err().to_string().contains("[1, 2]"));
        assert_eq!(told(&flow()), "“one” · “two”");
    }

    #[test]
    fn what_is_expected_must_be_there() {
        assert!(expect(&json!({"a": {"b": 1}}), "/a/b", 1).is_ok());
        assert!(expect(&json!({"a": {"b": 1}}), "/a/b", 2).is_err() && expect(&json!({}), "/a", 1).is_err());
        assert!(text(&json!({"a": 1}), "/a").is_err());
    }

    #[test]
    fn lines_are_short() {
        assert_eq!(short_url("http://localhost:4433/sessions/whoami"), "/sessions/whoami");
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(form("totp", &[("totp_code", "1")]), json!({"method": "totp", "totp_code": "1"}));
    }
}
