//! The development inbox: what would have been mailed, as pages for people and as an API for tests; and a receiver of web
//! hooks, so that a hook can be tried without one of one's own.
//!
//! It shows codes and links that open accounts. Whoever serves it does so on a loopback listener of its own, behind
//! `web::guard`, in development only.

mod api;
mod hooks;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get, post};
use foundation::{ApiError, Uuid};
use tokio::sync::Notify;

pub use crate::store::inbox::InboxMessage;
pub use crate::store::inbox_hooks::{InboxHook, Signature};

use crate::Courier;

/// Tells those who wait for mail that some came.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Notify);

impl Arrivals {
    pub(crate) fn announce(&self) {
        self.0.notify_waiters();
    }
}

/// Whose mail is shown, and by whom.
#[derive(Clone)]
struct Inbox {
    courier: Arc<Courier>,
    tenant: Uuid,
}

/// The pages and the API of the inbox, for one listener of its own.
pub fn router(courier: Arc<Courier>, tenant: Uuid) -> Router {
    Router::new()
        .route("/", get(pages::list))
        .route("/messages/{id}", get(pages::show))
        .route("/messages/{id}/html", get(pages::html))
        .route("/messages/{id}/delete", post(pages::remove))
        .route("/hooks", get(pages::hooks))
        .route("/hooks/delete", post(pages::remove_hooks))
        .route("/hooks/receive/{name}", any(hooks::receive))
        .route("/api/hooks", get(hooks::list).delete(hooks::remove_all))
        .route("/api/hooks/next", get(hooks::next))
        .route("/messages/delete", post(pages::remove_all))
        .route("/assets/inbox.css", get(pages::style))
        .route("/assets/inbox.js", get(pages::script))
        .route("/api/messages", get(api::list).delete(api::remove_all))
        .route("/api/messages/next", get(api::next))
        .route("/api/messages/{id}", get(api::show).delete(api::remove))
        .with_state(Inbox { courier, tenant })
}

/// The six digits of a mail, if it holds a code.
fn code(mail: &InboxMessage) -> Option<&str> {
    [mail.subject.as_str(), mail.text.as_str()].into_iter().find_map(six_digits)
}

fn six_digits(text: &str) -> Option<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c: char| !word(c)).find(|part| part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The first address of a mail.
fn link(mail: &InboxMessage) -> Option<&str> {
    mail.text.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"))
}

fn failed(error: &database::DbError) -> Response {
    tracing::error!(%error, "the inbox cannot be read");
    web::reply::error(&ApiError::internal(), None)
}

fn missing() -> Response {
    web::reply::error(&ApiError::not_found("There is no such message. It may have been removed."), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_of_six_digits() {
        assert_eq!(six_digits("Use code 123456 to sign in"), Some("123456"));
        assert_eq!(six_digits("at 12:34:56, number 1234567, id a123456, 12345"), None);
        assert_eq!(six_digits("flow=ab-123456&x"), Some("123456"));
    }
}
