//! The services over gRPC, as a client that is generated from `api/proto` calls them, on a socket.

use connectrpc::ErrorCode;
use connectrpc::client::{ClientConfig, HttpClient};
use protocol::ory::keto::relation_tuples::v1alpha2 as keto;
use tokio::sync::watch;
use web::listen::{self, Listen, Timeouts};

use crate::server::Server;

/// The address of a router that is served until the sender goes.
async fn serve(router: axum::Router) -> (String, watch::Sender<bool>) {
    let bound = listen::bind(&Listen::new("serve.read", "127.0.0.1", 0)).await.unwrap();
    let address = bound.local_address().unwrap();
    let (end, ended) = watch::channel(false);
    tokio::spawn(listen::serve(bound, router, Timeouts::ADMIN, ended));
    (format!("http://{address}"), end)
}

fn config(address: &str) -> ClientConfig {
    ClientConfig::new(address.parse().unwrap()).with_protocol(connectrpc::Protocol::Grpc)
}

fn message(text: &str) -> keto::RelationTuple {
    let (object, subject) = text.split_once('@').unwrap();
    let (namespace, rest) = object.split_once(':').unwrap();
    let (object, relation) = rest.split_once('#').unwrap();
    keto::RelationTuple {
        namespace: namespace.into(),
        object: object.into(),
        relation: relation.into(),
        subject: buffa::MessageField::some(keto::Subject {
            r#ref: Some(keto::subject::Ref::Id(subject.into())),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_official_definitions_writes_and_asks() {
    for server in Server::all().await {
        let (read, _reading) = serve(server.read.clone()).await;
        let (write, _writing) = serve(server.write.clone()).await;
        let writer = keto::WriteServiceClient::new(HttpClient::plaintext_http2_only(), config(&write));
        let reader = keto::CheckServiceClient::new(HttpClient::plaintext_http2_only(), config(&read));
        let delta = keto::RelationTupleDelta {
            action: keto::relation_tuple_delta::Action::ACTION_INSERT.into(),
            relation_tuple: buffa::MessageField::some(message("Document:d#viewers@ada")),
            ..Default::default()
        };
        let request = keto::TransactRelationTuplesRequest { relation_tuple_deltas: vec![delta], ..Default::default() };
        let written = writer.transact_relation_tuples(request).await.unwrap().into_owned();
        assert_eq!(written.snaptokens.len(), 1);
        let ask = |text: &str| keto::CheckRequest {
            tuple: buffa::MessageField::some(message(text)),
            snaptoken: written.snaptokens[0].clone(),
            ..Default::default()
        };
        let yes = reader.check(ask("Document:d#view@ada")).await.unwrap().into_owned();
        assert!(yes.allowed && yes.snaptoken == written.snaptokens[0]);
        assert!(!reader.check(ask("Document:d#view@bert")).await.unwrap().into_owned().allowed);
        let refused = reader.check(ask("Nowhere:d#view@ada")).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
}
