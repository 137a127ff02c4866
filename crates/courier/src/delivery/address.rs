//! `courier.smtp.connection_uri` (contract §4.7).

use foundation::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::Smtp;

/// A mail server and how to reach it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// The name that the certificate must hold.
    pub(super) name: String,
    pub(super) skip_verification: bool,
    pub(super) credentials: Option<(String, Secret<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte: `smtps`.
    Implicit,
    /// TLS before anything else is said, or nothing is said: `smtp`.
    StartTls,
    /// None: `disable_starttls=true`.
    None,
}

impl Server {
    /// Reads the URI. Errors are for the log and never repeat it: it holds a password.
    pub(super) fn read(smtp: &Smtp) -> Result<Self, String> {
        let key = "courier.smtp.connection_uri";
        let uri = smtp.connection_uri.as_ref().ok_or_else(|| format!("{key} is not set"))?;
        let url: Url = uri.reveal().parse().map_err(|_| format!("{key} is no URI"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| format!("{key} names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().ok_or_else(|| format!("{key} names no port"))?;
        let switch = |name: &str| url.query_pairs().any(|(key, value)| key == name && value == "true");
        let security = match url.scheme() {
            "smtps" => Security::Implicit,
            "smtp" if switch("disable_starttls") => Security::None,
            "smtp" => Security::StartTls,
            _ => return Err(format!("{key} begins neither with smtp:// nor with smtps://")),
        };
        let named = url.query_pairs().find(|(key, _)| key == "server_name").map(|(_, name)| name.into_owned());
        let decoded = |text: &str| {
            let text =
                percent_decode_str(text).decode_utf8().map_err(|_| format!("{key}: user or password is no UTF-8"));
            text.map(std::borrow::Cow::into_owned)
        };
        let credentials = if url.username().is_empty() {
            None
        } else {
            Some((decoded(url.username())?, Secret::new(decoded(url.password().unwrap_or_default())?)))
        };
        let name = named.filter(|name| !name.is_empty()).unwrap_or_else(|| host.clone());
        Ok(Self { host, port, security, name, skip_verification: switch("skip_ssl_verify"), credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<Server, String> {
        Server::read(&Smtp { connection_uri: Some(Secret::new(uri.to_owned())), ..Smtp::default() })
    }

    #[test]
    fn the_contracts_forms_are_read() {
        let server = read("smtps://us%40er:p%2Fw@mail.example:465/?skip_ssl_verify=true&server_name=other").unwrap();
        assert_eq!((server.host.as_str(), server.port, server.security), ("mail.example", 465, Security::Implicit));
        assert_eq!((server.name.as_str(), server.skip_verification), ("other", true));
        let (user, password) = server.credentials.unwrap();
        assert_eq!((user.as_str(), password.reveal().as_str()), ("us@er", "p/w"));
        let server = read("smtp://mail.example:587").unwrap();
        assert_eq!((server.security, server.name.as_str()), (Security::StartTls, "mail.example"));
        assert!(server.credentials.is_none() && !server.skip_verification);
        assert_eq!(read("smtp://[::1]:25/?disable_starttls=true").unwrap().security, Security::None);
        assert_eq!(read("smtp://[::1]:25/").unwrap().host, "::1");
    }

    #[test]
    fn faults_are_named_without_the_password() {
        for (uri, fault) in [
            ("smtp://u:hunter2@mail.example", "no port"),
            ("http://u:hunter2@mail.example:25", "neither"),
            ("hunter2", "no URI"),
        ] {
            let error = read(uri).unwrap_err();
            assert!(error.contains(fault) && !error.contains("hunter2"), "{error}");
        }
    }
}
