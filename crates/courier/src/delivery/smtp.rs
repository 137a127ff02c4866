//! The conversation with a mail server: one connection for each message, each step within its time.
//!
//! lettre's transport would do the same but tells a refused recipient and a refused password apart by nothing; only the
//! first may end a message.

use std::net::SocketAddr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Identity, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::time::timeout;

use super::Failure;
use super::address::{Security, Server};
use super::mail::Mail;
use crate::{CourierSettings, Smtp};

/// For each step of the conversation.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn send(server: &Server, settings: &CourierSettings, mail: &Mail) -> Result<(), Failure> {
    let mut connection = connect(server, settings).await?;
    let result = converse(&mut connection, mail).await;
    // The message is delivered or not by now; a server that is slow to say good-bye changes nothing.
    let _ = timeout(PATIENCE, connection.quit()).await;
    result
}

async fn connect(server: &Server, settings: &CourierSettings) -> Result<AsyncSmtpConnection, Failure> {
    let smtp = &settings.smtp;
    let addresses = resolve(server, settings.refuse_private_addresses).await?;
    let hello = ClientId::Domain(smtp.local_name.clone());
    let implicit = if server.security == Security::Implicit { Some(tls(server, smtp).await?) } else { None };
    let open = AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), Some(PATIENCE), &hello, implicit, None);
    let mut connection = step("the connection", open).await?;
    if server.security == Security::StartTls {
        // Fails where the server does not offer it: nothing is said in the open.
        step("STARTTLS", connection.starttls(tls(server, smtp).await?, &hello)).await?;
    }
    if let Some((user, password)) = &server.credentials {
        let credentials = Credentials::new(user.clone(), password.reveal().clone());
        step("AUTH", connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials)).await?;
    }
    Ok(connection)
}

async fn converse(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<(), Failure> {
    let mut parameters = Vec::new();
    let plain = std::iter::once(&mail.to).chain([&mail.from]).all(|address| address.to_string().is_ascii());
    if !plain {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Permanent("the mail server does not take addresses beyond ASCII".to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    step("MAIL", connection.command(MailCommand::new(Some(mail.from.clone()), parameters))).await?;
    recipient(connection, &mail.to).await?;
    for copy in &mail.copies {
        if let Err(Failure::Temporary(reason) | Failure::Permanent(reason)) = recipient(connection, copy).await {
            tracing::warn!(reason, "a configured copy of a mail was refused");
        }
    }
    step("DATA", connection.command(Data)).await?;
    final_step("the message", connection.message(&mail.bytes)).await
}

async fn recipient(connection: &mut AsyncSmtpConnection, address: &Address) -> Result<(), Failure> {
    final_step("the recipient", connection.command(Rcpt::new(address.clone(), Vec::new()))).await
}

/// A step whose refusal says nothing about this message: wrong passwords and settings get corrected.
async fn step<T>(name: &str, future: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout(PATIENCE, future).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::Temporary(format!("{name} failed: {}", described(&error)))),
        Err(_) => Err(Failure::Temporary(format!("{name} took longer than 10 s"))),
    }
}

/// A step whose refusal with a 5xx is about this recipient or this content: trying again never helps.
async fn final_step<T>(name: &str, future: impl Future<Output = Result<T, Error>>) -> Result<(), Failure> {
    match timeout(PATIENCE, future).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is_permanent() => {
            Err(Failure::Permanent(format!("{name} was refused: {}", described(&error))))
        }
        Ok(Err(error)) => Err(Failure::Temporary(format!("{name} failed: {}", described(&error)))),
        Err(_) => Err(Failure::Temporary(format!("{name} took longer than 10 s"))),
    }
}

/// What the library says, cut: a server may answer with pages.
fn described(error: &Error) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(300).collect()
}

async fn resolve(server: &Server, refuse_private: bool) -> Result<Vec<SocketAddr>, Failure> {
    let lookup = timeout(PATIENCE, tokio::net::lookup_host((server.host.as_str(), server.port))).await;
    let found: Vec<SocketAddr> = match lookup {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => return Err(Failure::Temporary("the mail server's name can't be resolved".to_owned())),
    };
    if !refuse_private {
        return Ok(found);
    }
    // The checked addresses are the ones that are dialled: a name that changes in between gains nothing.
    let public: Vec<_> = found.into_iter().filter(|address| web::outbound::is_public(address.ip())).collect();
    if public.is_empty() {
        return Err(Failure::Temporary(
            "the mail server's address is private, and clients.smtp.disallow_private_ip_ranges is set".to_owned(),
        ));
    }
    Ok(public)
}

async fn tls(server: &Server, smtp: &Smtp) -> Result<TlsParameters, Failure> {
    let mut builder = TlsParameters::builder(server.name.clone())
        .dangerous_accept_invalid_certs(server.skip_verification)
        .dangerous_accept_invalid_hostnames(server.skip_verification);
    if let (Some(certificate), Some(key)) = (&smtp.client_cert_path, &smtp.client_key_path) {
        match (tokio::fs::read(certificate).await, tokio::fs::read(key).await) {
            (Ok(certificate), Ok(key)) => match Identity::from_pem(&certificate, &key) {
                Ok(identity) => builder = builder.identify_with(identity),
                Err(error) => tracing::error!(%error, "courier.smtp.client_cert_path cannot be used"),
            },
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "courier.smtp.client_cert_path cannot be read")
            }
        }
    }
    builder.build_rustls().map_err(|error| Failure::Temporary(format!("no TLS connection can be prepared: {error}")))
}
