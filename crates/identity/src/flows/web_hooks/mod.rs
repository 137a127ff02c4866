//! Web hooks of flows (identity-flows.md §11.4–11.7): which are asked and which are told, and what becomes of that.
//!
//! A hook whose answer counts (`response.parse`, `can_interrupt`) is asked before anything is written, and so is every
//! hook of a flow's beginning and of a sign-in. The others tell of what happened: their requests are made before the
//! transaction, queued inside it, and delivered after it, at least once. The client waits for the first delivery of
//! those whose answer is not ignored. `content` makes a request's body, `answer` reads what comes back.

mod answer;
mod content;
mod redeemed;

use courier::{First, PreparedHook, enqueue_hook};
use database::{Tx, transact};
use foundation::ApiError;

use answer::{Heard, failed, improper};
pub(super) use content::Moment;
pub(super) use redeemed::Prepared;

use super::visit::Visit;
use crate::context::Context;
use crate::error::Error;
use crate::model::flow::Flow;
use crate::model::identity::Identity as Person;
use crate::model::session::Session;
use crate::schema::Problem;
use crate::service::Identity;
use crate::settings::{Hook, WebHook};
use crate::store::flows;

/// The web hooks of a list, in order.
fn web_hooks(list: &[Hook]) -> impl Iterator<Item = &WebHook> {
    list.iter().filter_map(|hook| match hook {
        Hook::WebHook(hook) => Some(&**hook),
        _ => None,
    })
}

/// Whether a list has web hooks.
pub(super) fn any(list: &[Hook]) -> bool {
    web_hooks(list).next().is_some()
}

/// Whether the answer of a hook may stop the flow.
fn asks(hook: &WebHook) -> bool {
    hook.response.parse || hook.can_interrupt
}

/// Which hooks of a list are asked before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Those whose answer counts; the others are told afterwards.
    Deciding,
    /// All but those whose answer is ignored.
    All,
}

impl Asked {
    fn includes(self, hook: &WebHook) -> bool {
        // A hook that is to be ignored and to decide is no hook: asking it says so.
        asks(hook) || (self == Self::All && !hook.response.ignore)
    }
}

/// Hooks to be queued in the transaction of what they tell about.
#[derive(Debug, Default)]
pub(super) struct Queued(Vec<(PreparedHook, First)>);

impl Queued {
    /// Queues them.
    ///
    /// # Errors
    /// The database.
    pub(super) async fn enqueue(&self, tx: &mut Tx, cx: &Context) -> Result<(), Error> {
        for (hook, first) in &self.0 {
            enqueue_hook(tx, cx, hook, *first).await?;
        }
        Ok(())
    }
}

impl Identity {
    async fn hook_ask(&self, cx: &Context, hook: &WebHook, moment: &Moment<'_>) -> Result<Heard, Error> {
        let Some(prepared) = self.hook_prepare(cx, hook, moment).await? else { return Ok(Heard::Nothing) };
        let answer = self.courier.hook_send(&prepared).await.map_err(|failure| failed(&failure))?;
        if asks(hook) {
            return answer::read(&answer, hook.response.parse);
        }
        if answer.is_success() { Ok(Heard::Nothing) } else { Err(improper(answer.status).into()) }
    }

    /// Asks the hooks of a list that come before anything is written, in order. Each sees what the ones before it changed
    /// in the identity. Stops at the first that refuses, and gives what is to be shown in the form.
    ///
    /// # Errors
    /// 502, 504 or 500 if one gives no answer that can be used.
    pub(super) async fn hooks_ask(
        &self,
        cx: &Context,
        list: &[Hook],
        which: Asked,
        moment: Moment<'_>,
        identity: &mut Person,
    ) -> Result<Vec<Problem>, Error> {
        for hook in web_hooks(list).filter(|hook| which.includes(hook)) {
            let heard = self.hook_ask(cx, hook, &Moment { identity: Some(identity), ..moment }).await?;
            let problems = match heard {
                Heard::Nothing => Vec::new(),
                Heard::Refused(problems) => problems,
                Heard::Changed(changes) => self.identity_take_changes(cx, identity, *changes).await?,
            };
            if !problems.is_empty() {
                return Ok(problems);
            }
        }
        Ok(Vec::new())
    }

    /// Makes the requests of the hooks of a list that are not asked, in order.
    ///
    /// # Errors
    /// A body that cannot be made. For a hook whose answer is ignored that is only logged.
    pub(super) async fn hooks_prepare(
        &self,
        cx: &Context,
        list: &[Hook],
        asked: Asked,
        moment: Moment<'_>,
    ) -> Result<Queued, Error> {
        let mut queued = Queued::default();
        for hook in web_hooks(list).filter(|hook| !asked.includes(hook)) {
            let first = if hook.response.ignore { First::Worker } else { First::Request };
            match self.hook_prepare(cx, hook, &moment).await {
                Ok(Some(prepared)) => queued.0.push((prepared, first)),
                Ok(None) => {}
                Err(error) if hook.response.ignore => {
                    tracing::error!(%error, "a web hook whose answer is ignored cannot be sent");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(queued)
    }

    /// After the commit: wakes the workers, and delivers what the client waits for. The first failure is the answer; what
    /// comes behind it is the workers' task.
    ///
    /// # Errors
    /// 502, 504 or 500: what was written stays.
    pub(super) async fn hooks_deliver(&self, cx: &Context, queued: Queued) -> Result<(), Error> {
        if queued.0.is_empty() {
            return Ok(());
        }
        self.courier.nudge();
        let waited = queued.0.into_iter().filter(|(_, first)| *first == First::Request);
        let hooks: Vec<PreparedHook> = waited.map(|(hook, _)| hook).collect();
        let (courier, tenant) = (self.courier.clone(), cx.tenant);
        // A task of its own: a client that goes away does not take the delivery with it.
        let delivering = tokio::spawn(async move {
            let mut result: Result<(), Error> = Ok(());
            for hook in hooks {
                if result.is_err() {
                    courier.hook_release(&hook, tenant).await;
                    continue;
                }
                result = match courier.hook_deliver_held(&hook, tenant).await {
                    Ok(answer) if answer.is_success() => Ok(()),
                    Ok(answer) => Err(improper(answer.status).into()),
                    Err(failure) => Err(failed(&failure)),
                };
            }
            result
        });
        match delivering.await {
            Ok(result) => result,
            Err(error) => Err(Error::Internal(format!("the delivery of web hooks broke off: {error}"))),
        }
    }

    /// Keeps a new flow, after the hooks of its beginning.
    ///
    /// # Errors
    /// A hook that refuses or fails: then the flow does not begin.
    pub(super) async fn flow_open(
        &self,
        cx: &Context,
        visit: &Visit,
        flow: &Flow,
        session: Option<&Session>,
    ) -> Result<(), Error> {
        let before = cx.settings().flow(flow.kind);
        if !any(before.before) {
            return self.flow_keep(cx, flow).await;
        }
        let moment = Moment { visit, flow, identity: None, session, begins: true, unsaved: false };
        for hook in web_hooks(before.before).filter(|hook| Asked::All.includes(hook)) {
            if let Heard::Refused(problems) = self.hook_ask(cx, hook, &moment).await? {
                let told = problems.into_iter().next().map(|problem| problem.message.text).unwrap_or_default();
                return Err(ApiError::bad_request(told).into());
            }
        }
        let queued = self.hooks_prepare(cx, before.before, Asked::All, moment).await?;
        transact!(&self.db, |tx| -> Result<(), Error> {
            flows::flow_insert(tx, cx, cx.vault(), flow).await?;
            queued.enqueue(tx, cx).await
        })
        .await?;
        self.hooks_deliver(cx, queued).await
    }
}
