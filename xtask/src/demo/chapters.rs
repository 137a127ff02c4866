//! The story, step by step. Each step insists on what a person, and an app that follows the contract, rely on.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::person::{Person, expect, expect_message, form, text};

type Chapter = fn(&mut Person<'_>) -> anyhow::Result<()>;

/// The steps, in their order.
pub const STORY: &[(&str, Chapter)] = &[
    ("The server is ready", ready),
    ("Register: a weak password is refused, a good one is taken", register),
    ("Verify the address with the code from the mail, which makes the account; a wrong code is refused", verify),
    ("A program is told of the new account by a signed web hook", hook_arrives),
    ("Sign in: a wrong password is refused", sign_in),
    ("Somebody else signs up with the address: the answer tells them nothing, a mail tells the owner", register_again),
    ("Add an authenticator app", add_app),
    ("Add backup codes", add_backup_codes),
    ("Sign out", sign_out),
    ("Sign in with the second factor: the password alone is not enough, a code works once", sign_in_twice),
    ("Change the password", change_password),
    ("Sign out", sign_out),
    ("Forget the password, and recover with a code from a mail and a backup code", recover),
    ("See the sessions on other devices, end one, then all others", end_other_sessions),
    ("Look at the account as an administrator", administer),
    ("Sign out", sign_out),
];

fn ready(person: &mut Person<'_>) -> anyhow::Result<()> {
    let answer = person.ask(200, "GET", "/health/ready", None)?;
    expect(&answer, "/status", "ok")?;
    person.ask_admin(200, "/admin/health/ready")?;
    Ok(())
}

fn register(person: &mut Person<'_>) -> anyhow::Result<()> {
    let flow = person.begin("registration/api")?;
    let body = |person: &Person<'_>, password: &str| json!({"method": "password", "password": password, "traits": {"email": person.email, "name": "Ada"}});
    let refused = person.submit(400, &flow, &body(person, "short"))?;
    ensure!(text(&refused, "/state")? == "choose_method", "the flow should go on");
    let password = person.new_password();
    let done = person.submit(200, &flow, &body(person, &password))?;
    person.password = password;
    let email = person.email.clone();
    expect(&done, "/identity/traits/email", email.as_str())?;
    ensure!(done.get("session_token").is_none(), "nobody is signed in before the address is verified");
    let next = continued(&done, "show_verification_ui")?;
    person.next_flow = Some(text(next, "/flow/id")?.to_owned());
    Ok(())
}

/// The development inbox plays the program: it keeps what arrives and checks the signature.
fn hook_arrives(person: &mut Person<'_>) -> anyhow::Result<()> {
    let hook = person.hook_about_me()?;
    expect(&hook, "/signature", "good")?;
    let body: Value = serde_json::from_str(text(&hook, "/body")?).context("the hook's body is JSON")?;
    let email = person.email.clone();
    expect(&body, "/identity/traits/email", email.as_str())
}

/// What an answer says to do next.
fn continued<'v>(answer: &'v Value, action: &str) -> anyhow::Result<&'v Value> {
    let mut list = answer["continue_with"].as_array().into_iter().flatten();
    list.find(|item| item["action"] == action)
        .with_context(|| format!("the answer should continue with {action}: {answer}"))
}

fn verify(person: &mut Person<'_>) -> anyhow::Result<()> {
    let id = person.next_flow.take().context("no verification began")?;
    let flow = person.ask(200, "GET", &format!("/self-service/verification/flows?id={id}"), None)?;
    expect(&flow, "/state", "sent_email")?;
    let code = person.code_from_mail()?;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = person.submit(200, &flow, &form("code", &[("code", wrong)]))?;
    expect(&refused, "/state", "sent_email")?;
    let done = person.submit(200, &flow, &form("code", &[("code", &code)]))?;
    expect(&done, "/state", "passed_challenge")
}

fn register_again(person: &mut Person<'_>) -> anyhow::Result<()> {
    let mine = person.token.take();
    let flow = person.begin("registration/api")?;
    let body = json!({"method": "password", "password": person.new_password(), "traits": {"email": person.email, "name": "Eve"}});
    let done = person.submit(200, &flow, &body)?;
    continued(&done, "show_verification_ui")?;
    person.token = mine;
    person.mail_about("account already")
}

fn sign_out(person: &mut Person<'_>) -> anyhow::Result<()> {
    let token = person.token.clone().context("nobody is signed in")?;
    person.ask(204, "DELETE", "/self-service/logout/api", Some(&json!({ "session_token": token })))?;
    person.ask(401, "GET", "/sessions/whoami", None)?;
    person.token = None;
    Ok(())
}

/// Signs in with the password and gives the new session's token.
fn password_login(person: &mut Person<'_>) -> anyhow::Result<String> {
    let flow = person.begin("login/api")?;
    let (email, password) = (person.email.clone(), person.password.clone());
    let done = person.submit(200, &flow, &form("password", &[("identifier", &email), ("password", &password)]))?;
    Ok(text(&done, "/session_token")?.to_owned())
}

fn wrong_password(person: &mut Person<'_>, password: &str) -> anyhow::Result<()> {
    let flow = person.begin("login/api")?;
    let email = person.email.clone();
    let refused = person.submit(400, &flow, &form("password", &[("identifier", &email), ("password", password)]))?;
    expect_message(&refused, 4_000_006)
}

fn sign_in(person: &mut Person<'_>) -> anyhow::Result<()> {
    wrong_password(person, "not-the-password")?;
    person.token = Some(password_login(person)?);
    let session = person.ask(200, "GET", "/sessions/whoami", None)?;
    expect(&session, "/identity/verifiable_addresses/0/verified", true)?;
    expect(&session, "/authenticator_assurance_level", "aal1")
}

/// An attribute's node of a form.
fn node<'v>(flow: &'v Value, id: &str) -> anyhow::Result<&'v Value> {
    let mut nodes = flow.pointer("/ui/nodes").and_then(Value::as_array).into_iter().flatten();
    nodes.find(|node| node["attributes"]["id"] == id).with_context(|| format!("the form should have a node {id}"))
}

fn add_app(person: &mut Person<'_>) -> anyhow::Result<()> {
    let flow = person.begin("settings/api")?;
    let secret = text(node(&flow, "totp_secret_key")?, "/attributes/text/context/secret")?;
    person.app = Some(Authenticator::new(secret)?);
    let refused = person.submit(400, &flow, &form("totp", &[("totp_code", "000000")]))?;
    expect_message(&refused, 4_000_008)?;
    let code = person.code_from_app()?;
    let done = person.submit(200, &flow, &form("totp", &[("totp_code", &code)]))?;
    expect(&done, "/state", "success")
}

fn add_backup_codes(person: &mut Person<'_>) -> anyhow::Result<()> {
    let flow = person.begin("settings/api")?;
    let act = |what: &str| json!({"method": "lookup_secret", what: true});
    let shown = person.submit(200, &flow, &act("lookup_secret_regenerate"))?;
    let codes =
        node(&shown, "lookup_secret_codes")?.pointer("/attributes/text/context/secrets").and_then(Value::as_array);
    let codes = codes.context("the form should show the codes")?;
    person.backup_codes =
        codes.iter().map(|code| text(code, "/context/secret").map(str::to_owned)).collect::<Result<_, _>>()?;
    ensure!(person.backup_codes.len() == 12, "there should be 12 codes, and are {}", person.backup_codes.len());
    let done = person.submit(200, &flow, &act("lookup_secret_confirm"))?;
    expect(&done, "/state", "success")
}

fn sign_in_twice(person: &mut Person<'_>) -> anyhow::Result<()> {
    person.token = Some(password_login(person)?);
    let refused = person.ask(403, "GET", "/sessions/whoami", None)?;
    expect(&refused, "/error/id", "session_aal2_required")?;
    let code = person.code_from_app()?;
    let flow = person.begin("login/api?aal=aal2")?;
    person.submit(200, &flow, &form("totp", &[("totp_code", &code)]))?;
    let session = person.ask(200, "GET", "/sessions/whoami", None)?;
    expect(&session, "/authenticator_assurance_level", "aal2")?;
    // Somebody who looked over the shoulder: the password and the same code, half a minute later.
    let mine = person.token.take();
    person.token = Some(password_login(person)?);
    let flow = person.begin("login/api?aal=aal2")?;
    let refused = person.submit(400, &flow, &form("totp", &[("totp_code", &code)]))?;
    expect_message(&refused, 4_000_008)?;
    person.token = mine;
    Ok(())
}

fn set_password(person: &mut Person<'_>, flow: &Value) -> anyhow::Result<()> {
    let password = person.new_password();
    let done = person.submit(200, flow, &form("password", &[("password", &password)]))?;
    expect(&done, "/state", "success")?;
    person.password = password;
    Ok(())
}

fn change_password(person: &mut Person<'_>) -> anyhow::Result<()> {
    let old = person.password.clone();
    let flow = person.begin("settings/api")?;
    set_password(person, &flow)?;
    wrong_password_elsewhere(person, &old)
}

/// Tries a password from a device that is not signed in.
fn wrong_password_elsewhere(person: &mut Person<'_>, password: &str) -> anyhow::Result<()> {
    let mine = person.token.take();
    wrong_password(person, password)?;
    person.token = mine;
    Ok(())
}

fn recover(person: &mut Person<'_>) -> anyhow::Result<()> {
    let forgotten = person.password.clone();
    let flow = person.begin("recovery/api")?;
    let email = person.email.clone();
    let sent = person.submit(200, &flow, &form("code", &[("email", &email)]))?;
    expect(&sent, "/state", "sent_email")?;
    let code = person.code_from_mail()?;
    let done = person.submit(200, &flow, &form("code", &[("code", &code)]))?;
    expect(&done, "/state", "passed_challenge")?;
    person.token = Some(text(continued(&done, "set_ory_session_token")?, "/ory_session_token")?.to_owned());
    // The address is proven. The account has a second factor, and asks for it before it changes anything.
    let refused = person.ask(403, "GET", "/self-service/settings/api", None)?;
    expect(&refused, "/error/id", "session_aal2_required")?;
    let backup = person.backup_codes.pop().context("no backup code is left")?;
    let step_up = person.begin("login/api?aal=aal2")?;
    person.submit(200, &step_up, &form("lookup_secret", &[("lookup_secret", &backup)]))?;
    let settings = person.begin("settings/api")?;
    set_password(person, &settings)?;
    wrong_password_elsewhere(person, &forgotten)
}

fn end_other_sessions(person: &mut Person<'_>) -> anyhow::Result<()> {
    let mine = person.token.take();
    let (phone, tablet) = (password_login(person)?, password_login(person)?);
    person.token = mine;
    let list = person.ask(200, "GET", "/sessions", None)?;
    ensure!(list.as_array().is_some_and(|list| list.len() == 2), "two other sessions should be listed: {list}");
    let first = text(&list, "/0/id")?.to_owned();
    person.ask(204, "DELETE", &format!("/sessions/{first}"), None)?;
    let list = person.ask(200, "GET", "/sessions", None)?;
    ensure!(list.as_array().is_some_and(|list| list.len() == 1), "one other session should be left: {list}");
    let ended = person.ask(200, "DELETE", "/sessions", None)?;
    expect(&ended, "/count", 1)?;
    for other in [phone, tablet] {
        person.ask_as(&other, 401, "GET", "/sessions/whoami")?;
    }
    person.ask(200, "GET", "/sessions/whoami", None)?;
    Ok(())
}

fn administer(person: &mut Person<'_>) -> anyhow::Result<()> {
    let email = person.email.clone();
    let list = person.ask_admin(200, &format!("/admin/identities?credentials_identifier={email}"))?;
    ensure!(list.as_array().is_some_and(|list| list.len() == 1), "the account should be found: {list}");
    expect(&list, "/0/traits/email", email.as_str())?;
    ensure!(!list.to_string().contains("$argon2"), "no answer should hold a password's hash");
    let id = text(&list, "/0/id")?.to_owned();
    let sessions = person.ask_admin(200, &format!("/admin/identities/{id}/sessions?active=true"))?;
    ensure!(sessions.as_array().is_some_and(|list| list.len() == 1), "one session should be left: {sessions}");
    Ok(())
}
