//! The queue as the admin API shows it.

use courier::{CourierError, CourierSettings, MessageFilter, MessagePage, MessageStatus, PageRequest, Transport};
use database::read;
use foundation::{RequestContext, Uuid};

use crate::Harness;

async fn page(
    harness: &Harness,
    cx: &RequestContext,
    filter: &MessageFilter,
    size: u32,
    token: Option<String>,
) -> Result<MessagePage, CourierError> {
    let request = PageRequest { size: Some(size), token };
    read!(harness.db, |tx| -> Result<MessagePage, CourierError> {
        harness.courier.message_list(tx, cx, filter, &request).await
    })
    .await
}

fn recipients(page: &MessagePage) -> Vec<&str> {
    page.messages.iter().map(|message| message.recipient.as_str()).collect()
}

#[tokio::test]
async fn pages_are_newest_first_and_skip_nothing() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        for name in ["a", "b", "c", "d", "e"] {
            harness.queue(&format!("{name}@x.example")).await;
            harness.advance(1);
        }
        let (cx, all) = (harness.cx(), MessageFilter::default());
        let first = page(&harness, &cx, &all, 2, None).await.unwrap();
        assert_eq!(recipients(&first), ["e@x.example", "d@x.example"]);
        assert!(first.messages[0].subject.contains("123456") && first.messages[0].dispatches.is_none());
        let second = page(&harness, &cx, &all, 2, first.next.clone()).await.unwrap();
        assert_eq!(recipients(&second), ["c@x.example", "b@x.example"]);
        let third = page(&harness, &cx, &all, 2, second.next).await.unwrap();
        assert_eq!((recipients(&third), third.next.is_none()), (vec!["a@x.example"], true));
        let again = page(&harness, &cx, &all, 2, Some(first.first)).await.unwrap();
        assert_eq!(recipients(&again), ["e@x.example", "d@x.example"]);
    }
}

#[tokio::test]
async fn filters_and_tenants_keep_apart() {
    for harness in Harness::all(Transport::Inbox, CourierSettings::default()).await {
        let sent = harness.queue("a@x.example").await;
        harness.courier.run_once().await.unwrap();
        harness.queue("b@x.example").await;
        let cx = harness.cx();
        for (status, recipient, expected) in [
            (Some(MessageStatus::Sent), None, vec!["a@x.example"]),
            (Some(MessageStatus::Queued), None, vec!["b@x.example"]),
            (Some(MessageStatus::Abandoned), None, vec![]),
            (None, Some("b@x.example"), vec!["b@x.example"]),
            (Some(MessageStatus::Sent), Some("b@x.example"), vec![]),
        ] {
            let filter = MessageFilter { status, recipient: recipient.map(str::to_owned) };
            assert_eq!(recipients(&page(&harness, &cx, &filter, 10, None).await.unwrap()), expected);
        }
        let stranger = RequestContext { tenant: Uuid::from_u128(2), ..harness.cx() };
        let all = MessageFilter::default();
        assert!(page(&harness, &stranger, &all, 10, None).await.unwrap().messages.is_empty());
        let found = read!(harness.db, |tx| -> Result<bool, CourierError> {
            Ok(harness.courier.message_find(tx, &stranger, sent).await?.is_some())
        })
        .await;
        assert!(!found.unwrap());
    }
}

#[tokio::test]
async fn page_tokens_are_sealed_bound_and_short_lived() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    for name in ["a", "b", "c"] {
        harness.queue(&format!("{name}@x.example")).await;
        harness.advance(1);
    }
    let (cx, all) = (harness.cx(), MessageFilter::default());
    let token = page(&harness, &cx, &all, 1, None).await.unwrap().next.unwrap();
    assert!(page(&harness, &cx, &all, 1, Some(token.clone())).await.is_ok());
    let mut altered = token.clone().into_bytes();
    altered[40] = if altered[40] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    let filter = MessageFilter { status: Some(MessageStatus::Sent), recipient: None };
    let stranger = RequestContext { tenant: Uuid::from_u128(2), ..harness.cx() };
    harness.advance(3600);
    let later = harness.cx();
    for (cx, filter, token) in [
        (&cx, &all, altered),
        (&cx, &all, "nonsense".to_owned()),
        (&cx, &filter, token.clone()),
        (&stranger, &all, token.clone()),
        (&later, &all, token.clone()),
    ] {
        let refused = page(&harness, cx, filter, 1, Some(token)).await;
        assert!(matches!(refused, Err(CourierError::PageToken)));
    }
}

#[test]
fn a_message_is_shown_in_the_contracts_words() {
    for (status, name) in [
        (MessageStatus::Queued, "queued"),
        (MessageStatus::Processing, "processing"),
        (MessageStatus::Sent, "sent"),
        (MessageStatus::Abandoned, "abandoned"),
    ] {
        assert_eq!(MessageStatus::from_name(name), Some(status));
        assert_eq!(serde_json::to_value(status).unwrap(), name);
    }
    assert_eq!(MessageStatus::from_name("nonsense"), None);
}
