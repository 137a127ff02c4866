//! Tries of secrets that could be guessed: counted before they are looked at, by whose secret it is and not by what was
//! typed.

use foundation::Uuid;

use super::devices::Device;
use super::{Limit, Wait, hold};
use crate::context::Context;
use crate::error::Error;
use crate::flows::visit::Visit;
use crate::schema::normalise_identifier;
use crate::service::Identity;
use crate::store::attempts::{self, CountedTry};

const PURPOSE: &str = "attempts";

/// Whose tries are counted together.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An account, whichever of its names was typed.
    Account(Uuid),
    /// A name that no account has. Every way to write it counts as one, as it would for an account.
    Nobody(&'a str),
    /// A form that belongs to no name.
    Form(Uuid),
    /// A mail address, known or not.
    Address(&'a str),
}

/// That a try was counted. Only counting makes one: what checks a secret asks for it.
#[derive(Debug)]
pub struct Counted {
    tag: Option<[u8; 32]>,
}

impl Counted {
    /// The try succeeded: its counter begins anew.
    ///
    /// # Errors
    /// The database.
    pub async fn clear(&self, tx: &mut database::Tx, cx: &Context) -> Result<(), Error> {
        match self.tag {
            Some(tag) => Ok(attempts::attempts_forget(tx, cx, tag).await?),
            None => Ok(()),
        }
    }
}

impl Identity {
    /// Counts a try before it is made.
    ///
    /// # Errors
    /// The database. The inner error says how long to wait.
    pub(crate) async fn attempt(
        &self,
        cx: &Context,
        visit: &Visit,
        limit: Limit,
        subject: Subject<'_>,
    ) -> Result<Result<Counted, Wait>, Error> {
        if !hold(cx) {
            return Ok(Ok(Counted { tag: None }));
        }
        let device = match subject {
            Subject::Account(id) => self.device_known(cx, visit, id).await?,
            _ => None,
        };
        self.count(cx, limit, &subject_bytes(subject, device)).await
    }

    /// Counts a mail to an address, for the client that asks for it and for all together.
    ///
    /// # Errors
    /// The database. The inner error says how long to wait.
    pub(crate) async fn attempt_mail(&self, cx: &Context, address: &str) -> Result<Result<(), Wait>, Error> {
        if !hold(cx) {
            return Ok(Ok(()));
        }
        let all = subject_bytes(Subject::Address(address), None);
        if let Some(client) = cx.client.address.map(web::client::network) {
            // The client's own share first: what is refused there takes nothing from the others.
            let own = [all.as_slice(), &client.to_be_bytes()].concat();
            if let Err(wait) = self.count(cx, Limit::Mail, &own).await? {
                return Ok(Err(wait));
            }
        }
        Ok(self.count(cx, Limit::MailOverall, &all).await?.map(drop))
    }

    async fn count(&self, cx: &Context, limit: Limit, subject: &[u8]) -> Result<Result<Counted, Wait>, Error> {
        let mut data = limit.as_str().as_bytes().to_vec();
        data.push(0);
        data.extend(subject);
        let tag = cx.macs().tag(PURPOSE, &data);
        let pace = limit.pace(&cx.settings().security.limits);
        match attempts::attempt_count(&self.db, cx, tag, limit.as_str(), pace).await? {
            CountedTry::Allowed => {
                self.limits.figures.allowed(limit.as_str());
                Ok(Ok(Counted { tag: Some(tag) }))
            }
            CountedTry::Wait(milliseconds) => {
                self.limits.figures.refused(limit.as_str());
                let seconds = u64::try_from(milliseconds).unwrap_or(1).div_ceil(1000).max(1);
                Ok(Err(Wait { limit, seconds }))
            }
        }
    }
}

fn subject_bytes(subject: Subject<'_>, device: Option<Device>) -> Vec<u8> {
    let (kind, name) = match subject {
        Subject::Account(id) => (b'a', id.as_bytes().to_vec()),
        Subject::Nobody(typed) => (b'n', normalise_identifier(typed).into_bytes()),
        Subject::Form(id) => (b'f', id.as_bytes().to_vec()),
        Subject::Address(address) => (b'm', normalise_identifier(address).into_bytes()),
    };
    let mut bytes = vec![kind];
    bytes.extend(name);
    if let Some(device) = device {
        bytes.push(0);
        bytes.extend(device.hash());
    }
    bytes
}
