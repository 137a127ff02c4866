//! Configurations that many tests need on top of the one that every [`Server`] has.

use serde_json::{Value, json};

use crate::server::{Server, merge};

/// The configuration of most of these tests: mails can be read, and answers say what comes next.
pub fn configuration() -> Value {
    json!({
        "dev": true,
        "feature_flags": {"use_continue_with_transitions": true},
        "selfservice": {"allowed_return_urls": ["http://ui.test"]}
    })
}

/// Servers with that configuration and `more`.
pub async fn servers(more: Value) -> Vec<Server> {
    let mut document = configuration();
    merge(&mut document, more);
    Server::all_with(document).await
}

/// The settings under which a session of the first level shows itself, so that tests can look at it.
pub fn lenient() -> Value {
    json!({
        "session": {"whoami": {"required_aal": "aal1"}},
        "selfservice": {"flows": {"settings": {"required_aal": "aal1"}}}
    })
}
