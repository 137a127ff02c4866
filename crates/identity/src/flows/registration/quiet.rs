//! Signing up without telling whether an address has an account (`security.account_enumeration.registration`): the answer
//! is the same, and so is the work. The account is made once its address is proved; who has one already is told by mail.

use database::{read, transact};
use serde_json::{Value, json};

use super::super::engine::{self, page_url};
use super::super::hooks;
use super::super::input::Input;
use super::super::login::completed;
use super::super::return_to;
use super::super::transitions::{self, Event};
use super::super::verification::{SpawnedVerification, prepare_sign_up};
use super::super::visit::{Audience, Reply, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::{AddressStatus, Channel, CredentialKind, Identity as Person, VerifiableAddress};
use crate::model::message::ids;
use crate::model::ui::Group;
use crate::schema::Problem;
use crate::service::Identity;
use crate::sessions::view::identity_json;
use crate::settings::FlowName;
use crate::store::pending_registrations::Promise;
use crate::store::{addresses, flows, identities};

/// What of a sign-up somebody else has.
enum Taken {
    /// Nothing.
    Nothing,
    /// A name that is no address: it is told, or nobody could choose another one.
    Name,
    /// An address: told by mail alone.
    Address(String),
}

/// The address by which a sign-up is confirmed, where the configuration keeps quiet about accounts. Without an address
/// that mail reaches nobody could be told apart from anybody.
pub(super) fn confirms_by<'a>(cx: &Context, identity: &'a Person) -> Option<&'a VerifiableAddress> {
    let settings = cx.settings();
    let on = settings.security.account_enumeration.registration && settings.selfservice.flows.verification.enabled;
    hooks::unverified(identity).filter(|address| on && address.via == Channel::Email)
}

impl Identity {
    /// Promises the account: nothing but the verification's code makes it.
    pub(super) async fn registration_promise(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        input: &Input,
        mut identity: Person,
        method: &str,
    ) -> Result<Reply, Error> {
        let Some(address) = confirms_by(cx, &identity).map(|address| address.value.clone()) else {
            return Err(Error::Internal("a sign-up without an address to confirm it by".to_owned()));
        };
        let taken = self.registration_taken(cx, &identity).await?;
        if matches!(taken, Taken::Name) {
            engine::echo(&mut flow, input);
            let message = super::duplicate_message(cx, &identity);
            let problems = vec![Problem { field: String::new(), message }];
            return self.flow_invalid(cx, visit, flow, problems, Group::Default, None).await;
        }
        let (known, recipient) = match taken {
            Taken::Address(recipient) => (true, recipient),
            _ => (false, address.clone()),
        };
        // Whoever signs somebody else up has mail sent to them.
        if let Err(wait) = self.attempt_mail(cx, &address).await? {
            engine::echo(&mut flow, input);
            return self.flow_limited(cx, visit, flow, wait, None).await;
        }
        let promise = promise(&identity, &address, known);
        let spawned = prepare_sign_up(self, cx, visit, &flow, &identity, promise, &recipient).await?;
        let from = flow.state;
        flow.active = Some(method.to_owned());
        flow.state = transitions::next(FlowKind::Registration, from, Event::Proposed)
            .ok_or_else(|| Error::Internal("a flow that takes no input was completed".to_owned()))?;
        let kept = transact!(&self.db, |tx| -> Result<bool, Error> {
            if !flows::flow_update(tx, cx, cx.vault(), &flow, from).await? {
                return Ok(false);
            }
            spawned.insert(tx, cx).await?;
            Ok(true)
        })
        .await?;
        if !kept {
            return completed(cx, visit, flow, ids::REGISTRATION_COMPLETED);
        }
        self.courier.nudge();
        for own in identity.verifiable_addresses.iter_mut().filter(|own| own.value == address) {
            own.status = AddressStatus::Sent;
        }
        promised(cx, visit, &flow, &identity, &spawned)
    }

    async fn registration_taken(&self, cx: &Context, identity: &Person) -> Result<Taken, Error> {
        read!(&self.db, |tx| -> Result<Taken, Error> {
            let mails: Vec<&str> = identity
                .verifiable_addresses
                .iter()
                .filter(|address| address.via == Channel::Email)
                .map(|address| address.value.as_str())
                .collect();
            let mut taken = None;
            for credential in &identity.credentials {
                for identifier in &credential.identifiers {
                    let kind = credential.kind;
                    let owner =
                        identities::identity_id_by_identifier(tx, cx, kind, identifier, identifier).await?.is_some();
                    match (owner, mails.contains(&identifier.as_str())) {
                        (true, false) => return Ok(Taken::Name),
                        (true, true) => taken = Some(identifier.clone()),
                        _ => {}
                    }
                }
            }
            for mail in &mails {
                let proved = addresses::verifiable_find(tx, cx, Channel::Email, mail).await?.is_some();
                let recovers = addresses::recovery_find(tx, cx, Channel::Email, mail).await?.is_some();
                if proved || recovers {
                    taken = taken.or_else(|| Some((*mail).to_owned()));
                }
            }
            Ok(taken.map_or(Taken::Nothing, Taken::Address))
        })
        .await
    }
}

fn promise(identity: &Person, address: &str, known: bool) -> Promise {
    let credentials = identity.credentials.iter().map(|credential| {
        let secret = serde_json::to_value(&credential.secret).unwrap_or_default();
        (credential.kind, credential.identifiers.clone(), secret)
    });
    Promise {
        known,
        address: address.to_owned(),
        identity_id: identity.id,
        schema_id: identity.schema_id.clone(),
        traits: identity.traits.clone(),
        metadata_public: identity.metadata_public.clone(),
        metadata_admin: identity.metadata_admin.clone(),
        external_id: identity.external_id.clone(),
        credentials: credentials.collect::<Vec<(CredentialKind, Vec<String>, Value)>>(),
    }
}

/// The answer, whoever has the address: no session, and the way to the proof.
fn promised(
    cx: &Context,
    visit: &Visit,
    flow: &Flow,
    identity: &Person,
    spawned: &SpawnedVerification,
) -> Result<Reply, Error> {
    let audience = visit.audience(flow);
    if audience == Audience::Browser {
        let page = page_url(cx.settings(), FlowKind::Verification, spawned.flow.id);
        return Ok(Reply::see_other(page).with_csrf(spawned.csrf.clone()));
    }
    let mut items = Vec::new();
    if audience == Audience::Page {
        let method = flow.active.as_deref().unwrap_or_default();
        let asked = flow.requested("return_to");
        let target = return_to::resolve(cx.settings(), FlowName::Registration, method, asked.as_deref())?;
        items.push(hooks::redirect_item(target.as_str()));
    }
    items.push(hooks::show_verification_item(cx, spawned));
    let reply = Reply::json(200, json!({"identity": identity_json(cx, identity), "continue_with": items}));
    Ok(if audience == Audience::Page { reply.with_csrf(spawned.csrf.clone()) } else { reply })
}
