//! Recovery: somebody who lost their way in proves an address of theirs and gets a session to set a new credential with
//! (identity-flows.md §12).

mod administered;
mod answer;
mod redeem;
mod send;

pub use administered::RecoveryAccess;

use web::body::Body;

use super::challenges::{self, Presented, audience};
use super::input::Input;
use super::view::Extras;
use super::visit::{Audience, Reply, ReplyBody, Visit};
use super::{engine, hooks};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::message::{Message, ids};
use crate::schema::Problem;
use crate::service::Identity;
use crate::strategies::{Outcome, Scene};

impl Identity {
    /// Begins a recovery.
    ///
    /// # Errors
    /// 400 where recovery is switched off, with an address to return to that is not allowed, or (for clients that read
    /// JSON) while somebody is signed in.
    pub async fn recovery_begin(&self, cx: &Context, visit: &Visit, transport: Transport) -> Result<Reply, Error> {
        challenges::check_enabled(cx.settings(), FlowKind::Recovery)?;
        if self.session_current(cx, visit.shown.as_ref()).await?.is_some() {
            return signed_in_already(cx, transport == Transport::Api || visit.prefers_json);
        }
        self.challenge_begin(cx, visit, FlowKind::Recovery, transport).await
    }

    /// Shows a recovery to the browser or app that began it.
    ///
    /// # Errors
    /// 400 where recovery is switched off, 404, 403 `security_csrf_violation`, 410 once it has ended.
    pub async fn recovery_fetch(&self, cx: &Context, visit: &Visit) -> Result<Reply, Error> {
        self.challenge_fetch(cx, visit, FlowKind::Recovery).await
    }

    /// Takes an address, a code, or the opening of a mailed link (`body` is `None` for GET).
    ///
    /// # Errors
    /// 400 without a flow's id or where recovery is switched off, 404 for an unknown one, 403 `security_csrf_violation`.
    /// What is wrong with the input is told in the flow.
    pub async fn recovery_submit(&self, cx: &Context, visit: &Visit, body: Option<&Body>) -> Result<Reply, Error> {
        let flow = self.flow_load(cx, FlowKind::Recovery, engine::submitted_id(visit)?).await?;
        challenges::check_enabled(cx.settings(), FlowKind::Recovery)?;
        if let Some(token) = visit.parameter("token") {
            return self.recovery_by_link(cx, visit, flow, token).await;
        }
        let by = audience(visit, &flow, body.is_none());
        if flow.is_expired(cx.now) {
            return self.challenge_replace(cx, visit, &flow, by).await;
        }
        match body {
            Some(body) => self.recovery_posted(cx, visit, flow, by, body).await,
            None if by == Audience::Browser => Ok(challenges::shown(cx, visit, &flow, by, 200, Extras::default())),
            None => {
                engine::check_reader(visit, &flow)?;
                Ok(challenges::shown(cx, visit, &flow, by, 200, Extras::default()))
            }
        }
    }

    /// A mailed link was opened, by whichever browser: its token is the proof, and the answer is that browser's.
    async fn recovery_by_link(&self, cx: &Context, visit: &Visit, flow: Flow, token: &str) -> Result<Reply, Error> {
        if !cx.settings().selfservice.methods.link.enabled {
            return Err(challenges::links_are_off().into());
        }
        if flow.is_expired(cx.now) {
            return self.challenge_replace(cx, visit, &flow, Audience::Browser).await;
        }
        self.recovery_redeem(cx, visit, flow, Audience::Browser, Presented::link(token)).await
    }

    async fn recovery_posted(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        by: Audience,
        body: &Body,
    ) -> Result<Reply, Error> {
        let schema = self.flow_schema(cx, &flow, None).await?;
        let read = engine::read_input(body, &schema);
        let unread = Input::default();
        // The browser is checked before anything that was sent is tried: a stranger's form costs no attempt.
        let misused = engine::check_csrf(visit, &flow, read.as_ref().unwrap_or(&unread))?;
        if flow.state == State::PassedChallenge {
            return self.challenge_again(cx, visit, &flow, by, Message::plain(ids::RECOVERY_COMPLETED)).await;
        }
        let input = match (misused, read) {
            (Some(problem), _) => return self.challenge_refused(cx, visit, flow, by, vec![problem]).await,
            (None, Err(problems)) => return self.challenge_refused(cx, visit, flow, by, problems).await,
            (None, Ok(input)) => input,
        };
        let Some(strategy) = challenges::pick(cx.settings(), &flow, &input) else {
            let message = engine::no_strategy(FlowKind::Recovery);
            return self.challenge_refused(cx, visit, flow, by, vec![Problem { field: String::new(), message }]).await;
        };
        if strategy.is_attempt(&flow, &input) && self.flow_attempt(cx, &flow).await? > challenges::most_attempts(cx) {
            return self.challenge_again(cx, visit, &flow, by, challenges::too_often()).await;
        }
        let scene = Scene { service: self, cx, visit, schema: &schema, identity: None, session: None };
        let outcome = strategy.submit(&scene, &flow, &input).await?;
        flow.active = Some(strategy.method().to_owned());
        self.recovery_apply(cx, visit, flow, by, &input, outcome).await
    }

    async fn recovery_apply(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        by: Audience,
        input: &Input,
        outcome: Outcome,
    ) -> Result<Reply, Error> {
        match outcome {
            Outcome::Invalid(problems) => self.challenge_refused(cx, visit, flow, by, problems).await,
            Outcome::Redeem(redemption) => {
                // Whoever is signed in may still redeem a code, and not ask for one.
                let counted = match self.attempt_code(cx, visit, &flow).await? {
                    Ok(counted) => counted,
                    Err(wait) => return self.challenge_limited(cx, visit, flow, by, wait).await,
                };
                let presented = Presented::code(cx, &flow, &redemption.code, counted);
                flow.transient_payload = challenges::transient_payload(input);
                self.recovery_redeem(cx, visit, flow, by, presented).await
            }
            Outcome::Send(dispatch) => {
                if self.session_current(cx, visit.shown.as_ref()).await?.is_some() {
                    return signed_in_already(cx, by != Audience::Browser);
                }
                if let Err(wait) = self.attempt_mail(cx, &dispatch.address).await? {
                    return self.challenge_limited(cx, visit, flow, by, wait).await;
                }
                let payload = challenges::transient_payload(input);
                self.recovery_send(cx, visit, flow, by, dispatch, payload).await
            }
            _ => Err(Error::Internal("a strategy gave an outcome that recovery does not take".to_owned())),
        }
    }
}

fn signed_in_already(cx: &Context, reads_json: bool) -> Result<Reply, Error> {
    if reads_json {
        return Err(hooks::already_signed_in().into());
    }
    Ok(Reply::new(ReplyBody::Redirect(302, cx.settings().default_return_url().into())))
}
