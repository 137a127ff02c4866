//! The start page: who is signed in, with which addresses, and on which devices.

use axum::response::Response;
use foundation::Texts;
use http::StatusCode;
use serde_json::Value;

use super::{api_problem, sessions};
use crate::headers::Needs;
use crate::urls;
use crate::view::{Address, Device, GetForm, Moment, OverviewPage, Person};
use crate::visit::Visit;

/// How many of the other sessions are listed.
const SESSIONS_SHOWN: &str = "50";

/// Browsers and systems as they name themselves; the first that is found counts, so the order matters.
const BROWSERS: [(&str, &str); 7] = [
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Marks of phones and tablets.
const MOBILE: [&str; 4] = ["Android", "iPhone", "iPad", "Mobile"];

/// Shows the overview to who is signed in, and the way in to everybody else.
pub(crate) async fn overview(mut visit: Visit) -> Response {
    let whoami = match visit.ask("/sessions/whoami").await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    match whoami.status {
        200 => signed_in(visit, &whoami.body).await,
        401 => welcome(&mut visit),
        status => match whoami.body.get("redirect_browser_to").and_then(Value::as_str) {
            // A second factor is due.
            Some(elsewhere) if urls::is_safe_link(elsewhere) => visit.redirect(elsewhere),
            _ => api_problem(&mut visit, status, &whoami.body),
        },
    }
}

fn welcome(visit: &mut Visit) -> Response {
    let frame = visit.frame("welcome.title");
    let page = OverviewPage { frame, person: None, registration_enabled: visit.settings.registration_enabled };
    visit.page(StatusCode::OK, &page, &Needs::default())
}

async fn signed_in(mut visit: Visit, session: &Value) -> Response {
    let others = match visit.ask(&urls::with_query("/sessions", [("page_size", SESSIONS_SHOWN)])).await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    let logout = match visit.ask("/self-service/logout/browser").await {
        Ok(answer) => answer,
        Err(error) => return visit.unavailable(&error),
    };
    let texts = visit.texts.clone();
    let identity = session.get("identity").unwrap_or(&Value::Null);
    let elsewhere = others.body.as_array().into_iter().flatten().map(|session| device(session, &texts)).collect();
    let name = name_of(identity);
    let person = Person {
        initial: name.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default(),
        name,
        addresses: addresses(identity),
        verification_enabled: visit.settings.verification_enabled,
        methods: texts.with("overview.methods", &[("methods", &methods(session, &texts))]),
        has_second_factor: session.get("authenticator_assurance_level").and_then(Value::as_str) == Some("aal2"),
        here: device(session, &texts),
        elsewhere,
        logout: logout.body.get("logout_url").and_then(Value::as_str).and_then(GetForm::of),
        token: sessions::token(&mut visit),
    };
    let frame = visit.frame("overview.title");
    let mut page = OverviewPage { frame, person: Some(person), registration_enabled: false };
    page.frame.width = "wide";
    visit.page(StatusCode::OK, &page, &Needs::default())
}

/// What to call somebody: the schema is the operator's, so the first of some usual traits, or else the id.
fn name_of(identity: &Value) -> String {
    let traits = identity.get("traits").unwrap_or(&Value::Null);
    let address = identity.pointer("/verifiable_addresses/0/value");
    ["/email", "/username", "/phone", "/name"]
        .iter()
        .filter_map(|pointer| traits.pointer(pointer))
        .chain(address)
        .chain(identity.get("id"))
        .find_map(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn addresses(identity: &Value) -> Vec<Address> {
    let listed = identity.get("verifiable_addresses").and_then(Value::as_array).into_iter().flatten();
    listed
        .filter_map(|address| {
            let is_verified = address.get("verified").and_then(Value::as_bool).unwrap_or(false);
            Some(Address { value: address.get("value")?.as_str()?.to_owned(), is_verified })
        })
        .collect()
}

/// The ways in which this session was proven, each once.
fn methods(session: &Value, texts: &Texts) -> String {
    let mut names: Vec<String> = Vec::new();
    let used = session.get("authentication_methods").and_then(Value::as_array).into_iter().flatten();
    for method in used.filter_map(|method| method.get("method").and_then(Value::as_str)) {
        let name = texts.find(&format!("method.{method}")).unwrap_or(method).to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn device(session: &Value, texts: &Texts) -> Device {
    let device = session.pointer("/devices/0").unwrap_or(&Value::Null);
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let place = [text(device, "location"), text(device, "ip_address")].into_iter().find(|place| !place.is_empty());
    let started = [text(session, "authenticated_at"), text(session, "issued_at")];
    Device {
        session_id: text(session, "id"),
        name: device_name(&text(device, "user_agent"), texts),
        is_mobile: MOBILE.iter().any(|mark| text(device, "user_agent").contains(mark)),
        place: place.unwrap_or_else(|| texts.text("overview.unknown_place").to_owned()),
        since: Moment::of(started.iter().find(|moment| !moment.is_empty()).map_or("", String::as_str), texts),
    }
}

/// "Firefox on Linux", as far as the browser says.
fn device_name(user_agent: &str, texts: &Texts) -> String {
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => texts.with("overview.device", &[("browser", browser), ("system", system)]),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => system.to_owned(),
        (None, None) if user_agent.is_empty() => texts.text("overview.unknown_device").to_owned(),
        (None, None) => user_agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use foundation::Languages;

    #[test]
    fn devices_have_names_that_people_know() {
        let texts = Languages::embedded().choose([]);
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(device_name(firefox, &texts), "Firefox on Linux");
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(device_name(edge, &texts), "Edge on Windows");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1";
        assert_eq!(device_name(phone, &texts), "Safari on iPhone");
        assert_eq!(device_name("conformance/1.0", &texts), "conformance/1.0");
        assert_eq!(device_name("", &texts), "Unknown device");
    }

    #[test]
    fn people_are_called_by_the_first_usual_trait() {
        assert_eq!(name_of(&json!({"traits": {"username": "ada", "email": "ada@example.org"}})), "ada@example.org");
        assert_eq!(name_of(&json!({"traits": {"name": {"first": "Ada"}}, "id": "7"})), "7");
        assert_eq!(name_of(&Value::Null), "");
    }
}
