//! What administrators send to create and change identities. A create body is read strictly: an unknown member is a
//! refusal, as it may be a misspelt one. A change ignores what it does not know, so that what was read can be sent back.

use foundation::{ApiError, Timestamp, Uuid};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::import::ImportBody;
use crate::context::Context;
use crate::model::identity::{AddressStatus, Channel, RecoveryAddress, VerifiableAddress};
use crate::schema::{normalise_email, normalise_phone};

/// The body of a create.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    #[serde(default)]
    pub(super) schema_id: Option<String>,
    #[serde(default)]
    pub(super) traits: Option<Value>,
    #[serde(default)]
    pub(super) credentials: Option<ImportBody>,
    #[serde(default)]
    pub(super) verifiable_addresses: Option<Vec<AddressBody>>,
    #[serde(default)]
    pub(super) recovery_addresses: Option<Vec<AddressBody>>,
    #[serde(default)]
    pub(super) metadata_public: Option<Value>,
    #[serde(default)]
    pub(super) metadata_admin: Option<Value>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default, deserialize_with = "optional_uuid")]
    pub(super) organization_id: Option<Uuid>,
    #[serde(default)]
    pub(super) external_id: Option<String>,
    #[serde(default)]
    pub(super) region: Option<String>,
}

/// The body of an update. It replaces traits, metadata and the external id; the rest changes where it is named.
#[derive(Debug, Deserialize)]
pub struct UpdateBody {
    #[serde(default)]
    pub(super) schema_id: Option<String>,
    #[serde(default)]
    pub(super) traits: Option<Value>,
    #[serde(default)]
    pub(super) credentials: Option<ImportBody>,
    #[serde(default)]
    pub(super) metadata_public: Option<Value>,
    #[serde(default)]
    pub(super) metadata_admin: Option<Value>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) external_id: Option<String>,
    #[serde(default)]
    pub(super) region: Option<String>,
}

/// An address that comes with an identity: it keeps its proof if the traits yield it too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "members that are shown may be sent back; the server gives their values")]
pub struct AddressBody {
    value: String,
    via: String,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    verified_at: Option<Timestamp>,
    #[serde(default)]
    created_at: Option<Value>,
    #[serde(default)]
    updated_at: Option<Value>,
}

/// Regions that the contract names. They are checked and have no meaning here.
const REGIONS: [&str; 8] = ["eu-central", "asia-northeast", "us-east", "us-west", "eu", "asia", "us", "global"];

/// Checks a region.
pub(super) fn check_region(region: Option<&str>) -> Result<(), ApiError> {
    match region {
        None | Some("") => Ok(()),
        Some(region) if REGIONS.contains(&region) => Ok(()),
        Some(region) => Err(ApiError::bad_request(format!("{region:?} is no region."))),
    }
}

/// The verifiable addresses that were sent, over the rows that are known.
pub(super) fn verifiable_addresses(
    cx: &Context,
    sent: &[AddressBody],
    known: &[VerifiableAddress],
) -> Result<Vec<VerifiableAddress>, ApiError> {
    sent.iter()
        .map(|address| {
            let (via, value) = address.normalised()?;
            let status = address.status(via)?;
            let row = known.iter().find(|row| row.via == via && row.value == value);
            if let Some(row) = row.filter(|row| row.verified == address.verified && row.status == status) {
                return Ok(row.clone());
            }
            Ok(VerifiableAddress {
                id: row.map_or_else(|| cx.rng.uuid(), |row| row.id),
                value,
                verified: address.verified,
                via,
                status,
                verified_at: address.verified.then_some(cx.now),
                created_at: row.map_or(cx.now, |row| row.created_at),
                updated_at: cx.now,
            })
        })
        .collect()
}

/// The recovery addresses that were sent.
pub(super) fn recovery_addresses(cx: &Context, sent: &[AddressBody]) -> Result<Vec<RecoveryAddress>, ApiError> {
    sent.iter()
        .map(|address| {
            let (via, value) = address.normalised()?;
            Ok(RecoveryAddress { id: cx.rng.uuid(), value, via, created_at: cx.now, updated_at: cx.now })
        })
        .collect()
}

impl AddressBody {
    fn normalised(&self) -> Result<(Channel, String), ApiError> {
        let via = Channel::parse(&self.via)
            .ok_or_else(|| ApiError::bad_request(format!("{:?} is no channel: send email or sms.", self.via)))?;
        // What is no address in its normal form matches no trait, and so it is dropped with those that the schema
        // does not yield.
        let value = match via {
            Channel::Email => normalise_email(&self.value),
            Channel::Sms => normalise_phone(&self.value),
        };
        Ok((via, value.unwrap_or_else(|| self.value.clone())))
    }

    /// A proved address is completed, whatever else was sent.
    fn status(&self, via: Channel) -> Result<AddressStatus, ApiError> {
        let named = match self.status.as_deref() {
            None | Some("") => AddressStatus::Pending,
            Some(text) => AddressStatus::parse(text).ok_or_else(|| {
                ApiError::bad_request(format!("{text:?} is no status of an address ({}).", via.as_str()))
            })?,
        };
        Ok(if self.verified { AddressStatus::Completed } else { named })
    }
}

/// An empty text counts as none.
fn optional_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}
