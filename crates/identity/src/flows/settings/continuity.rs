//! A change that needs somebody to prove again who they are waits meanwhile and then goes on by itself
//! (identity-flows.md §14).
//!
//! What was sent is kept inside the flow, sealed like all that a flow remembers. It goes on once, in the browser that sent
//! it (which shows a cookie for it), for the identity that the flow belongs to, and not after the flow's end. Apps and
//! pages with scripts send their change again themselves.

use crypto::tokens::ContinuityToken;
use database::transact;
use url::Url;
use web::body::Body;

use super::super::engine;
use super::super::input::Input;
use super::super::visit::{Audience, ContinuityCookie, Reply, Visit};
use super::{login_url, with_schema};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, Parked};
use crate::service::Identity;
use crate::sessions::Current;
use crate::sessions::current::step_up_url;
use crate::store::flows;

impl Identity {
    /// The session is too old for this change: the way to prove once more who one is, and back.
    pub(super) async fn settings_refresh(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        input: &Input,
    ) -> Result<Reply, Error> {
        let url = login_url(cx, &[("refresh", Some("true")), ("return_to", Some(&flow.ui.action))]);
        if visit.audience(&flow) == Audience::Browser {
            return self.settings_park(cx, flow, input, url).await;
        }
        Ok(super::refresh_required(&url))
    }

    /// The session's level is too low for settings. What a browser sent is kept, if it is good enough to be kept.
    pub(super) async fn settings_step_up(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        body: Option<&Body>,
        current: &Current,
    ) -> Result<Reply, Error> {
        let url = step_up_url(cx, Some(&flow.ui.action));
        let schema = with_schema(self, cx, current).await?;
        let input = body.and_then(|body| engine::read_input(body, &schema).ok());
        match input {
            Some(input) if !flow.is_expired(cx.now) && engine::check_csrf(visit, &flow, &input).is_ok() => {
                self.settings_park(cx, flow, &input, url).await
            }
            _ => Ok(Reply::see_other(url)),
        }
    }

    async fn settings_park(&self, cx: &Context, mut flow: Flow, input: &Input, url: Url) -> Result<Reply, Error> {
        let token = ContinuityToken::generate(cx.rng.as_ref());
        flow.context.parked = Some(Parked { token_hash: token.digest(), input: input.without("csrf_token") });
        self.flow_save(cx, &flow, flow.state).await?;
        let max_age = flow.expires_at.as_second() - cx.now.as_second();
        let cookie = ContinuityCookie::Set { value: token.expose().to_owned(), max_age };
        Ok(Reply::see_other(url).with_continuity(cookie))
    }

    /// A browser comes back to its form: with what it had sent, if that waits for it, else to look at the form.
    pub(super) async fn settings_resume(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        current: Current,
    ) -> Result<Reply, Error> {
        let Some(parked) = self.settings_unpark(cx, visit, &flow).await? else {
            return Ok(Reply::see_other(engine::ui_url(cx.settings(), &flow)));
        };
        flow.context.parked = None;
        let schema = with_schema(self, cx, &current).await?;
        let reply = self.settings_apply(cx, visit, flow, &Input::restored(parked.input), &schema, current).await?;
        // Asked once more to prove who it is, the browser has a new cookie.
        let keeps = matches!(reply.continuity, ContinuityCookie::Set { .. });
        Ok(if keeps { reply } else { reply.with_continuity(ContinuityCookie::Remove) })
    }

    /// Takes out what waits in the flow for this browser: of two that come back at once, one gets it.
    async fn settings_unpark(&self, cx: &Context, visit: &Visit, flow: &Flow) -> Result<Option<Parked>, Error> {
        let shown = visit.continuity.as_deref().map(|text| ContinuityToken::presented(text).digest());
        let Some(shown) = shown.filter(|_| visit.audience(flow) == Audience::Browser) else { return Ok(None) };
        transact!(&self.db, |tx| -> Result<Option<Parked>, Error> {
            let stored = flows::flow_find(tx, cx, cx.vault(), FlowKind::Settings, flow.id).await?;
            let Some(mut stored) = stored else { return Ok(None) };
            let Some(parked) = stored.context.parked.take_if(|parked| parked.token_hash == shown) else {
                return Ok(None);
            };
            flows::flow_update(tx, cx, cx.vault(), &stored, stored.state).await?;
            Ok(Some(parked))
        })
        .await
    }
}
