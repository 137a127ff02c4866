//! A person's story while the ground shakes: signing up, signing in, a new password, signing out, a mail to recover with. Each
//! answer is written down; a request without an answer leaves open whether it was done, and the story goes on from there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use foundation::{Rng, SeededRng};
use serde_json::{Value, json};

use super::ledger::{Ledger, Person, below};
use crate::client::Answer;
use crate::rig::Api;

/// Longer than any disruption lasts.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of a request.
enum Told {
    /// 2xx.
    Done(Answer),
    /// 4xx: it was not done.
    Refused(Answer),
    /// No answer, or one that says nothing about what was done.
    Unknown,
}

/// Everybody's stories.
pub struct Stories<'a> {
    /// Where people send their requests.
    pub api: &'a Api,
    /// Where answers are written down.
    pub ledger: &'a Ledger,
    /// Whether each request has to be answered: a server that is stopped in order fails nobody.
    pub gapless: bool,
    /// Ends the stories early.
    pub enough: &'a AtomicBool,
}

impl Stories<'_> {
    /// Plays `count` stories by `together` people at a time.
    pub fn play(&self, count: u32, together: u32, seed: u64) {
        let next = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..together {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count || self.enough.load(Ordering::Relaxed) {
                            return;
                        }
                        // Each story is drawn from the seed alone, whoever plays it.
                        let rng = SeededRng::new(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(number)));
                        self.live(number, &rng);
                        self.look_back(&rng);
                    }
                });
            }
        });
    }

    fn live(&self, number: u32, rng: &dyn Rng) {
        let mut person = Person {
            email: format!("person-{number}-{}@rig.test", rng.digits(6)),
            password: password(rng),
            ..Person::default()
        };
        self.sign_up(&mut person);
        if person.acknowledged {
            self.sign_in(&mut person);
            for _ in 0..below(rng, 4) {
                match below(rng, 4) {
                    0 => self.change_password(&mut person, rng),
                    1 => self.sign_out(&mut person),
                    2 => self.recover(&mut person),
                    _ => self.sign_in(&mut person),
                }
            }
        }
        self.ledger.add(person);
    }

    /// Somebody who told their story before, looks whether all is as it was.
    fn look_back(&self, rng: &dyn Rng) {
        let Some(person) = self.ledger.anybody(rng) else { return };
        if person.pending.is_some() {
            return;
        }
        let (live, ended) =
            (person.live.iter().map(|token| (token, 200)), person.ended.iter().map(|token| (token, 401)));
        for (token, expected) in live.chain(ended) {
            self.expect_session(&person.email, token, expected);
        }
    }

    fn expect_session(&self, email: &str, token: &str, expected: u16) {
        if let Ok(answer) = self.api.whoami(token)
            && answer.status < 500
            && answer.status != expected
        {
            self.ledger
                .complain(format!("a session of {email} should answer {expected}, and answers {}", answer.status));
        }
    }

    fn sign_up(&self, person: &mut Person) {
        let body = json!({"method": "password", "password": person.password, "traits": {"email": person.email}});
        for first in [true, false] {
            match self.submit("registration", None, &body) {
                Told::Done(answer) => {
                    person.acknowledged = true;
                    person.live.extend(token(&answer));
                    return;
                }
                // The attempt without an answer was done after all: the address is taken, and nobody else has it.
                Told::Refused(_) if !first => {
                    person.acknowledged = true;
                    return;
                }
                Told::Refused(answer) => return self.odd(person, "a registration is refused", &answer),
                Told::Unknown => {}
            }
        }
    }

    fn sign_in(&self, person: &mut Person) {
        let body = json!({"method": "password", "identifier": person.email, "password": person.password});
        match self.submit("login", None, &body) {
            Told::Done(answer) => person.live.extend(token(&answer)),
            Told::Refused(answer) if person.pending.is_none() => self.odd(person, "the password is refused", &answer),
            Told::Refused(_) | Told::Unknown => {}
        }
    }

    fn change_password(&self, person: &mut Person, rng: &dyn Rng) {
        let Some(current) = person.live.last().cloned().filter(|_| person.pending.is_none()) else { return };
        let new = password(rng);
        let body = json!({"method": "password", "password": new});
        match self.submit("settings", Some(&current), &body) {
            Told::Done(_) => {
                person.password = new;
                // All other sessions end with it.
                person.ended.append(&mut person.live);
                person.ended.retain(|token| *token != current);
                person.live.push(current);
                for token in &person.ended {
                    self.expect_session(&person.email, token, 401);
                }
            }
            Told::Refused(answer) => self.odd(person, "a change of the password is refused", &answer),
            Told::Unknown => person.pending = Some((new, current)),
        }
    }

    fn sign_out(&self, person: &mut Person) {
        let Some(token) = person.live.pop() else { return };
        if person.pending.as_ref().is_some_and(|(_, used)| *used == token) {
            return person.live.push(token);
        }
        match self.told(self.api.logout(&token)) {
            Told::Done(_) => {
                self.expect_session(&person.email, &token, 401);
                person.ended.push(token);
            }
            Told::Refused(answer) if person.pending.is_none() => self.odd(person, "signing out is refused", &answer),
            Told::Refused(_) | Told::Unknown => {}
        }
    }

    fn recover(&self, person: &mut Person) {
        match self.submit("recovery", None, &json!({"method": "code", "email": person.email})) {
            Told::Done(_) => person.recoveries += 1,
            Told::Refused(answer) => self.odd(person, "asking for a mail is refused", &answer),
            Told::Unknown => person.unanswered_recoveries += 1,
        }
    }

    /// Begins a flow as often as it takes, as nothing comes of that alone, and sends its form once.
    fn submit(&self, kind: &str, session: Option<&str>, body: &Value) -> Told {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.told(self.api.begin(kind, session)) {
                Told::Done(flow) => {
                    let id = flow.body["id"].as_str().unwrap_or_default();
                    return self.told(self.api.submit(kind, id, session, body));
                }
                Told::Refused(answer) => return Told::Refused(answer),
                Told::Unknown => sleep(Duration::from_millis(10)),
            }
        }
        self.ledger.complain(format!("no {kind} could begin for {} seconds", PATIENCE.as_secs()));
        Told::Unknown
    }

    /// Sorts an answer. Nobody may be told 500, and who is sent away is told when to come back.
    fn told(&self, answer: anyhow::Result<Answer>) -> Told {
        let ledger = self.ledger;
        let unknown = |_: Option<&Answer>| {
            ledger.unknown.fetch_add(1, Ordering::Relaxed);
            Told::Unknown
        };
        match answer {
            Err(error) => {
                if self.gapless {
                    ledger.complain(format!("a request failed: {error:#}"));
                }
                unknown(None)
            }
            Ok(answer) if matches!(answer.status, 429 | 503) => {
                ledger.turned_away.fetch_add(1, Ordering::Relaxed);
                if answer.retry_after.is_none() || self.gapless {
                    ledger.complain(format!(
                        "{} (Retry-After: {:?}): {}",
                        answer.status, answer.retry_after, answer.body
                    ));
                }
                unknown(Some(&answer))
            }
            // A proxy whose node died: it may have been done.
            Ok(answer) if answer.status == 502 && !self.gapless => unknown(Some(&answer)),
            Ok(answer) if answer.status >= 500 => {
                ledger.complain(format!("an answer is {}: {}", answer.status, answer.body));
                unknown(Some(&answer))
            }
            Ok(answer) => {
                ledger.answered.fetch_add(1, Ordering::Relaxed);
                if answer.status < 300 { Told::Done(answer) } else { Told::Refused(answer) }
            }
        }
    }

    fn odd(&self, person: &Person, what: &str, answer: &Answer) {
        let messages = answer.body.pointer("/ui/messages").unwrap_or(&answer.body);
        self.ledger.complain(format!("{}: {what} ({}): {messages}", person.email, answer.status));
    }
}

fn password(rng: &dyn Rng) -> String {
    format!("harbour-{}-lantern", rng.alphanumeric(12))
}

fn token(answer: &Answer) -> Option<String> {
    answer.body["session_token"].as_str().map(str::to_owned)
}
