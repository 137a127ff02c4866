//! Devices that somebody signed in on before. A cookie shows them; the database knows which accounts they belong to. All
//! they are good for is counters of their own: they prove nobody.
//!
//! A device becomes known only once everything was proved that its account asks for. Otherwise who knows a password would
//! get new tries of the second factor with each new device.

use crypto::tokens::DeviceToken;
use database::{Tx, read};
use foundation::{Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Error;
use crate::flows::visit::Visit;
use crate::model::identity::Identity as Person;
use crate::model::session::Session;
use crate::service::Identity;
use crate::store::devices;

const PURPOSE: &str = "known devices";
/// Accounts that one browser is remembered for.
const MOST_ACCOUNTS: usize = 8;
/// Devices that are remembered of one account.
const MOST_DEVICES: i64 = 50;
/// A device is kept for longer at most once a day.
const KEPT_ANEW_AFTER: i64 = 24 * 3600;

/// A device, as one account knows it.
#[derive(Debug, Clone)]
pub struct Device {
    identity_id: Uuid,
    token: DeviceToken,
}

impl Device {
    pub(super) fn hash(&self) -> [u8; 32] {
        self.token.digest()
    }
}

/// The value of the cookie that shows a device, and how long it is to be kept.
#[derive(Debug, Clone)]
pub struct DeviceCookie {
    /// Sealed.
    pub value: String,
    /// In seconds.
    pub max_age: i64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    identity: Uuid,
    token: String,
}

/// The devices that a cookie shows; none if we did not write it.
pub fn opened(cx: &Context, value: &str) -> Vec<Device> {
    let json = cx.cookie_sealer().open_text(PURPOSE, value);
    let entries: Vec<Entry> = json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let device = |entry: Entry| Device { identity_id: entry.identity, token: DeviceToken::presented(entry.token) };
    entries.into_iter().take(MOST_ACCOUNTS).map(device).collect()
}

impl Identity {
    /// The device that a request comes from, if this account knows it.
    pub(super) async fn device_known(
        &self,
        cx: &Context,
        visit: &Visit,
        identity_id: Uuid,
    ) -> Result<Option<Device>, Error> {
        let Some(shown) = visit.devices.iter().find(|device| device.identity_id == identity_id) else {
            return Ok(None);
        };
        let known = read!(&self.db, |tx| -> Result<Option<Timestamp>, Error> {
            Ok(devices::device_known_until(tx, cx, identity_id, shown.hash()).await?)
        })
        .await?;
        Ok(known.map(|_| shown.clone()))
    }
}

/// Remembers the device on which somebody signed in with all that their account asks for. Gives the cookie to set, unless
/// the browser has it.
///
/// # Errors
/// The database.
pub async fn remember(
    tx: &mut Tx,
    cx: &Context,
    visit: &Visit,
    identity: &Person,
    session: &Session,
) -> Result<Option<DeviceCookie>, Error> {
    let settings = &cx.settings().security.limits;
    if !super::hold(cx) || !settings.known_devices.enabled || session.aal < identity.available_aal {
        return Ok(None);
    }
    let lifespan = settings.known_devices.lifespan;
    let expires_at = cx.now + lifespan;
    let shown = visit.devices.iter().find(|device| device.identity_id == identity.id);
    if let Some(shown) = shown
        && let Some(until) = devices::device_known_until(tx, cx, identity.id, shown.hash()).await?
    {
        if expires_at.as_second() - until.as_second() < KEPT_ANEW_AFTER {
            return Ok(None);
        }
        devices::device_keep(tx, cx, identity.id, shown.hash(), expires_at).await?;
        return Ok(Some(cookie(cx, visit, shown.clone(), lifespan.as_secs())));
    }
    // A token of our own making, whatever the browser showed: nobody can plant one.
    let device = Device { identity_id: identity.id, token: DeviceToken::generate(cx.rng.as_ref()) };
    devices::device_keep(tx, cx, identity.id, device.hash(), expires_at).await?;
    devices::devices_keep_newest(tx, cx, identity.id, MOST_DEVICES).await?;
    Ok(Some(cookie(cx, visit, device, lifespan.as_secs())))
}

fn cookie(cx: &Context, visit: &Visit, device: Device, max_age: i64) -> DeviceCookie {
    let others = visit.devices.iter().filter(|other| other.identity_id != device.identity_id);
    let entry = |device: &Device| Entry { identity: device.identity_id, token: device.token.expose().to_owned() };
    let mut entries = vec![entry(&device)];
    entries.extend(others.take(MOST_ACCOUNTS - 1).map(entry));
    let json = serde_json::to_vec(&entries).unwrap_or_default();
    DeviceCookie { value: cx.cookie_sealer().seal_text(cx.rng.as_ref(), PURPOSE, &json), max_age }
}
