//! The answer to who tried something too often: 429 with the time to wait for programs, and for browsers the form with a
//! message that says so.

use foundation::Uuid;

use super::visit::{Audience, Reply, Visit};
use crate::context::Context;
use crate::error::Error;
use crate::limits::{Counted, Limit, Subject, Wait};
use crate::model::flow::{Flow, FlowKind};
use crate::model::identity::Identity as Person;
use crate::model::ui::Group;
use crate::schema::Problem;
use crate::service::Identity;
use crate::store::codes;

impl Identity {
    /// The answer in sign-in and settings.
    pub(super) async fn flow_limited(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        wait: Wait,
        identity: Option<&Person>,
    ) -> Result<Reply, Error> {
        if visit.audience(&flow) != Audience::Browser {
            return Err(wait.refusal().into());
        }
        self.flow_invalid(cx, visit, flow, vec![problem(wait)], Group::Default, identity).await
    }

    /// The answer in recovery and verification.
    pub(super) async fn challenge_limited(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: Flow,
        by: Audience,
        wait: Wait,
    ) -> Result<Reply, Error> {
        if by != Audience::Browser {
            return Err(wait.refusal().into());
        }
        self.challenge_refused(cx, visit, flow, by, vec![problem(wait)]).await
    }

    /// Counts a try of a mailed code, by the account that it was mailed to.
    ///
    /// # Errors
    /// The database. The inner error says how long to wait.
    pub(super) async fn attempt_code(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
    ) -> Result<Result<Counted, Wait>, Error> {
        let owner = database::read!(&self.db, |tx| -> Result<Option<Uuid>, Error> {
            Ok(match flow.kind {
                FlowKind::Recovery => codes::recovery_code_owner(tx, cx, flow.id).await?,
                _ => codes::verification_code_owner(tx, cx, flow.id).await?,
            })
        })
        .await?;
        let subject = match (owner, &flow.context.address) {
            (Some(id), _) => Subject::Account(id),
            (None, Some(address)) => Subject::Nobody(address),
            (None, None) => Subject::Form(flow.id),
        };
        self.attempt(cx, visit, Limit::Code, subject).await
    }
}

fn problem(wait: Wait) -> Problem {
    Problem { field: String::new(), message: wait.message() }
}
