//! The use cases behind the admin API (identity-admin.md §2): identities, their credentials and sessions, and messages.
//! Whoever reaches them may do everything; who that is, is decided in front of the admin port. No HTTP and no SQL here.

mod body;
mod credential_delete;
mod identity_batch;
mod identity_change;
mod identity_create;
mod identity_read;
mod import;
mod json_patch;
mod messages;
mod reseal;
mod sessions;
pub mod view;

pub use body::{CreateBody, UpdateBody};
pub use identity_read::{Listed, Listing, Wanted};
pub use json_patch::parse as parse_patch;
pub use reseal::{Resealed, credentials_reseal};
pub use sessions::{SessionCursor, SessionPage};

use foundation::ApiError;

use crate::context::Context;
use crate::error::Error;
use crate::model::identity::{Identity as Person, IdentityState};
use crate::schema::{Derived, Problem};
use crate::service::Identity;

/// The refusal for an identity that is not there.
pub(crate) fn no_such_identity() -> ApiError {
    ApiError::not_found("There is no identity of this id.")
}

/// The longest external id, in characters.
const LONGEST_EXTERNAL_ID: usize = 64;

/// An external id; empty counts as none.
fn external_id(sent: Option<&str>) -> Result<Option<String>, ApiError> {
    match sent {
        None | Some("") => Ok(None),
        Some(text) if text.chars().count() > LONGEST_EXTERNAL_ID => {
            Err(ApiError::bad_request(format!("An external_id has at most {LONGEST_EXTERNAL_ID} characters.")))
        }
        Some(text) => Ok(Some(text.to_owned())),
    }
}

/// A state; empty counts as none.
fn state(sent: Option<&str>) -> Result<Option<IdentityState>, ApiError> {
    match sent {
        None | Some("") => Ok(None),
        Some(text) => IdentityState::parse(text)
            .map(Some)
            .ok_or_else(|| ApiError::bad_request(format!("{text:?} is no state: send active or inactive."))),
    }
}

/// Changes the state, and notes when.
fn set_state(person: &mut Person, state: IdentityState, cx: &Context) {
    if person.state != state {
        person.state = state;
        person.state_changed_at = Some(cx.now);
    }
}

/// What is wrong with traits, in one sentence per problem.
fn problems(problems: &[Problem]) -> ApiError {
    let told: Vec<String> = problems
        .iter()
        .map(|problem| match problem.field.as_str() {
            "" => problem.message.text.clone(),
            field => format!("{field}: {}", problem.message.text),
        })
        .collect();
    ApiError::bad_request(format!("The traits do not fit the identity schema. {}", told.join(" ")))
}

impl Identity {
    /// Checks traits against the schema of this id.
    async fn traits_check(&self, cx: &Context, schema_id: &str, traits: &serde_json::Value) -> Result<Derived, Error> {
        let Some(schema) = self.schemas.get(cx.settings(), schema_id).await? else {
            return Err(ApiError::bad_request(format!("There is no identity schema {schema_id:?}.")).into());
        };
        schema.validate(traits).map_err(|found| problems(&found).into())
    }
}
