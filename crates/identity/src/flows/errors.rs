//! The error page's data: what went wrong for a browser outside of a form.

use database::{read, transact};
use foundation::{ApiError, Uuid};
use serde_json::{Value, json};

use super::visit::Visit;
use crate::context::Context;
use crate::error::Error;
use crate::service::Identity;
use crate::store::errors::{self, StoredError};

impl Identity {
    /// Keeps an error for the error page, and gives the page's URL.
    ///
    /// # Errors
    /// The database.
    pub async fn error_keep(&self, cx: &Context, error: &ApiError) -> Result<String, Error> {
        let value = error.to_error_value(None);
        let id = transact!(&self.db, |tx| -> Result<Uuid, Error> { Ok(errors::error_insert(tx, cx, &value).await?) })
            .await?;
        let mut url = cx.settings().error_ui_url();
        url.query_pairs_mut().append_pair("id", &id.to_string());
        Ok(url.into())
    }

    /// The error of an id, as the error page reads it. `stub:500` is an example for those who build pages.
    ///
    /// # Errors
    /// 404 for an unknown id.
    pub async fn error_fetch(&self, cx: &Context, visit: &Visit) -> Result<Value, Error> {
        let asked = visit.parameter("id").or_else(|| visit.parameter("error")).unwrap_or_default();
        if asked == "stub:500" {
            let example = ApiError::internal().reason("This is an example, for building error pages.");
            return Ok(shape(&StoredError {
                id: cx.rng.uuid(),
                error: example.to_error_value(None),
                created_at: cx.now,
            }));
        }
        let id = Uuid::parse_str(asked).unwrap_or_default();
        let found =
            read!(&self.db, |tx| -> Result<Option<StoredError>, Error> { Ok(errors::error_find(tx, cx, id).await?) })
                .await?;
        found.as_ref().map(shape).ok_or_else(|| ApiError::new(404).into())
    }
}

fn shape(stored: &StoredError) -> Value {
    json!({"id": stored.id, "error": stored.error, "created_at": stored.created_at, "updated_at": stored.created_at})
}
