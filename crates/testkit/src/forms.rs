//! What tests read in forms and answers, and the forms that many of them send.

use serde_json::{Value, json};

use crate::server::{Answer, PASSWORD, address};

/// The flow that a redirect leads to.
pub fn flow_of(answer: &Answer) -> String {
    let location = location(answer);
    location.split("flow=").nth(1).unwrap_or_else(|| panic!("no flow in {location}")).to_owned()
}

/// Where a redirect leads.
pub fn location(answer: &Answer) -> String {
    let location = answer.headers.get("location").unwrap_or_else(|| panic!("no redirect: {}", answer.text));
    location.to_str().expect("text").to_owned()
}

/// The first node of this name; null if there is none, or no form.
pub fn node<'a>(flow: &'a Value, name: &str) -> &'a Value {
    let nodes = flow["ui"]["nodes"].as_array();
    let id = |node: &Value| node["attributes"]["name"].as_str().or(node["attributes"]["id"].as_str()) == Some(name);
    nodes.into_iter().flatten().find(|node| id(node)).unwrap_or(&Value::Null)
}

/// The ids of the messages of a form, fields included.
pub fn messages(flow: &Value) -> Vec<u64> {
    let ids = |messages: &Value| -> Vec<u64> {
        messages.as_array().into_iter().flatten().filter_map(|message| message["id"].as_u64()).collect()
    };
    let mut found = ids(&flow["ui"]["messages"]);
    for node in flow["ui"]["nodes"].as_array().into_iter().flatten() {
        found.extend(ids(&node["messages"]));
    }
    found
}

/// The form that signs a person in.
pub fn password(name: &str) -> Value {
    json!({"method": "password", "identifier": address(name), "password": PASSWORD})
}

/// An answer without what differs from one flow, person or form to the next.
pub fn told(answer: &Answer, name: &str) -> (u16, Vec<(String, String)>, String) {
    let ids = regex::Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").expect("a pattern");
    let tokens = regex::Regex::new(r#""csrf_token","type":"hidden","value":"[^"]+""#).expect("a pattern");
    let plain = |text: &str| {
        let text = text.replace(&address(name), "ADDRESS").replace(&address(name).replace('@', "%40"), "ADDRESS");
        tokens.replace_all(&ids.replace_all(&text, "ID"), "TOKEN").into_owned()
    };
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "content-length" | "x-request-id"))
        .map(|(name, value)| (name.to_string(), plain(value.to_str().expect("text"))))
        .collect();
    headers.sort();
    let cookies = answer.headers.get_all("set-cookie").iter();
    headers.extend(cookies.map(|cookie| {
        let name = cookie.to_str().expect("text").split('=').next().unwrap_or_default().to_owned();
        ("set-cookie".to_owned(), name)
    }));
    (answer.status.as_u16(), headers, plain(&answer.text))
}
