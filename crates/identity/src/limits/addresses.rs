//! Requests of one client address, for routes that cost something or can be abused. The address is the one that
//! `web::TrustedProxies` lets count; of IPv6 all of a /64 is one client.

use std::sync::Arc;

use foundation::{ApiError, Clock};
use web::budget::{Allowance, Budget};

use super::{hold, too_many};
use crate::context::Context;
use crate::service::Identity;
use crate::settings::AddressBudgets as Numbers;

/// Which budget a request is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBudget {
    /// A flow begins: a row is written.
    Begin,
    /// A form is sent: secrets are tried, passwords hashed.
    Submit,
    /// A form of recovery or verification is sent: mails go out, codes are tried.
    Challenge,
}

impl RequestBudget {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Begin, Self::Submit, Self::Challenge];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "address_begin",
            Self::Submit => "address_submit",
            Self::Challenge => "address_challenge",
        }
    }

    fn allowance(self, numbers: &Numbers) -> Allowance {
        let usual = Numbers::default();
        match self {
            Self::Begin => numbers.begin.allowance(usual.begin),
            Self::Submit => numbers.submit.allowance(usual.submit),
            Self::Challenge => numbers.challenge.allowance(usual.challenge),
        }
    }
}

#[derive(Debug)]
pub(super) struct AddressBudgets([Budget; 3]);

impl AddressBudgets {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let numbers = Numbers::default();
        Self(RequestBudget::ALL.map(|kind| Budget::new(kind.allowance(&numbers), Arc::clone(&clock))))
    }

    pub(super) fn clients(&self) -> usize {
        self.0.iter().map(Budget::clients).sum()
    }

    fn of(&self, kind: RequestBudget) -> &Budget {
        let [begin, submit, challenge] = &self.0;
        match kind {
            RequestBudget::Begin => begin,
            RequestBudget::Submit => submit,
            RequestBudget::Challenge => challenge,
        }
    }
}

impl Identity {
    /// Takes a request off the budget of who sends it. A client without an address (on a Unix socket without a proxy in
    /// front) has none: one budget for all of them would let anybody use it up for everybody.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub(crate) fn request_spend(&self, cx: &Context, kind: RequestBudget) -> Result<(), ApiError> {
        let Some(address) = cx.client.address.filter(|_| hold(cx)) else { return Ok(()) };
        let allowance = kind.allowance(&cx.settings().security.limits.addresses);
        let budget = self.limits.addresses.of(kind);
        let spent = budget.spend(allowance, web::client::network(address));
        self.limits.figures.clients(kind.as_str(), budget.clients());
        spent.map_err(|wait| {
            self.limits.figures.refused(kind.as_str());
            too_many(wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
        })
    }
}
