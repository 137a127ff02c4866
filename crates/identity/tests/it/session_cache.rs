//! Session checks from memory: what changes a session or its identity counts at once on the node that changed it, and
//! within the bound on others; a node that hears nothing asks the database, or refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, App, Member, PASSWORD, STEP, Server, address, configuration, mailed_code};
use tokio::time::{Instant, sleep};

use crate::cut_cable::Cable;

const HITS: &str = "session_cache_hits_total";

/// What a session check answers after a change.
enum Then {
    Gone,
    TooLow,
    Says(fn(&Value) -> bool),
}

impl Then {
    fn holds(&self, answer: &Answer) -> bool {
        match self {
            Self::Gone => answer.status == 401,
            Self::TooLow => answer.status == 403,
            Self::Says(what) => answer.status == 200 && what(&answer.json),
        }
    }
}

const CHANGES: &[(&str, Then)] = &[
    ("an administrator ends the session", Then::Gone),
    ("an administrator ends the sessions of the identity", Then::Gone),
    ("an administrator ends listed sessions", Then::Gone),
    ("an administrator removes listed sessions", Then::Gone),
    ("an administrator ends sessions of listed identities", Then::Gone),
    ("an administrator removes sessions of listed identities", Then::Gone),
    ("an administrator ends all sessions", Then::Gone),
    ("an administrator removes all sessions", Then::Gone),
    ("an administrator disables the identity", Then::Gone),
    ("an administrator removes the identity", Then::Gone),
    ("an administrator replaces the identity", Then::Says(|body| body["identity"]["traits"]["name"] == "Countess")),
    ("an administrator changes metadata", Then::Says(|body| body["identity"]["metadata_public"]["seat"] == 7)),
    ("an administrator removes the second factor", Then::Says(|body| body["authenticator_assurance_level"] == "aal1")),
    ("an administrator extends the session", Then::Says(lasts_longer)),
    ("the person signs out", Then::Gone),
    ("the person ends the session from another", Then::Gone),
    ("the person ends all other sessions", Then::Gone),
    ("the person changes the password elsewhere", Then::Gone),
    ("the person changes traits", Then::Says(|body| body["identity"]["traits"]["name"] == "Augusta")),
    ("the person sets up a second factor elsewhere", Then::TooLow),
    ("the person adds the second factor", Then::Says(|body| body["authenticator_assurance_level"] == "aal2")),
    (
        "a proof of the address is asked for",
        Then::Says(|body| body["identity"]["verifiable_addresses"][0]["status"] == "sent"),
    ),
    ("the address is proved", Then::Says(|body| body["identity"]["verifiable_addresses"][0]["verified"] == true)),
];

/// With a lifespan of a day, a session that was not extended ends at the time of day at which it began.
fn lasts_longer(body: &Value) -> bool {
    let time_of_day = |name: &str| body[name].as_str().and_then(|time| Some(time.split_once('T')?.1.to_owned()));
    time_of_day("expires_at") != time_of_day("authenticated_at")
}

fn settings() -> Value {
    let mut more = configuration();
    more["selfservice"]["flows"] =
        json!({"settings": {"after": {"password": {"hooks": [{"hook": "revoke_active_sessions"}]}}}});
    more
}

async fn manage(server: &Server, action: &str, whose: &str, ids: &[&str]) {
    let done = server.admin("POST", "/admin/sessions", Some(json!({"action": action, whose: ids}))).await;
    assert_eq!(done.status, 200, "{}", done.text);
}

/// A person's session whose check is in the memory of both nodes.
struct Stage<'a> {
    server: &'a Server,
    name: &'a str,
    person: &'a str,
    session: &'a str,
    member: &'a Member<'a>,
}

impl Stage<'_> {
    async fn admin(&self, method: &str, path: &str, body: Option<Value>) {
        let done = self.server.admin(method, path, body).await;
        assert!(done.status.is_success(), "{path}: {}", done.text);
    }

    async fn settings(&self, member: &Member<'_>, body: Value) {
        let done = member.send_new("settings", "", body).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }

    /// Makes a change, which is acknowledged when this ends.
    async fn make(&self, change: &str) {
        let Self { server, name, person, session, .. } = self;
        let (of_person, of_session) = (format!("/admin/identities/{person}"), format!("/admin/sessions/{session}"));
        match change {
            "an administrator ends the session" => self.admin("DELETE", &of_session, None).await,
            "an administrator ends the sessions of the identity" => {
                self.admin("DELETE", &format!("{of_person}/sessions"), None).await;
            }
            "an administrator ends listed sessions" => manage(server, "disable", "sessions", &[session]).await,
            "an administrator removes listed sessions" => manage(server, "delete", "sessions", &[session]).await,
            "an administrator ends sessions of listed identities" => {
                manage(server, "disable", "identities", &[person]).await;
            }
            "an administrator removes sessions of listed identities" => {
                manage(server, "delete", "identities", &[person]).await;
            }
            "an administrator ends all sessions" => manage(server, "disable", "identities", &["*"]).await,
            "an administrator removes all sessions" => manage(server, "delete", "identities", &["*"]).await,
            "an administrator disables the identity" => {
                let patch = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
                self.admin("PATCH", &of_person, Some(patch)).await;
            }
            "an administrator removes the identity" => self.admin("DELETE", &of_person, None).await,
            "an administrator replaces the identity" => {
                let traits = json!({"email": address(name), "name": "Countess"});
                let body = json!({"schema_id": "default", "state": "active", "traits": traits});
                self.admin("PUT", &of_person, Some(body)).await;
            }
            "an administrator changes metadata" => {
                let patch = json!([{"op": "add", "path": "/metadata_public", "value": {"seat": 7}}]);
                self.admin("PATCH", &of_person, Some(patch)).await;
            }
            "an administrator removes the second factor" => {
                self.admin("DELETE", &format!("{of_person}/credentials/totp"), None).await;
            }
            "an administrator extends the session" => {
                server.wait(100);
                self.admin("PATCH", &format!("{of_session}/extend"), None).await;
            }
            _ => self.make_own(change).await,
        }
    }

    /// The changes that people make themselves.
    async fn make_own(&self, change: &str) {
        let Self { server, name, session, member, .. } = self;
        match change {
            "the person signs out" => {
                let body = json!({"session_token": member.token});
                assert_eq!(server.public("DELETE", "/self-service/logout/api", Some(body)).await.status, 204);
            }
            "the person ends the session from another" => {
                let other = Member::sign_in(server, name).await;
                let done = other.ask("DELETE", &format!("/sessions/{session}"), None).await;
                assert_eq!(done.status, 204, "{}", done.text);
            }
            "the person ends all other sessions" => {
                let other = Member::sign_in(server, name).await;
                assert_eq!(other.ask("DELETE", "/sessions", None).await.json["count"], 1);
            }
            "the person changes the password elsewhere" => {
                let other = Member::sign_in(server, name).await;
                self.settings(&other, json!({"method": "password", "password": "a-new-password-7"})).await;
            }
            "the person changes traits" => {
                let traits = json!({"email": address(name), "name": "Augusta"});
                self.settings(member, json!({"method": "profile", "traits": traits})).await;
            }
            "the person sets up a second factor elsewhere" => {
                Member::sign_in(server, name).await.set_up_totp().await;
            }
            "a proof of the address is asked for" => {
                App(server).ask("verification", name).await;
            }
            "the address is proved" => {
                let app = App(server);
                let flow = app.ask("verification", name).await;
                let code = mailed_code(server, name).await;
                assert_eq!(app.try_code("verification", &flow, &code).await.json["state"], "passed_challenge");
            }
            other => panic!("nobody knows how {other}"),
        }
    }
}

/// Asks until the answer comes from memory. The first ones fill it, and news of the past may empty it once more.
async fn warm(server: &Server, token: &str) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let before = server.figure(HITS).await;
        let answer = server.whoami(token).await;
        if server.figure(HITS).await > before {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing is answered from memory");
        sleep(Duration::from_millis(5)).await;
    }
}

/// INVARIANT of the feed: what was acknowledged longer ago than the bound is never missed, however slow the machine is.
async fn holds_within(server: &Server, token: &str, then: &Then, since: Instant, bound: Duration, change: &str) {
    loop {
        let asked = Instant::now();
        let answer = server.whoami(token).await;
        if then.holds(&answer) {
            return;
        }
        assert!(asked.duration_since(since) <= bound, "{change}, and later still: {} {}", answer.status, answer.text);
        sleep(Duration::from_millis(5)).await;
    }
}

async fn second_factor(server: &Server, name: &str) -> testkit::Authenticator {
    let other = Member::sign_in(server, name).await;
    let authenticator = other.set_up_totp().await;
    server.wait(2 * STEP);
    authenticator
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_counts_at_once_on_its_node_and_within_a_second_on_another() {
    for (here, there) in Server::pairs_with(settings()).await {
        for (number, (change, then)) in CHANGES.iter().enumerate() {
            let name = format!("ada{number}");
            let person = here.person_with_password(&name).await;
            let (session, token) = here.session(&name).await;
            let member = Member { server: &here, token: token.clone() };
            let authenticator = match *change {
                "an administrator removes the second factor" | "the person adds the second factor" => {
                    Some(second_factor(&here, &name).await)
                }
                _ => None,
            };
            for node in [&here, &there] {
                let before = warm(node, &token).await;
                assert!(!then.holds(&before), "before {change}: {}", before.text);
            }
            if let (Some(authenticator), "the person adds the second factor") = (authenticator, *change) {
                let step_up = json!({"method": "totp", "totp_code": authenticator.code(&here)});
                let done = member.send_new("login", "?aal=aal2", step_up).await;
                assert_eq!(done.status, 200, "{}", done.text);
            } else {
                let stage = Stage { server: &here, name: &name, person: &person, session: &session, member: &member };
                stage.make(change).await;
            }
            let acknowledged = Instant::now();
            let answer = here.whoami(&token).await;
            assert!(then.holds(&answer), "{change}, and the node itself says {} {}", answer.status, answer.text);
            holds_within(&there, &token, then, acknowledged, Duration::from_secs(1), change).await;
        }
    }
}

#[tokio::test]
async fn a_remembered_session_ends_with_its_time_and_a_made_up_one_is_not_remembered() {
    for server in Server::all_with(json!({"session": {"lifespan": "10m"}})).await {
        server.person_with_password("ada").await;
        let (_, token) = server.session("ada").await;
        assert_eq!(warm(&server, &token).await.status, 200);
        server.wait(599);
        assert_eq!(server.whoami(&token).await.status, 200);
        server.wait(1);
        assert_eq!(server.whoami(&token).await.status, 401);
        let kept = server.figure("session_cache_entries").await;
        for number in 0..10 {
            assert_eq!(server.whoami(&format!("ory_st_{number}")).await.status, 401);
        }
        assert_eq!(server.figure("session_cache_entries").await, kept);
    }
}

#[tokio::test]
async fn switched_off_it_remembers_nothing() {
    for server in Server::all_with(json!({"session": {"cache": {"enabled": false}}})).await {
        server.person_with_password("ada").await;
        let (_, token) = server.session("ada").await;
        for _ in 0..5 {
            assert_eq!(server.whoami(&token).await.status, 200);
        }
        assert_eq!((server.figure(HITS).await, server.figure("session_cache_entries").await), (0.0, 0.0));
    }
}

/// Asks again and again, and notes when the first question was asked that was refused, and the last that was not.
async fn ask_until_refused(server: Arc<Server>, token: String, stop: Arc<AtomicBool>) -> Option<Instant> {
    let mut last_good = None;
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        match server.whoami(&token).await.status.as_u16() {
            200 => last_good = Some(asked),
            401 => return last_good,
            other => panic!("a session check answered {other}"),
        }
        tokio::task::yield_now().await;
    }
    panic!("a session was never refused, though it was ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_outlives_its_end_by_more_than_the_bound_even_on_a_node_that_hears_nothing() {
    const ROUNDS: usize = 24;
    let bound = Duration::from_millis(400);
    for (here, there) in Server::pairs_with(json!({"session": {"cache": {"bound": "400ms"}}})).await {
        let (here, there) = (Arc::new(here), Arc::new(there));
        here.person_with_password("ada").await;
        for round in 0..ROUNDS {
            let (session, token) = here.session("ada").await;
            for node in [&here, &there] {
                assert_eq!(node.whoami(&token).await.status, 200);
            }
            if round == ROUNDS / 2 {
                there.cut_off();
            }
            let stop = Arc::new(AtomicBool::new(false));
            let readers = [&here, &there]
                .map(|node| tokio::spawn(ask_until_refused(Arc::clone(node), token.clone(), Arc::clone(&stop))));
            sleep(Duration::from_millis(round as u64 % 7)).await;
            assert_eq!(here.admin("DELETE", &format!("/admin/sessions/{session}"), None).await.status, 204);
            let ended = Instant::now();
            for (reader, late) in readers.into_iter().zip([Duration::ZERO, bound]) {
                let last_good = tokio::time::timeout(Duration::from_secs(60), reader).await.expect("in time");
                let after = last_good.expect("a reader").map(|last| last.saturating_duration_since(ended));
                assert!(after.is_none_or(|after| after <= late), "round {round}: good {after:?} after its end");
            }
            stop.store(true, Ordering::Relaxed);
        }
        let doubtful = there.figure("session_cache_doubtful_total").await;
        assert!(doubtful > 0.0, "the node that was cut off asked the database");
        there.connect();
        let (_, token) = here.session("ada").await;
        assert_eq!(warm(&there, &token).await.status, 200, "it remembers again");
    }
}

/// The database goes away for one node, without a word or with one: its memory counts within the bound, then it refuses, and
/// it goes on by itself when the database is back, with what happened meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_a_database_answers_from_memory_within_its_bound_and_then_refuses() {
    let bound = Duration::from_secs(2);
    let more = json!({"session": {"cache": {"bound": "2s"}}});
    let Some(test) = database::testing::TestDatabase::postgres().await else { return };
    testkit::schema().up(&test.db, test.db.clock().now()).await.expect("migrations");
    let cable = Cable::to(&test.dsn).await;
    let here = Server::on(test, more.clone());
    let there = here.apart(&cable.dsn, more).await;
    here.person_with_password("ada").await;
    for silent in [false, true] {
        let (ended, ended_token) = here.session("ada").await;
        let (_, token) = here.session("ada").await;
        warm(&there, &ended_token).await;
        warm(&there, &token).await;
        cable.cut(silent);
        let cut = Instant::now();
        let asked_in_time = there.whoami(&token).await.status;
        assert!(asked_in_time == 200 || cut.elapsed() > bound, "silent {silent}: {asked_in_time}");
        assert_eq!(here.admin("DELETE", &format!("/admin/sessions/{ended}"), None).await.status, 204);
        sleep((cut + bound + Duration::from_millis(1)).saturating_duration_since(Instant::now())).await;
        for token in [&token, &ended_token] {
            let refused = there.whoami(token).await;
            assert_eq!(refused.status, 503, "silent {silent}: {}", refused.text);
            assert!(refused.headers.contains_key("retry-after"));
        }
        cable.mend();
        let deadline = Instant::now() + Duration::from_secs(60);
        while there.whoami(&token).await.status != 200 {
            assert!(Instant::now() < deadline, "it does not recover");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(there.whoami(&ended_token).await.status, 401, "silent {silent}");
        warm(&there, &token).await;
    }
    assert_eq!(here.sign_in("ada", PASSWORD).await.status, 200);
}
