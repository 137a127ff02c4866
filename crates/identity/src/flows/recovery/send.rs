//! A code or a link is asked for. The answer is the same whether anybody has the address, and so is most of the work.

use courier::Composed;
use database::{Tx, read, transact};
use foundation::Uuid;
use serde_json::{Map, Value};

use super::super::challenges::{self, Occasion, Secret, SecretKind};
use super::super::transitions::Event;
use super::super::visit::{Audience, Reply, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Channel, Identity as Person, RecoveryAddress};
use crate::model::message::{Message, ids};
use crate::schema::normalise_email;
use crate::service::Identity;
use crate::store::codes::RecoveredBy;
use crate::store::{addresses, codes, flows, identities};
use crate::strategies::{Dispatch, code, link};

/// What goes out, and what is kept to recognise it when it comes back.
struct Sending {
    mail: Option<Composed>,
    secret: Option<(RecoveredBy, Secret)>,
}

impl Identity {
    /// Sends what lets somebody back in, if anybody has the address.
    pub(super) async fn recovery_send(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        by: Audience,
        dispatch: Dispatch,
        payload: Map<String, Value>,
    ) -> Result<Reply, Error> {
        let address = normalise_email(&dispatch.address).unwrap_or_default();
        let known = self.recovery_find(cx, &address).await?;
        let from = flow.state;
        let mut sent = flow;
        sent.state = challenges::next_state(&sent, Event::Sent)?;
        sent.context.address = Some(dispatch.address.clone());
        show_sent(&mut sent, &dispatch.address);
        let sending = self.recovery_compose(cx, &sent, known, &address, &payload).await?;
        let kept = transact!(&self.db, |tx| -> Result<bool, Error> {
            if !flows::flow_update(tx, cx, cx.vault(), &sent, from).await? {
                return Ok(false);
            }
            codes::recovery_codes_delete(tx, cx, sent.id).await?;
            if let Some((recovers, secret)) = &sending.secret {
                keep_secret(tx, cx, sent.id, *recovers, secret).await?;
            }
            if let Some(mail) = &sending.mail {
                courier::enqueue(tx, cx, mail).await?;
            }
            Ok(true)
        })
        .await?;
        if !kept {
            return self.challenge_again(cx, visit, &sent, by, Message::plain(ids::RECOVERY_COMPLETED)).await;
        }
        self.courier.nudge();
        Ok(challenges::shown(cx, visit, &sent, by, 200, challenges::echoed(payload)))
    }

    async fn recovery_find(&self, cx: &Context, address: &str) -> Result<Option<(Person, RecoveryAddress)>, Error> {
        read!(&self.db, |tx| -> Result<Option<(Person, RecoveryAddress)>, Error> {
            let Some((owner, address)) = addresses::recovery_find(tx, cx, Channel::Email, address).await? else {
                return Ok(None);
            };
            Ok(identities::identity_find(tx, cx, owner).await?.map(|identity| (identity, address)))
        })
        .await
    }

    async fn recovery_compose(
        &self,
        cx: &Context,
        flow: &Flow,
        known: Option<(Person, RecoveryAddress)>,
        recipient: &str,
        payload: &Map<String, Value>,
    ) -> Result<Sending, Error> {
        let secret = Secret::make(cx, flow);
        if let Some((identity, address)) = known {
            let occasion = Occasion { flow, identity: &identity, recipient: &address.value, payload };
            let mail = Some(challenges::compose(self, cx, &secret, occasion).await?);
            let recovers = RecoveredBy { identity_id: identity.id, address_id: Some(address.id) };
            return Ok(Sending { mail, secret: Some((recovers, secret)) });
        }
        if cx.settings().selfservice.flows.recovery.notify_unknown_recipients {
            let mail = challenges::compose_notice(self, cx, flow, recipient, payload).await;
            return Ok(Sending { mail: challenges::unless_unwritable(mail)?, secret: None });
        }
        challenges::compose_for_nobody(self, cx, &secret, flow, payload).await;
        Ok(Sending { mail: None, secret: None })
    }
}

/// Keeps what recognises the code or the link.
pub(super) async fn keep_secret(
    tx: &mut Tx,
    cx: &Context,
    flow_id: Uuid,
    recovers: RecoveredBy,
    secret: &Secret,
) -> Result<(), Error> {
    let tag = secret.tag(cx, FlowKind::Recovery);
    match &secret.kind {
        SecretKind::Code(_) => {
            codes::recovery_code_insert(tx, cx, flow_id, recovers, tag, secret.expires_at).await?;
        }
        SecretKind::Link(_) => {
            codes::recovery_token_insert(tx, cx, flow_id, recovers, tag, secret.expires_at).await?;
        }
    }
    Ok(())
}

/// The form once a code or a link is on its way.
fn show_sent(flow: &mut Flow, address: &str) {
    let message = if flow.active.as_deref() == Some("link") {
        link::form(flow, Some(address));
        ids::RECOVERY_LINK_SENT
    } else {
        code::ask(flow, Some(("email", address)));
        ids::RECOVERY_CODE_SENT
    };
    flow.ui.messages = vec![Message::plain(message)];
}
