//! What parent and child say to each other: frames of a length (four bytes, big-endian) and that many bytes. A question
//! is the JSON of [`Question`]; an answer is a byte that says what follows, and a text.

use serde::{Deserialize, Serialize};

/// What a child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) template: String,
    pub(super) argument: serde_json::Value,
    /// Bytes of the answer.
    pub(super) most: usize,
}

/// What a child answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has set its limits and waits for questions.
    Ready,
    /// A JSON document.
    Json(String),
    /// The template wants nothing to be sent.
    Cancelled,
    /// The template is none, or raised this error.
    Failed(String),
    /// The result is too large.
    TooLarge,
}

impl Answer {
    pub(super) fn to_frame(&self) -> Vec<u8> {
        let (tag, text) = match self {
            Self::Ready => (b'r', ""),
            Self::Json(text) => (b'j', text.as_str()),
            Self::Cancelled => (b'c', ""),
            Self::Failed(text) => (b'f', text.as_str()),
            Self::TooLarge => (b'l', ""),
        };
        let mut payload = Vec::with_capacity(text.len() + 1);
        payload.push(tag);
        payload.extend_from_slice(text.as_bytes());
        framed(&payload)
    }

    /// `None` for what no child says.
    pub(super) fn from_payload(payload: &[u8]) -> Option<Self> {
        let (tag, rest) = payload.split_first()?;
        let text = || String::from_utf8(rest.to_vec()).ok();
        Some(match tag {
            b'r' => Self::Ready,
            b'j' => Self::Json(text()?),
            b'c' => Self::Cancelled,
            b'f' => Self::Failed(text()?),
            b'l' => Self::TooLarge,
            _ => return None,
        })
    }
}

/// The payload with its length before it. What does not fit into four bytes of length is refused long before.
pub(super) fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(payload.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The length that a frame begins with.
pub(super) fn length(header: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX)
}
