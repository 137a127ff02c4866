//! A code or a link comes back: it is used up and the address counts as proved, in one transaction.

use std::sync::Arc;

use database::{Tx, transact};
use url::Url;

use super::super::challenges::{self, Presented};
use super::super::transitions::Event;
use super::super::view::Extras;
use super::super::visit::{Audience, Reply, Visit};
use super::super::web_hooks::{Asked, Moment, Prepared as Told, Queued};
use super::super::{nodes, return_to};
use super::change::{self, Change, Prepared};
use super::sign_up;
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, State, Transport};
use crate::model::identity::{Channel, Identity as Person};
use crate::model::message::{Message, ids};
use crate::model::ui::Node;
use crate::schema::{IdentitySchema, Problem};
use crate::service::Identity;
use crate::settings::FlowName;
use crate::store::codes::VerifiedBy;
use crate::store::{addresses, codes, flows};
use crate::strategies;

enum Redeemed {
    /// Nothing that works was presented.
    Wrong,
    /// Another submission completed the flow.
    TooLate,
    /// The address counts as proved.
    Proved(Box<Flow>),
    /// The change that waited for the proof can be made no more.
    Void,
}

/// What a proof makes, besides proving an address.
enum Waiting {
    /// A change of address.
    Change(Prepared),
    /// An account.
    SignUp {
        /// What its traits follow.
        schema: Arc<IdentitySchema>,
        /// The account as it will be, for the hooks that tell of it.
        account: Option<Box<Person>>,
        /// What its person signed up with.
        method: String,
    },
}

impl Identity {
    async fn verification_waiting(&self, cx: &Context, flow: &Flow) -> Result<Option<Waiting>, Error> {
        if let Some(change) = self.verification_change(cx, flow).await? {
            return Ok(self.verification_prepare_change(cx, &change).await?.map(Waiting::Change));
        }
        Ok(self.verification_sign_up(cx, flow).await?.map(|(promise, schema)| {
            let account = sign_up::account(cx, &promise, &schema).map(Box::new);
            let method = promise.credentials.first().map(|(kind, ..)| kind.as_str()).unwrap_or_default().to_owned();
            Waiting::SignUp { schema, account, method }
        }))
    }

    /// The hooks that tell of a sign-up, whose account is made now. Their requests are made whether the address has an
    /// account already or not, so that the time tells nothing; nothing is queued unless the account is made.
    async fn sign_up_hooks(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
        account: Option<&Person>,
        method: &str,
    ) -> Result<Queued, Error> {
        let Some(account) = account else { return Ok(Queued::default()) };
        let list = cx.settings().after(FlowName::Registration, method);
        self.hooks_prepare(cx, list, Asked::Deciding, Moment::after(visit, flow).identity(account)).await
    }

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
        let waiting = self.verification_waiting(cx, &flow).await?;
        let queued = match &waiting {
            Some(Waiting::SignUp { account, method, .. }) => {
                self.sign_up_hooks(cx, visit, &flow, account.as_deref(), method).await?
            }
            _ => match self.hooks_redeeming(cx, visit, &rebound, &presented).await? {
                Told::Go(queued) => queued,
                Told::Refused(problems) => return self.challenge_refused(cx, visit, flow, by, problems).await,
            },
        };
        let redeemed = transact!(&self.db, |tx| -> Result<Redeemed, Error> {
            redeem(tx, cx, &rebound, &presented, waiting.as_ref(), &queued).await
        })
        .await;
        let redeemed = match redeemed {
            // Somebody else has taken the address since the change was asked for.
            Err(Error::Database(error)) if error.is_unique_violation() => {
                let problem = Problem { field: String::new(), message: Message::plain(ids::DUPLICATE_CREDENTIALS) };
                return self.challenge_refused(cx, visit, flow, by, vec![problem]).await;
            }
            other => other?,
        };
        if waiting.is_some() && matches!(redeemed, Redeemed::Proved(_)) {
            self.courier.nudge();
        }
        match (redeemed, presented) {
            (Redeemed::Proved(done), _) => {
                self.hooks_deliver(cx, queued).await?;
                let reply = challenges::shown(cx, &renewed, &done, by, 200, Extras::default());
                Ok(reply.with_csrf(browser.then_some(csrf)))
            }
            (Redeemed::Wrong, Presented::Code(..)) => {
                let message = Message::plain(ids::VERIFICATION_CODE_INVALID);
                self.challenge_wrong(cx, visit, flow, by, message).await
            }
            (Redeemed::Wrong, Presented::Link(_)) => {
                let message = Message::plain(ids::VERIFICATION_TOKEN_INVALID);
                self.challenge_again(cx, visit, &flow, by, message).await
            }
            (Redeemed::Void, _) => self.challenge_again(cx, visit, &flow, by, void()).await,
            (Redeemed::TooLate, _) => {
                let message = Message::plain(ids::VERIFICATION_COMPLETED);
                self.challenge_again(cx, visit, &flow, by, message).await
            }
        }
    }
}

async fn redeem(
    tx: &mut Tx,
    cx: &Context,
    flow: &Flow,
    presented: &Presented,
    waiting: Option<&Waiting>,
    queued: &Queued,
) -> Result<Redeemed, Error> {
    let change = match waiting {
        Some(Waiting::Change(prepared)) => change::make(tx, cx, flow, presented, prepared).await?,
        Some(Waiting::SignUp { schema, .. }) if sign_up::make(tx, cx, flow, presented, schema).await?.is_some() => {
            let target = sign_up::sign_in_url(cx, flow);
            let done = completed(flow, Channel::Email, &target)?;
            return complete(tx, cx, flow, presented, done, queued).await;
        }
        _ => Change::None,
    };
    let via = match change {
        Change::Void => return Ok(Redeemed::Void),
        Change::Made(change) => change.via,
        Change::None => {
            let Some(used) = use_up(tx, cx, flow, presented).await? else { return Ok(Redeemed::Wrong) };
            let Some((_, address)) = addresses::verifiable_find_by_id(tx, cx, used.address_id).await? else {
                return Ok(Redeemed::Wrong);
            };
            if flow.state != State::PassedChallenge {
                addresses::verifiable_mark_verified(tx, cx, address.id).await?;
            }
            address.via
        }
    };
    if flow.state == State::PassedChallenge {
        return Ok(Redeemed::TooLate);
    }
    let done = completed(flow, via, &continue_url(cx, flow))?;
    complete(tx, cx, flow, presented, done, queued).await
}

async fn complete(
    tx: &mut Tx,
    cx: &Context,
    flow: &Flow,
    presented: &Presented,
    done: Flow,
    queued: &Queued,
) -> Result<Redeemed, Error> {
    if !flows::flow_update(tx, cx, cx.vault(), &done, flow.state).await? {
        return Ok(Redeemed::TooLate);
    }
    presented.clear(tx, cx).await?;
    queued.enqueue(tx, cx).await?;
    Ok(Redeemed::Proved(Box::new(done)))
}

async fn use_up(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Option<VerifiedBy>, Error> {
    for tag in presented.tags() {
        let used = match presented {
            Presented::Code(..) => codes::verification_code_use(tx, cx, flow.id, *tag).await?,
            Presented::Link(_) => codes::verification_token_use(tx, cx, flow.id, *tag).await?,
        };
        if used.is_some() {
            return Ok(used);
        }
    }
    Ok(None)
}

/// Why the change cannot be made.
fn void() -> Message {
    let reason = "The account was changed meanwhile, or you signed out. Change the address again in your settings.";
    strategies::because("", reason).message
}

/// The flow as it is shown afterwards: a way on, and nothing to fill in.
fn completed(flow: &Flow, via: Channel, target: &Url) -> Result<Flow, Error> {
    let mut done = flow.clone();
    done.state = challenges::next_state(flow, Event::Redeemed)?;
    done.context.code = None;
    let way_on =
        Node::anchor(challenges::group(flow), "continue", target.to_string(), Message::plain(ids::LABEL_CONTINUE));
    done.ui.nodes = vec![nodes::csrf_node(), way_on];
    "GET".clone_into(&mut done.ui.method);
    done.ui.action = target.to_string();
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
