//! What keeps the storage safe: every statement is understood by both engines and keeps to one tenant, migrations
//! give the checked-in schema, can be taken back and replayed, and every transaction can be repeated.

use std::sync::Arc;

use database::Engine;
use database::testing::{
    Disturbance, TestDatabase, all_statements, dump_schema, prepare_all_statements, scan_schema, scan_statements,
};
use serde_json::json;
use testkit::{
    App, Browser, Member, PASSWORD, Server, address, configuration, id, level, mailed_code, schema, well_protected,
};

/// Every table of the two crates holds the data of several tenants.
const TABLES: [&str; 23] = [
    "identities",
    "identity_credentials",
    "identity_credential_identifiers",
    "identity_verifiable_addresses",
    "identity_recovery_addresses",
    "sessions",
    "session_devices",
    "self_service_flows",
    "self_service_errors",
    "verification_codes",
    "recovery_codes",
    "verification_tokens",
    "recovery_tokens",
    "identity_pending_changes",
    "pending_registrations",
    "courier_messages",
    "courier_message_dispatches",
    "inbox_messages",
    "attempts",
    "known_devices",
    "revisions",
    "courier_hooks",
    "inbox_hooks",
];

/// Tables whose rows session checks tell of.
const REMEMBERED: [&str; 5] =
    ["identities", "identity_verifiable_addresses", "identity_recovery_addresses", "sessions", "session_devices"];

/// Functions that write to those tables and tell the change feed nothing.
const SILENT: [(&str, &str); 5] = [
    ("identity_insert", "nobody can remember a session of an identity that is not there yet"),
    ("session_insert", "unknown tokens are not remembered"),
    ("addresses_save", "part of writing the identity, which tells"),
    ("remove_others", "part of writing the identity, which tells"),
    ("sessions_remove_expired", "what has expired by the clock does not count in memory either"),
];

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    for test in TestDatabase::all(&schema()).await {
        assert_eq!(prepare_all_statements(&test.db).await, Vec::<String>::new());
    }
}

#[test]
fn statements_keep_to_the_shared_sql_and_to_one_tenant() {
    assert_eq!(scan_statements(&TABLES), Vec::<String>::new());
    assert_eq!(scan_schema(&schema()), Vec::<String>::new());
}

#[test]
fn whatever_changes_a_session_check_tells_the_change_feed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let mut silent = Vec::new();
    for (text, file, line) in all_statements() {
        let words: Vec<&str> = text.split([' ', '(']).collect();
        let table = match words[0] {
            "INSERT" | "DELETE" => words[2],
            "UPDATE" => words[1],
            _ => continue,
        };
        if !REMEMBERED.contains(&table) || !file.starts_with("crates/identity/src/") {
            continue;
        }
        let source = std::fs::read_to_string(format!("{root}{file}")).expect("the source of the statement");
        let before: usize = source.split_inclusive('\n').take(line as usize).map(str::len).sum();
        let start = source[..before].rfind("async fn ").expect("a function around the statement");
        let function = source[start..].split("\n}\n").next().expect("its text");
        if !function.contains("_changed(tx, cx") {
            let name = function["async fn ".len()..].split('(').next().expect("its name");
            silent.push(name.to_owned());
        }
    }
    silent.sort();
    silent.dedup();
    let mut expected: Vec<&str> = SILENT.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(silent, expected, "functions that write what session checks tell of, and do not say so");
}

#[tokio::test]
async fn the_list_of_tables_is_complete() {
    for test in TestDatabase::all(&schema()).await {
        let dump = dump_schema(&test.db).await.unwrap();
        let prefix = if test.db.engine() == Engine::Sqlite { "CREATE TABLE " } else { "table " };
        let mut found: Vec<&str> =
            dump.lines().filter_map(|line| line.strip_prefix(prefix)?.split([' ', ':', '(']).next()).collect();
        found.sort_unstable();
        found.dedup();
        let mut expected = TABLES;
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

/// After a change of migrations: take the new text over from the message, if it is what was meant.
#[tokio::test]
async fn all_migrations_give_the_checked_in_schema() {
    for test in TestDatabase::all(&schema()).await {
        let expected = match test.db.engine() {
            Engine::Sqlite => include_str!("../schema.sqlite.txt"),
            _ => include_str!("../schema.postgres.txt"),
        };
        let found = dump_schema(&test.db).await.unwrap();
        assert!(found == expected, "the schema of {:?} is now:\n{found}", test.db.engine());
    }
}

#[tokio::test]
async fn migrations_can_be_taken_back_and_replayed() {
    let schema = schema();
    for test in TestDatabase::all(&schema).await {
        let before = dump_schema(&test.db).await.unwrap();
        let undone = schema.down(&test.db, schema.migrations.len()).await.unwrap();
        assert_eq!(undone.len(), schema.migrations.len());
        assert_eq!(dump_schema(&test.db).await.unwrap(), "");
        schema.up(&test.db, test.db.clock().now()).await.unwrap();
        assert_eq!(dump_schema(&test.db).await.unwrap(), before);
    }
}

/// On a conflict a transaction is run again: what it did outside of the database would then have happened twice. Each
/// one is run twice here, the first time for nothing.
#[tokio::test]
async fn every_transaction_of_the_main_stories_can_be_repeated() {
    for server in Server::all_with(configuration()).await {
        server.identity.db.set_rehearsal(true);
        tell_main_stories(&server).await;
    }
}

/// Other transactions in the way (40001, 40P01) are met at any statement and at the commit: whoever asked notices nothing.
#[tokio::test]
async fn the_main_stories_go_well_when_every_transaction_meets_two_others() {
    for seed in [1, 2, 3] {
        for server in Server::all_with(configuration()).await {
            let disturbance = Arc::new(Disturbance::new(2, seed));
            server.identity.db.set_disturbance(Some(Arc::clone(&disturbance)));
            tell_main_stories(&server).await;
            assert!(disturbance.injected() > 50, "only {} failures", disturbance.injected());
        }
    }
}

async fn tell_main_stories(server: &Server) {
    let app = App(server);
    let flow = app.begin("registration").await;
    app.send("registration", &flow, json!({"method": "profile", "traits": {"email": address("ada")}})).await;
    let made = app.send("registration", &flow, json!({"method": "password", "password": PASSWORD})).await;
    assert_eq!(made.status, 200, "{}", made.text);

    let (member, authenticator, codes) = well_protected(server, "bob").await;
    assert_eq!(member.level().await, 2);
    let again = Member::sign_in(server, "bob").await;
    let step_up = json!({"method": "totp", "totp_code": authenticator.code(server)});
    let done = again.send_new("login", "?aal=aal2", step_up).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let third = Member::sign_in(server, "bob").await;
    let done =
        third.send_new("login", "?aal=aal2", json!({"method": "lookup_secret", "lookup_secret": codes[0]})).await;
    assert_eq!(done.status, 200, "{}", done.text);

    let flow = app.ask("verification", "ada").await;
    let code = mailed_code(server, "ada").await;
    assert_eq!(app.try_code("verification", &flow, &code).await.json["state"], "passed_challenge");
    let flow = app.ask("recovery", "ada").await;
    let code = mailed_code(server, "ada").await;
    assert_eq!(app.try_code("recovery", &flow, &code).await.json["state"], "passed_challenge");

    let listed = again.ask("GET", "/sessions", None).await;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(2), "{}", listed.text);
    assert_eq!(again.ask("DELETE", "/sessions", None).await.json["count"], 2);
    let out = server.public("DELETE", "/self-service/logout/api", Some(json!({"session_token": again.token}))).await;
    assert_eq!(out.status, 204, "{}", out.text);
    assert_eq!(again.level().await, 0);

    let browser = Browser::default();
    let flow = browser.begin(server, "login").await;
    let done = browser.send(server, "login", &flow, testkit::password("ada")).await;
    assert!(done.status.is_redirection(), "{}", done.text);
    assert_eq!(level(&browser.whoami(server).await), 1);
    let person = server.admin("GET", "/admin/identities", None).await;
    for person in person.json.as_array().expect("a list") {
        let gone = server.admin("DELETE", &format!("/admin/identities/{}", id(person)), None).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
    }
}
