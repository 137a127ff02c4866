//! `courier`: how messages leave, and what they say. What the courier itself needs is its own type; the rest are ways of
//! delivery that come later.

use std::collections::BTreeMap;

use ::courier::CourierSettings;
use serde::Deserialize;

use super::RequestAuth;

/// `courier`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Courier {
    /// Mail: the queue, the mail server and the templates.
    #[serde(flatten)]
    pub mail: CourierSettings,
    /// How mail leaves.
    pub delivery_strategy: DeliveryStrategy,
    /// A service that sends mail for us.
    pub http: CourierHttp,
    /// Channels besides mail.
    pub channels: Vec<Channel>,
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStrategy {
    /// To a mail server.
    #[default]
    Smtp,
    /// To an HTTP service.
    Http,
}

/// `courier.http`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CourierHttp {
    /// The request that sends one mail.
    pub request_config: Option<RequestConfig>,
}

/// An outgoing request that an operator describes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct RequestConfig {
    /// Where to.
    pub url: String,
    /// The HTTP method.
    pub method: String,
    /// Sent as they are.
    pub headers: BTreeMap<String, String>,
    /// How this server proves who it is.
    pub auth: Option<RequestAuth>,
    /// A URI of the Jsonnet that makes the body.
    pub body: Option<String>,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self { url: String::new(), method: "POST".to_owned(), headers: BTreeMap::new(), auth: None, body: None }
    }
}

/// An entry of `courier.channels`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// `sms`.
    pub id: String,
    /// `http`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The request that sends one message.
    pub request_config: RequestConfig,
}
