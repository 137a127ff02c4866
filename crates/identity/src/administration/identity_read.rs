//! Finds, lists and removes identities.

use database::{read, transact};
use foundation::{ApiError, Uuid};

use super::no_such_identity;
use crate::context::Context;
use crate::error::Error;
use crate::model::identity::Identity as Person;
use crate::schema::normalise_identifier;
use crate::service::Identity;
use crate::store::identity_listing::{self, Filter, Window};
use crate::store::{credentials, identities};

/// Which identities are listed: all, or those that one of these names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of these ids.
    pub ids: Vec<Uuid>,
    /// The one that signs in with this.
    pub identifier: Option<String>,
    /// Those whose identifiers start with this.
    pub identifier_prefix: Option<String>,
    /// Those of this organization.
    pub organization: Option<Uuid>,
}

/// What is listed, and which part of it.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Which identities.
    pub wanted: Wanted,
    /// Whether credentials are loaded with them.
    pub with_credentials: bool,
    /// The part: behind this id, in the order of ids.
    pub after: Uuid,
    /// How many of those that come next are left out.
    pub offset: i64,
    /// At most so many.
    pub limit: i64,
    /// Whether they are counted in all.
    pub counted: bool,
}

/// A part of the list of identities.
#[derive(Debug)]
pub struct Listed {
    /// The identities, in the order of their ids.
    pub identities: Vec<Person>,
    /// Whether more come behind them.
    pub more: bool,
    /// How many there are in all, if they were counted.
    pub total: Option<i64>,
}

impl Wanted {
    /// # Errors
    /// 400 if more than one condition is set.
    fn filter(&self) -> Result<Filter, ApiError> {
        let mut filters = Vec::new();
        if !self.ids.is_empty() {
            filters.push(Filter::Ids(self.ids.clone()));
        }
        if let Some(typed) = &self.identifier {
            filters.push(Filter::Identifier { normalised: normalise_identifier(typed), typed: typed.clone() });
        }
        if let Some(prefix) = &self.identifier_prefix {
            filters.push(Filter::IdentifierPrefix(prefix.to_lowercase()));
        }
        filters.extend(self.organization.map(Filter::Organization));
        if filters.len() > 1 {
            return Err(ApiError::bad_request("Only one filter can be used at a time."));
        }
        Ok(filters.pop().unwrap_or(Filter::All))
    }
}

impl Identity {
    /// The identity of this id, with its credentials.
    ///
    /// # Errors
    /// What the database says.
    pub async fn identity_find(&self, cx: &Context, id: Uuid) -> Result<Option<Person>, Error> {
        read!(&self.db, |tx| -> Result<Option<Person>, Error> {
            let Some(mut person) = identities::identity_find(tx, cx, id).await? else { return Ok(None) };
            person.credentials = credentials::credentials_load(tx, cx, cx.vault(), person.id).await?;
            Ok(Some(person))
        })
        .await
    }

    /// The identity of this external id, with its credentials.
    ///
    /// # Errors
    /// What the database says.
    pub async fn identity_find_by_external_id(&self, cx: &Context, id: &str) -> Result<Option<Person>, Error> {
        read!(&self.db, |tx| -> Result<Option<Person>, Error> {
            let found = identities::identity_find_by_external_id(tx, cx, id).await?;
            let Some(mut person) = found else { return Ok(None) };
            person.credentials = credentials::credentials_load(tx, cx, cx.vault(), person.id).await?;
            Ok(Some(person))
        })
        .await
    }

    /// A part of the list of identities.
    ///
    /// # Errors
    /// 400 for conditions that cannot be combined.
    pub async fn identities_list(&self, cx: &Context, listing: &Listing) -> Result<Listed, Error> {
        let filter = listing.wanted.filter()?;
        // One more than asked for tells whether there are more.
        let window = Window { after: listing.after, offset: listing.offset, limit: listing.limit + 1 };
        read!(&self.db, |tx| -> Result<Listed, Error> {
            let mut identities = identity_listing::identities_list(tx, cx, &filter, window).await?;
            let more = identities.len() as i64 > listing.limit;
            identities.truncate(usize::try_from(listing.limit).unwrap_or_default());
            identity_listing::addresses_load_all(tx, cx, &mut identities).await?;
            if listing.with_credentials {
                identity_listing::credentials_load_all(tx, cx, cx.vault(), &mut identities).await?;
            }
            let total = match listing.counted {
                true => Some(identity_listing::identities_count(tx, cx, &filter).await?),
                false => None,
            };
            Ok(Listed { identities, more, total })
        })
        .await
    }

    /// Removes an identity and all that hangs on it.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn identity_delete(&self, cx: &Context, id: Uuid) -> Result<(), Error> {
        let found =
            transact!(&self.db, |tx| -> Result<bool, Error> { Ok(identities::identity_delete(tx, cx, id).await?) })
                .await?;
        if found { Ok(()) } else { Err(no_such_identity().into()) }
    }
}
