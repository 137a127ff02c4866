//! A verification that begins by itself, after a sign-up, a sign-in or a change of address: prepared before the
//! transaction of what it follows, kept inside it.

use courier::Composed;
use database::Tx;
use foundation::Uuid;
use url::Url;
use web::csrf::CsrfSecret;

use super::super::challenges::{self, Occasion, Secret};
use super::super::engine;
use super::super::visit::Visit;
use super::send::{keep_secret, show_sent};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::identity::{Channel, Identity as Person, VerifiableAddress};
use crate::service::Identity;
use crate::store::pending_changes::{PendingChange, Tag};
use crate::store::pending_registrations::Promise;
use crate::store::{addresses, flows, pending_changes, pending_registrations};

/// A verification that is ready to be kept.
#[derive(Debug)]
pub struct SpawnedVerification {
    /// The flow, a code or link being on its way.
    pub flow: Flow,
    /// The address to prove.
    pub address: String,
    /// The browser's new CSRF secret, which the answer has to set; none where it keeps the one it has.
    pub csrf: Option<CsrfSecret>,
    proves: Proves,
    secret: Secret,
    mail: Option<Composed>,
}

/// What a proof is for.
#[derive(Debug)]
enum Proves {
    /// An address that somebody has.
    Address(Uuid),
    /// A change that waits for it.
    Change(Box<PendingChange>),
    /// A sign-up that waits for it.
    SignUp(Box<Promise>),
}

/// Prepares the verification of `address` after `origin`: the flow, its code or link, and the mail.
///
/// # Errors
/// The mail cannot be composed.
pub async fn prepare_spawned(
    service: &Identity,
    cx: &Context,
    visit: &Visit,
    origin: &Flow,
    identity: &Person,
    address: &VerifiableAddress,
) -> Result<SpawnedVerification, Error> {
    let proves = Proves::Address(address.id);
    prepare(service, cx, visit, origin, identity, (address.via, &address.value), proves).await
}

/// Prepares the verification of the new address that `change` brings, after the settings form `origin`.
///
/// # Errors
/// The mail cannot be composed.
pub async fn prepare_change(
    service: &Identity,
    cx: &Context,
    visit: &Visit,
    origin: &Flow,
    identity: &Person,
    change: PendingChange,
) -> Result<SpawnedVerification, Error> {
    let (via, value) = (change.via, change.value.clone());
    let proves = Proves::Change(Box::new(change));
    let mut spawned = prepare(service, cx, visit, origin, identity, (via, &value), proves).await?;
    if let Proves::Change(change) = &mut spawned.proves {
        change.flow_id = spawned.flow.id;
    }
    Ok(spawned)
}

/// Prepares the verification of a sign-up. Who has an account already gets a mail that says so in the place of the code,
/// at `recipient`; all else is the same.
///
/// # Errors
/// The mail cannot be composed.
pub async fn prepare_sign_up(
    service: &Identity,
    cx: &Context,
    visit: &Visit,
    origin: &Flow,
    identity: &Person,
    promise: Promise,
    recipient: &str,
) -> Result<SpawnedVerification, Error> {
    let (known, address) = (promise.known, promise.address.clone());
    let proves = Proves::SignUp(Box::new(promise));
    let mut spawned = prepare(service, cx, visit, origin, identity, (Channel::Email, &address), proves).await?;
    // Both mails are written, whichever of them goes out: the one costs what the other does.
    let notice = challenges::compose_known(service, cx, &spawned.flow, recipient, &origin.transient_payload).await;
    let notice = challenges::unless_unwritable(notice)?;
    if known {
        spawned.secret = Secret::unknown(cx, &spawned.flow);
        spawned.mail = notice;
    }
    Ok(spawned)
}

async fn prepare(
    service: &Identity,
    cx: &Context,
    visit: &Visit,
    origin: &Flow,
    identity: &Person,
    (via, value): (Channel, &str),
    proves: Proves,
) -> Result<SpawnedVerification, Error> {
    let rotates = origin.transport == Transport::Browser && origin.kind != FlowKind::Settings;
    let csrf = rotates.then(|| CsrfSecret::generate(cx.rng.as_ref()));
    let visit = Visit { csrf: csrf.clone().or_else(|| visit.csrf.clone()), ..visit.clone() };
    let mut flow = engine::new_flow(cx, &visit, FlowKind::Verification, origin.transport);
    flow.request_url = request_url(&origin.request_url);
    challenges::fill(cx.settings(), &mut flow);
    flow.state = State::SentEmail;
    show_sent(&mut flow, resend(via), value, via);
    let secret = Secret::make(cx, &flow);
    let payload = &origin.transient_payload;
    let occasion = Occasion { flow: &flow, identity, recipient: value, payload };
    // Text messages come with a later release; the flow is the same without one.
    let mail = match via {
        Channel::Email => Some(challenges::compose(service, cx, &secret, occasion).await?),
        Channel::Sms => None,
    };
    Ok(SpawnedVerification { flow, address: value.to_owned(), csrf, proves, secret, mail })
}

impl SpawnedVerification {
    /// Keeps the flow and its code or link, and queues the mail. Can be repeated in another transaction.
    ///
    /// # Errors
    /// The database.
    pub async fn insert(&self, tx: &mut Tx, cx: &Context) -> Result<(), Error> {
        flows::flow_insert(tx, cx, cx.vault(), &self.flow).await?;
        match &self.proves {
            Proves::Address(id) => {
                keep_secret(tx, cx, &self.flow, *id, &self.secret).await?;
                addresses::verifiable_mark_sent(tx, cx, *id).await?;
            }
            Proves::Change(change) => {
                pending_changes::pending_change_keep(tx, cx, change, self.tag(cx)).await?;
            }
            Proves::SignUp(promise) => {
                let (id, tag) = (self.flow.id, self.tag(cx));
                pending_registrations::pending_registration_keep(tx, cx, cx.vault(), id, promise, tag).await?;
            }
        }
        if let Some(mail) = &self.mail {
            courier::enqueue(tx, cx, mail).await?;
        }
        Ok(())
    }

    fn tag(&self, cx: &Context) -> Tag {
        Tag { tag: self.secret.tag(cx, FlowKind::Verification), expires_at: self.secret.expires_at }
    }
}

/// The name of the button for another code: where a hook began the flow, it is the channel's (§13).
fn resend(via: Channel) -> &'static str {
    match via {
        Channel::Email => "email",
        Channel::Sms => "sms",
    }
}

/// The URL that began the origin, with `after_verification_return_to` in the place of `return_to`.
fn request_url(origin: &str) -> String {
    let Ok(mut url) = Url::parse(origin) else { return origin.to_owned() };
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !pairs.iter().any(|(name, _)| name == "after_verification_return_to") {
        return origin.to_owned();
    }
    let asked = pairs.iter().find(|(name, value)| name == "after_verification_return_to" && !value.is_empty());
    let replaced = asked.map(|(_, value)| ("return_to".to_owned(), value.clone()));
    let kept = pairs
        .iter()
        .filter(|(name, _)| name != "after_verification_return_to" && (name != "return_to" || replaced.is_none()));
    let query: Vec<(String, String)> = kept.cloned().chain(replaced.clone()).collect();
    url.query_pairs_mut().clear().extend_pairs(query.iter());
    if query.is_empty() {
        url.set_query(None);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::request_url;

    #[test]
    fn a_return_after_verification_takes_the_place_of_the_other() {
        let made =
            request_url("http://x/r?return_to=http%3A%2F%2Fa&aal=aal1&after_verification_return_to=http%3A%2F%2Fb");
        assert_eq!(made, "http://x/r?aal=aal1&return_to=http%3A%2F%2Fb");
        assert_eq!(request_url("http://x/r?return_to=/a"), "http://x/r?return_to=/a");
        assert_eq!(request_url("http://x/r?after_verification_return_to="), "http://x/r");
    }
}
