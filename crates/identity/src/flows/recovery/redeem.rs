//! A code or a link comes back: it is used up, the flow is completed and a session begins, in one transaction.

use crypto::tokens::SessionToken;
use database::{Tx, transact};
use foundation::Uuid;

use super::super::challenges::{self, Presented};
use super::super::hooks;
use super::super::nodes;
use super::super::transitions::Event;
use super::super::visit::{Audience, Reply, Visit};
use super::super::web_hooks::{Prepared, Queued};
use super::answer::Recovered;
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, State, Transport};
use crate::model::identity::{Aal, Channel, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::session::{Method, Session};
use crate::schema::Problem;
use crate::service::Identity;
use crate::sessions::{Proof, gate};
use crate::settings::FlowName;
use crate::store::codes::RecoveredBy;
use crate::store::{addresses, codes, flows, identities, sessions};

enum Redeemed {
    /// Nothing that works was presented.
    Wrong,
    /// Another submission completed the flow.
    TooLate,
    /// Somebody is back in.
    BackIn(Box<BackIn>),
}

struct BackIn {
    flow: Flow,
    identity: Person,
    session: Session,
    token: SessionToken,
}

impl Identity {
    /// Redeems what was presented. A link is answered as a browser's, whatever began the flow.
    pub(super) async fn recovery_redeem(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        by: Audience,
        presented: Presented,
    ) -> Result<Reply, Error> {
        let (renewed, csrf) = challenges::with_new_csrf(cx, visit);
        let browser = flow.transport == Transport::Browser;
        let rebound = Flow { csrf: browser.then(|| csrf.fingerprint()), ..flow.clone() };
        let queued = match self.hooks_redeeming(cx, visit, &rebound, &presented).await? {
            Prepared::Go(queued) => queued,
            Prepared::Refused(problems) => return self.challenge_refused(cx, visit, flow, by, problems).await,
        };
        let redeemed = transact!(&self.db, |tx| -> Result<Redeemed, Error> {
            redeem(tx, cx, &rebound, &presented, &queued).await
        })
        .await;
        let redeemed = match redeemed {
            Err(Error::Refused(refusal)) if refusal.id == Some(gate::IDENTITY_DISABLED) => {
                return self.recovery_disabled(cx, visit, flow, by, &presented).await;
            }
            other => other?,
        };
        match (redeemed, &presented) {
            (Redeemed::BackIn(done), _) => {
                let BackIn { flow, identity, session, token } = *done;
                self.hooks_deliver(cx, queued).await?;
                let method = method_of(&presented);
                let recovered = Recovered { flow, identity, session, token, method: wire_name(method) };
                let reply = self.recovery_answer(cx, &renewed, by, recovered).await?;
                Ok(reply.with_csrf((by != Audience::Native).then_some(csrf)))
            }
            (Redeemed::Wrong, Presented::Code(..)) => {
                let message = Message::plain(ids::RECOVERY_CODE_INVALID);
                self.challenge_wrong(cx, visit, flow, by, message).await
            }
            (Redeemed::Wrong, Presented::Link(_)) => {
                let message = Message::plain(ids::RECOVERY_TOKEN_INVALID);
                self.challenge_again(cx, visit, &flow, by, message).await
            }
            (Redeemed::TooLate, _) => {
                self.challenge_again(cx, visit, &flow, by, Message::plain(ids::RECOVERY_COMPLETED)).await
            }
        }
    }

    /// The account is disabled: told to who proved to own its address, and nothing is used up.
    async fn recovery_disabled(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        by: Audience,
        presented: &Presented,
    ) -> Result<Reply, Error> {
        let message = Message::plain(ids::LOGIN_IDENTITY_DISABLED);
        match presented {
            Presented::Code(..) => {
                let problems = vec![Problem { field: String::new(), message }];
                self.challenge_refused(cx, visit, flow, by, problems).await
            }
            Presented::Link(_) => self.challenge_again(cx, visit, &flow, by, message).await,
        }
    }
}

async fn redeem(
    tx: &mut Tx,
    cx: &Context,
    flow: &Flow,
    presented: &Presented,
    queued: &Queued,
) -> Result<Redeemed, Error> {
    let Some(used) = use_up(tx, cx, flow, presented).await? else { return Ok(Redeemed::Wrong) };
    presented.clear(tx, cx).await?;
    let Some(identity) = identities::identity_find(tx, cx, used.identity_id).await? else {
        return Ok(Redeemed::Wrong);
    };
    if flow.state == State::PassedChallenge {
        return Ok(Redeemed::TooLate);
    }
    let mut done = flow.clone();
    done.state = challenges::next_state(flow, Event::Redeemed)?;
    done.identity_id = Some(identity.id);
    done.ui.reset_messages();
    show_csrf_token(&mut done);
    // INVARIANT: a session begins only for the submission that completes the flow.
    if !flows::flow_update(tx, cx, cx.vault(), &done, flow.state).await? {
        return Ok(Redeemed::TooLate);
    }
    let method = method_of(presented);
    let cleared = gate::clear(&identity, Proof { identity_id: identity.id, method, aal: Aal::Aal1 })?;
    let (session, token) = gate::session_issue(tx, cx, cleared).await?;
    if hooks::wanted(cx.settings().after(FlowName::Recovery, wire_name(method))).revoke_active_sessions {
        sessions::sessions_revoke_others(tx, cx, identity.id, Some(session.id)).await?;
    }
    if let Some(address_id) = used.address_id {
        prove_address(tx, cx, &identity, address_id).await?;
    }
    queued.enqueue(tx, cx).await?;
    Ok(Redeemed::BackIn(Box::new(BackIn { flow: done, identity, session, token })))
}

/// Who read the mail owns its address. What an administrator hands out proves none.
async fn prove_address(tx: &mut Tx, cx: &Context, identity: &Person, address_id: Uuid) -> Result<(), Error> {
    let Some((_, recovered)) = addresses::recovery_find_by_id(tx, cx, address_id).await? else { return Ok(()) };
    let same = |via: Channel, value: &str| via == recovered.via && value == recovered.value;
    for address in &identity.verifiable_addresses {
        if same(address.via, &address.value) && !address.verified {
            addresses::verifiable_mark_verified(tx, cx, address.id).await?;
        }
    }
    Ok(())
}

async fn use_up(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Option<RecoveredBy>, Error> {
    for tag in presented.tags() {
        let used = match presented {
            Presented::Code(..) => codes::recovery_code_use(tx, cx, flow.id, *tag).await?,
            Presented::Link(_) => codes::recovery_token_use(tx, cx, flow.id, *tag).await?,
        };
        if used.is_some() {
            return Ok(used);
        }
    }
    Ok(None)
}

/// An administrator's flow began without a browser; now it has one.
fn show_csrf_token(flow: &mut Flow) {
    let has = flow.ui.nodes.iter().any(|node| node.id() == "csrf_token");
    if flow.transport == Transport::Browser && !has {
        flow.ui.nodes.push(nodes::csrf_node());
    }
}

fn method_of(presented: &Presented) -> Method {
    match presented {
        Presented::Code(..) => Method::CodeRecovery,
        Presented::Link(_) => Method::LinkRecovery,
    }
}

/// The strategy's name, by which hooks and addresses to return to are configured.
fn wire_name(method: Method) -> &'static str {
    if method == Method::LinkRecovery { "link" } else { "code" }
}
