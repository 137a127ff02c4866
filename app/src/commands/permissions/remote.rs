//! A running permission service, asked over REST.

use std::time::Duration;

use ::permissions::model::Subject;
use anyhow::{Context as _, bail};
use serde_json::Value;
use url::form_urlencoded;
use web::{OutboundClient, OutboundPolicy, OutboundRequest};

use super::Where;
use crate::commands::config::Environment;

/// The addresses of a service.
pub struct Remote {
    read: String,
    write: String,
    bearer: Option<String>,
    client: OutboundClient,
}

impl Remote {
    /// The addresses that are given, else those of the environment, else those of this machine.
    ///
    /// # Errors
    /// A machine without certificate roots.
    pub fn new(at: &Where, environment: &Environment) -> anyhow::Result<Self> {
        let scheme = if at.tls { "https" } else { "http" };
        let address = |given: &Option<String>, variable: &str, default: &str| {
            let found = given.clone().or_else(|| environment.get(variable).cloned());
            format!("{scheme}://{}", found.unwrap_or_else(|| default.to_owned()))
        };
        // The service is the operator's own: a private address is the usual case.
        let policy =
            OutboundPolicy { disallow_private: false, timeout: Duration::from_secs(30), ..OutboundPolicy::default() };
        Ok(Self {
            read: address(&at.read_remote, "KETO_READ_REMOTE", "127.0.0.1:4466"),
            write: address(&at.write_remote, "KETO_WRITE_REMOTE", "127.0.0.1:4467"),
            bearer: environment.get("KETO_BEARER_TOKEN").cloned(),
            client: OutboundClient::new(policy)?,
        })
    }

    /// GET from serve.read.
    ///
    /// # Errors
    /// No answer, or a refusal with its reason.
    pub async fn get_read(&self, path: &str) -> anyhow::Result<Value> {
        self.send(OutboundRequest::get(format!("{}{path}", self.read))).await
    }

    /// GET from serve.write.
    ///
    /// # Errors
    /// As [`Remote::get_read`].
    pub async fn get_write(&self, path: &str) -> anyhow::Result<Value> {
        self.send(OutboundRequest::get(format!("{}{path}", self.write))).await
    }

    /// POST to serve.write.
    ///
    /// # Errors
    /// As [`Remote::get_read`].
    pub async fn post_write(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(OutboundRequest::post(format!("{}{path}", self.write)).json(body)?).await
    }

    async fn send(&self, request: OutboundRequest) -> anyhow::Result<Value> {
        let url = request.url.clone();
        let request = match &self.bearer {
            Some(token) => request.header("authorization", &format!("Bearer {token}"))?,
            None => request,
        };
        let answer = self.client.send(request).await.with_context(|| format!("{url} does not answer"))?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.is_success() {
            return Ok(value);
        }
        let error = &value["error"];
        let reason = error["reason"].as_str().or_else(|| error["message"].as_str());
        bail!("{} {}", answer.status, reason.map_or_else(|| answer.text(), str::to_owned))
    }
}

/// A query string.
pub fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// A subject as parameters.
pub fn subject_parameters(subject: &Subject) -> Vec<(&str, &str)> {
    match subject {
        Subject::Id(id) => vec![("subject_id", id)],
        Subject::Set(set) => vec![
            ("subject_set.namespace", &set.namespace),
            ("subject_set.object", &set.object),
            ("subject_set.relation", &set.relation),
        ],
    }
}
