//! Messages that were sent or wait to be (identity-admin.md §4.1, §4.2).

use courier::{CourierError, Message, MessageFilter, MessagePage, PageRequest};
use database::read;
use foundation::Uuid;

use crate::context::Context;
use crate::error::Error;
use crate::service::Identity;

impl Identity {
    /// A page of messages, newest first. What they say is hidden outside of development.
    ///
    /// # Errors
    /// 400 for a page token that does not fit.
    pub async fn messages_list(
        &self,
        cx: &Context,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> Result<MessagePage, Error> {
        let listed = read!(&self.db, |tx| -> Result<MessagePage, Error> {
            Ok(self.courier.message_list(tx, cx, filter, page).await?)
        })
        .await;
        let mut listed = match listed {
            Err(Error::Courier(CourierError::PageToken)) => {
                return Err(foundation::ApiError::bad_request("The page token is not valid, or is too old.").into());
            }
            listed => listed?,
        };
        listed.messages = listed.messages.into_iter().map(|message| shown(cx, message)).collect();
        Ok(listed)
    }

    /// The message of this id, with the attempts to send it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn message_find(&self, cx: &Context, id: Uuid) -> Result<Option<Message>, Error> {
        let found = read!(&self.db, |tx| -> Result<Option<Message>, Error> {
            Ok(self.courier.message_find(tx, cx, id).await?)
        })
        .await?;
        Ok(found.map(|message| shown(cx, message)))
    }
}

fn shown(cx: &Context, message: Message) -> Message {
    if cx.settings().dev { message } else { message.redacted() }
}
