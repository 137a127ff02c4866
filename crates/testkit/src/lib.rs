//! For tests only: an identity service without listeners on each database, with a clock that tests move, and the people
//! who use it. Nothing of the program depends on this crate.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod app;
mod browser;
mod configurations;
mod forms;
mod mail;
mod receiver;
mod second_factors;
mod server;

pub use app::{App, try_password};
pub use browser::Browser;
pub use configurations::{configuration, lenient, servers};
pub use forms::{flow_of, location, messages, node, password, told};
pub use mail::{another, mailed_code, mailed_link, mails};
pub use receiver::{Call, Receiver, template};
pub use second_factors::{Authenticator, Member, STEP, level, well_protected};
pub use server::{Answer, NOWHERE, PASSWORD, Server, address, body, id, schema};
