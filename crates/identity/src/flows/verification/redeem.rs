//! A code or a link comes back: it is used up and the address counts as proved, in one transaction.

use database::{Tx, transact};
use url::Url;

use super::super::challenges::{self, Presented};
use super::super::transitions::Event;
use super::super::view::Extras;
use super::super::visit::{Audience, Reply, Visit};
use super::super::{nodes, return_to};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, State, Transport};
use crate::model::identity::Channel;
use crate::model::message::{Message, ids};
use crate::model::ui::Node;
use crate::service::Identity;
use crate::settings::FlowName;
use crate::store::codes::VerifiedBy;
use crate::store::{addresses, codes, flows};

enum Redeemed {
    /// Nothing that works was presented.
    Wrong,
    /// Another submission completed the flow.
    TooLate,
    /// The address counts as proved.
    Proved(Box<Flow>),
}

impl Identity {
    /// Redeems what was presented.
    pub(super) async fn verification_redeem(
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
        let redeemed =
            transact!(&self.db, |tx| -> Result<Redeemed, Error> { redeem(tx, cx, &rebound, &presented).await }).await?;
        match (redeemed, presented) {
            (Redeemed::Proved(done), _) => {
                let reply = challenges::shown(cx, &renewed, &done, by, 200, Extras::default());
                Ok(reply.with_csrf(browser.then_some(csrf)))
            }
            (Redeemed::Wrong, Presented::Code(_)) => {
                let message = Message::plain(ids::VERIFICATION_CODE_INVALID);
                self.challenge_wrong(cx, visit, flow, by, message).await
            }
            (Redeemed::Wrong, Presented::Link(_)) => {
                let message = Message::plain(ids::VERIFICATION_TOKEN_INVALID);
                self.challenge_again(cx, visit, &flow, by, message).await
            }
            (Redeemed::TooLate, _) => {
                let message = Message::plain(ids::VERIFICATION_COMPLETED);
                self.challenge_again(cx, visit, &flow, by, message).await
            }
        }
    }
}

async fn redeem(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Redeemed, Error> {
    let Some(used) = use_up(tx, cx, flow, presented).await? else { return Ok(Redeemed::Wrong) };
    let Some((_, address)) = addresses::verifiable_find_by_id(tx, cx, used.address_id).await? else {
        return Ok(Redeemed::Wrong);
    };
    if flow.state == State::PassedChallenge {
        return Ok(Redeemed::TooLate);
    }
    let done = completed(cx, flow, address.via)?;
    if !flows::flow_update(tx, cx, cx.vault(), &done, flow.state).await? {
        return Ok(Redeemed::TooLate);
    }
    addresses::verifiable_mark_verified(tx, cx, address.id).await?;
    Ok(Redeemed::Proved(Box::new(done)))
}

async fn use_up(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Option<VerifiedBy>, Error> {
    match presented {
        Presented::Link(hash) => Ok(codes::verification_token_use(tx, cx, flow.id, *hash).await?),
        Presented::Code(tags) => {
            for tag in tags {
                let used = codes::verification_code_use(tx, cx, flow.id, *tag).await?;
                if used.is_some() {
                    return Ok(used);
                }
            }
            Ok(None)
        }
    }
}

/// The flow as it is shown afterwards: a way on, and nothing to fill in.
fn completed(cx: &Context, flow: &Flow, via: Channel) -> Result<Flow, Error> {
    let mut done = flow.clone();
    done.state = challenges::next_state(flow, Event::Redeemed)?;
    done.context.code = None;
    let target = continue_url(cx, flow);
    let way_on =
        Node::anchor(challenges::group(flow), "continue", target.to_string(), Message::plain(ids::LABEL_CONTINUE));
    done.ui.nodes = vec![nodes::csrf_node(), way_on];
    "GET".clone_into(&mut done.ui.method);
    done.ui.action = target.into();
    done.ui.messages = vec![Message::plain(match via {
        Channel::Email => ids::VERIFICATION_SUCCESSFUL,
        Channel::Sms => ids::VERIFICATION_PHONE_SUCCESSFUL,
    })];
    Ok(done)
}

/// Where a browser goes on: an address that is not allowed counts as none.
fn continue_url(cx: &Context, flow: &Flow) -> Url {
    let method = flow.active.as_deref().unwrap_or_default();
    let asked = flow.requested("return_to");
    return_to::resolve(cx.settings(), FlowName::Verification, method, asked.as_deref())
        .unwrap_or_else(|_| cx.settings().return_url_after(FlowName::Verification, method))
}
