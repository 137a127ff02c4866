//! The session cookie: a sealed container with the session's token and its expiry (identity-flows.md §9.3).

use crypto::tokens::SessionToken;
use foundation::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::{Context, Snapshot};

const PURPOSE: &str = "session cookie";

#[derive(Serialize, Deserialize)]
struct Content {
    session_token: String,
    expires_at: Timestamp,
}

/// The value of the cookie that shows the session of `token`. It differs at each call, as its nonce does.
pub fn seal(cx: &Context, token: &SessionToken, expires_at: Timestamp) -> String {
    let content = Content { session_token: token.expose().to_owned(), expires_at };
    let json = serde_json::to_vec(&content).unwrap_or_default();
    cx.cookie_sealer().seal_text(cx.rng.as_ref(), PURPOSE, &json)
}

/// The token in a cookie's value and the expiry it was written with; `None` if we did not write it.
pub fn open(snapshot: &Snapshot, value: &str) -> Option<(SessionToken, Timestamp)> {
    let json = snapshot.cookie_sealer().open_text(PURPOSE, value)?;
    let content: Content = serde_json::from_slice(&json).ok()?;
    Some((SessionToken::presented(content.session_token), content.expires_at))
}
