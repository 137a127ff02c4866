//! A new address counts once it is proved (hook `verify_new_address`, identity-flows.md §11.3): the change waits with a
//! verification, and whoever asked for it stays who they were until then.

use database::{read, transact};
use foundation::Uuid;

use super::super::engine::{self, page_url};
use super::super::hooks;
use super::super::input::Input;
use super::super::transitions::{self, Event};
use super::super::verification::{SpawnedVerification, prepare_change};
use super::super::view::Extras;
use super::super::visit::{Audience, Reply, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{Channel, CredentialKind};
use crate::model::message::{Message, ids};
use crate::model::ui::Group;
use crate::schema::{Derived, Problem};
use crate::service::Identity;
use crate::sessions::Current;
use crate::store::pending_changes::PendingChange;
use crate::store::{addresses, flows, identities};

impl Identity {
    /// Has a change wait for the proof of its new address. `None` if it brings no new address, and can be saved at once.
    pub(super) async fn settings_new_address(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        input: &Input,
        derived: &Derived,
        current: &Current,
    ) -> Result<Option<Reply>, Error> {
        let identity = &current.identity;
        let known = |via: Channel, value: &str| {
            identity.verifiable_addresses.iter().any(|address| address.via == via && address.value == value)
        };
        let mut new = derived.verifiable.iter().filter(|(via, value)| !known(*via, value));
        let Some((via, value)) = new.next() else { return Ok(None) };
        engine::echo(&mut flow, input);
        if new.next().is_some() {
            return self.settings_too_many_addresses(cx, visit, flow, current).await.map(Some);
        }
        if self.is_taken(cx, identity.id, *via, value, derived).await? {
            let problem = Problem { field: String::new(), message: Message::plain(ids::DUPLICATE_CREDENTIALS) };
            return self.flow_invalid(cx, visit, flow, vec![problem], Group::Profile, Some(identity)).await.map(Some);
        }
        let change = PendingChange {
            identity_id: identity.id,
            session_id: current.session.id,
            flow_id: Uuid::nil(),
            via: *via,
            value: value.clone(),
            before: identity.traits.clone(),
            after: derived.traits.clone(),
        };
        let spawned = prepare_change(self, cx, visit, &flow, identity, change).await?;
        let from = flow.state;
        flow.state = transitions::next(FlowKind::Settings, from, Event::Advance).unwrap_or(from);
        flow.ui.reset_messages();
        transact!(&self.db, |tx| -> Result<(), Error> {
            flows::flow_update(tx, cx, cx.vault(), &flow, from).await?;
            spawned.insert(tx, cx).await
        })
        .await?;
        self.courier.nudge();
        Ok(Some(waiting(cx, visit, &flow, current, &spawned)))
    }

    /// Two proofs at once would be one change half done.
    async fn settings_too_many_addresses(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        current: &Current,
    ) -> Result<Reply, Error> {
        let from = flow.state;
        flow.state = transitions::next(FlowKind::Settings, from, Event::Invalid).unwrap_or(from);
        flow.ui.reset_messages();
        flow.ui.messages.push(Message::plain(ids::SETTINGS_ONE_ADDRESS_AT_A_TIME));
        self.flow_save(cx, &flow, from).await?;
        Ok(engine::shown_again(cx, visit, &flow, 200, super::with_identity(&current.identity)))
    }

    async fn is_taken(
        &self,
        cx: &Context,
        own: Uuid,
        via: Channel,
        value: &str,
        derived: &Derived,
    ) -> Result<bool, Error> {
        read!(&self.db, |tx| -> Result<bool, Error> {
            let mut owners = Vec::new();
            owners.extend(addresses::verifiable_find(tx, cx, via, value).await?.map(|(owner, _)| owner));
            for (via, value) in &derived.recovery {
                owners.extend(addresses::recovery_find(tx, cx, *via, value).await?.map(|(owner, _)| owner));
            }
            for identifier in &derived.password_identifiers {
                let kind = CredentialKind::Password;
                owners.extend(identities::identity_id_by_identifier(tx, cx, kind, identifier, identifier).await?);
            }
            Ok(owners.iter().any(|owner| *owner != own))
        })
        .await
    }
}

/// Nothing is saved yet: the way to the proof.
fn waiting(cx: &Context, visit: &Visit, flow: &Flow, current: &Current, spawned: &SpawnedVerification) -> Reply {
    if visit.audience(flow) == Audience::Browser {
        return Reply::see_other(page_url(cx.settings(), FlowKind::Verification, spawned.flow.id));
    }
    let continue_with = vec![hooks::show_verification_item(cx, spawned)];
    let extras = Extras { continue_with, ..super::with_identity(&current.identity) };
    engine::shown_again(cx, visit, flow, 200, extras)
}
