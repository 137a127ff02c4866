//! Hooks of a recovery or verification: whom it is about is known only by the code or link that was presented, so that is
//! looked at before it is used up. Should another submission use it first, nothing of this is queued.

use database::{Tx, read};

use super::super::challenges::Presented;
use super::super::visit::Visit;
use super::{Asked, Moment, Queued, any};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, State};
use crate::model::identity::{AddressStatus, Channel, Identity as Person};
use crate::schema::Problem;
use crate::service::Identity;
use crate::store::{addresses, codes, identities};

/// What the hooks of a redemption come to.
pub(in super::super) enum Prepared {
    /// Go on, and queue these.
    Go(Queued),
    /// A hook refuses.
    Refused(Vec<Problem>),
}

impl Identity {
    /// Asks and prepares the hooks of `flow`, which is about to be completed by what was presented.
    ///
    /// # Errors
    /// A hook that fails: then nothing is used up.
    pub(in super::super) async fn hooks_redeeming(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
        presented: &Presented,
    ) -> Result<Prepared, Error> {
        let method = if matches!(presented, Presented::Link(_)) { "link" } else { "code" };
        let list = cx.settings().after(flow.kind, method);
        if !any(list) || flow.state == State::PassedChallenge {
            return Ok(Prepared::Go(Queued::default()));
        }
        let found = read!(&self.db, |tx| -> Result<Option<Person>, Error> { person(tx, cx, flow, presented).await });
        let Some(mut identity) = found.await? else { return Ok(Prepared::Go(Queued::default())) };
        let mut done = flow.clone();
        done.state = State::PassedChallenge;
        let problems = self.hooks_ask(cx, list, Asked::Deciding, Moment::after(visit, &done), &mut identity).await?;
        if !problems.is_empty() {
            return Ok(Prepared::Refused(problems));
        }
        let told = Moment::after(visit, &done).identity(&identity);
        Ok(Prepared::Go(self.hooks_prepare(cx, list, Asked::Deciding, told).await?))
    }
}

/// Whose code or link it is, as they will be once it is redeemed.
async fn person(tx: &mut Tx, cx: &Context, flow: &Flow, presented: &Presented) -> Result<Option<Person>, Error> {
    let (identity_id, proved) = if flow.kind == FlowKind::Recovery {
        let mut found = None;
        match presented {
            Presented::Link(hash) => found = codes::recovery_token_find(tx, cx, flow.id, *hash).await?,
            Presented::Code(tags, _) => {
                for tag in tags {
                    found = found.or(codes::recovery_code_find(tx, cx, flow.id, *tag).await?);
                }
            }
        }
        let Some(found) = found else { return Ok(None) };
        let address = match found.address_id {
            Some(id) => {
                addresses::recovery_find_by_id(tx, cx, id).await?.map(|(_, address)| (address.via, address.value))
            }
            None => None,
        };
        (found.identity_id, address)
    } else {
        let mut found = None;
        match presented {
            Presented::Link(hash) => found = codes::verification_token_find(tx, cx, flow.id, *hash).await?,
            Presented::Code(tags, _) => {
                for tag in tags {
                    found = found.or(codes::verification_code_find(tx, cx, flow.id, *tag).await?);
                }
            }
        }
        let Some(found) = found else { return Ok(None) };
        let Some((id, address)) = addresses::verifiable_find_by_id(tx, cx, found.address_id).await? else {
            return Ok(None);
        };
        (id, Some((address.via, address.value)))
    };
    let Some(mut identity) = identities::identity_find(tx, cx, identity_id).await? else { return Ok(None) };
    if let Some((via, value)) = proved {
        prove(cx, &mut identity, via, &value);
    }
    Ok(Some(identity))
}

fn prove(cx: &Context, identity: &mut Person, via: Channel, value: &str) {
    for address in &mut identity.verifiable_addresses {
        if address.via == via && address.value == value && !address.verified {
            address.verified = true;
            address.status = AddressStatus::Completed;
            address.verified_at = Some(cx.now);
        }
    }
}
