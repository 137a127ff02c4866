//! Schemas as the wire shows them: `/schemas` and `/schemas/{id}`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foundation::ApiError;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Error;
use crate::service::Identity;

impl Identity {
    /// Up to `limit` schemas behind the first `offset`, and how many there are.
    ///
    /// # Errors
    /// A schema that cannot be read.
    pub async fn schemas_page(&self, cx: &Context, limit: i64, offset: i64) -> Result<(Vec<Value>, i64), Error> {
        let all = self.schemas.all(cx.settings()).await?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let shown = all.iter().skip(from).take(usize::try_from(limit).unwrap_or_default());
        let body = shown.map(|schema| json!({"id": schema.id(), "schema": schema.document()})).collect();
        Ok((body, all.len() as i64))
    }

    /// The document of a schema, by its id as it is or in base64.
    ///
    /// # Errors
    /// 404 for an unknown id.
    pub async fn schema_document(&self, cx: &Context, id: &str) -> Result<Box<RawValue>, Error> {
        let decoded = URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        for id in [Some(id.to_owned()), decoded].into_iter().flatten() {
            if let Some(schema) = self.schemas.get(cx.settings(), &id).await? {
                return Ok(schema.document().to_owned());
            }
        }
        Err(ApiError::not_found("There is no identity schema of this id.").into())
    }
}
