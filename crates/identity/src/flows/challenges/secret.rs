//! The code or link token that proves an address, before it is stored and after it came back.

use crypto::tokens::{LinkToken, OneTimeCode};
use database::Tx;
use foundation::{GoDuration, Timestamp};

use crate::context::Context;
use crate::error::Error;
use crate::limits::Counted;
use crate::model::flow::{Flow, FlowKind};
use crate::strategies::code;

/// A fresh code or link token. The database keeps a tag of it, the mail carries it, and nothing else has it.
#[derive(Debug)]
pub(in crate::flows) struct Secret {
    /// Which of the two.
    pub(in crate::flows) kind: SecretKind,
    /// From then on it does not work.
    pub(in crate::flows) expires_at: Timestamp,
}

/// A code or a link token.
#[derive(Debug)]
pub(in crate::flows) enum SecretKind {
    /// Six digits.
    Code(OneTimeCode),
    /// The token of a link.
    Link(LinkToken),
}

impl Secret {
    /// A fresh one for `flow`, by its method. It never outlives the flow.
    pub(in crate::flows) fn make(cx: &Context, flow: &Flow) -> Self {
        let methods = &cx.settings().selfservice.methods;
        if flow.active.as_deref() == Some("link") {
            return Self::link(cx, flow, methods.link.config.lifespan);
        }
        Self::code(cx, flow, methods.code.config.lifespan)
    }

    /// A fresh code for `flow`.
    pub(in crate::flows) fn code(cx: &Context, flow: &Flow, lifespan: GoDuration) -> Self {
        let kind = SecretKind::Code(OneTimeCode::generate(cx.rng.as_ref()));
        Self { kind, expires_at: (cx.now + lifespan).min(flow.expires_at) }
    }

    /// A fresh link token for `flow`.
    pub(in crate::flows) fn link(cx: &Context, flow: &Flow, lifespan: GoDuration) -> Self {
        let kind = SecretKind::Link(LinkToken::generate(cx.rng.as_ref()));
        Self { kind, expires_at: (cx.now + lifespan).min(flow.expires_at) }
    }

    /// One that nobody is told.
    pub(in crate::flows) fn unknown(cx: &Context, flow: &Flow) -> Self {
        Self::link(cx, flow, cx.settings().selfservice.methods.code.config.lifespan)
    }

    /// What is stored of it.
    pub(in crate::flows) fn tag(&self, cx: &Context, kind: FlowKind) -> [u8; 32] {
        match &self.kind {
            SecretKind::Code(code) => code.tag(cx.macs(), purpose(kind)),
            SecretKind::Link(token) => token.digest(),
        }
    }

    /// For how long it works, for people.
    pub(in crate::flows) fn minutes(&self, now: Timestamp) -> i64 {
        (self.expires_at.as_second() - now.as_second()) / 60
    }
}

/// What keeps the stored codes of one kind of flow from working in the other.
fn purpose(kind: FlowKind) -> &'static str {
    if kind == FlowKind::Recovery { code::RECOVERY_PURPOSE } else { code::VERIFICATION_PURPOSE }
}

/// What somebody presented.
#[derive(Debug)]
pub(in crate::flows) enum Presented {
    /// What a code may be stored as, under each secret of the configuration; and that the try was counted.
    Code(Vec<[u8; 32]>, Counted),
    /// What a link token is stored as.
    Link([u8; 32]),
}

impl Presented {
    /// A code that was typed into `flow`.
    pub(in crate::flows) fn code(cx: &Context, flow: &Flow, typed: &str, counted: Counted) -> Self {
        Self::Code(OneTimeCode::presented(typed.trim()).tags(cx.macs(), purpose(flow.kind)), counted)
    }

    /// The code was right: its counter begins anew.
    pub(in crate::flows) async fn clear(&self, tx: &mut Tx, cx: &Context) -> Result<(), Error> {
        match self {
            Self::Code(_, counted) => counted.clear(tx, cx).await,
            Self::Link(_) => Ok(()),
        }
    }

    /// A token that came with a link.
    pub(in crate::flows) fn link(token: &str) -> Self {
        Self::Link(LinkToken::presented(token).digest())
    }

    /// What it may be stored as.
    pub(in crate::flows) fn tags(&self) -> &[[u8; 32]] {
        match self {
            Self::Code(tags, _) => tags,
            Self::Link(hash) => std::slice::from_ref(hash),
        }
    }
}
