//! What is known of a question: yes, no, or open for some reasons.

use super::Undecided;

/// Three-valued, with the reasons of the third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Yes,
    No,
    Open(Reasons),
}

/// Why something is open; a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reasons(u8);

impl Reasons {
    pub const FETCH: Self = Self(1);
    pub const TIME: Self = Self(2);
    pub const STEPS: Self = Self(4);
    pub const DEPTH: Self = Self(8);
    pub const WIDTH: Self = Self(16);
    pub const CONTEXT: Self = Self(32);
    /// The quick evaluation cannot tell; the thorough one can.
    pub const HARD: Self = Self(64);

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The reason to tell: what could be otherwise at another try comes first.
    pub fn told(self, missing: &[String]) -> Undecided {
        if self.has(Self::FETCH) {
            Undecided::Unfetched
        } else if self.has(Self::TIME) {
            Undecided::Time
        } else if self.has(Self::STEPS) {
            Undecided::Steps
        } else if self.has(Self::DEPTH) {
            Undecided::Depth
        } else if self.has(Self::WIDTH) {
            Undecided::Width
        } else if self.has(Self::CONTEXT) {
            Undecided::MissingContext(missing.to_vec())
        } else {
            Undecided::Contradiction
        }
    }
}

impl Value {
    /// This or that.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Open(a), Self::Open(b)) => Self::Open(a.and(b)),
            (Self::Open(a), Self::No) | (Self::No, Self::Open(a)) => Self::Open(a),
            (Self::No, Self::No) => Self::No,
        }
    }

    /// This and that.
    pub fn and(self, other: Self) -> Self {
        self.not().or(other.not()).not()
    }

    /// The opposite; what is open stays so.
    pub fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            open @ Self::Open(_) => open,
        }
    }
}
