//! Codes and links that an administrator makes for somebody who cannot help themselves (identity-admin.md §2.13). They need
//! no address, and they prove none.

use database::{read, transact};
use foundation::{ApiError, GoDuration, Timestamp, Uuid};
use serde::Serialize;

use super::super::challenges::{self, Secret, SecretKind};
use super::super::visit::{RequestFacts, Visit};
use super::super::{engine, return_to};
use super::send::keep_secret;
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::service::Identity;
use crate::store::codes::RecoveredBy;
use crate::store::{flows, identities};
use crate::strategies::{code, link};

/// What an administrator hands to somebody.
#[derive(Clone, Serialize)]
pub struct RecoveryAccess {
    /// Where they go with it.
    pub recovery_link: String,
    /// What they type there; none where the link itself is the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<String>,
    /// From then on it does not work.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for RecoveryAccess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RecoveryAccess([secret])")
    }
}

impl Identity {
    /// Makes a recovery code for an identity. `expires_in` is a duration such as `1h`; without one the code lives as long
    /// as the configuration says.
    ///
    /// # Errors
    /// 400 for a duration that is none or not positive, 404 where codes or recovery are switched off or for an unknown
    /// identity.
    pub async fn recovery_code_create(
        &self,
        cx: &Context,
        identity_id: Uuid,
        expires_in: Option<&str>,
        transport: Transport,
    ) -> Result<RecoveryAccess, Error> {
        let settings = cx.settings();
        let method = &settings.selfservice.methods.code;
        check_method(cx, "code", method.enabled)?;
        let lifespan = lifespan(expires_in, method.config.lifespan)?;
        self.recovery_known(cx, identity_id, ApiError::not_found("There is no identity with this id.")).await?;
        let url = format!("{}admin/recovery/code", settings.admin_base_url());
        let mut flow = administered_flow(cx, transport, url, "code", lifespan);
        code::ask(&mut flow, None);
        let secret = Secret::code(cx, &flow, lifespan);
        self.recovery_keep(cx, &flow, identity_id, &secret).await?;
        let recovery_link = engine::ui_url(settings, &flow);
        let recovery_code = match &secret.kind {
            SecretKind::Code(code) => Some(code.expose().to_owned()),
            SecretKind::Link(_) => None,
        };
        Ok(RecoveryAccess { recovery_link, recovery_code, expires_at: secret.expires_at })
    }

    /// Makes a recovery link for an identity, which leads to `return_to` once a new credential was set.
    ///
    /// # Errors
    /// 400 for a duration that is none or not positive, for an unknown identity, and with an address to return to that is
    /// not allowed; 404 where links or recovery are switched off.
    pub async fn recovery_link_create(
        &self,
        cx: &Context,
        identity_id: Uuid,
        expires_in: Option<&str>,
        return_to: Option<&str>,
    ) -> Result<RecoveryAccess, Error> {
        let settings = cx.settings();
        let method = &settings.selfservice.methods.link;
        check_method(cx, "link", method.enabled)?;
        return_to::check_asked(settings, return_to)?;
        let lifespan = lifespan(expires_in, method.config.lifespan)?;
        self.recovery_known(cx, identity_id, ApiError::bad_request("There is no identity with this id.")).await?;
        let mut url = settings.admin_base_url();
        url.set_path(&format!("{}admin/recovery/link", url.path()));
        if let Some(return_to) = return_to {
            url.query_pairs_mut().append_pair("return_to", return_to);
        }
        let mut flow = administered_flow(cx, Transport::Browser, url.into(), "link", lifespan);
        link::form(&mut flow, None);
        let secret = Secret::link(cx, &flow, lifespan);
        self.recovery_keep(cx, &flow, identity_id, &secret).await?;
        let recovery_link = match &secret.kind {
            SecretKind::Link(token) => challenges::link_url(cx, &flow, "token", token.expose()),
            SecretKind::Code(_) => engine::ui_url(settings, &flow),
        };
        Ok(RecoveryAccess { recovery_link, recovery_code: None, expires_at: secret.expires_at })
    }

    async fn recovery_known(&self, cx: &Context, identity_id: Uuid, unknown: ApiError) -> Result<(), Error> {
        let known = read!(&self.db, |tx| -> Result<bool, Error> {
            Ok(identities::identity_find(tx, cx, identity_id).await?.is_some())
        })
        .await?;
        if known { Ok(()) } else { Err(unknown.into()) }
    }

    async fn recovery_keep(&self, cx: &Context, flow: &Flow, identity_id: Uuid, secret: &Secret) -> Result<(), Error> {
        let recovers = RecoveredBy { identity_id, address_id: None };
        transact!(&self.db, |tx| -> Result<(), Error> {
            flows::flow_insert(tx, cx, cx.vault(), flow).await?;
            keep_secret(tx, cx, flow.id, recovers, secret).await
        })
        .await
    }
}

fn check_method(cx: &Context, name: &str, enabled: bool) -> Result<(), ApiError> {
    if !cx.settings().selfservice.flows.recovery.enabled {
        return Err(ApiError::not_found(
            "Recovery is switched off: an administrator has to enable selfservice.flows.recovery in the configuration.",
        ));
    }
    if !enabled {
        return Err(ApiError::not_found(format!(
            "The method {name:?} is switched off: an administrator has to enable selfservice.methods.{name} in the \
             configuration."
        )));
    }
    Ok(())
}

fn lifespan(asked: Option<&str>, usual: GoDuration) -> Result<GoDuration, ApiError> {
    let Some(asked) = asked.filter(|text| !text.is_empty()) else { return Ok(usual) };
    let refused = || ApiError::bad_request("\"expires_in\" must be a positive duration such as 1h or 30m.");
    let lifespan: GoDuration = asked.parse().map_err(|_| refused())?;
    if lifespan.as_nanos() > 0 { Ok(lifespan) } else { Err(refused()) }
}

/// A flow that no browser began: whoever is handed the code or link may use it, from anywhere.
fn administered_flow(cx: &Context, transport: Transport, url: String, method: &str, lifespan: GoDuration) -> Flow {
    let visit = Visit {
        wants_json: true,
        prefers_json: true,
        shown: None,
        devices: Vec::new(),
        csrf: None,
        continuity: None,
        has_cookies: false,
        has_origin: false,
        url,
        query: Vec::new(),
        request: RequestFacts::default(),
    };
    let mut flow = engine::new_flow(cx, &visit, FlowKind::Recovery, transport);
    flow.state = State::SentEmail;
    flow.active = Some(method.to_owned());
    flow.context.csrf_exempt = true;
    flow.expires_at = cx.now + lifespan;
    flow
}
