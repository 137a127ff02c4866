//! What somebody who is back in is told: where to set a new credential, or where they were going (identity-flows.md §12.5).

use crypto::tokens::SessionToken;
use serde_json::{Value, json};

use super::super::challenges::continued_url;
use super::super::view::{Extras, flow_json};
use super::super::visit::{Audience, Reply, SessionCookie, Visit};
use super::super::{engine, hooks, login, return_to};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, Transport};
use crate::model::identity::Identity as Person;
use crate::model::message::{Message, ids};
use crate::model::session::Session;
use crate::service::Identity;
use crate::sessions::current::Shown;
use crate::settings::FlowName;

/// Somebody who is back in.
pub(super) struct Recovered {
    /// The flow, completed.
    pub(super) flow: Flow,
    /// Who.
    pub(super) identity: Person,
    /// Their session.
    pub(super) session: Session,
    /// What shows it.
    pub(super) token: SessionToken,
    /// By which method.
    pub(super) method: &'static str,
}

impl Identity {
    /// The answer to a recovery that succeeded. `visit` has the new CSRF secret.
    pub(super) async fn recovery_answer(
        &self,
        cx: &Context,
        visit: &Visit,
        by: Audience,
        done: Recovered,
    ) -> Result<Reply, Error> {
        let shown = Shown { token: done.token.clone(), cookie_expires_at: None };
        let cookie = match by {
            Audience::Native => SessionCookie::Keep,
            _ => login::set_cookie(cx, &done.session, &shown),
        };
        let mut items: Vec<Value> = Vec::new();
        if by == Audience::Native {
            items.push(hooks::token_item(done.token.expose()));
        }
        if skips_settings(&done.flow) {
            if by != Audience::Browser {
                return Ok(completed(cx, visit, &done.flow, items).with_session(cookie));
            }
            let asked = done.flow.requested("return_to");
            // The address may be allowed no more: whoever is back in still has to arrive somewhere.
            let target = return_to::resolve(cx.settings(), FlowName::Recovery, done.method, asked.as_deref())
                .unwrap_or_else(|_| cx.settings().return_url_after(FlowName::Recovery, done.method));
            return Ok(Reply::see_other(target).with_session(cookie));
        }
        let settings = self.recovery_settings(cx, visit, by, &done).await?;
        let page = engine::ui_url(cx.settings(), &settings);
        let reply = match by {
            Audience::Browser => Reply::see_other(page),
            _ if cx.settings().feature_flags.use_continue_with_transitions => {
                items.push(json!({"action": "show_settings_ui", "flow": {"id": settings.id, "url": page}}));
                completed(cx, visit, &done.flow, items)
            }
            _ => Reply::error(hooks::browser_location_change(&page)),
        };
        Ok(reply.with_session(cookie))
    }

    /// The settings in which a new credential is set, kept. It follows the transaction that gave the session: it reads
    /// the schema, and is worth nothing to who has no session.
    async fn recovery_settings(
        &self,
        cx: &Context,
        visit: &Visit,
        by: Audience,
        done: &Recovered,
    ) -> Result<Flow, Error> {
        let transport = if by == Audience::Browser { Transport::Browser } else { done.flow.transport };
        let mut url = continued_url(&visit.url, &done.flow);
        if done.flow.requested("return_to").is_none()
            && let Some(configured) = cx.settings().configured_return_url_after(FlowName::Recovery, done.method)
            && let Ok(mut parsed) = url::Url::parse(&url)
        {
            parsed.query_pairs_mut().append_pair("return_to", configured.as_str());
            url = parsed.into();
        }
        let identity = self.identity_with_credentials(cx, done.identity.id).await?;
        let identity = identity.as_ref().unwrap_or(&done.identity);
        let messages = vec![succeeded(cx, &done.session)];
        let flow = self.settings_flow_for(cx, visit, identity, &done.session, transport, &url, messages).await?;
        self.flow_open(cx, visit, &flow, Some(&done.session)).await?;
        Ok(flow)
    }
}

fn skips_settings(flow: &Flow) -> bool {
    matches!(flow.requested("skip_settings").as_deref(), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
}

fn completed(cx: &Context, visit: &Visit, flow: &Flow, continue_with: Vec<Value>) -> Reply {
    Reply::json(200, flow_json(cx, visit, flow, Extras { continue_with, ..Extras::default() }))
}

/// That they are back in, and until when they may change credentials without proving themselves again.
fn succeeded(cx: &Context, session: &Session) -> Message {
    let until = session.authenticated_at + cx.settings().selfservice.flows.settings.privileged_session_max_age;
    Message::new(
        ids::RECOVERY_SUCCESSFUL,
        [
            ("privilegedSessionExpiresAt", Value::from(until.to_string())),
            ("privileged_session_expires_at", Value::from(until.to_string())),
            ("privileged_session_expires_at_unix", Value::from(until.as_second())),
        ],
    )
}
