//! A code or a link is asked for. The answer is the same whether anybody has the address, and so is most of the work.

use courier::Composed;
use database::{Tx, read, transact};
use foundation::Uuid;
use serde_json::{Map, Value};

use super::super::challenges::{self, Occasion, Secret, SecretKind};
use super::super::transitions::Event;
use super::super::visit::{Audience, Reply, Visit};
use super::sign_up;
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::Flow;
use crate::model::identity::{Channel, Identity as Person};
use crate::model::message::{Message, ids};
use crate::schema::{Problem, normalise_identifier};
use crate::service::Identity;
use crate::store::pending_changes::Tag;
use crate::store::{addresses, codes, flows, identities, pending_changes, pending_registrations};
use crate::strategies::{Dispatch, code, link};

/// What goes out, and what is kept to recognise it when it comes back.
struct Sending {
    mail: Option<Composed>,
    secret: Option<(Proves, Secret)>,
}

/// What the proof is for.
enum Proves {
    /// An address that somebody has.
    Address(Uuid),
    /// The change that waits for it.
    Change,
    /// The sign-up that waits for it.
    SignUp,
    /// Nothing: the address that somebody signed up with has an account.
    Nothing,
}

/// Whose mail it is.
struct Recipient {
    identity: Person,
    address: String,
    proves: Proves,
}

impl Identity {
    /// Sends what proves an address, if anybody has it.
    pub(super) async fn verification_send(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        by: Audience,
        dispatch: Dispatch,
        payload: Map<String, Value>,
    ) -> Result<Reply, Error> {
        let via = if dispatch.address.contains('@') { Channel::Email } else { Channel::Sms };
        let value = normalise_identifier(&dispatch.address);
        let known = match self.verification_waits_for(cx, &flow, via, &value).await? {
            Waiting::Taken => {
                let problem = Problem { field: String::new(), message: Message::plain(ids::DUPLICATE_CREDENTIALS) };
                return self.challenge_refused(cx, visit, flow, by, vec![problem]).await;
            }
            Waiting::For(recipient) => Some(*recipient),
            Waiting::Nothing => self.verification_find(cx, via, &value).await?,
        };
        let from = flow.state;
        let mut sent = flow;
        sent.state = challenges::next_state(&sent, Event::Sent)?;
        sent.context.address = Some(dispatch.address.clone());
        sent.context.code = None;
        show_sent(&mut sent, "email", &dispatch.address, via);
        let sending = self.verification_compose(cx, &sent, known, via, &value, &payload).await?;
        let kept = transact!(&self.db, |tx| -> Result<bool, Error> {
            if !flows::flow_update(tx, cx, cx.vault(), &sent, from).await? {
                return Ok(false);
            }
            codes::verification_codes_delete(tx, cx, sent.id).await?;
            match &sending.secret {
                Some((Proves::Address(id), secret)) => {
                    pending_changes::pending_change_delete(tx, cx, sent.id).await?;
                    keep_secret(tx, cx, &sent, *id, secret).await?;
                    addresses::verifiable_mark_sent(tx, cx, *id).await?;
                }
                Some((Proves::Change, secret)) => {
                    let tag = Tag { tag: secret.tag(cx, sent.kind), expires_at: secret.expires_at };
                    pending_changes::pending_change_renew(tx, cx, sent.id, tag).await?;
                }
                Some((Proves::SignUp | Proves::Nothing, secret)) => {
                    let tag = Tag { tag: secret.tag(cx, sent.kind), expires_at: secret.expires_at };
                    pending_registrations::pending_registration_renew(tx, cx, sent.id, tag).await?;
                }
                // A verification is for one address: asking for another one gives up what waited.
                None => pending_changes::pending_change_delete(tx, cx, sent.id).await?,
            }
            if let Some(mail) = &sending.mail {
                courier::enqueue(tx, cx, mail).await?;
            }
            Ok(true)
        })
        .await?;
        if !kept {
            let message = Message::plain(ids::VERIFICATION_COMPLETED);
            return self.challenge_again(cx, visit, &sent, by, message).await;
        }
        self.courier.nudge();
        Ok(challenges::shown(cx, visit, &sent, by, 200, challenges::echoed(payload)))
    }

    async fn verification_find(&self, cx: &Context, via: Channel, value: &str) -> Result<Option<Recipient>, Error> {
        read!(&self.db, |tx| -> Result<Option<Recipient>, Error> {
            let Some((owner, address)) = addresses::verifiable_find(tx, cx, via, value).await? else {
                return Ok(None);
            };
            let identity = identities::identity_find(tx, cx, owner).await?;
            let proves = Proves::Address(address.id);
            Ok(identity.map(|identity| Recipient { identity, address: address.value, proves }))
        })
        .await
    }

    /// Whether a change of address waits for the proof of this one, and the address is still nobody else's.
    async fn verification_waits_for(
        &self,
        cx: &Context,
        flow: &Flow,
        via: Channel,
        value: &str,
    ) -> Result<Waiting, Error> {
        if let Some((promise, schema)) = self.verification_sign_up(cx, flow).await?
            && promise.address == value
            && let Some(identity) = sign_up::account(cx, &promise, &schema)
        {
            let proves = if promise.known { Proves::Nothing } else { Proves::SignUp };
            return Ok(Waiting::For(Box::new(Recipient { identity, address: promise.address, proves })));
        }
        read!(&self.db, |tx| -> Result<Waiting, Error> {
            let change = pending_changes::pending_change_find(tx, cx, flow.id).await?;
            let Some(change) = change.filter(|change| change.via == via && change.value == value) else {
                return Ok(Waiting::Nothing);
            };
            if addresses::verifiable_find(tx, cx, via, value).await?.is_some() {
                return Ok(Waiting::Taken);
            }
            let Some(identity) = identities::identity_find(tx, cx, change.identity_id).await? else {
                return Ok(Waiting::Nothing);
            };
            Ok(Waiting::For(Box::new(Recipient { identity, address: change.value, proves: Proves::Change })))
        })
        .await
    }

    async fn verification_compose(
        &self,
        cx: &Context,
        flow: &Flow,
        known: Option<Recipient>,
        via: Channel,
        recipient: &str,
        payload: &Map<String, Value>,
    ) -> Result<Sending, Error> {
        // Text messages come with a later release: their codes are kept, so that the answer is the same.
        let by_mail = via == Channel::Email;
        let secret = Secret::make(cx, flow);
        if let Some(Recipient { identity, address, proves }) = known {
            let occasion = Occasion { flow, identity: &identity, recipient: &address, payload };
            let mail = if by_mail { Some(challenges::compose(self, cx, &secret, occasion).await?) } else { None };
            if matches!(proves, Proves::SignUp | Proves::Nothing) {
                // Both mails are written, whichever of them goes out: the one costs what the other does.
                let notice = challenges::compose_known(self, cx, flow, &address, payload).await;
                let notice = challenges::unless_unwritable(notice)?;
                if matches!(proves, Proves::Nothing) {
                    return Ok(Sending { mail: notice, secret: Some((proves, Secret::unknown(cx, flow))) });
                }
            }
            return Ok(Sending { mail, secret: Some((proves, secret)) });
        }
        if by_mail && cx.settings().selfservice.flows.verification.notify_unknown_recipients {
            let mail = challenges::compose_notice(self, cx, flow, recipient, payload).await;
            return Ok(Sending { mail: challenges::unless_unwritable(mail)?, secret: None });
        }
        if by_mail {
            challenges::compose_for_nobody(self, cx, &secret, flow, payload).await;
        }
        Ok(Sending { mail: None, secret: None })
    }
}

/// What waits for the proof of an address.
enum Waiting {
    Nothing,
    /// A change, by whom it is asked for.
    For(Box<Recipient>),
    /// A change to an address that somebody else has taken since.
    Taken,
}

/// Keeps what recognises the code or the link that is sent.
pub(super) async fn keep_secret(
    tx: &mut Tx,
    cx: &Context,
    flow: &Flow,
    address_id: Uuid,
    secret: &Secret,
) -> Result<(), Error> {
    let tag = secret.tag(cx, flow.kind);
    match &secret.kind {
        SecretKind::Code(_) => {
            codes::verification_code_insert(tx, cx, flow.id, address_id, tag, secret.expires_at).await?;
        }
        SecretKind::Link(_) => {
            codes::verification_token_insert(tx, cx, flow.id, address_id, tag, secret.expires_at).await?;
        }
    }
    Ok(())
}

/// The form once a code or a link is on its way; the button for another code is named `resend`.
pub(super) fn show_sent(flow: &mut Flow, resend: &str, address: &str, via: Channel) {
    let message = if flow.active.as_deref() == Some("link") {
        link::form(flow, Some(address));
        ids::VERIFICATION_LINK_SENT
    } else {
        code::ask(flow, Some((resend, address)));
        match via {
            Channel::Email => ids::VERIFICATION_CODE_SENT,
            Channel::Sms => ids::VERIFICATION_PHONE_CODE_SENT,
        }
    };
    flow.ui.messages = vec![Message::plain(message)];
}
