//! Schemas are read where the configuration says, kept while they are good, and read again in time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use foundation::{ManualClock, Timestamp};
use parking_lot::Mutex;
use serde_json::json;
use url::Url;

use super::{Fetch, SchemaError, Schemas};
use crate::settings::{IdentitySchema as Entry, Settings};

/// Another server, of which a test says what it answers.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<Vec<(String, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn answer(&self, url: &str, text: &str) {
        let mut answers = self.answers.lock();
        answers.retain(|(known, _)| known != url);
        answers.push((url.to_owned(), text.to_owned()));
    }

    fn fall_silent(&self) {
        self.answers.lock().clear();
    }

    fn asked(&self) -> usize {
        self.asked.lock().len()
    }
}

#[async_trait]
impl Fetch for Server {
    async fn fetch(&self, url: &Url, _limit: usize) -> Result<Vec<u8>, String> {
        self.asked.lock().push(url.to_string());
        let answers = self.answers.lock();
        let answer = answers.iter().find(|(known, _)| known == url.as_str());
        answer.map(|(_, text)| text.clone().into_bytes()).ok_or_else(|| "no answer".to_owned())
    }
}

struct World {
    server: Server,
    clock: Arc<ManualClock>,
    schemas: Schemas,
}

fn world() -> World {
    let (server, clock) = (Server::default(), Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
    let schemas = Schemas::new(server.clone(), clock.clone());
    World { server, clock, schemas }
}

fn settings(entries: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    let entry = |(id, url): &(&str, &str)| Entry { id: (*id).to_owned(), url: (*url).to_owned(), ..Entry::default() };
    settings.identity.schemas = entries.iter().map(entry).collect();
    settings
}

fn with_trait(name: &str) -> String {
    json!({"properties": {"traits": {"type": "object", "properties": {name: {"type": "string"}}}}}).to_string()
}

fn inline(text: &str) -> String {
    format!("base64://{}", base64::engine::general_purpose::STANDARD.encode(text))
}

async fn name(world: &World, settings: &Settings) -> Result<String, SchemaError> {
    let schema = world.schemas.get(settings, "person").await?.expect("configured");
    Ok(schema.trait_names()[0].clone())
}

fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}

#[tokio::test]
async fn schemas_are_found_by_name_and_listed_in_order() {
    let (z, a) = (inline(&with_trait("z")), inline(&with_trait("a")));
    let settings = settings(&[("z", &z), ("a", &a)]);
    let world = world();
    assert!(world.schemas.get(&settings, "none").await.expect("no error").is_none());
    let all = world.schemas.all(&settings).await.expect("schemas");
    assert_eq!(all.iter().map(|schema| schema.id()).collect::<Vec<_>>(), ["z", "a"]);
    let again = world.schemas.get(&settings, "z").await.expect("no error").expect("configured");
    assert!(Arc::ptr_eq(&again, &all[0]), "compiled once");
}

#[tokio::test]
async fn a_changed_configuration_counts_at_once() {
    let world = world();
    let first = settings(&[("person", &inline(&with_trait("one")))]);
    let second = settings(&[("person", &inline(&with_trait("two")))]);
    assert_eq!(name(&world, &first).await.expect("schema"), "traits.one");
    assert_eq!(name(&world, &second).await.expect("schema"), "traits.two");
    let broken = settings(&[("person", &inline("{}"))]);
    assert!(name(&world, &broken).await.is_err(), "another schema does not stand in");
}

#[tokio::test]
async fn files_are_read_again_when_they_change_and_a_broken_one_is_not_used() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("person.json");
    std::fs::write(&path, with_trait("one")).expect("file");
    let (world, settings) = (world(), settings(&[("person", &file_url(&path))]));
    assert_eq!(name(&world, &settings).await.expect("schema"), "traits.one");
    std::fs::write(&path, with_trait("three")).expect("file");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(name(&world, &settings).await.expect("schema"), "traits.three");
    std::fs::write(&path, "{ broken").expect("file");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(name(&world, &settings).await.expect("the last good one"), "traits.three");
    std::fs::write(&path, with_trait("four")).expect("file");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(name(&world, &settings).await.expect("schema"), "traits.four");
}

#[tokio::test]
async fn files_next_to_the_schema_may_be_referred_to_and_are_watched_too() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, parts) = (folder.path().join("person.json"), folder.path().join("parts.json"));
    std::fs::write(&path, with_trait("one").replace(r#""type":"string""#, r##""$ref":"parts.json#/a""##))
        .expect("file");
    std::fs::write(&parts, json!({"a": {"type": "string"}}).to_string()).expect("file");
    let (world, mut settings) = (world(), settings(&[("person", &file_url(&path))]));
    let before = world.schemas.get(&settings, "person").await.expect("schema").expect("configured");
    assert!(before.validate(&json!({"one": 1})).is_err());
    std::fs::write(&parts, json!({"a": {"type": "integer"}}).to_string()).expect("file");
    world.clock.advance(Duration::from_secs(1));
    let after = world.schemas.get(&settings, "person").await.expect("schema").expect("configured");
    assert!(after.validate(&json!({"one": 1})).is_ok());
    settings.security.disallow_ref_in_identity_schemas = true;
    let refused = world.schemas.get(&settings, "person").await.expect_err("forbidden");
    assert!(matches!(refused, SchemaError::ReferenceNotAllowed { .. }), "{refused}");
}

#[tokio::test]
async fn a_missing_or_huge_file_is_an_error_of_the_configuration() {
    let folder = tempfile::tempdir().expect("folder");
    let huge = folder.path().join("huge.json");
    std::fs::write(&huge, " ".repeat(1024 * 1024 + 1)).expect("file");
    for url in
        [file_url(&folder.path().join("none.json")), file_url(&huge), file_url(folder.path()), "ftp://a/b".to_owned()]
    {
        let error = name(&world(), &settings(&[("person", &url)])).await.expect_err("no schema");
        assert!(matches!(error, SchemaError::Source { .. }), "{error}");
        assert_eq!(error.wire_id(), "invalid_configuration");
    }
}

#[tokio::test]
async fn documents_of_other_servers_are_kept_for_a_minute_and_longer_while_they_fail() {
    let url = "https://example.org/person.json";
    let (world, settings) = (world(), settings(&[("person", url)]));
    let error = name(&world, &settings).await.expect_err("nothing there");
    assert_eq!((error.wire_id(), error.is_upstream()), ("upstream_error", true));
    world.server.answer(url, &with_trait("one"));
    assert_eq!(name(&world, &settings).await.expect("schema"), "traits.one");
    world.server.answer(url, &with_trait("two"));
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(name(&world, &settings).await.expect("schema"), "traits.one");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(name(&world, &settings).await.expect("schema"), "traits.two");
    world.server.fall_silent();
    world.clock.advance(Duration::from_secs(60));
    let asked = world.server.asked();
    assert_eq!(name(&world, &settings).await.expect("the last good one"), "traits.two");
    assert_eq!(name(&world, &settings).await.expect("the last good one"), "traits.two");
    assert_eq!(world.server.asked(), asked + 1, "a server that fails is not asked all the time");
}

/// A server that answers only when it is let.
#[derive(Clone)]
struct Slow {
    server: Server,
    leave: Arc<tokio::sync::Semaphore>,
}

#[async_trait]
impl Fetch for Slow {
    async fn fetch(&self, url: &Url, limit: usize) -> Result<Vec<u8>, String> {
        let answer = self.server.fetch(url, limit).await;
        self.leave.acquire().await.expect("open").forget();
        answer
    }
}

#[tokio::test]
async fn while_one_asks_a_slow_server_the_others_use_what_is_there() {
    let url = "https://example.org/person.json";
    let slow = Slow { server: Server::default(), leave: Arc::new(tokio::sync::Semaphore::new(1)) };
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let schemas = Arc::new(Schemas::new(slow.clone(), clock.clone()));
    let settings = Arc::new(settings(&[("person", url)]));
    slow.server.answer(url, &with_trait("one"));
    let old = schemas.get(&settings, "person").await.expect("schema").expect("configured");
    slow.server.answer(url, &with_trait("two"));
    clock.advance(Duration::from_secs(60));
    let asking = tokio::spawn({
        let (schemas, settings) = (schemas.clone(), settings.clone());
        async move { schemas.get(&settings, "person").await }
    });
    while slow.server.asked() < 2 {
        tokio::task::yield_now().await;
    }
    let meanwhile = schemas.get(&settings, "person").await.expect("schema").expect("configured");
    assert!(Arc::ptr_eq(&meanwhile, &old));
    slow.leave.add_permits(1);
    let new = asking.await.expect("task").expect("schema").expect("configured");
    assert_eq!(new.trait_names(), ["traits.two"]);
    assert_eq!(slow.server.asked(), 2);
}

#[tokio::test]
async fn the_client_of_outgoing_requests_fetches_and_a_refusal_is_no_document() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    let answer = || async { with_trait("one") };
    let router = axum::Router::new().route("/person.json", axum::routing::get(answer));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let client = web::OutboundClient::new(web::OutboundPolicy::default()).expect("client");
    let schemas = Schemas::new(client, Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
    let (right, wrong) = (format!("http://{address}/person.json"), format!("http://{address}/none.json"));
    let settings = settings(&[("person", &right), ("none", &wrong)]);
    let schema = schemas.get(&settings, "person").await.expect("schema").expect("configured");
    assert_eq!(schema.trait_names(), ["traits.one"]);
    let error = schemas.get(&settings, "none").await.expect_err("404");
    assert!(error.is_upstream() && error.to_string().contains("404"), "{error}");
    serving.abort();
}

#[tokio::test]
async fn documents_that_are_too_long_are_refused_whatever_the_client_lets_through() {
    let url = "https://example.org/person.json";
    let (world, settings) = (world(), settings(&[("person", url)]));
    world.server.answer(url, &" ".repeat(1024 * 1024 + 1));
    assert!(name(&world, &settings).await.expect_err("too long").is_upstream());
}

#[tokio::test]
async fn a_document_of_another_server_reaches_no_file() {
    let url = "https://example.org/person.json";
    let folder = tempfile::tempdir().expect("folder");
    let secret = folder.path().join("parts.json");
    std::fs::write(&secret, "{\"a\": {}}").expect("file");
    let reference = format!("\"$ref\":\"{}#/a\"", file_url(&secret));
    let (world, settings) = (world(), settings(&[("person", url)]));
    world.server.answer(url, &with_trait("one").replace(r#""type":"string""#, &reference));
    let error = name(&world, &settings).await.expect_err("refused");
    assert!(matches!(error, SchemaError::ReferenceNotAllowed { .. }), "{error}");
}

#[tokio::test]
async fn documents_that_refer_to_each_other_without_end_are_given_up() {
    let (world, settings) = (world(), settings(&[("person", "https://example.org/0.json")]));
    for number in 0..100 {
        let next = format!(r#""$ref":"https://example.org/{}.json""#, number + 1);
        let text =
            if number == 0 { with_trait("one").replace(r#""type":"string""#, &next) } else { format!("{{{next}}}") };
        world.server.answer(&format!("https://example.org/{number}.json"), &text);
    }
    assert!(name(&world, &settings).await.is_err());
    assert!(world.server.asked() <= 40);
}

#[tokio::test]
async fn addresses_in_messages_carry_no_credentials() {
    let settings = settings(&[("person", "https://user:secret@example.org/person.json?key=secret")]);
    let error = name(&world(), &settings).await.expect_err("nothing there");
    assert!(!error.to_string().contains("secret"), "{error}");
}
