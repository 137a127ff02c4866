//! Which outcomes a flow takes in which state, and where they lead. What is not in the table is a fault of ours.

use crate::model::flow::{FlowKind, State};

/// What kind of outcome a submission had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// Something was wrong.
    Invalid,
    /// A further step in the same form.
    Advance,
    /// A first or second factor was proved.
    Authenticated,
    /// Traits or credentials were accepted.
    Proposed,
    /// A code or a link was asked for.
    Sent,
    /// A code or a link was redeemed.
    Redeemed,
}

/// All transitions: kind, state, event, next state.
pub const TABLE: &[(FlowKind, State, Event, State)] = {
    use Event::{Advance, Authenticated, Invalid, Proposed, Redeemed, Sent};
    use FlowKind::{Login, Recovery, Registration, Settings, Verification};
    use State::{ChooseMethod, PassedChallenge, SentEmail, ShowForm, Success};
    &[
        (Login, ChooseMethod, Invalid, ChooseMethod),
        (Login, ChooseMethod, Advance, ChooseMethod),
        (Login, ChooseMethod, Authenticated, PassedChallenge),
        (Registration, ChooseMethod, Invalid, ChooseMethod),
        (Registration, ChooseMethod, Advance, ChooseMethod),
        (Registration, ChooseMethod, Proposed, PassedChallenge),
        (Settings, ShowForm, Invalid, ShowForm),
        (Settings, ShowForm, Advance, ShowForm),
        (Settings, ShowForm, Proposed, Success),
        (Settings, Success, Invalid, ShowForm),
        (Settings, Success, Advance, ShowForm),
        (Settings, Success, Proposed, Success),
        (Recovery, ChooseMethod, Invalid, ChooseMethod),
        (Recovery, ChooseMethod, Sent, SentEmail),
        (Recovery, ChooseMethod, Redeemed, PassedChallenge),
        (Recovery, SentEmail, Invalid, SentEmail),
        (Recovery, SentEmail, Sent, SentEmail),
        (Recovery, SentEmail, Redeemed, PassedChallenge),
        (Verification, ChooseMethod, Invalid, ChooseMethod),
        (Verification, ChooseMethod, Sent, SentEmail),
        (Verification, ChooseMethod, Redeemed, PassedChallenge),
        (Verification, SentEmail, Invalid, SentEmail),
        (Verification, SentEmail, Sent, SentEmail),
        (Verification, SentEmail, Redeemed, PassedChallenge),
    ]
};

/// Where `event` leads a flow of this kind in this state; `None` if it takes no such event.
pub fn next(kind: FlowKind, state: State, event: Event) -> Option<State> {
    TABLE.iter().find(|(of, from, by, _)| *of == kind && *from == state && *by == event).map(|(.., to)| *to)
}

/// The table as a diagram, for docs/flows.md.
pub fn diagram() -> String {
    let mut text = String::new();
    for kind in FlowKind::ALL {
        text.push_str(&format!("\n## {}\n\n```mermaid\nstateDiagram-v2\n", kind.as_str()));
        for (_, from, event, to) in TABLE.iter().filter(|(of, ..)| *of == kind) {
            text.push_str(&format!("  {} --> {}: {event:?}\n", from.as_str(), to.as_str()));
        }
        text.push_str("```\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_has_passed_takes_nothing() {
        assert!(TABLE.iter().all(|(_, from, ..)| *from != State::PassedChallenge));
    }

    #[test]
    fn every_transition_is_named_once() {
        let mut keys: Vec<_> = TABLE.iter().map(|(kind, from, event, _)| (*kind, *from, *event)).collect();
        keys.sort();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn the_diagram_in_the_documentation_is_this_table() {
        let document = include_str!("../../../../docs/flows.md");
        assert!(document.contains(&diagram()), "docs/flows.md is not up to date; it should contain:\n{}", diagram());
    }
}
