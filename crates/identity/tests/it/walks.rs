//! Random walks through sign-in, as an app and as the script of a page. Whatever is sent, in whatever order: no session
//! without a first factor that was proved, no second level before the first or without a second factor, nothing out
//! of a flow that is done, and nothing for a browser whose form does not come from its own page.

use std::collections::HashSet;

use database::testing::TestDatabase;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use testkit::{Answer, Authenticator, Browser, PASSWORD, STEP, Server, address, lenient, level, node, well_protected};

/// What a walker does next. Numbers choose among the flows it has begun, the newest first.
#[derive(Debug, Clone)]
enum Move {
    Begin {
        query: &'static str,
    },
    Password {
        flow: usize,
        right: bool,
    },
    Totp {
        flow: usize,
        what: Secret,
    },
    Backup {
        flow: usize,
        what: Secret,
    },
    NoMethod {
        flow: usize,
    },
    /// The last form, once more as it was.
    Replay,
    SignOut,
    Wait {
        seconds: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Secret {
    Right,
    Wrong,
    Used,
}

/// Where a page's form has its CSRF token from. Apps send none.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Own,
    Missing,
    Invented,
    OfAnother,
    OwnWithoutCookie,
}

fn moves() -> impl Strategy<Value = Vec<(Move, Token)>> {
    let flow = 0..3_usize;
    let secret = || prop_oneof![3 => Just(Secret::Right), 1 => Just(Secret::Wrong), 2 => Just(Secret::Used)];
    let query = prop_oneof![
        3 => Just(""), 3 => Just("?aal=aal2"), 1 => Just("?refresh=true"), 1 => Just("?refresh=true&aal=aal2")
    ];
    let next = prop_oneof![
        4 => query.prop_map(|query| Move::Begin { query }),
        4 => (flow.clone(), prop::bool::weighted(0.6)).prop_map(|(flow, right)| Move::Password { flow, right }),
        4 => (flow.clone(), secret()).prop_map(|(flow, what)| Move::Totp { flow, what }),
        3 => (flow.clone(), secret()).prop_map(|(flow, what)| Move::Backup { flow, what }),
        1 => flow.prop_map(|flow| Move::NoMethod { flow }),
        2 => Just(Move::Replay),
        1 => Just(Move::SignOut),
        1 => prop_oneof![Just(STEP), Just(3700)].prop_map(|seconds| Move::Wait { seconds }),
    ];
    let token = prop_oneof![
        6 => Just(Token::Own), 1 => Just(Token::Missing), 1 => Just(Token::Invented), 1 => Just(Token::OfAnother),
        1 => Just(Token::OwnWithoutCookie)
    ];
    prop::collection::vec((next, token), 6..24)
}

/// A client that is not signed in at first.
enum Client {
    App { token: Option<String> },
    Page { browser: Browser, other: Browser },
}

impl Client {
    async fn ask(&self, server: &Server, method: &str, path: &str, body: Option<Value>) -> Answer {
        match self {
            Self::App { token } => {
                let mut headers = vec![("accept", "application/json")];
                headers.extend(token.as_deref().map(|token| ("x-session-token", token)));
                server.public_with(method, path, &headers, body).await
            }
            Self::Page { browser, .. } => browser.ask(server, method, path, "application/json", body).await,
        }
    }

    fn begins_at(&self, query: &str) -> String {
        let transport = if matches!(self, Self::App { .. }) { "api" } else { "browser" };
        format!("/self-service/login/{transport}{query}")
    }

    /// Sends a form, with a CSRF token from where `token` says.
    async fn submit(&self, server: &Server, flow: &str, mut body: Value, token: Token) -> Answer {
        let path = format!("/self-service/login?flow={flow}");
        if let Self::Page { browser, other } = self {
            let source = if token == Token::OfAnother { other } else { browser };
            let own = if token == Token::OfAnother { source.begin(server, "login").await } else { flow.to_owned() };
            let page = source.fetch(server, "login", &own).await;
            let value = node(&page.json, "csrf_token")["attributes"]["value"].clone();
            match token {
                Token::Missing => {}
                Token::Invented => body["csrf_token"] = json!("aW52ZW50ZWQ"),
                _ => body["csrf_token"] = value,
            }
            if token == Token::OwnWithoutCookie {
                // A form on somebody else's page: the browser sends the session along, and not our CSRF cookie.
                let cookies = browser.cookies_without("csrf_token");
                let headers = [("accept", "application/json"), ("cookie", cookies.as_str())];
                return server.public_with("POST", &path, &headers, Some(body)).await;
            }
        }
        self.ask(server, "POST", &path, Some(body)).await
    }

    async fn level(&self, server: &Server) -> u8 {
        level(&self.ask(server, "GET", "/sessions/whoami", None).await)
    }

    /// Forgets its session, as someone who was signed out.
    async fn sign_out(&mut self, server: &Server) {
        match self {
            Self::App { token } => {
                if let Some(token) = token.take() {
                    server.public("DELETE", "/self-service/logout/api", Some(json!({"session_token": token}))).await;
                }
            }
            Self::Page { browser, .. } => {
                let out = browser.ask(server, "GET", "/self-service/logout/browser", "application/json", None).await;
                if let Some(token) = out.json["logout_token"].as_str() {
                    let path = format!("/self-service/logout?token={token}");
                    browser.ask(server, "GET", &path, "application/json", None).await;
                }
            }
        }
    }

    fn takes_token(&mut self, answer: &Answer) {
        if let (Self::App { token }, Some(new)) = (self, answer.json["session_token"].as_str()) {
            *token = Some(new.to_owned());
        }
    }
}

/// Whether an answer hands out a session.
fn hands_out(answer: &Answer) -> bool {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let cookie = cookies
        .filter_map(|cookie| cookie.to_str().ok())
        .any(|cookie| cookie.strip_prefix("ory_kratos_session=").is_some_and(|value| !value.starts_with(';')));
    cookie || answer.json.get("session_token").is_some()
}

/// What a walk has proved so far.
#[derive(Default)]
struct Walk {
    flows: Vec<String>,
    done: HashSet<String>,
    /// The level that the proofs so far are good for.
    earned: u8,
    used_totp: Option<String>,
    backup: usize,
    last: Option<(String, Value)>,
    /// The highest level that was reached: a walk that never gets anywhere tests nothing.
    reached: u8,
}

struct World<'a> {
    server: &'a Server,
    totp: Authenticator,
    backup: Vec<String>,
}

impl Walk {
    fn flow(&self, number: usize) -> Option<String> {
        self.flows.iter().rev().nth(number).or(self.flows.last()).cloned()
    }

    /// What a move sends, and the level that it can earn.
    fn form(&mut self, world: &World<'_>, step: &Move) -> Option<(String, Value, u8)> {
        match step {
            Move::Password { flow, right } => {
                let password = if *right { PASSWORD } else { "not-the-password" };
                let form = json!({"method": "password", "identifier": address("ada"), "password": password});
                Some((self.flow(*flow)?, form, u8::from(*right)))
            }
            Move::Totp { flow, what } => {
                let now = world.totp.code(world.server);
                let code = match what {
                    Secret::Right => now.clone(),
                    Secret::Wrong => world.totp.wrong(world.server),
                    Secret::Used => self.used_totp.clone()?,
                };
                let fresh = *what == Secret::Right && self.used_totp.as_ref() != Some(&now);
                let form = json!({"method": "totp", "totp_code": code});
                Some((self.flow(*flow)?, form, if fresh { 2 } else { 0 }))
            }
            Move::Backup { flow, what } => {
                let code = match what {
                    Secret::Right => world.backup.get(self.backup)?.clone(),
                    Secret::Wrong => "nonsense".to_owned(),
                    Secret::Used => world.backup[..self.backup].last()?.clone(),
                };
                let form = json!({"method": "lookup_secret", "lookup_secret": code});
                Some((self.flow(*flow)?, form, if *what == Secret::Right { 2 } else { 0 }))
            }
            Move::NoMethod { flow } => Some((self.flow(*flow)?, json!({}), 0)),
            Move::Replay => self.last.clone().map(|(flow, form)| {
                let right = form["password"] == PASSWORD;
                (flow, form, u8::from(right))
            }),
            Move::Begin { .. } | Move::SignOut | Move::Wait { .. } => None,
        }
    }

    async fn step(
        &mut self,
        world: &World<'_>,
        client: &mut Client,
        step: &Move,
        token: Token,
    ) -> Result<(), TestCaseError> {
        let server = world.server;
        match step {
            Move::Begin { query } => {
                let begun = client.ask(server, "GET", &client.begins_at(query), None).await;
                prop_assert!(!hands_out(&begun));
                self.flows.extend(begun.json["ui"].is_object().then(|| testkit::id(&begun.json)));
            }
            Move::SignOut => {
                client.sign_out(server).await;
                self.earned = 0;
            }
            Move::Wait { seconds } => server.wait(*seconds),
            step => {
                let Some((flow, form, earns)) = self.form(world, step) else { return Ok(()) };
                self.submit(world, client, (flow, form, earns), token).await?;
            }
        }
        let level = client.level(server).await;
        prop_assert!(level <= self.earned, "level {level}, proved {}", self.earned);
        self.reached = self.reached.max(level);
        Ok(())
    }

    async fn submit(
        &mut self,
        world: &World<'_>,
        client: &mut Client,
        (flow, form, earns): (String, Value, u8),
        token: Token,
    ) -> Result<(), TestCaseError> {
        let server = world.server;
        let genuine = token == Token::Own || matches!(client, Client::App { .. });
        let before = client.level(server).await;
        let answer = client.submit(server, &flow, form.clone(), token).await;
        prop_assert!(answer.status.as_u16() < 500, "{form} {}", answer.text);
        let succeeded = hands_out(&answer) || answer.status == 200;
        if !genuine {
            prop_assert!(!succeeded, "without its own token: {}", answer.text);
            prop_assert!(matches!(answer.status.as_u16(), 400 | 401 | 403 | 410), "{}", answer.text);
        }
        if self.done.contains(&flow) {
            prop_assert!(!succeeded, "out of a flow that is done: {}", answer.text);
        }
        if succeeded {
            prop_assert!(earns > 0, "for {form}: {}", answer.text);
            // INVARIANT: a second factor adds to the first and never stands for it.
            prop_assert!(earns == 1 || before >= 1, "a second factor before the first: {}", answer.text);
            self.done.insert(flow.clone());
            self.earned = self.earned.max(earns);
            if let Some(code) = form["totp_code"].as_str() {
                self.used_totp = Some(code.to_owned());
            }
            self.backup += usize::from(form["method"] == "lookup_secret");
        }
        client.takes_token(&answer);
        self.last = Some((flow, form));
        Ok(())
    }
}

async fn walk(steps: Vec<(Move, Token)>, mut client: Client) -> Result<u8, TestCaseError> {
    let database = TestDatabase::sqlite().await;
    let schema = testkit::schema();
    schema.up(&database.db, database.db.clock().now()).await.expect("migrations");
    let mut settings = lenient();
    settings["session"]["lifespan"] = json!("1000h");
    let server = Server::on(database, settings);
    let (_, totp, backup) = well_protected(&server, "ada").await;
    let world = World { server: &server, totp, backup };
    let mut walk = Walk::default();
    for (step, token) in &steps {
        walk.step(&world, &mut client, step, *token).await?;
    }
    Ok(walk.reached)
}

fn walk_all(client: impl Fn() -> Client) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let reached = std::cell::RefCell::new(HashSet::new());
    let config = Config { cases: 64, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    // The same walks each time: whether one of them gets as far as the second level must not be left to chance.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&moves(), |steps| {
        reached.borrow_mut().insert(runtime.block_on(walk(steps, client()))?);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.err().map(|error| error.to_string()).unwrap_or_default());
    assert!(reached.borrow().contains(&2), "no walk got as far as the second level");
}

#[test]
fn no_walk_of_an_app_gets_what_it_did_not_prove() {
    walk_all(|| Client::App { token: None });
}

#[test]
fn no_walk_of_a_page_gets_what_it_did_not_prove() {
    walk_all(|| Client::Page { browser: Browser::default(), other: Browser::default() });
}
