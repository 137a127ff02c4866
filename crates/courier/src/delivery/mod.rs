//! How a message leaves: the mail itself, the server's address, and the conversation with it.

mod address;
mod mail;
mod smtp;

use std::sync::Arc;

use foundation::Timestamp;

use crate::CourierSettings;
use crate::compose::Content;
use crate::store::messages::Claimed;

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Trying again may help.
    Temporary(String),
    /// It never will.
    Permanent(String),
}

/// Hands `message` to the mail server of the settings.
pub(crate) async fn send(
    settings: &Arc<CourierSettings>,
    message: &Claimed,
    content: &Content,
    now: Timestamp,
) -> Result<(), Failure> {
    let mail = mail::build(&settings.smtp, message, content, now)?;
    // A faulty setting is corrected by the operator while messages wait.
    let server = address::Server::read(&settings.smtp).map_err(Failure::Temporary)?;
    smtp::send(&server, settings, &mail).await
}

/// What the inbox shows as the sender.
pub(crate) fn sender(settings: &CourierSettings) -> String {
    match &settings.smtp.from_name {
        Some(name) => format!("{name} <{}>", settings.smtp.from_address),
        None => settings.smtp.from_address.clone(),
    }
}
