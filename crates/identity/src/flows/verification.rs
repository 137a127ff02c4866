//! Verification: somebody proves that an address is theirs, by a code or a link that was sent there (identity-flows.md §13).
//! No session is needed, and none is looked at.

mod change;
mod redeem;
mod send;
mod sign_up;
mod spawned;

pub use spawned::{SpawnedVerification, prepare_change, prepare_sign_up, prepare_spawned};

use web::body::Body;

use super::challenges::{self, Presented, audience};
use super::engine;
use super::input::Input;
use super::view::Extras;
use super::visit::{Audience, Reply, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::{Flow, FlowKind, State, Transport};
use crate::model::message::{Message, ids};
use crate::schema::Problem;
use crate::service::Identity;
use crate::strategies::{Outcome, Scene};

impl Identity {
    /// Begins a verification.
    ///
    /// # Errors
    /// 400 where verification is switched off, or with an address to return to that is not allowed.
    pub async fn verification_begin(&self, cx: &Context, visit: &Visit, transport: Transport) -> Result<Reply, Error> {
        challenges::check_enabled(cx.settings(), FlowKind::Verification)?;
        self.challenge_begin(cx, visit, FlowKind::Verification, transport).await
    }

    /// Shows a verification to the browser or app that began it, or that opened its mail.
    ///
    /// # Errors
    /// 400 where verification is switched off, 404, 403 `security_csrf_violation`, 410 once it has ended.
    pub async fn verification_fetch(&self, cx: &Context, visit: &Visit) -> Result<Reply, Error> {
        self.challenge_fetch(cx, visit, FlowKind::Verification).await
    }

    /// Takes an address, a code, or the opening of a mailed link (`body` is `None` for GET).
    ///
    /// # Errors
    /// 400 without a flow's id or where verification is switched off, 404 for an unknown one, 403
    /// `security_csrf_violation`. What is wrong with the input is told in the flow.
    pub async fn verification_submit(&self, cx: &Context, visit: &Visit, body: Option<&Body>) -> Result<Reply, Error> {
        let flow = self.flow_load(cx, FlowKind::Verification, engine::submitted_id(visit)?).await?;
        challenges::check_enabled(cx.settings(), FlowKind::Verification)?;
        if let Some(token) = visit.parameter("token") {
            return self.verification_by_link(cx, visit, flow, token).await;
        }
        let by = audience(visit, &flow, body.is_none());
        if flow.is_expired(cx.now) {
            return self.challenge_replace(cx, visit, &flow, by).await;
        }
        if flow.state == State::PassedChallenge {
            return self.challenge_again(cx, visit, &flow, by, Message::plain(ids::VERIFICATION_COMPLETED)).await;
        }
        match body {
            Some(body) => self.verification_posted(cx, visit, flow, by, body).await,
            None => self.verification_opened(cx, visit, flow, by).await,
        }
    }

    /// A mailed link was opened. Its token is the proof: no cookie is needed, and a browser is shown the result.
    async fn verification_by_link(&self, cx: &Context, visit: &Visit, flow: Flow, token: &str) -> Result<Reply, Error> {
        if !cx.settings().selfservice.methods.link.enabled {
            return Err(challenges::links_are_off().into());
        }
        if flow.is_expired(cx.now) {
            return self.challenge_replace(cx, visit, &flow, Audience::Browser).await;
        }
        self.verification_redeem(cx, visit, flow, Audience::Browser, Presented::link(token)).await
    }

    /// A mailed code was opened as a link: it is filled in and not tried, since programs that look at mail open links too.
    /// The flow now belongs to the browser that opened it.
    async fn verification_opened(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        by: Audience,
    ) -> Result<Reply, Error> {
        let Some(code) = visit.parameter("code").filter(|_| flow.active.as_deref() == Some("code")) else {
            if by != Audience::Browser {
                engine::check_reader(visit, &flow)?;
            }
            return Ok(challenges::shown(cx, visit, &flow, by, 200, Extras::default()));
        };
        flow.context.code = Some(code.chars().take(LONGEST_CODE).collect());
        let (visit, csrf) = challenges::with_new_csrf(cx, visit);
        if flow.transport == Transport::Browser {
            flow.csrf = Some(csrf.fingerprint());
        }
        self.flow_save(cx, &flow, flow.state).await?;
        let reply = challenges::shown(cx, &visit, &flow, Audience::Browser, 200, Extras::default());
        Ok(reply.with_csrf((flow.transport == Transport::Browser).then_some(csrf)))
    }

    async fn verification_posted(
        &self,
        cx: &Context,
        visit: &Visit,
        mut flow: Flow,
        by: Audience,
        body: &Body,
    ) -> Result<Reply, Error> {
        let schema = self.flow_schema(cx, &flow, None).await?;
        let input = match engine::read_input(body, &schema) {
            Ok(input) => input,
            Err(problems) => return self.challenge_refused(cx, visit, flow, by, problems).await,
        };
        let strategy = challenges::pick(cx.settings(), &flow, &input);
        let attempt = strategy.is_some_and(|strategy| strategy.is_attempt(&flow, &input));
        // A code proves the address wherever it is typed; everything else comes from the browser that began the flow.
        if !attempt && let Some(problem) = engine::check_csrf(visit, &flow, &input)? {
            return self.challenge_refused(cx, visit, flow, by, vec![problem]).await;
        }
        let Some(strategy) = strategy else {
            let message = engine::no_strategy(FlowKind::Verification);
            return self.challenge_refused(cx, visit, flow, by, vec![Problem { field: String::new(), message }]).await;
        };
        if attempt && self.flow_attempt(cx, &flow).await? > challenges::most_attempts(cx) {
            return self.challenge_again(cx, visit, &flow, by, challenges::too_often()).await;
        }
        let scene = Scene { service: self, cx, visit, schema: &schema, identity: None, session: None };
        let outcome = strategy.submit(&scene, &flow, &input).await?;
        flow.active = Some(strategy.method().to_owned());
        self.verification_apply(cx, visit, flow, by, &input, outcome).await
    }

    async fn verification_apply(
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
            Outcome::Send(dispatch) => {
                if let Err(wait) = self.attempt_mail(cx, &dispatch.address).await? {
                    return self.challenge_limited(cx, visit, flow, by, wait).await;
                }
                let payload = challenges::transient_payload(input);
                self.verification_send(cx, visit, flow, by, dispatch, payload).await
            }
            Outcome::Redeem(redemption) => {
                let counted = match self.attempt_code(cx, visit, &flow).await? {
                    Ok(counted) => counted,
                    Err(wait) => return self.challenge_limited(cx, visit, flow, by, wait).await,
                };
                let presented = Presented::code(cx, &flow, &redemption.code, counted);
                flow.transient_payload = challenges::transient_payload(input);
                self.verification_redeem(cx, visit, flow, by, presented).await
            }
            _ => Err(Error::Internal("a strategy gave an outcome that verification does not take".to_owned())),
        }
    }
}

/// What is filled in from a link is never longer than a code, whatever the link says.
const LONGEST_CODE: usize = 16;
