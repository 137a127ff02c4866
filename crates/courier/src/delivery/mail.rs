//! The mail as it goes over the wire: headers, both bodies, and who gets it.

use std::time::{Duration, SystemTime};

use foundation::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, MultiPart};
use lettre::{Address, Message};

use super::Failure;
use crate::Smtp;
use crate::compose::{Content, breaks_lines};
use crate::store::messages::Claimed;

/// A mail, ready for the conversation.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) from: Address,
    pub(super) to: Address,
    /// `Cc` and `Bcc` of the configured headers: delivered too, but their refusal is not the recipient's.
    pub(super) copies: Vec<Address>,
    pub(super) bytes: Vec<u8>,
}

/// Builds the mail. A recipient that is no address is a permanent failure; a faulty sender or header is the operator's to
/// correct and therefore temporary.
pub(super) fn build(smtp: &Smtp, message: &Claimed, content: &Content, now: Timestamp) -> Result<Mail, Failure> {
    let to: Address =
        message.recipient.parse().map_err(|_| Failure::Permanent("the recipient is no mail address".to_owned()))?;
    let from: Address = smtp
        .from_address
        .parse()
        .map_err(|_| Failure::Temporary("courier.smtp.from_address is no mail address".to_owned()))?;
    if smtp.from_name.as_deref().is_some_and(|name| name.chars().any(breaks_lines)) {
        return Err(Failure::Temporary("courier.smtp.from_name holds a line break".to_owned()));
    }
    // The same for each attempt of one message, so that a mail that arrives twice can be recognised.
    let message_id = format!("<{}@{}>", message.id, from.domain());
    let mut builder = Message::builder()
        .from(Mailbox::new(smtp.from_name.clone(), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(content.subject.clone())
        .message_id(Some(message_id))
        .date(system_time(now));
    let mut copies = Vec::new();
    for (name, value) in &smtp.headers {
        check_header(name, value)?;
        if name.eq_ignore_ascii_case("cc") || name.eq_ignore_ascii_case("bcc") {
            copies.extend(addresses(value));
        }
        let raw = HeaderName::new_from_ascii(name.clone());
        if !name.eq_ignore_ascii_case("bcc")
            && let Ok(name) = raw
        {
            builder = builder.raw_header(HeaderValue::new(name, value.clone()));
        }
    }
    let parts = MultiPart::alternative_plain_html(content.body.clone(), content.html.clone());
    let built =
        builder.multipart(parts).map_err(|error| Failure::Permanent(format!("no mail can be made: {error}")))?;
    Ok(Mail { from, to, copies, bytes: built.formatted() })
}

/// A configured header must be one header.
fn check_header(name: &str, value: &str) -> Result<(), Failure> {
    let token = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if name.is_empty() || name.len() > 76 || !name.bytes().all(token) {
        return Err(Failure::Temporary(format!("courier.smtp.headers: {name:?} is no header name")));
    }
    if value.chars().any(breaks_lines) {
        return Err(Failure::Temporary(format!("courier.smtp.headers: the value of {name} holds a line break")));
    }
    Ok(())
}

/// The addresses of a header; what is none is left out, as the contract has it.
fn addresses(value: &str) -> Vec<Address> {
    match value.parse::<Mailboxes>() {
        Ok(all) => all.into_iter().map(|mailbox| mailbox.email).collect(),
        Err(_) => value.split(',').filter_map(|one| one.trim().parse::<Mailbox>().ok()).map(|one| one.email).collect(),
    }
}

fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use foundation::Uuid;

    use super::*;

    fn message(recipient: &str) -> Claimed {
        Claimed {
            id: Uuid::from_u128(7),
            tenant: Uuid::nil(),
            lease: Uuid::nil(),
            kind: None,
            recipient: recipient.to_owned(),
            sealed: Vec::new(),
            attempts: 1,
        }
    }

    fn content(subject: &str) -> Content {
        Content {
            subject: subject.to_owned(),
            body: "Hello\n".to_owned(),
            html: "<p>Hello</p>".to_owned(),
            template_data: serde_json::Value::Null,
        }
    }

    fn smtp(headers: &[(&str, &str)]) -> Smtp {
        Smtp {
            from_address: "no-reply@limen.example".to_owned(),
            from_name: Some("Limen, \"the\" threshold".to_owned()),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            ..Smtp::default()
        }
    }

    #[test]
    fn a_mail_has_what_a_mail_needs() {
        let headers = smtp(&[("X-Kind", "account"), ("Cc", "A <a@example.org>, nonsense"), ("Bcc", "b@example.org")]);
        let mail = build(&headers, &message("ada@example.org"), &content("Übung"), Timestamp::UNIX_EPOCH).unwrap();
        let text = String::from_utf8(mail.bytes).unwrap();
        for part in [
            "From: =?utf-8?b?TGltZW4sICJ0aGUiIHRocmVzaG9sZA==?= <no-reply@limen.example>\r\n",
            "To: ada@example.org\r\n",
            "Subject: =?utf-8?b?w5xidW5n?=\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000007@limen.example>\r\n",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n",
            "X-Kind: account\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains("b@example.org"), "blind copies stay blind");
        let copies: Vec<_> = mail.copies.iter().map(ToString::to_string).collect();
        assert_eq!(copies, ["b@example.org", "a@example.org"].map(str::to_owned));
    }

    #[test]
    fn nothing_adds_a_header() {
        let injected = "x\r\nBcc: evil@example.org";
        let mail = build(&smtp(&[]), &message("ada@example.org"), &content(injected), Timestamp::UNIX_EPOCH).unwrap();
        assert!(!String::from_utf8(mail.bytes).unwrap().contains("\r\nBcc:"));
        let refused = build(
            &smtp(&[]),
            &message("ada@example.org\r\nBcc: evil@example.org"),
            &content("x"),
            Timestamp::UNIX_EPOCH,
        );
        assert!(matches!(refused, Err(Failure::Permanent(_))));
        for header in [("X-A", injected), ("X-A\r\nBcc", "evil@example.org"), ("X A", "b")] {
            let refused = build(&smtp(&[header]), &message("ada@example.org"), &content("x"), Timestamp::UNIX_EPOCH);
            assert!(matches!(refused, Err(Failure::Temporary(_))), "{header:?}");
        }
        let named = Smtp { from_name: Some(injected.to_owned()), ..smtp(&[]) };
        let refused = build(&named, &message("ada@example.org"), &content("x"), Timestamp::UNIX_EPOCH);
        assert!(matches!(refused, Err(Failure::Temporary(_))));
    }
}
