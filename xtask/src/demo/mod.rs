//! A person's whole story over /self-service/*, as an app on a phone would live it: native flows and a session token.
//! Each request and its answer are printed; the first answer that is not the expected one ends it with an error.
//! `chapters` is the story, `person` is who lives it, `authenticator` is the app in their hand.

mod authenticator;
mod chapters;
mod person;

use std::io::Write;

use anyhow::Context as _;
use clap::Args;
use foundation::{Clock, Rng};

use person::Person;

/// Where the server listens.
#[derive(Debug, Clone, Args)]
pub struct Addresses {
    /// The public API.
    #[arg(long, default_value = "http://localhost:4433")]
    pub public: String,
    /// The admin API.
    #[arg(long, default_value = "http://localhost:4434")]
    pub admin: String,
    /// The development inbox.
    #[arg(long, default_value = "http://localhost:4436")]
    pub inbox: String,
}

/// Plays the story.
///
/// # Errors
/// The first answer that is not the expected one, and what was expected.
pub fn play(addresses: &Addresses, clock: &dyn Clock, rng: &dyn Rng, output: &mut dyn Write) -> anyhow::Result<()> {
    let mut person = Person::new(addresses, clock, rng, output);
    for (number, (title, chapter)) in chapters::STORY.iter().enumerate() {
        person.say(&format!("\n{}. {title}", number + 1))?;
        chapter(&mut person).with_context(|| format!("FAILED at \"{title}\""))?;
    }
    person.say(&format!("\nAll {} steps went as expected.", chapters::STORY.len()))
}
